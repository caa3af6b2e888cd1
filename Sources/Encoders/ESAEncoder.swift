import Features
import Kernels
import Storage

/// The encoder of the event-sequence autoencoder (DESIGN §5): a GRU over tokens, each the sum of
/// its fields' embeddings.
///
///     h ← GRU(Σ_f E_f[index_f], h),  h₀ = 0
///
/// A read takes one step more, with END: a token of a kind of its own, whose gap is the bucketed
/// time from the last event to `as_of`. A user's state depends on that user's tokens alone, in
/// Float32, bit for bit: not on the batch, nor on the instruction level.
package struct ESAEncoder: Sendable {
    /// The fields of a token in order; each names its embedding table and its output layer.
    package static let fields = ESAField.allCases.map(\.name)

    /// E, the width of an embedding.
    package let embeddingWidth: Int
    /// H, the width of a hidden state: 256 in the product.
    package var hiddenWidth: Int { gru.hiddenWidth }
    /// Values of each field that a token may have, in the order of `fields`.
    package let valueCounts: [Int]
    /// The vector instructions in use; they do not change results.
    package var level: InstructionLevel { kernels.level }

    private let kernels: FloatKernels
    private let tables: [[Float]]
    private let gru: PackedGRU

    /// Builds the encoder from the network's tensors; the decoder's are checked, not kept.
    ///
    /// - Parameters:
    ///   - tensors: PyTorch's names, `embeddings.kind.weight` …, `encoder.*`, `decoder.*`,
    ///     `heads.kind.*` …, any order.
    ///   - level: a level this machine supports.
    /// - Throws: the first tensor that is missing, foreign, misshapen or not finite.
    package init(tensors: [NamedTensor], level: InstructionLevel) throws(EncoderError) {
        let checked = try CheckedTensors(tensors)
        let input = try checked.matrix("encoder.weight_ih_l0").columns
        let hidden = try checked.matrix("encoder.weight_hh_l0").columns
        var wanted: [TensorShape] = []
        var counts: [Int] = []
        for field in Self.fields {
            counts.append(try checked.matrix("heads.\(field).weight").rows)
        }
        for (field, count) in zip(Self.fields, counts) {
            // START is a kind that is read and never predicted.
            let rows = count + (field == "kind" ? 1 : 0)
            wanted.append(("embeddings.\(field).weight", [rows, input]))
            wanted += TensorShapes.linear("heads.\(field)", hidden, count)
        }
        wanted += TensorShapes.gru("encoder", input, hidden)
        wanted += TensorShapes.gru("decoder", input, hidden)
        try checked.check(wanted, tensors)
        embeddingWidth = input
        valueCounts = counts
        kernels = FloatKernels(level: level)
        tables = Self.fields.map { checked.values("embeddings.\($0).weight") }
        gru = checked.gru("encoder")
    }

    /// A token as the encoder reads it: its fields' indices, `[7]`, in the order of `fields`.
    package static func indices(_ token: RowToken) -> [Int32] {
        [
            token.type, token.category, token.price, token.item, token.url, token.weekday,
            token.gap,
        ]
    }

    /// Memory for `step` and `ended`; make one a thread and keep it.
    package func makeScratch() -> GRUScratch { GRUScratch(hiddenWidth: hiddenWidth) }

    /// Advances B users' hidden states by one token each.
    ///
    /// - Parameters:
    ///   - tokens: `[B, 7]` indices in the order of `fields`; −1 where a row type has no such field.
    ///   - hidden: `[B, H]`; read, then overwritten.
    ///   - scratch: from `makeScratch`.
    package func step(
        tokens: [Int32], hidden: inout MutableSpan<Float>, scratch: inout GRUScratch
    ) {
        let width = Self.fields.count
        let count = tokens.count / width
        precondition(tokens.count == count * width, "ESAEncoder: tokens of \(tokens.count)")
        guard count > 0 else { return }
        var sums = [Float](repeating: 0, count: count * embeddingWidth)
        for (field, table) in tables.enumerated() {
            let indices = (0..<count).map { tokens[$0 * width + field] }
            var rows = sums.mutableSpan
            kernels.addLookup(table.span, indices: indices, to: &rows)
        }
        gru.step(inputs: sums.span, hidden: &hidden, level: level, scratch: &scratch)
    }

    /// The vectors of B users as of a time: their hidden states after one more token, END.
    ///
    /// - Parameters:
    ///   - hidden: `[B, H]` after the last row of each; only read.
    ///   - buckets: `[B]` log-bucketed time from the last event to `as_of`.
    ///   - scratch: from `makeScratch`.
    /// - Returns: `[B, H]`.
    package func ended(
        hidden: Span<Float>, buckets: [UInt8], scratch: inout GRUScratch
    ) -> [Float] {
        precondition(
            hidden.count == buckets.count * hiddenWidth, "ESAEncoder: hidden of \(hidden.count)")
        var states = hidden.indices.map { hidden[$0] }
        var span = states.mutableSpan
        let kind = Int32(valueCounts[0] - 1)
        let tokens = buckets.flatMap { bucket -> [Int32] in
            [kind, -1, -1, -1, -1, -1, Int32(bucket)]
        }
        step(tokens: tokens, hidden: &span, scratch: &scratch)
        return states
    }
}
