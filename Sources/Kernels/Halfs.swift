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
package func halfBits(_ x: Float) -> UInt16 { kernels_narrow_one(x) }

/// The number that a binary16 bit pattern stands for, exactly: `widen` for one number.
package func float(fromHalf half: UInt16) -> Float { kernels_widen_one(half) }
