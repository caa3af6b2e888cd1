extension Elementary {
    /// Natural logarithm; −∞ at 0, NaN below.
    package static func ln(_ x: Double) -> Double {
        if let special = specialLogarithm(x) { return special }
        let (k, f) = reduced(x)
        let (s, halfSquare, rest) = logKernel(f)
        let scale = Double(k)
        return s * (halfSquare + rest) + scale * ln2Low - halfSquare + f + scale * ln2High
    }

    /// Base-2 logarithm; −∞ at 0, NaN below; exact at powers of two.
    package static func log2(_ x: Double) -> Double {
        if let special = specialLogarithm(x) { return special }
        let (k, f) = reduced(x)
        let (s, halfSquare, rest) = logKernel(f)
        // f − f²/2 in two pieces, each times 1 / ln 2 in two pieces.
        let high = highPart(f - halfSquare)
        let low = f - high - halfSquare + s * (halfSquare + rest)
        let inverseHigh = 1.44269504072144627571
        let inverseLow = 1.67517131648865118353e-10
        let valueHigh = high * inverseHigh
        let valueLow = (low + high) * inverseLow + low * inverseHigh
        let scale = Double(k)
        let sum = scale + valueHigh
        return valueLow + ((scale - sum) + valueHigh) + sum
    }

    /// ln(1 + x), without loss near 0; −∞ at −1, NaN below.
    package static func log1p(_ x: Double) -> Double {
        guard x > -1 else { return x == -1 ? -.infinity : .nan }
        guard x < .infinity, x.magnitude >= 0x1p-53 else { return x }
        var k = 0
        var f = x
        var correction = 0.0
        if x >= 0.41422 || x <= -0.29289 {
            let u = 1 + x
            (k, f) = reduced(u)
            // What rounding 1 + x lost, to first order.
            if k < 54 { correction = (k >= 2 ? 1 - (u - x) : x - (u - 1)) / u }
        }
        let (s, halfSquare, rest) = logKernel(f)
        let scale = Double(k)
        return s * (halfSquare + rest) + (scale * ln2Low + correction) - halfSquare + f
            + scale * ln2High
    }

    private static func specialLogarithm(_ x: Double) -> Double? {
        guard x > 0 else { return x == 0 ? -.infinity : .nan }
        return x < .infinity ? nil : x
    }

    /// x = 2ᵏ (1 + f) with 1 + f in about [√½, √2].
    private static func reduced(_ x: Double) -> (k: Int, f: Double) {
        let isSubnormal = x < 0x1p-1022
        let bits = (isSubnormal ? x * 0x1p54 : x).bitPattern
        var high = Int(bits >> 32) + 0x3FF0_0000 - 0x3FE6_A09E
        let k = (high >> 20) - 0x3FF - (isSubnormal ? 54 : 0)
        high = (high & 0xF_FFFF) + 0x3FE6_A09E
        return (k, Double(bitPattern: UInt64(high) << 32 | bits & 0xFFFF_FFFF) - 1)
    }

    /// ln(1 + f) = f − halfSquare + s (halfSquare + rest), with s = f / (2 + f).
    private static func logKernel(_ f: Double) -> (s: Double, halfSquare: Double, rest: Double) {
        let s = f / (2 + f)
        let z = s * s
        let w = z * z
        var even = 2.222219843214978396e-01 + w * 1.531383769920937332e-01
        even = w * (3.999999999940941908e-01 + w * even)
        var odd = 1.818357216161805012e-01 + w * 1.479819860511658591e-01
        odd = 2.857142874366239149e-01 + w * odd
        odd = z * (6.666666666666735130e-01 + w * odd)
        return (s, 0.5 * f * f, odd + even)
    }
}
