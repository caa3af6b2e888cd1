import CKernels

/// Converts IEEE binary16 bit patterns to Float, exactly; a NaN becomes quiet, its payload kept.
///
/// - Parameters:
///   - halfs: `[n]` bit patterns.
///   - values: at least `[n]`; the first n are overwritten.
///   - level: a supported level; the result is the same at each.
/// - Complexity: O(n), no allocation.
package func widen(
    _ halfs: Span<UInt16>, into values: inout MutableSpan<Float>, level: InstructionLevel
) {
    let count = halfs.count
    precondition(count <= values.count, "widen: \(count) into \(values.count)")
    let code = level.checkedCode
    // SAFETY: both hold n elements, as checked above.
    unsafe halfs.withUnsafeBufferPointer { source in
        unsafe values.withUnsafeMutableBufferPointer { target in
            unsafe kernels_widen(code, source.baseAddress, target.baseAddress, count)
        }
    }
}

/// Rounds floats to IEEE binary16, to nearest even; |x| ≥ 65520 gives infinity.
///
/// - Parameters:
///   - values: `[n]`.
///   - halfs: at least `[n]` bit patterns; the first n are overwritten.
///   - level: a supported level; the result is the same at each.
/// - Complexity: O(n), no allocation.
package func narrow(
    _ values: Span<Float>, into halfs: inout MutableSpan<UInt16>, level: InstructionLevel
) {
    let count = values.count
    precondition(count <= halfs.count, "narrow: \(count) into \(halfs.count)")
    let code = level.checkedCode
    // SAFETY: both hold n elements, as checked above.
    unsafe values.withUnsafeBufferPointer { source in
        unsafe halfs.withUnsafeMutableBufferPointer { target in
            unsafe kernels_narrow(code, source.baseAddress, target.baseAddress, count)
        }
    }
}

/// The binary16 bit pattern nearest to `x`, ties to even: `narrow` for one number.
package func halfBits(_ x: Float) -> UInt16 {
    let bits = x.bitPattern
    let sign = UInt16(truncatingIfNeeded: bits >> 16) & 0x8000
    let magnitude = bits & 0x7FFF_FFFF
    if magnitude > 0x7F80_0000 {
        return sign | 0x7E00 | UInt16(truncatingIfNeeded: (magnitude >> 13) & 0x3FF)
    }
    // 65520 lies half way between the largest number and what would follow it.
    if magnitude >= 0x477F_F000 { return sign | 0x7C00 }
    // 2^-25 is half of the smallest number; itself it goes to 0, the even neighbour.
    if magnitude <= 0x3300_0000 { return sign }
    // Normal numbers lose 13 bits of the fraction, the ones below 2^-14 one more a binade.
    let isNormal = magnitude >= 0x3880_0000
    let whole = isNormal ? magnitude - (112 << 23) : (magnitude & 0x7F_FFFF) | 0x80_0000
    let shift = isNormal ? 13 : 126 - (magnitude >> 23)
    let kept = whole >> shift
    let rest = whole & ((1 << shift) - 1)
    let tie: UInt32 = 1 << (shift - 1)
    let rounded = rest > tie || (rest == tie && kept & 1 == 1) ? kept + 1 : kept
    return sign | UInt16(truncatingIfNeeded: rounded)
}

/// The number that a binary16 bit pattern stands for, exactly: `widen` for one number.
package func float(fromHalf half: UInt16) -> Float {
    let sign = UInt32(half & 0x8000) << 16
    let exponent = UInt32(half >> 10) & 0x1F
    let fraction = UInt32(half) & 0x3FF
    if exponent == 0x1F {
        let quiet: UInt32 = fraction == 0 ? 0 : 0x0040_0000
        return Float(bitPattern: sign | 0x7F80_0000 | fraction << 13 | quiet)
    }
    if exponent == 0 {
        return Float(bitPattern: sign | (Float(fraction) * 0x1p-24).bitPattern)
    }
    return Float(bitPattern: sign | (exponent + 112) << 23 | fraction << 13)
}
