import CKernels

/// σ(x) = 1 / (1 + e⁻ˣ) in place, as the GRU step computes it; within 3 ulp of the exact value.
///
/// - Parameters:
///   - values: `[n]` finite numbers; overwritten with numbers in [0, 1].
///   - level: a supported level; the result is the same at each.
/// - Complexity: O(n), no allocation.
package func sigmoid(_ values: inout MutableSpan<Float>, level: InstructionLevel) {
    let code = level.checkedCode
    let count = values.count
    // SAFETY: the kernel reads and writes `count` floats.
    unsafe values.withUnsafeMutableBufferPointer { buffer in
        unsafe kernels_sigmoid(code, buffer.baseAddress, count)
    }
}

/// tanh(x) in place, as the GRU step computes it; within 3 ulp of the exact value.
///
/// - Parameters:
///   - values: `[n]` finite numbers; overwritten with numbers in [−1, 1].
///   - level: a supported level; the result is the same at each.
/// - Complexity: O(n), no allocation.
package func tanh(_ values: inout MutableSpan<Float>, level: InstructionLevel) {
    let code = level.checkedCode
    let count = values.count
    // SAFETY: the kernel reads and writes `count` floats.
    unsafe values.withUnsafeMutableBufferPointer { buffer in
        unsafe kernels_tanh(code, buffer.baseAddress, count)
    }
}
