import Encoders
import Features
import Kernels

/// The event-sequence autoencoder: rows as tokens, reconstructed one by one (DESIGN §5).
///
/// A token x_t is the sum of the embeddings of its fields; a row type without a field adds nothing
/// for it. The encoder reads the T rows and then END, which carries the bucketed time from the last
/// event to the cut; its last hidden state is the user's part of the profile:
///
///     h = GRU(x_1 … x_T, END),   h₀ = 0
///
/// The decoder begins with that state and is taught by the truth (teacher forcing): at step t it
/// reads row t − 1, START at the first step, and predicts each field of row t from its new hidden
/// state; at step T + 1 it reads row T and predicts END and its bucket:
///
///     g_t = GRU(x_{t−1}, g_{t−1}),   g₀ = h,   x₀ = START
///     loss = Σ_fields (Σ_t cross-entropy(W_f g_t + b_f, field f of token t)) / labels of f
///
/// where t runs over the tokens whose type has field f: END has a type and a gap alone.
///
/// Tensors are `embeddings.kind.weight` … (`nn.ModuleDict` of `nn.Embedding`), `encoder.*_l0`,
/// `decoder.*_l0` (`nn.GRU`) and `heads.kind.weight`, `heads.kind.bias` … (`nn.ModuleDict` of
/// `nn.Linear`), fields in the order of `ESAField`.
package struct ESANetwork<Scalar: TrainingScalar>: TrainableNetwork {
    /// What the network reads of some examples.
    package struct Shard: Sendable {
        /// Of the encoder's tokens, and equally of the decoder's: T_u + 1 each.
        package let batch: RaggedBatch
        /// Which of the given examples each of the batch's is, `[B]`.
        package let order: [Int]
        /// For each field, its index in each token that the encoder reads, `[fields][R]`.
        let read: [[Int32]]
        /// The same of what the decoder reads.
        let shifted: [[Int32]]
        /// For each field, the tokens that have it, ascending.
        let places: [[Int32]]
        /// For each field, its indices in those tokens.
        let labels: [[Int32]]
    }

    /// Sizes, and what the loss is.
    package let configuration: ESAConfiguration
    /// Tensors in the order of `state_dict`.
    package let layout: ParameterLayout
    /// One a field, all of weight 1.
    package let terms: [LossTerm]
    private let tables: [ParameterLayout.Parameter]
    private let encoder: GRULayer
    private let decoder: GRULayer
    private let heads: [LinearLayer]

    package init(_ configuration: ESAConfiguration) {
        self.configuration = configuration
        let fields = ESAField.allCases
        terms = fields.map { LossTerm(name: $0.name, weight: 1) }
        var layout = ParameterLayout()
        let width = configuration.embeddingWidth
        // `nn.Embedding` begins in N(0, 1); the sum of seven such would saturate the GRU's gates.
        tables = fields.map {
            layout.add(
                "embeddings.\($0.name).weight", [configuration.tableCount($0), width],
                .uniform(bound: 0.5))
        }
        encoder = GRULayer(
            "encoder", inputWidth: width, hiddenWidth: configuration.hiddenWidth, in: &layout)
        decoder = GRULayer(
            "decoder", inputWidth: width, hiddenWidth: configuration.hiddenWidth, in: &layout)
        heads = fields.map {
            LinearLayer(
                "heads.\($0.name)", inputWidth: configuration.hiddenWidth,
                outputWidth: configuration.outputCount($0), in: &layout)
        }
        self.layout = layout
    }

    /// Labels of each field.
    package func counts(_ shard: Shard) -> [Double] { shard.labels.map { Double($0.count) } }

    /// One pass over a shard; see `TrainableNetwork`.
    package func run(
        _ shard: Shard, batchCounts: [Double], _ pass: NetworkPass<Scalar>
    ) -> [Double] {
        let encoded = encode(shard, pass)
        let state = encoder.last(encoded, pass)
        let decoded = decoder.forward(
            .perRow(embedded(shard.shifted, as: "shifted", pass)), batch: shard.batch,
            initial: state, pass)
        let dDecoded = pass.workspace.zeros(
            "dDecoded", rows: shard.batch.rowCount, columns: configuration.hiddenWidth)
        let sums = heads.indices.map {
            runHead($0, shard, decoded.states, dDecoded, batchCounts[$0], pass)
        }
        if pass.wantsGradients { backward(shard, encoded, decoded, dDecoded, pass) }
        return sums
    }

    /// `[B, H]` the encoder's hidden states after END, in the shard's order.
    package func finalStates(
        _ shard: Shard, _ pass: NetworkPass<Scalar>
    ) -> Matrix<Scalar> {
        encoder.last(encode(shard, pass), pass)
    }

    /// What the decoder, taught by the truth, gives for a field of the tokens that have it.
    package struct Prediction: Sendable {
        /// `[n, V]`, in the workspace's memory.
        package let logits: Matrix<Scalar>
        /// `[n]` the field's true values.
        package let labels: [Int32]
        /// `[n]` the tokens' types, END included.
        package let kinds: [Int32]
    }

    /// Predictions of each field, in the order of `ESAField`.
    package func predictions(
        _ shard: Shard, _ pass: NetworkPass<Scalar>
    ) -> [Prediction] {
        let decoded = decoder.forward(
            .perRow(embedded(shard.shifted, as: "shifted", pass)), batch: shard.batch,
            initial: finalStates(shard, pass), pass)
        return heads.indices.map { field in
            let places = shard.places[field]
            let inputs = pass.gathered(decoded.states, places, as: "\(heads[field].name).x")
            return Prediction(
                logits: heads[field].forward(inputs, pass), labels: shard.labels[field],
                kinds: places.map { shard.read[ESAField.kind.rawValue][Int($0)] })
        }
    }

    private func encode(
        _ shard: Shard, _ pass: NetworkPass<Scalar>
    ) -> GRULayer.Pass<Scalar> {
        encoder.forward(
            .perRow(embedded(shard.read, as: "read", pass)), batch: shard.batch, pass)
    }

    /// `[R, E]` the sums of embeddings.
    private func embedded(
        _ indices: [[Int32]], as name: String, _ pass: NetworkPass<Scalar>
    ) -> Matrix<Scalar> {
        let sums = pass.workspace.zeros(
            name, rows: indices[0].count, columns: configuration.embeddingWidth)
        for (table, indices) in zip(tables, indices) {
            Scalar.addLookup(pass.weight(table), indices: indices, to: sums)
        }
        return sums
    }

    /// One field's loss, and its gradient added to that of the decoder's hidden states.
    private func runHead(
        _ field: Int, _ shard: Shard, _ states: Matrix<Scalar>, _ dStates: Matrix<Scalar>,
        _ batchCount: Double, _ pass: NetworkPass<Scalar>
    ) -> Double {
        let places = shard.places[field]
        guard !places.isEmpty else { return 0 }
        let head = heads[field]
        let inputs = pass.gathered(states, places, as: "\(head.name).x")
        let logits = head.forward(inputs, pass)
        let sum = Scalar.softmaxCrossEntropy(
            logits, labels: shard.labels[field],
            scale: Scalar(terms[field].scale(batchCount: batchCount)))
        if pass.wantsGradients {
            let dInputs = head.backward(logits, x: inputs, pass)
            Scalar.addLookupBackward(dInputs, indices: places, to: dStates)
        }
        return sum
    }

    private func backward(
        _ shard: Shard, _ encoded: GRULayer.Pass<Scalar>, _ decoded: GRULayer.Pass<Scalar>,
        _ dDecoded: Matrix<Scalar>, _ pass: NetworkPass<Scalar>
    ) {
        let rows = shard.batch.rowCount
        let width = configuration.embeddingWidth
        let dState = pass.matrix(
            "dState", rows: shard.batch.count, columns: configuration.hiddenWidth)
        let dTokens = pass.matrix("dTokens", rows: rows, columns: width)
        decoder.backward(
            decoded, dStates: dDecoded, dInitial: dState, dInputs: dTokens, pass)
        addTableGradients(dTokens, shard.shifted, pass)
        encoder.backward(encoded, dLast: dState, dInputs: dTokens, pass)
        addTableGradients(dTokens, shard.read, pass)
    }

    private func addTableGradients(
        _ dTokens: Matrix<Scalar>, _ indices: [[Int32]], _ pass: NetworkPass<Scalar>
    ) {
        for (table, indices) in zip(tables, indices) {
            Scalar.addLookupBackward(dTokens, indices: indices, to: pass.gradient(table))
        }
    }
}

extension ESANetwork {
    /// Tokens there are none of, or an index beyond its table: of another space's vocabulary.
    package func flaw(of example: TrainingExample) -> String? {
        guard !example.tokens.isEmpty else { return "it has no tokens" }
        let end = RowToken.end(bucket: example.endBucket)
        for field in ESAField.allCases {
            let count = configuration.outputCount(field)
            // START is read and never predicted; END stands behind the last row alone.
            let isBeyond = example.tokens.contains { field.index(in: $0) >= count }
            guard !isBeyond, field.index(in: end) < count else {
                return "a \(field.name) beyond \(count): examples of another vocabulary"
            }
        }
        return nil
    }

    /// Traps on an example with a flaw.
    package func shard(_ examples: [TrainingExample]) -> Shard {
        let (batch, order) = RaggedBatch.sorting(
            examples.map { example in
                if let flaw = flaw(of: example) { preconditionFailure("ESANetwork: \(flaw)") }
                return example.tokens.count + 1
            })
        var read = [RowToken](repeating: .start, count: batch.rowCount)
        var shifted = read
        for (place, user) in order.enumerated() {
            let tokens = examples[user].tokens + [.end(bucket: examples[user].endBucket)]
            for (step, token) in tokens.enumerated() {
                read[batch.row(of: place, at: step)] = token
                if step + 1 < tokens.count {
                    shifted[batch.row(of: place, at: step + 1)] = token
                }
            }
        }
        let fields = ESAField.allCases
        let indices = fields.map { field in read.map { field.index(in: $0) } }
        let places = indices.map { indices in
            indices.indices.filter { indices[$0] >= 0 }.map { Int32($0) }
        }
        return Shard(
            batch: batch, order: order, read: indices,
            shifted: fields.map { field in shifted.map { field.index(in: $0) } },
            places: places, labels: indices.map { $0.filter { $0 >= 0 } })
    }
}
