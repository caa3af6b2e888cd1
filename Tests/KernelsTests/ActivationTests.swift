import Kernels
import Testing

@Suite struct ActivationTests {
    /// Every 4099th Float up to 120 in size: all binades, both signs, the branch points' vicinity.
    static let arguments: [Float] =
        stride(from: UInt32(0), through: Float(120).bitPattern, by: 4099).flatMap { bits in
            [Float(bitPattern: bits), -Float(bitPattern: bits)]
        } + [0.625, Float(0.625).nextDown, -0.625, 87, 87.5, 88, 89, -87, -88, 44, 44.5, 0, -0.0]

    @Test func `gives the same sigmoid and tanh at every level`() {
        for level in InstructionLevel.supported {
            #expect(isSame(sigmoids(level), Self.arguments.map(Twin.sigmoid)), "\(level)")
            #expect(isSame(tanhs(level), Self.arguments.map(Twin.tanh)), "\(level)")
        }
    }

    @Test func `is within 3 ulp of the exact functions`() {
        for (x, value) in zip(Self.arguments, sigmoids(.best)) where x > -87 {
            let exact = 1 / (1 + exactExp(-Double(x)))
            #expect(ulpError(of: value, against: exact) <= 3, "sigmoid(\(x))")
        }
        for (x, value) in zip(Self.arguments, tanhs(.best)) where x.magnitude > 1e-30 {
            #expect(ulpError(of: value, against: exactTanh(Double(x))) <= 3, "tanh(\(x))")
        }
    }

    @Test func `shows a NaN rather than hiding it`() {
        for level in InstructionLevel.supported {
            var values = [Float](repeating: .nan, count: 20)
            var span = values.mutableSpan
            sigmoid(&span, level: level)
            #expect(values.allSatisfy { $0.isNaN })
        }
    }

    private func sigmoids(_ level: InstructionLevel) -> [Float] {
        var values = Self.arguments
        var span = values.mutableSpan
        sigmoid(&span, level: level)
        return values
    }

    private func tanhs(_ level: InstructionLevel) -> [Float] {
        var values = Self.arguments
        var span = values.mutableSpan
        tanh(&span, level: level)
        return values
    }
}
