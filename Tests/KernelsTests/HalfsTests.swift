import Kernels
import Testing

/// Swift's own Float16 is the oracle.
@Suite struct HalfsTests {
    @Test func `widens all 65536 halfs exactly`() {
        let halfs = (0...UInt16.max).map { $0 }
        for level in InstructionLevel.supported {
            var values = [Float](repeating: 0, count: halfs.count)
            var span = values.mutableSpan
            widen(halfs.span, into: &span, level: level)
            #expect(values.bits == halfs.map { float(fromHalf: $0).bitPattern }, "\(level)")
        }
        for half in halfs {
            let value = Float16(bitPattern: half)
            let ours = float(fromHalf: half)
            #expect(value.isNaN ? ours.isNaN : ours.bitPattern == Float(value).bitPattern)
        }
    }

    @Test func `narrows to the nearest half, ties to even`() {
        let values = Self.interesting
        for value in values where !value.isNaN {
            #expect(halfBits(value) == Float16(value).bitPattern, "\(value)")
        }
        let expected = values.map(halfBits)
        for level in InstructionLevel.supported {
            var halfs = [UInt16](repeating: 0, count: values.count)
            var span = halfs.mutableSpan
            narrow(values.span, into: &span, level: level)
            #expect(halfs == expected, "\(level)")
        }
    }

    @Test func `keeps a NaN a NaN and quiets it`() {
        #expect(halfBits(Float(bitPattern: 0x7F80_0001)) == 0x7E00)
        #expect(halfBits(Float(bitPattern: 0xFFA0_0000)) == 0xFF00)
        #expect(float(fromHalf: 0x7C01).bitPattern == 0x7FC0_2000)
    }

    @Test func `converts no more than it is given`() {
        let halfs: [UInt16] = [0x3C00, 0xC000, 0x3800]
        var values: [Float] = [9, 9, 9, 9]
        var span = values.mutableSpan
        widen(halfs.span, into: &span, level: .best)
        #expect(values == [1, -2, 0.5, 9])
    }

    /// Every half, what lies half way to the next, the floats beside that, NaNs, and a wide grid.
    private static let interesting: [Float] = {
        var values: [Float] = []
        for bits in UInt16(0)..<0x7C00 {
            let low = float(fromHalf: bits)
            let next: Float = bits == 0x7BFF ? 65536 : float(fromHalf: bits + 1)
            let tie = (low + next) / 2
            values += [low, -low, tie, -tie, tie.nextUp, tie.nextDown]
        }
        for bits in stride(from: UInt32(0), through: 0xFFFF_0000, by: 0x1_0001 * 3) {
            values.append(Float(bitPattern: bits))
        }
        return values + [.infinity, -.infinity, .nan, .leastNonzeroMagnitude, 65519.996, 65520]
    }()
}
