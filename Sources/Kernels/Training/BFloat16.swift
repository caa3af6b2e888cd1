import CKernels

/// Float32 to bfloat16 bits, to nearest even; overflow gives infinity, a NaN stays a quiet one.
///
/// bfloat16 is the upper half of a Float32: its range, with 8 significant bits.
///
/// - Parameters:
///   - values: `[n]`.
///   - narrowed: `[n]`; overwritten.
///   - level: a supported level; the result is the same at each.
/// - Complexity: O(n), no allocation.
package func narrowToBFloat16(
    _ values: Span<Float>, into narrowed: inout MutableSpan<UInt16>, level: InstructionLevel
) {
    precondition(narrowed.count == values.count, "narrowToBFloat16: \(values.count) numbers")
    let code = level.checkedCode
    let count = values.count
    // SAFETY: the kernel reads and writes `count` numbers.
    unsafe values.withUnsafeBufferPointer { source in
        unsafe narrowed.withUnsafeMutableBufferPointer { target in
            unsafe kernels_narrow_bfloat16(code, source.baseAddress, target.baseAddress, count)
        }
    }
}

/// The same in place, kept as Float32.
///
/// - Parameters:
///   - values: `[n]`; overwritten.
///   - level: a supported level; the result is the same at each.
/// - Complexity: O(n), no allocation.
package func roundToBFloat16(_ values: inout MutableSpan<Float>, level: InstructionLevel) {
    let code = level.checkedCode
    let count = values.count
    // SAFETY: the kernel reads and writes `count` numbers, each before the next.
    unsafe values.withUnsafeMutableBufferPointer { buffer in
        unsafe kernels_round_bfloat16(code, buffer.baseAddress, buffer.baseAddress, count)
    }
}
