import Kernels
import Testing

@Suite struct PackedGRUTests {
    /// D and H: the product's, the published one, odd ones, and widths that need padding.
    static let shapes = [(64, 256), (59, 256), (1, 16), (33, 48), (7, 5), (128, 40)]
    static let batches = Array(1...17) + [33, 64, 65, 100]

    @Test(arguments: shapes, [false, true])
    func `gives the twin's bytes at every level`(shape: (Int, Int), rounded: Bool) {
        let (inputs, width) = shape
        let drawn = GRUTensors(inputs: inputs, width: width, seed: 1)
        let tensors = rounded ? drawn.rounded() : drawn
        let x = floats(5 * inputs, seed: 2)
        let h = floats(5 * width, seed: 3)
        let expected = (0..<5).flatMap { row in
            tensors.step(
                x.rows([row], width: inputs), h.rows([row], width: width))
        }
        for level in InstructionLevel.supported {
            #expect(isSame(stepped(tensors, x, h, level), expected), "\(level)")
        }
    }

    @Test(arguments: shapes, [false, true])
    func `gives each row the same bytes in any batch, place and level`(
        shape: (Int, Int), rounded: Bool
    ) {
        let (inputs, width) = shape
        let drawn = GRUTensors(inputs: inputs, width: width, seed: 4)
        let tensors = rounded ? drawn.rounded() : drawn
        let x = floats(100 * inputs, seed: 5)
        let h = floats(100 * width, seed: 6)
        let whole = stepped(tensors, x, h, .best)
        for batch in Self.batches {
            // A stride coprime to 100 picks distinct rows in an order of its own.
            let rows = (0..<batch).map { ($0 * 37 + batch) % 100 }
            let expected = whole.rows(rows, width: width)
            for level in InstructionLevel.supported {
                let result = stepped(
                    tensors, x.rows(rows, width: inputs), h.rows(rows, width: width), level)
                #expect(isSame(result, expected), "\(batch) rows, \(level)")
            }
        }
    }

    @Test(arguments: shapes)
    func `stays near the equations in Double over many steps`(inputs: Int, width: Int) {
        let tensors = GRUTensors(inputs: inputs, width: width, seed: 7)
        var state = [Float](repeating: 0, count: width)
        var exact = [Double](repeating: 0, count: width)
        for t in 0..<20 {
            let x = floats(inputs, seed: 8, stream: UInt64(t))
            state = stepped(tensors, x, state, .best)
            exact = tensors.exactStep(x.map(Double.init), exact)
        }
        let worst = zip(state, exact).map { (Double($0) - $1).magnitude }.max() ?? 1
        #expect(worst < 1e-5)
    }

    // Tests/Golden/sra_gru.py (torch 2.15, float64)
    @Test(arguments: InstructionLevel.supported)
    func `is PyTorch's GRU`(level: InstructionLevel) {
        let small: [Float] = [
            -0.820_227_474, -0.461_665_124, 0.270_048_722, 0.293_746_232, -0.617_109_745,
            -0.725_685_027, -0.505_246_930, 0.088_766_464, 0.006_345_596, -0.618_196_271,
        ]
        let padded: [Float] = [
            0.857_934_359, 0.590_131_463, -0.112_304_708, 0.969_365_878, -0.151_857_800,
            0.494_884_497, -0.146_757_375, -0.964_053_184, 0.266_085_185, -0.937_262_278,
            -0.005_398_965, -0.631_148_903, -0.748_095_374, 0.771_848_280, -0.729_819_441,
            0.986_098_167, -0.174_844_800, 0.873_177_342, 0.718_365_823, 0.603_800_760,
            -0.018_232_459, 0.899_863_899, -0.089_198_860, 0.255_211_800, -0.299_571_053,
            -0.940_062_312, -0.515_723_118, -0.858_627_579, -0.380_853_956, -0.413_395_868,
            -0.649_871_433, 0.433_481_670, -0.630_706_601, 0.899_035_800, 0.030_351_021,
            0.732_433_923,
        ]
        for (inputs, width, golden) in [(3, 5, small), (7, 18, padded)] {
            let state = goldenState(inputs: inputs, width: width, level)
            for (value, want) in zip(state, golden) { #expect(abs(value - want) < 2e-6) }
            #expect(state.count == golden.count)
        }
    }

    /// Zeros of both signs, the ends of binary16's range, and numbers below its normal ones.
    @Test func `widens every kind of weight exactly`() {
        let kinds: [Float] = [
            0, -0.0, 65504, -65504, 0x1p-14, -0x1p-14, 0x1.ff8p-15, 0x1p-24, -0x1p-24, 0x1.554p-2,
        ]
        var tensors = GRUTensors(inputs: 3, width: 18, seed: 9)
        tensors.weightIH = tensors.weightIH.indices.map { kinds[$0 % kinds.count] }
        tensors.weightHH = tensors.weightHH.indices.map { kinds[$0 * 3 % kinds.count] }
        #expect(isSame(tensors.weightIH, tensors.rounded().weightIH))
        let x = floats(3, seed: 10, scale: 1e-4)
        let h = floats(18, seed: 11, scale: 1e-4)
        let expected = tensors.step(x, h)
        for level in InstructionLevel.supported {
            #expect(isSame(stepped(tensors, x, h, level), expected), "\(level)")
        }
    }

    /// A number that binary16 would round keeps all of them in binary32.
    @Test(arguments: [0x1.004p0, 65520, 0x1p-25, 0x1.0000_02p0] as [Float])
    func `rounds no weight`(_ odd: Float) {
        let drawn = GRUTensors(inputs: 7, width: 32, seed: 12)
        var tensors = drawn.rounded()
        tensors.weightHH[tensors.weightHH.count - 1] = odd
        let x = floats(7, seed: 13)
        var h = floats(32, seed: 14)
        h[31] = 0x1p-17
        #expect(isSame(stepped(tensors, x, h, .best), tensors.step(x, h)))
    }

    @Test func `leaves an empty batch alone`() {
        let tensors = GRUTensors(inputs: 3, width: 16, seed: 1)
        #expect(stepped(tensors, [], [], .best).isEmpty)
    }
}

private func stepped(
    _ tensors: GRUTensors, _ x: [Float], _ h: [Float], _ level: InstructionLevel
) -> [Float] {
    let gru = PackedGRU(
        weightIH: tensors.weightIH, weightHH: tensors.weightHH, biasIH: tensors.biasIH,
        biasHH: tensors.biasHH, hiddenWidth: tensors.width)
    var scratch = GRUScratch(hiddenWidth: tensors.width)
    var state = h
    var span = state.mutableSpan
    gru.step(inputs: x.span, hidden: &span, level: level, scratch: &scratch)
    return state
}

/// Two users after five steps with the weights and inputs of Tests/Golden/sra_gru.py.
private func goldenState(inputs: Int, width: Int, _ level: InstructionLevel) -> [Float] {
    var tensors = GRUTensors(inputs: inputs, width: width, seed: 0)
    func wave(_ count: Int, _ k: Int) -> [Float] {
        (0..<count).map { i in 0.4 * Float(sine(0.37 * Double(i) + 0.11 * Double(k))) }
    }
    tensors.weightIH = wave(3 * width * inputs, 0)
    tensors.weightHH = wave(3 * width * width, 1)
    tensors.biasIH = wave(3 * width, 2)
    tensors.biasHH = wave(3 * width, 3)
    var state = [Float](repeating: 0, count: 2 * width)
    for t in 0..<5 {
        let x = (0..<2 * inputs).map { i in
            let (b, j) = (Double(i / inputs), Double(i % inputs))
            return Float(cosine(0.13 * Double(t) + 0.07 * j + 0.5 * b))
        }
        state = stepped(tensors, x, state, level)
    }
    return state
}
