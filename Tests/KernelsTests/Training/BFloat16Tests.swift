import Kernels
import Storage
import TestSupport
import Testing

@Suite struct BFloat16Tests {
    /// Ties up and down, the largest numbers, subnormal ones, zeros and random bits.
    static let numbers: [Float] =
        [
            0, -0.0, 1, -1, 1.003_906_25, 1.011_718_75, 1.003_906_4, -1.003_906_25,
            .greatestFiniteMagnitude, .leastNormalMagnitude, .leastNonzeroMagnitude,
            .leastNormalMagnitude.nextDown, 3.389_531_4e38, .infinity, -.infinity,
        ] + floats(500, seed: 1, scale: 1e3)

    @Test(arguments: InstructionLevel.supported)
    func `rounds to nearest even at every level`(level: InstructionLevel) {
        for number in Self.numbers {
            // Over the largest, to nearest means infinity from half a unit on.
            let want =
                number.isInfinite || number.magnitude >= 3.396_178e38
                ? Float(signOf: number, magnitudeOf: .infinity) : bfloat16Rounded(number)
            #expect(narrowed([number], level) == [UInt16(want.bitPattern >> 16)], "\(number)")
            #expect(roundedFloats([number], level).bits == [want.bitPattern], "\(number)")
        }
        let singly = Self.numbers.flatMap { narrowed([$0], .portable) }
        #expect(narrowed(Self.numbers, level) == singly)
    }

    @Test(arguments: InstructionLevel.supported)
    func `keeps a NaN one`(level: InstructionLevel) {
        for bits: UInt32 in [0x7F80_0001, 0xFFBF_FFFF, 0x7FFF_FFFF, 0x7FC0_0000] {
            let narrow = narrowed([Float(bitPattern: bits)], level)
            let areNaN = narrow.allSatisfy { Float(bitPattern: UInt32($0) << 16).isNaN }
            #expect(areNaN)
            let rounded = roundedFloats([Float(bitPattern: bits)], level)
            #expect(rounded.count == 1 && rounded.allSatisfy(\.isNaN))
        }
    }

    @Test(arguments: InstructionLevel.supported, [1, 15, 16, 37, 100])
    func `Adam narrows the weights that it writes`(level: InstructionLevel, count: Int) {
        let state = (0..<3).map { matrix(1, count, seed: 70 + UInt64($0), scale: 0.1) }
        let second = Matrix(floats(count, seed: 73).map(\.magnitude), rows: 1, columns: count)
        // A row more than the weights, so that a number too many would show.
        let room = Matrix(
            [UInt16](repeating: 0xABCD, count: count + 1), rows: 1, columns: count + 1)
        // A number that is none must stay one.
        state[1][count / 2] = .nan
        FloatKernels(level: level).adam(
            weights: state[0], gradients: state[1], first: state[2], second: second,
            narrowed: room.part(at: 0, rows: 1, columns: count),
            step: AdamStep(number: 3, learningRate: 0.01))
        #expect(room.values == narrowed(state[0].values, level) + [0xABCD])
        #expect(state[0][count / 2].isNaN)
    }

    /// What a processor without the instructions does is the same definition.
    @Test(arguments: ProductTests.shapes)
    func `multiplies rounded numbers where the instructions are missing`(
        shape: (Int, Int, Int)
    ) {
        for forms in ProductTests.forms {
            let operands = ProductTests.Operands(shape, forms)
            let exact = widened(operands.c)
            Double.multiply(
                widened(rounded(operands.a)), forms.0, widened(rounded(operands.b)), forms.1,
                into: exact, adding: true, precision: .bfloat16)
            Float.multiplyRounded(
                operands.a, forms.0, operands.b, forms.1, into: operands.c, adding: true)
            #expect(
                worst(operands.c, exact) <= Double(shape.2 + 1) * Double(Float.ulpOfOne))
        }
    }

    private func narrowed(_ values: [Float], _ level: InstructionLevel) -> [UInt16] {
        var result = [UInt16](repeating: 0, count: values.count)
        var span = result.mutableSpan
        narrowToBFloat16(values.span, into: &span, level: level)
        return result
    }

    private func roundedFloats(_ values: [Float], _ level: InstructionLevel) -> [Float] {
        var result = values
        var span = result.mutableSpan
        roundToBFloat16(&span, level: level)
        return result
    }
}
