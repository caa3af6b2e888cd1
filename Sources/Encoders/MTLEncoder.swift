import Kernels
import Storage

/// The multi-task network in evaluation (reference §5.1): a user's latent vector and three tasks'
/// logits, from the user's last rows.
///
///     s = transformer(GRU stack(rows))        a = LN(mean over rows of s)
///     m = LN(GELU(W₂ LN(GELU(W₁ a + b₁)) + b₂))     z = W (a + m) + b
///     logits of a task = W₆ GELU(W₃ GELU(W₀ z + b₀) + b₃) + b₆
///
/// The transformer looks at the last N rows, and the GRU goes on from its state before the oldest
/// of them: the caller keeps that state, and advances it by `step` over each row that leaves the
/// window. A user's results depend on that user's rows and state alone, in Float32, bit for bit:
/// not on the batch, the order of users in it, or the instruction level (`PackedGRU`,
/// `PackedLinear`, `FloatKernels`).
package struct MTLEncoder: Sendable {
    /// Rows computed side by side, at most, unless one user has more; bounds memory, and no more.
    package static let rowsAtOnce = 256

    /// D, the width of a row.
    package var inputWidth: Int { stack.inputWidth }
    /// S, the width of a state: the GRUs' hidden widths together.
    package var stateWidth: Int { stack.stateWidth }
    /// Z, the width of the latent vector.
    package var latentWidth: Int { latent.outputWidth }
    /// The vector instructions in use; they do not change results.
    package var level: InstructionLevel { kernels.level }

    private let kernels: FloatKernels
    private let stack: PackedGRUStack
    private let transformer: PackedTransformer
    private let poolNorm: LayerNorm
    private let linear1: PackedLinear
    private let norm1: LayerNorm
    private let linear2: PackedLinear
    private let norm2: LayerNorm
    private let latent: PackedLinear
    /// Three layers of each task: churn, categories, items.
    private let heads: [[PackedLinear]]

    /// Builds the encoder from the network's tensors.
    ///
    /// - Parameters:
    ///   - tensors: PyTorch's names, as `MTLTensors` lists them, any order.
    ///   - attentionHeads: 2 as published; no tensor tells.
    ///   - level: a level this machine supports.
    /// - Throws: the first tensor that is missing, foreign, misshapen or not finite.
    package init(
        tensors: [NamedTensor], attentionHeads: Int = 2, level: InstructionLevel
    ) throws(EncoderError) {
        let checked = try MTLTensors(tensors)
        let tensors = checked.tensors
        kernels = FloatKernels(level: level)
        stack = checked.stack
        transformer = PackedTransformer(tensors, "transformer", heads: attentionHeads)
        poolNorm = tensors.norm("pool_norm")
        linear1 = tensors.linear("mlp.linear1")
        norm1 = tensors.norm("mlp.norm1")
        linear2 = tensors.linear("mlp.linear2")
        norm2 = tensors.norm("mlp.norm2")
        latent = tensors.linear("latent")
        heads = MTLTensors.tasks.map { task in
            [0, 3, 6].map { tensors.linear("\(task).\($0)") }
        }
    }

    /// Memory for `step`; make one a thread and keep it.
    package func makeScratch() -> MTLScratch { MTLScratch(gru: stack.makeScratch()) }

    /// Advances B users' states by one row each, the one that leaves their windows.
    ///
    /// - Parameters:
    ///   - rows: `[B, D]` binary16 bit patterns.
    ///   - states: `[B, S]`; read, then overwritten.
    ///   - scratch: from `makeScratch`.
    package func step(
        rows: Span<UInt16>, states: inout MutableSpan<Float>, scratch: inout MTLScratch
    ) {
        let count = rows.count / inputWidth
        precondition(rows.count == count * inputWidth, "MTLEncoder: rows of \(rows.count)")
        precondition(states.count == count * stateWidth, "MTLEncoder: states of \(states.count)")
        var layers = stack.split(states.span, order: Array(0..<count))
        _ = stack.step(
            widened(rows), states: &layers, kernels: kernels, scratch: &scratch.gru)
        var start = 0
        for (layer, values) in zip(stack.layers, layers) {
            for user in 0..<count {
                for place in 0..<layer.hiddenWidth {
                    states[user * stateWidth + start + place] =
                        values[user * layer.hiddenWidth + place]
                }
            }
            start += layer.hiddenWidth
        }
    }

    /// Latent vectors and logits of B users.
    ///
    /// - Parameters:
    ///   - rows: `[Σ T_u, D]` binary16 bit patterns of the users' windows, one user after another,
    ///     each oldest first.
    ///   - lengths: `[B]` T_u ≥ 0; the mean over no rows is taken to be 0.
    ///   - states: `[B, S]` before the oldest row of each, or empty when all are 0.
    /// - Returns: `[B, …]` of each output, in the order given.
    /// - Complexity: O(Σ T²) in the attention; allocates for `rowsAtOnce` rows.
    package func encode(
        rows: Span<UInt16>, lengths: [Int], states: Span<Float>
    ) -> MTLOutputs {
        var outputs = MTLOutputs()
        for chunk in chunks(lengths, rows.count, states.count) {
            let inputs = widened(rows.extracting(chunk.inputs))
            append(
                means(inputs, Array(lengths[chunk.users]), states.extracting(chunk.states)),
                to: &outputs)
        }
        return outputs
    }

    /// Latent vectors of B users, `[B, Z]`, as `encode(rows:)` gives them; no head is asked.
    ///
    /// - Parameters:
    ///   - rows: `[Σ T_u, D]` binary16 bit patterns, as for `encode`.
    ///   - lengths: `[B]`.
    ///   - states: `[B, S]`, or empty.
    /// - Returns: `[B, Z]`, in the order given.
    package func latents(
        rows: Span<UInt16>, lengths: [Int], states: Span<Float>
    ) -> [Float] {
        var latents: [Float] = []
        for chunk in chunks(lengths, rows.count, states.count) {
            let inputs = widened(rows.extracting(chunk.inputs))
            latents += self.latents(
                means(inputs, Array(lengths[chunk.users]), states.extracting(chunk.states)))
        }
        return latents
    }

    /// What the heads make of B latent vectors, `[B, Z]`.
    package func outputs(latents: [Float]) -> MTLOutputs {
        let logits = heads.map { head in
            let first = kernels.geluApplied(head[0], to: latents)
            return kernels.applied(head[2], to: kernels.geluApplied(head[1], to: first))
        }
        var outputs = MTLOutputs()
        outputs.latents = latents
        outputs.churn = logits[0]
        outputs.categories = logits[1]
        outputs.items = logits[2]
        return outputs
    }

    /// Latent vectors and logits of B users from rows of floats, as `encode(rows:)`.
    ///
    /// - Parameters:
    ///   - inputs: `[Σ T_u, D]`.
    ///   - lengths: `[B]`.
    ///   - states: `[B, S]`, or empty.
    /// - Returns: `[B, …]` of each output, in the order given.
    package func encode(
        inputs: Span<Float>, lengths: [Int], states: Span<Float>
    ) -> MTLOutputs {
        var outputs = MTLOutputs()
        for chunk in chunks(lengths, inputs.count, states.count) {
            let values = chunk.inputs.map { inputs[$0] }
            append(
                means(values, Array(lengths[chunk.users]), states.extracting(chunk.states)),
                to: &outputs)
        }
        return outputs
    }

    private struct Chunk {
        var users: Range<Int>
        /// Of the rows' numbers.
        var inputs: Range<Int>
        /// Of the states' numbers.
        var states: Range<Int>
    }

    /// Consecutive users of at most `rowsAtOnce` rows together, or one with more.
    private func chunks(_ lengths: [Int], _ inputCount: Int, _ stateCount: Int) -> [Chunk] {
        precondition(lengths.allSatisfy { $0 >= 0 }, "MTLEncoder: a negative length")
        precondition(
            inputCount == lengths.reduce(0, +) * inputWidth, "MTLEncoder: rows of \(inputCount)")
        precondition(
            stateCount == 0 || stateCount == lengths.count * stateWidth,
            "MTLEncoder: states of \(stateCount)")
        let width = stateCount == 0 ? 0 : stateWidth
        var chunks: [Chunk] = []
        var row = 0
        var first = 0
        while first < lengths.count {
            var end = first + 1
            var count = lengths[first]
            while end < lengths.count, count + lengths[end] <= Self.rowsAtOnce,
                end - first < Self.rowsAtOnce
            {
                count += lengths[end]
                end += 1
            }
            chunks.append(
                Chunk(
                    users: first..<end, inputs: row * inputWidth..<(row + count) * inputWidth,
                    states: first * width..<end * width))
            row += count
            first = end
        }
        return chunks
    }

    /// `[B, E]` the transformer's outputs, averaged over each user's rows.
    private func means(
        _ inputs: [Float], _ lengths: [Int], _ states: Span<Float>
    ) -> [Float] {
        let order = lengths.indices.filter { lengths[$0] > 0 }
            .sorted { (lengths[$1], $0) < (lengths[$0], $1) }
        let batch = RaggedBatch(lengths: order.map { lengths[$0] })
        var firstRows: [Int] = []
        for length in lengths { firstRows.append((firstRows.last ?? 0) + length) }
        let starts = order.map { firstRows[$0] - lengths[$0] }
        let encoded = encoded(inputs, starts, batch, states, order)
        let transformed = transformer(encoded, batch: batch, kernels: kernels)
        let width = transformer.width
        var sorted = [Float](repeating: 0, count: order.count * width)
        var span = sorted.mutableSpan
        kernels.meanRows(transformed.span, batch: batch, into: &span)
        var means = [Float](repeating: 0, count: lengths.count * width)
        for (place, user) in order.enumerated() {
            for column in 0..<width {
                means[user * width + column] = sorted[place * width + column]
            }
        }
        return means
    }

    /// `[R, E]` the GRU stack's outputs, in wave order; users in `order`, their rows from `starts`.
    private func encoded(
        _ inputs: [Float], _ starts: [Int], _ batch: RaggedBatch, _ states: Span<Float>,
        _ order: [Int]
    ) -> [Float] {
        var layers =
            states.isEmpty
            ? stack.layers.map { [Float](repeating: 0, count: order.count * $0.hiddenWidth) }
            : stack.split(states, order: order)
        var scratch = stack.makeScratch()
        var encoded: [Float] = []
        encoded.reserveCapacity(batch.rowCount * stack.outputWidth)
        for wave in 0..<batch.waveCount {
            var rows: [Float] = []
            for start in starts[..<batch.wave(wave).count] {
                let first = (start + wave) * inputWidth
                rows += inputs[first..<first + inputWidth]
            }
            encoded += stack.step(rows, states: &layers, kernels: kernels, scratch: &scratch)
        }
        return encoded
    }

    /// Everything after the mean.
    private func append(_ means: [Float], to outputs: inout MTLOutputs) {
        let made = self.outputs(latents: latents(means))
        outputs.latents += made.latents
        outputs.churn += made.churn
        outputs.categories += made.categories
        outputs.items += made.items
    }

    /// `[B, Z]` of the means, `[B, E]`.
    private func latents(_ means: [Float]) -> [Float] {
        var pooled = means
        kernels.normalise(&pooled, poolNorm)
        var hidden = kernels.geluApplied(linear1, to: pooled)
        kernels.normalise(&hidden, norm1)
        var sum = kernels.geluApplied(linear2, to: hidden)
        kernels.normalise(&sum, norm2)
        kernels.add(pooled, to: &sum)
        return kernels.applied(latent, to: sum)
    }

    private func widened(_ rows: Span<UInt16>) -> [Float] {
        var values = [Float](repeating: 0, count: rows.count)
        var span = values.mutableSpan
        widen(rows, into: &span, level: level)
        return values
    }
}

/// What `MTLEncoder` makes of B users.
package struct MTLOutputs: Sendable, Equatable {
    /// `[B, Z]` z.
    package var latents: [Float] = []
    /// `[B, 1]` the logit that nothing will be bought.
    package var churn: [Float] = []
    /// `[B, C]` a logit for each target category.
    package var categories: [Float] = []
    /// `[B, I]` a logit for each target item.
    package var items: [Float] = []

    /// Of no users.
    package init() {}
}

/// Memory that `MTLEncoder.step` overwrites; make one a thread and keep it.
package struct MTLScratch: Sendable {
    var gru: [GRUScratch]
}
