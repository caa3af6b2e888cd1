import CKernels

/// The weights of one linear layer, `y = W x + b`, laid out for `apply`.
///
/// Each output is one chain of fused multiply-adds in Float32 that begins at its bias and takes
/// ascending k; a row's result depends neither on the batch nor on the instruction level. Weights
/// that binary16 holds exactly are read in it by fewer than four rows: the same bytes.
package struct PackedLinear: Sendable {
    /// Width of an input row.
    package let inputWidth: Int
    /// Width of an output row.
    package let outputWidth: Int

    private let weights: PackedWeights
    private let biases: AlignedBuffer<Float>

    /// Packs PyTorch's two tensors; traps when their sizes do not fit.
    ///
    /// - Parameters:
    ///   - weight: `[out, in]`, row-major.
    ///   - bias: `[out]`.
    package init(weight: [Float], bias: [Float]) {
        precondition(!bias.isEmpty, "PackedLinear: no outputs")
        let outputs = bias.count
        let inputs = weight.count / outputs
        precondition(weight.count == inputs * outputs, "PackedLinear: W of \(weight.count)")
        inputWidth = inputs
        outputWidth = outputs
        let lanes = Int(kernels_lanes)
        let padded = PackedGRU.padded(outputs)
        weights = PackedWeights(count: padded * inputs, wideRows: 4) { packed in
            for column in 0..<outputs {
                let unit = column / lanes * inputs * lanes + column % lanes
                for k in 0..<inputs { packed[unit + k * lanes] = weight[column * inputs + k] }
            }
        }
        biases = AlignedBuffer(count: padded) { packed in
            for column in 0..<outputs { packed[column] = bias[column] }
        }
    }

    /// Computes B output rows.
    ///
    /// - Parameters:
    ///   - inputs: `[B, in]`, row-major.
    ///   - outputs: `[B, out]`, row-major; overwritten.
    ///   - level: a supported level; the result is the same at each.
    /// - Complexity: O(B · in · out), no allocation.
    package func apply(
        _ inputs: Span<Float>, into outputs: inout MutableSpan<Float>, level: InstructionLevel
    ) {
        let rows = outputs.count / outputWidth
        precondition(outputs.count == rows * outputWidth, "PackedLinear: out of \(outputs.count)")
        precondition(inputs.count == rows * inputWidth, "PackedLinear: inputs of \(inputs.count)")
        let code = level.checkedCode
        // SAFETY: the kernel reads [rows, in] and writes [rows, out] floats, as checked above; the
        // weights outlive the call.
        unsafe inputs.withUnsafeBufferPointer { x in
            unsafe outputs.withUnsafeMutableBufferPointer { y in
                unsafe weights.withWeights(rows: rows) { halfs, start in
                    unsafe kernels_linear(
                        code, halfs, start, biases.start, inputWidth, outputWidth, x.baseAddress,
                        y.baseAddress, rows)
                }
            }
        }
        withExtendedLifetime(biases) {}
    }
}
