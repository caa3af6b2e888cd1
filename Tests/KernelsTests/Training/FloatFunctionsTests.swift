import Glibc
import Kernels
import Testing

/// The C library's Double functions are the reference.
@Suite struct FloatFunctionsTests {
    @Test func `the normal distribution is within 4 ulp where it is not 0`() {
        let arguments = floats(40_000, seed: 1, scale: 13.1) + floats(40_000, seed: 2, scale: 2)
        for x in [arguments + [0, -0.0, 13.19, -13.19, 1e-30, 20, 1e30]] {
            for (x, value) in zip(x, values(x) { $0.normalCDF(&$1) }) {
                let exact = 0.5 * Glibc.erfc(-Double(x) * 0.5.squareRoot())
                #expect(ulpError(of: value, against: exact) <= 4, "Φ(\(x)) = \(value)")
            }
        }
        #expect(
            values([-13.2, -1e30, -.infinity, .infinity]) { $0.normalCDF(&$1) } == [0, 0, 0, 1])
    }

    @Test func `logarithms are within 3 ulp`() {
        let unit = floats(40_000, seed: 3).map(\.magnitude)
        let small = floats(10_000, seed: 4, scale: 87).map {
            Float(Glibc.exp(-Double($0.magnitude)))
        }
        for (x, value) in zip(unit + small, values(unit + small) { $0.log1p(&$1) }) where x > 0 {
            #expect(ulpError(of: value, against: Glibc.log1p(Double(x))) <= 3, "log1p(\(x))")
        }
        let wide = floats(40_000, seed: 5, scale: 80).map { Float(Glibc.exp(Double($0))) }
        for (x, value) in zip(wide, values(wide) { $0.log(&$1) }) {
            #expect(ulpError(of: value, against: Glibc.log(Double(x))) <= 3, "log(\(x))")
        }
        #expect(values([0, 1]) { $0.log1p(&$1) }[0] == 0)
        #expect(values([1]) { $0.log(&$1) } == [0])
    }

    /// What every level gives; an issue when they differ.
    private func values(
        _ arguments: [Float], _ function: (FloatKernels, inout MutableSpan<Float>) -> Void
    ) -> [Float] {
        var results: [[Float]] = []
        for level in InstructionLevel.supported {
            var values = arguments
            var span = values.mutableSpan
            function(FloatKernels(level: level), &span)
            results.append(values)
        }
        #expect(results.allSatisfy { isSame($0, results[0]) })
        return results[0]
    }
}
