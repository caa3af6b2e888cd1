import Kernels
import Storage

/// The encoder of the sequence-reconstruction autoencoder: a GRU over a user's rows, and a linear
/// layer from its hidden state to the latent part of the profile.
///
///     h ← GRU(row, h),  h₀ = 0        z = W h + b
///
/// As published (reference §3; Cho et al. 2014, arXiv:1406.1078), with PyTorch's names and gate
/// order. A user's state depends on that user's rows alone, in Float32, bit for bit: not on the
/// batch, nor on the instruction level (see `PackedGRU`).
package struct SRAEncoder: Sendable {
    /// D, the width of a row: 64 in the product.
    package let inputWidth: Int
    /// H, the width of a hidden state: 256 as published.
    package let hiddenWidth: Int
    /// Z, the width of the latent vector: 128 as published.
    package let latentWidth: Int
    /// The vector instructions in use; they do not change results.
    package let level: InstructionLevel

    private let gru: PackedGRU
    private let latent: PackedLinear

    /// Builds the encoder from the network's twelve tensors; the decoder's are checked, not kept.
    ///
    /// - Parameters:
    ///   - tensors: PyTorch's names, `encoder.*`, `decoder.*`, `latent.*`, `output.*`, any order.
    ///   - level: a level this machine supports.
    /// - Throws: the first tensor that is missing, foreign, misshapen or not finite.
    package init(tensors: [NamedTensor], level: InstructionLevel) throws(EncoderError) {
        let checked = try SRATensors(tensors)
        inputWidth = checked.inputWidth
        hiddenWidth = checked.hiddenWidth
        latentWidth = checked.latentWidth
        self.level = level
        gru = checked.gru("encoder")
        latent = checked.linear("latent")
    }

    /// Untrained weights: PyTorch's default initialisation, `U(−1/√n, 1/√n)` with n = H for the
    /// GRUs and n = the input width for the linear layers.
    ///
    /// - Parameters:
    ///   - seed: tensor k draws from stream k of `SeededRandom`, in `state_dict` order.
    ///   - inputWidth: D ≥ 1.
    ///   - hiddenWidth: H ≥ 1.
    ///   - latentWidth: Z ≥ 1.
    /// - Returns: all twelve tensors.
    package static func seededTensors(
        seed: UInt64, inputWidth: Int, hiddenWidth: Int, latentWidth: Int
    ) -> [NamedTensor] {
        let shapes = SRATensors.shapes(
            inputWidth: inputWidth, hiddenWidth: hiddenWidth, latentWidth: latentWidth)
        // Every layer's n is H: the GRUs' by definition, the linear layers' because both read h.
        let bound = 1 / Double(hiddenWidth).squareRoot()
        return shapes.enumerated().map { index, tensor in
            var random = SeededRandom(seed: seed, stream: UInt64(index))
            let values = (0..<tensor.shape.reduce(1, *)).map { _ in
                Float((2 * random.nextUnit() - 1) * bound)
            }
            return NamedTensor(name: tensor.name, shape: tensor.shape, values: values)
        }
    }

    /// Memory for `step` and its relatives; make one a thread and keep it.
    package func makeScratch() -> SRAScratch {
        SRAScratch(inputWidth: inputWidth, hiddenWidth: hiddenWidth)
    }

    /// Advances B users' hidden states by one row each.
    ///
    /// - Parameters:
    ///   - rows: `[B, D]` binary16 bit patterns.
    ///   - hidden: `[B, H]`; read, then overwritten.
    ///   - scratch: from `makeScratch`; it grows to the largest B seen, then nothing allocates.
    package func step(
        rows: Span<UInt16>, hidden: inout MutableSpan<Float>, scratch: inout SRAScratch
    ) {
        scratch.reserve(rows.count)
        step(rows, &hidden, widened: &scratch.inputs, scratch: &scratch.gru)
    }

    // A span of one stored property keeps its neighbours from being modified; two parameters do not.
    private func step(
        _ rows: Span<UInt16>, _ hidden: inout MutableSpan<Float>, widened: inout [Float],
        scratch: inout GRUScratch
    ) {
        var values = widened.mutableSpan
        widen(rows, into: &values, level: level)
        let inputs = widened.span.extracting(first: rows.count)
        gru.step(inputs: inputs, hidden: &hidden, level: level, scratch: &scratch)
    }

    /// Advances B users' hidden states by one row of floats each, as `step(rows:)` does.
    ///
    /// - Parameters:
    ///   - inputs: `[B, D]`.
    ///   - hidden: `[B, H]`; read, then overwritten.
    ///   - scratch: from `makeScratch`.
    package func step(
        inputs: Span<Float>, hidden: inout MutableSpan<Float>, scratch: inout SRAScratch
    ) {
        gru.step(inputs: inputs, hidden: &hidden, level: level, scratch: &scratch.gru)
    }

    /// Advances one user's hidden state over several rows, oldest first.
    ///
    /// - Parameters:
    ///   - rows: `[count, D]` binary16 bit patterns.
    ///   - count: T ≥ 0.
    ///   - hidden: `[H]`; read, then overwritten.
    ///   - scratch: from `makeScratch`.
    package func replay(
        rows: Span<UInt16>, count: Int, hidden: inout MutableSpan<Float>,
        scratch: inout SRAScratch
    ) {
        precondition(rows.count == count * inputWidth, "SRAEncoder: rows of \(rows.count)")
        for t in 0..<count {
            let row = rows.extracting(t * inputWidth..<(t + 1) * inputWidth)
            step(rows: row, hidden: &hidden, scratch: &scratch)
        }
    }

    /// The latent vectors of B hidden states.
    ///
    /// - Parameters:
    ///   - hidden: `[B, H]`.
    ///   - latents: `[B, Z]`; overwritten.
    package func latent(hidden: Span<Float>, into latents: inout MutableSpan<Float>) {
        latent.apply(hidden, into: &latents, level: level)
    }

    /// One user's latent vector `[Z]` from the whole sequence of rows, h₀ = 0.
    ///
    /// - Parameters:
    ///   - rows: `[count, D]` binary16 bit patterns, oldest first.
    ///   - count: T ≥ 0; without rows the result is that of h = 0.
    /// - Returns: `[Z]`.
    package func encode(rows: Span<UInt16>, count: Int) -> [Float] {
        var scratch = makeScratch()
        var hidden = [Float](repeating: 0, count: hiddenWidth)
        var state = hidden.mutableSpan
        replay(rows: rows, count: count, hidden: &state, scratch: &scratch)
        var result = [Float](repeating: 0, count: latentWidth)
        var latents = result.mutableSpan
        latent(hidden: hidden.span, into: &latents)
        return result
    }
}

/// Memory that `SRAEncoder` overwrites; make one a thread and keep it.
package struct SRAScratch: Sendable {
    var inputs: [Float]
    var gru: GRUScratch

    init(inputWidth: Int, hiddenWidth: Int) {
        inputs = Array(repeating: 0, count: inputWidth * 64)
        gru = GRUScratch(hiddenWidth: hiddenWidth)
    }

    mutating func reserve(_ count: Int) {
        if inputs.count < count { inputs = Array(repeating: 0, count: count) }
    }
}
