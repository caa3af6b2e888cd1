/// The kernels' definitions in plain Swift, one number at a time: what their bytes must equal.
enum Twin {
    static func exp(_ argument: Float) -> Float {
        let x = argument < -87 ? -87 : argument > 88 ? 88 : argument
        let magic: Float = 12_582_912
        let shifted = magic.addingProduct(x, 1.442_695_04)
        let n = shifted - magic
        var r = x.addingProduct(n, -0.693_359_375)
        r = r.addingProduct(n, 2.121_944_40e-4)
        var p: Float = 1.987_569_150_0e-4
        for coefficient: Float in [
            1.398_199_950_7e-3, 8.333_451_907_3e-3, 4.166_579_589_4e-2, 1.666_666_545_9e-1,
            5.000_000_120_1e-1,
        ] {
            p = coefficient.addingProduct(p, r)
        }
        p = r.addingProduct(p, r * r) + 1
        return p * Float(sign: .plus, exponent: Int(n), significand: 1)
    }

    static func sigmoid(_ x: Float) -> Float { 1 / (1 + exp(-x)) }

    static func tanh(_ x: Float) -> Float {
        let size = x.magnitude
        guard size < 0.625 else {
            return Float(signOf: x, magnitudeOf: 1 - 2 / (exp(size + size) + 1))
        }
        let z = x * x
        var p: Float = -5.704_988_727_45e-3
        for coefficient: Float in [
            2.063_908_879_54e-2, -5.373_971_555_31e-2, 1.333_144_220_36e-1, -3.333_328_194_22e-1,
        ] {
            p = coefficient.addingProduct(p, z)
        }
        return x.addingProduct(p * z, x)
    }
}

/// PyTorch's four tensors of one GRU layer.
struct GRUTensors {
    let inputs: Int
    let width: Int
    var weightIH: [Float]
    var weightHH: [Float]
    var biasIH: [Float]
    var biasHH: [Float]

    /// Seeded tensors in the bounds of PyTorch's initialisation, twice as wide.
    init(inputs: Int, width: Int, seed: UInt64) {
        let scale = 2 / Double(width).squareRoot()
        self.inputs = inputs
        self.width = width
        weightIH = floats(3 * width * inputs, seed: seed, stream: 0, scale: scale)
        weightHH = floats(3 * width * width, seed: seed, stream: 1, scale: scale)
        biasIH = floats(3 * width, seed: seed, stream: 2, scale: scale)
        biasHH = floats(3 * width, seed: seed, stream: 3, scale: scale)
    }

    /// The same with weights that binary16 holds exactly, which the kernel keeps in it.
    func rounded() -> Self {
        var tensors = self
        tensors.weightIH = roundedToHalf(weightIH)
        tensors.weightHH = roundedToHalf(weightHH)
        return tensors
    }

    /// One row's step by the definition of `PackedGRU`, in Float with fused multiply-adds.
    func step(_ x: [Float], _ h: [Float]) -> [Float] {
        func chain(_ start: Float, _ weights: ArraySlice<Float>, _ values: [Float]) -> Float {
            zip(values, weights).reduce(start) { $0.addingProduct($1.0, $1.1) }
        }
        func fromInput(_ row: Int, _ start: Float) -> Float {
            chain(start, weightIH[row * inputs..<(row + 1) * inputs], x)
        }
        func fromState(_ row: Int, _ start: Float) -> Float {
            chain(start, weightHH[row * width..<(row + 1) * width], h)
        }
        return (0..<width).map { j in
            let gates = [j, width + j].map { row in
                Twin.sigmoid(fromState(row, fromInput(row, biasIH[row] + biasHH[row])))
            }
            let row = 2 * width + j
            let input = fromInput(row, biasIH[row])
            let n = Twin.tanh(input.addingProduct(gates[0], fromState(row, biasHH[row])))
            return n.addingProduct(gates[1], h[j] - n)
        }
    }

    /// One row's step by PyTorch's equations in Double.
    func exactStep(_ x: [Double], _ h: [Double]) -> [Double] {
        func sum(_ row: Int, _ weights: [Float], _ values: [Double], _ bias: [Float]) -> Double {
            let width = values.count
            return zip(values, weights[row * width..<(row + 1) * width])
                .reduce(Double(bias[row])) { $0 + $1.0 * Double($1.1) }
        }
        func input(_ row: Int) -> Double { sum(row, weightIH, x, biasIH) }
        func state(_ row: Int) -> Double { sum(row, weightHH, h, biasHH) }
        return (0..<width).map { j in
            let r = 1 / (1 + exactExp(-(input(j) + state(j))))
            let z = 1 / (1 + exactExp(-(input(width + j) + state(width + j))))
            let n = exactTanh(input(2 * width + j) + r * state(2 * width + j))
            return (1 - z) * n + z * h[j]
        }
    }
}
