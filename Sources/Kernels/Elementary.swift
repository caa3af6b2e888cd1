/// Elementary functions in Double that give the same bits on every machine.
///
/// Pure Swift over `+ − × ÷` and bit patterns, without libm (whose variants differ by processor)
/// and without fused multiply-add (which Swift never introduces by itself). Within 1 ulp of the
/// exact value, tested against numpy. The algorithms and coefficients are fdlibm's:
///
///     Copyright (C) 1993 by Sun Microsystems, Inc. All rights reserved.
///     Developed at SunPro, a Sun Microsystems, Inc. business. Permission to use, copy, modify, and
///     distribute this software is freely granted, provided that this notice is preserved.
package enum Elementary {
    static let ln2High = 6.93147180369123816490e-01
    static let ln2Low = 1.90821492927058770002e-10
    static let inverseLn2 = 1.44269504088896338700

    /// eˣ; 0 below −745.14, +∞ above 709.79.
    package static func exp(_ x: Double) -> Double {
        guard !x.isNaN else { return x }
        guard x <= 7.09782712893383973096e+02 else { return .infinity }
        guard x >= -7.45133219101941108420e+02 else { return 0 }
        let size = x.magnitude
        guard size > 0.34657359027997264 else {  // ln 2 / 2
            return size < 0x1p-28 ? 1 + x : 1 - ((x * expKernel(x)) / (expKernel(x) - 2) - x)
        }
        let k = nearestInteger(inverseLn2 * x)
        let high = x - Double(k) * ln2High
        let low = Double(k) * ln2Low
        let r = high - low
        let c = expKernel(r)
        return scaled(1 - ((low - (r * c) / (2 - c)) - high), by: k)
    }

    /// eˣ − 1, without loss near 0.
    package static func expm1(_ x: Double) -> Double {
        guard !x.isNaN else { return x }
        guard x <= 7.09782712893383973096e+02 else { return .infinity }
        guard x >= -38.816242 else { return -1 }  // −56 ln 2
        var r = x
        var k = 0
        var c = 0.0
        if x.magnitude > 0.34657359027997264 {
            k = nearestInteger(inverseLn2 * x)
            let high = x - Double(k) * ln2High
            let low = Double(k) * ln2Low
            r = high - low
            c = (high - r) - low
        } else if x.magnitude < 0x1p-54 {
            return x
        }
        let half = 0.5 * r
        let square = r * half
        var p = 4.00821782732936239552e-06 + square * -2.01099218183624371326e-07
        p = -7.93650757867487942473e-05 + square * p
        p = 1.58730158725481460165e-03 + square * p
        p = -3.33333333333331316428e-02 + square * p
        let r1 = 1 + square * p
        let t = 3 - r1 * half
        var e = square * ((r1 - t) / (6 - r * t))
        guard k != 0 else { return r - (r * e - square) }
        e = (r * (e - c) - c) - square
        switch k {
        case -1: return 0.5 * (r - e) - 0.5
        case 1: return r < -0.25 ? -2 * (e - (r + 0.5)) : 1 + 2 * (r - e)
        case ...(-1), 57...: return scaled(r - e + 1, by: k) - 1
        case ..<20: return scaled(r - e + (1 - scaled(1, by: -k)), by: k)
        default: return scaled(r - (e + scaled(1, by: -k)) + 1, by: k)
        }
    }

    /// r − r²·P(r²), from which eʳ follows for |r| ≤ ln 2 / 2.
    static func expKernel(_ r: Double) -> Double {
        let t = r * r
        var p = -1.65339022054652515390e-06 + t * 4.13813679705723846039e-08
        p = 6.61375632143793436117e-05 + t * p
        p = -2.77777777770155933842e-03 + t * p
        p = 1.66666666666666019037e-01 + t * p
        return r - t * p
    }

    /// `x` rounded to an integer, halves away from zero; |x| < 2⁵².
    static func nearestInteger(_ x: Double) -> Int { Int(x + (x < 0 ? -0.5 : 0.5)) }

    /// x · 2ᵏ with one rounding, |k| ≤ 1100.
    static func scaled(_ x: Double, by k: Int) -> Double {
        func power(_ k: Int) -> Double { Double(bitPattern: UInt64(k + 1023) << 52) }
        if k > 1023 { return x * 0x1p1023 * power(k - 1023) }
        if k < -1021 { return x * power(k + 1000) * 0x1p-1000 }
        return x * power(k)
    }

    /// `x` with the low 32 bits cleared, so that products of two such are exact.
    static func highPart(_ x: Double) -> Double {
        Double(bitPattern: x.bitPattern & 0xFFFF_FFFF_0000_0000)
    }
}
