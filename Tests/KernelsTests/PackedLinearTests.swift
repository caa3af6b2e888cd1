import Kernels
import Testing

@Suite struct PackedLinearTests {
    static let shapes = [(256, 128), (256, 32), (1, 1), (5, 17), (64, 100), (33, 129)]

    @Test(arguments: shapes, [false, true])
    func `gives the twin's bytes at every level, in any batch`(shape: (Int, Int), rounded: Bool) {
        let (inputs, outputs) = shape
        let drawn = floats(outputs * inputs, seed: 1, scale: 0.2)
        let weight = rounded ? roundedToHalf(drawn) : drawn
        let bias = floats(outputs, seed: 2)
        let layer = PackedLinear(weight: weight, bias: bias)
        let x = floats(33 * inputs, seed: 3)
        let expected = (0..<33).flatMap { row in
            bias.indices.map { j in
                (0..<inputs).reduce(bias[j]) { sum, k in
                    sum.addingProduct(x[row * inputs + k], weight[j * inputs + k])
                }
            }
        }
        for level in InstructionLevel.supported {
            for batch in Array(1...9) + [16, 33] {
                let rows = (0..<batch).map { ($0 * 13 + batch) % 33 }
                var result = [Float](repeating: .nan, count: batch * outputs)
                var span = result.mutableSpan
                layer.apply(x.rows(rows, width: inputs).span, into: &span, level: level)
                #expect(isSame(result, expected.rows(rows, width: outputs)), "\(level)")
            }
        }
    }
}
