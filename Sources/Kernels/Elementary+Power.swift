extension Elementary {
    /// baseᵉˣᵖᵒⁿᵉⁿᵗ, as C's pow: 1 for exponent 0 or base 1; a negative base wants an integer.
    package static func pow(base: Double, exponent: Double) -> Double {
        if exponent == 0 || base == 1 { return 1 }
        guard !base.isNaN, !exponent.isNaN else { return .nan }
        let size = base.magnitude
        var isNegative = false
        if base.sign == .minus, !(exponent.magnitude >= 0x1p53) {
            let whole = Double(Int64(exponent))
            if whole != exponent, base < 0, size < .infinity { return .nan }
            isNegative = whole == exponent && Int64(exponent) & 1 == 1
        }
        return isNegative ? -power(size, exponent) : power(size, exponent)
    }

    /// For x ≥ 0 and y ≠ 0, neither NaN.
    private static func power(_ x: Double, _ y: Double) -> Double {
        if x == 1 { return 1 }
        if x == 0 || x == .infinity { return (x == 0) == (y > 0) ? 0 : .infinity }
        // Beyond 2^64 the result is 0 or infinity for every other x.
        if y.magnitude > 0x1p64 { return (x < 1) == (y > 0) ? 0 : .infinity }
        let log = preciseLog2(x)
        // y · log2 x in two pieces, the first of which holds few enough bits to be exact.
        let yHigh = highPart(y)
        let low = (y - yHigh) * log.high + y * log.low
        let high = yHigh * log.high
        let product = low + high
        if product >= 1024 {
            // 8.0e-17: how far beyond the greatest Double rounding still gives it.
            let isOver = product > 1024 || low + 8.0085662595372944372e-17 > product - high
            if isOver { return .infinity }
        } else if product <= -1075, product < -1075 || low <= product - high {
            return 0
        }
        return exp2(high: high, low: low, near: product)
    }

    /// 2^(high + low).
    private static func exp2(high: Double, low: Double, near product: Double) -> Double {
        let n = product.magnitude > 0.5 ? nearestInteger(product) : 0
        let part = high - Double(n)
        let t = highPart(low + part)
        let u = t * 6.93147182464599609375e-01
        let v = (low - (t - part)) * 6.93147180559945286227e-01 + t * -1.90465429995776804525e-09
        let z = u + v
        let w = v - (z - u)
        let t1 = expKernel(z)
        let r = (z * t1) / (t1 - 2) - (w + z * w)
        return scaled(1 - (r - z), by: n)
    }

    /// log2 x for finite x > 0, to about 70 bits: `high` has its low 32 bits clear.
    private static func preciseLog2(_ x: Double) -> (high: Double, low: Double) {
        let isSubnormal = x < 0x1p-1022
        let bits = (isSubnormal ? x * 0x1p53 : x).bitPattern
        var word = Int(bits >> 32)
        var n = (word >> 20) - 0x3FF - (isSubnormal ? 53 : 0)
        let fraction = word & 0xF_FFFF
        word = fraction | 0x3FF0_0000
        // Take log2 around 1 or 1.5, whichever is nearer.
        var isAboutOneAndHalf = false
        if fraction >= 0xBB67A {
            n += 1
            word -= 0x0010_0000
        } else if fraction > 0x3988E {
            isAboutOneAndHalf = true
        }
        let a = Double(bitPattern: UInt64(word) << 32 | bits & 0xFFFF_FFFF)
        let b = isAboutOneAndHalf ? 1.5 : 1
        // s = (a − b) / (a + b) in two pieces.
        let u = a - b
        let v = 1 / (a + b)
        let s = u * v
        let sHigh = highPart(s)
        let sumWord = ((word >> 1) | 0x2000_0000) + 0x0008_0000 + (isAboutOneAndHalf ? 1 << 18 : 0)
        let sumHigh = Double(bitPattern: UInt64(sumWord) << 32)
        let sumLow = a - (sumHigh - b)
        let sLow = v * ((u - sHigh * sumHigh) - sHigh * sumLow)
        let (p, pLow) = logSeries(s, sHigh, sLow)
        // log2 = 2 / (3 ln 2) times the series, plus log2 b, plus n.
        let zHigh = 9.61796700954437255859e-01 * p
        let zLow =
            -7.02846165095275826516e-09 * p + pLow * 9.61796693925975554329e-01
            + (isAboutOneAndHalf ? 1.35003920212974897128e-08 : 0)
        let bHigh = isAboutOneAndHalf ? 5.84962487220764160156e-01 : 0
        let scale = Double(n)
        let high = highPart(((zHigh + zLow) + bHigh) + scale)
        return (high, zLow - (((high - scale) - bHigh) - zHigh))
    }

    /// 3 s + s³ + …, in two pieces.
    private static func logSeries(
        _ s: Double, _ sHigh: Double, _ sLow: Double
    ) -> (high: Double, low: Double) {
        let square = s * s
        var p = 2.30660745775561754067e-01 + square * 2.06975017800338417784e-01
        p = 2.72728123808534006489e-01 + square * p
        p = 3.33333329818377432918e-01 + square * p
        p = 4.28571428578550184252e-01 + square * p
        p = 5.99999999999994648725e-01 + square * p
        let rest = square * square * p + sLow * (sHigh + s)
        let squareHigh = sHigh * sHigh
        let tHigh = highPart(3 + squareHigh + rest)
        let tLow = rest - ((tHigh - 3) - squareHigh)
        let u = sHigh * tHigh
        let v = sLow * tHigh + tLow * s
        let high = highPart(u + v)
        return (high, v - (high - u))
    }
}
