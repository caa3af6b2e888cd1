import CKernels

/// The weights of one GRU layer, laid out for `step`, which advances hidden states by one input.
///
///     r = σ(W_ir x + b_ir + W_hr h + b_hr)
///     z = σ(W_iz x + b_iz + W_hz h + b_hz)
///     n = tanh(W_in x + b_in + r ⊙ (W_hn h + b_hn))
///     h ← n + z ⊙ (h − n)
///
/// Cho et al. 2014 (arXiv:1406.1078), eq. 5–8, with PyTorch's gate order (r, z, n) and its reset
/// gate after the recurrent product, so that a `state_dict` of `nn.GRU` loads unchanged.
///
/// **Exact definition.** All in Float32, for finite numbers. The sums of r and z are chains of
/// fused multiply-adds that begin at `b_i + b_h` (rounded once), take `W_i x` over ascending k and
/// then `W_h h` over ascending k; those of n are two chains, from `b_in` over x and from `b_hn`
/// over h, joined by one fused multiply-add with r. σ and tanh are CKernels' own. So a row's new
/// state depends on that row alone: not on the batch, its place in it, or the instruction level.
/// Weights that binary16 holds exactly are kept so and widened as they are read: the same bytes.
package struct PackedGRU: Sendable {
    /// D, the width of an input.
    package let inputWidth: Int
    /// H, the width of a hidden state.
    package let hiddenWidth: Int

    private let weights: PackedWeights
    private let biases: AlignedBuffer<Float>

    /// H rounded up to whole vectors.
    var paddedWidth: Int { Self.padded(hiddenWidth) }

    /// Packs PyTorch's four tensors; traps when their sizes do not fit `hiddenWidth`.
    ///
    /// - Parameters:
    ///   - weightIH: `[3H, D]` input weights, gates r, z, n outermost.
    ///   - weightHH: `[3H, H]` recurrent weights.
    ///   - biasIH: `[3H]` input biases.
    ///   - biasHH: `[3H]` recurrent biases.
    ///   - hiddenWidth: H ≥ 1.
    package init(
        weightIH: [Float], weightHH: [Float], biasIH: [Float], biasHH: [Float], hiddenWidth: Int
    ) {
        let width = hiddenWidth
        precondition(width > 0, "PackedGRU: H = \(width)")
        let inputs = weightIH.count / (3 * width)
        precondition(weightIH.count == 3 * width * inputs, "PackedGRU: W_ih of \(weightIH.count)")
        precondition(weightHH.count == 3 * width * width, "PackedGRU: W_hh of \(weightHH.count)")
        precondition(biasIH.count == 3 * width, "PackedGRU: b_ih of \(biasIH.count)")
        precondition(biasHH.count == 3 * width, "PackedGRU: b_hh of \(biasHH.count)")
        inputWidth = inputs
        self.hiddenWidth = width
        let lanes = Int(kernels_lanes)
        let padded = Self.padded(width)
        let terms = inputs + width
        weights = PackedWeights(count: padded * terms * 3, wideRows: nil) { packed in
            for gate in 0..<3 {
                for column in 0..<width {
                    let row = gate * width + column
                    let unit = column / lanes * terms * 3 * lanes + gate * lanes + column % lanes
                    for k in 0..<inputs {
                        packed[unit + k * 3 * lanes] = weightIH[row * inputs + k]
                    }
                    for k in 0..<width {
                        packed[unit + (inputs + k) * 3 * lanes] = weightHH[row * width + k]
                    }
                }
            }
        }
        biases = AlignedBuffer(count: 4 * padded) { packed in
            for column in 0..<width {
                packed[column] = biasIH[column] + biasHH[column]
                packed[padded + column] = biasIH[width + column] + biasHH[width + column]
                packed[2 * padded + column] = biasIH[2 * width + column]
                packed[3 * padded + column] = biasHH[2 * width + column]
            }
        }
    }

    /// Advances B hidden states by one input each, in place.
    ///
    /// - Parameters:
    ///   - inputs: `[B, D]`, row-major.
    ///   - hidden: `[B, H]`, row-major; read, then overwritten.
    ///   - level: a supported level; the result is the same at each.
    ///   - scratch: made for this H; overwritten.
    /// - Complexity: O(B · H · (D + H)), no allocation.
    package func step(
        inputs: Span<Float>, hidden: inout MutableSpan<Float>, level: InstructionLevel,
        scratch: inout GRUScratch
    ) {
        let rows = hidden.count / hiddenWidth
        precondition(hidden.count == rows * hiddenWidth, "PackedGRU: hidden of \(hidden.count)")
        precondition(inputs.count == rows * inputWidth, "PackedGRU: inputs of \(inputs.count)")
        precondition(scratch.width == paddedWidth, "PackedGRU: scratch of \(scratch.width)")
        let code = level.checkedCode
        // SAFETY: the kernel reads [rows, D] and [rows, H] floats, as checked above, writes the
        // latter and the scratch, whose size GRUScratch fixes; the weights outlive the call.
        unsafe inputs.withUnsafeBufferPointer { x in
            unsafe hidden.withUnsafeMutableBufferPointer { h in
                unsafe scratch.storage.withUnsafeMutableBufferPointer { work in
                    unsafe weights.withWeights(rows: rows) { halfs, start in
                        unsafe kernels_gru_step(
                            code, halfs, start, biases.start, inputWidth, hiddenWidth,
                            x.baseAddress, h.baseAddress, work.baseAddress, rows)
                    }
                }
            }
        }
        withExtendedLifetime(biases) {}
    }

    static func padded(_ width: Int) -> Int {
        let lanes = Int(kernels_lanes)
        return (width + lanes - 1) / lanes * lanes
    }
}

/// Memory that a GRU step overwrites; make one a thread and keep it.
package struct GRUScratch: Sendable {
    let width: Int
    var storage: [Float]

    /// Room for steps of hidden states of width `hiddenWidth`, for any number of rows.
    package init(hiddenWidth: Int) {
        width = PackedGRU.padded(hiddenWidth)
        storage = Array(repeating: 0, count: Int(kernels_chunk_rows) * width)
    }
}
