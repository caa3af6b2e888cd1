import Kernels
import Storage

/// The decoder of the sequence-reconstruction autoencoder: what it makes of a latent vector.
///
///     s ← GRU(z, s),  s₀ = 0        ŷ = W s + b
///
/// The latent vector is the input of every step; nothing is fed back (reference §3). Serving needs
/// no decoder; training and its checks do.
package struct SRADecoder: Sendable {
    /// D, the width of a row.
    package let outputWidth: Int
    /// Z, the width of the latent vector.
    package let latentWidth: Int

    private let gru: PackedGRU
    private let output: PackedLinear
    private let level: InstructionLevel

    /// Builds the decoder from the network's twelve tensors.
    ///
    /// - Parameters:
    ///   - tensors: as for `SRAEncoder`.
    ///   - level: a level this machine supports.
    /// - Throws: the first tensor that is missing, foreign, misshapen or not finite.
    package init(tensors: [NamedTensor], level: InstructionLevel) throws(EncoderError) {
        let checked = try SRATensors(tensors)
        outputWidth = checked.inputWidth
        latentWidth = checked.latentWidth
        self.level = level
        gru = checked.gru("decoder")
        output = checked.linear("output")
    }

    /// Reconstructs a sequence of rows.
    ///
    /// - Parameters:
    ///   - latent: `[Z]`.
    ///   - count: T ≥ 0 rows.
    /// - Returns: `[T, D]`, oldest first.
    package func reconstruct(latent: Span<Float>, count: Int) -> [Float] {
        var scratch = GRUScratch(hiddenWidth: gru.hiddenWidth)
        var state = [Float](repeating: 0, count: gru.hiddenWidth)
        var states: [Float] = []
        for _ in 0..<count {
            var hidden = state.mutableSpan
            gru.step(inputs: latent, hidden: &hidden, level: level, scratch: &scratch)
            states += state
        }
        var rows = [Float](repeating: 0, count: count * outputWidth)
        var outputs = rows.mutableSpan
        output.apply(states.span, into: &outputs, level: level)
        return rows
    }
}
