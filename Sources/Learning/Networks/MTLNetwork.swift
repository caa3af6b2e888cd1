import Features
import Kernels

/// The multi-task network (reference §5.1): three tasks on one latent vector z.
///
///     s = transformer(GRU stack(rows))        a = LN(mean over rows of s)
///     z = W drop(a + m(a)) + b                m: residual block
///     loss = λ₁ BCE(churn) + λ₂ mean BCE(categories) + λ₃ mean BCE(items)
///
/// Tensors load by `load_state_dict` into a module with the members
///
///     encoder       nn.ModuleList of nn.GRU
///     transformer   nn.TransformerEncoderLayer
///     pool_norm     nn.LayerNorm
///     mlp           a module with linear1, norm1, linear2, norm2
///     latent        nn.Linear
///     churn, category, item   nn.Sequential(Linear, GELU, Dropout, Linear, GELU, Dropout, Linear)
///
/// so they are named `encoder.0.weight_ih_l0`, `transformer.self_attn.in_proj_weight`,
/// `transformer.linear1.weight`, `pool_norm.weight`, `mlp.linear1.weight`, `mlp.norm1.weight`,
/// `latent.weight`, `churn.0.weight`, `churn.3.weight`, `churn.6.weight` and so on.
package struct MTLNetwork<Scalar: TrainingScalar>: TrainableNetwork {
    /// What the network reads of some examples.
    package struct Shard: Sendable {
        /// Of the encoder.
        package let input: RowSequences<Scalar>
        /// Of churn `[B, 1]`, categories `[B, C]` and items `[B, I]`, in the input's order.
        package let labels: [Matrix<Scalar>]

        package init(input: RowSequences<Scalar>, labels: [Matrix<Scalar>]) {
            self.input = input
            self.labels = labels
        }
    }

    /// What a forward pass leaves for the backward pass.
    package struct Trace: Sendable {
        /// `[B, Z]` in the input's order.
        package let latents: Matrix<Scalar>
        /// Of churn `[B, 1]`, categories `[B, C]` and items `[B, I]`.
        package var logits: [Matrix<Scalar>] { heads.map(\.logits) }
        let encoder: GRUStack.Trace<Scalar>
        let transformer: AttentionLayer.Trace<Scalar>
        let means: Matrix<Scalar>
        let residual: ResidualMLP.Trace<Scalar>
        let heads: [TaskHead.Trace<Scalar>]
    }

    /// Sizes, and what the loss is.
    package let configuration: MTLConfiguration
    /// Tensors in the order of `state_dict`.
    package let layout: ParameterLayout
    /// Churn, categories, items.
    package let terms: [LossTerm]
    /// Reads the rows.
    package let encoder: GRUStack
    let transformer: AttentionLayer
    let poolNorm: LayerNormLayer
    let residual: ResidualMLP
    let latent: LinearLayer
    let heads: [TaskHead]

    package init(_ configuration: MTLConfiguration) {
        self.configuration = configuration
        let names = MTLConfiguration.taskNames
        precondition(
            configuration.taskWeights.count == names.count
                && configuration.headWidths.count == 2, "MTLNetwork: \(configuration)")
        terms = zip(names, configuration.taskWeights).map { LossTerm(name: $0, weight: $1) }
        var layout = ParameterLayout()
        encoder = GRUStack(
            "encoder", inputWidth: configuration.inputWidth,
            widths: configuration.encoderWidths, dropout: configuration.encoderDropout,
            firstSite: MTLSite.encoder, in: &layout)
        let width = encoder.layers[encoder.layers.count - 1].hiddenWidth
        transformer = AttentionLayer(
            "transformer", width: width, heads: configuration.attentionHeads,
            forwardWidth: configuration.forwardWidth, dropout: configuration.attentionDropout,
            firstSite: MTLSite.attention, in: &layout)
        poolNorm = LayerNormLayer("pool_norm", width: width, in: &layout)
        residual = ResidualMLP(
            "mlp", width: width, hiddenWidth: configuration.residualWidth,
            dropout: configuration.residualDropout, site: MTLSite.residual, in: &layout)
        latent = LinearLayer(
            "latent", inputWidth: width, outputWidth: configuration.latentWidth, in: &layout)
        heads = names.indices.map { configuration.head(of: $0, in: &layout) }
        self.layout = layout
    }

    /// Users, users times categories, users times items.
    package func counts(_ shard: Shard) -> [Double] { shard.labels.map { Double($0.count) } }

    /// One pass over a shard; see `TrainableNetwork`.
    package func run(
        _ shard: Shard, batchCounts: [Double], _ pass: NetworkPass<Scalar>
    ) -> [Double] {
        let trace = forward(shard.input, pass)
        let sums = terms.indices.map { task in
            Scalar.binaryCrossEntropy(
                trace.logits[task], labels: shard.labels[task],
                scale: Scalar(terms[task].scale(batchCount: batchCounts[task])))
        }
        if pass.wantsGradients { backward(trace, shard.input.batch, pass) }
        return sums
    }

    /// Latent vectors and logits of users' rows.
    package func forward(
        _ input: RowSequences<Scalar>, _ pass: NetworkPass<Scalar>
    ) -> Trace {
        let encoded = encoder.forward(input.rows, batch: input.batch, pass)
        let transformed = transformer.forward(encoded.output, batch: input.batch, pass)
        let means = pass.matrix(
            "means", rows: input.batch.count, columns: encoded.output.columns)
        Scalar.meanRows(transformed.output, batch: input.batch, into: means)
        let pooled = residual.forward(poolNorm.forward(means, pass), pass)
        pass.drop(pooled.output, MTLSite.latent, configuration.residualDropout)
        let latents = latent.forward(pooled.output, pass)
        return Trace(
            latents: latents, encoder: encoded, transformer: transformed, means: means,
            residual: pooled, heads: heads.map { $0.forward(latents, pass) })
    }

    /// Adds all gradients, once the logits' numbers are the loss's gradient.
    private func backward(
        _ trace: Trace, _ batch: RaggedBatch, _ pass: NetworkPass<Scalar>
    ) {
        let dLatents = pass.workspace.zeros(
            "dLatents", rows: trace.latents.rows, columns: trace.latents.columns)
        // A task without weight has a gradient of zeros.
        for task in terms.indices where terms[task].weight > 0 {
            let head = trace.heads[task]
            Scalar.add(heads[task].backward(head.logits, head, pass), scale: 1, to: dLatents)
        }
        let dPooled = latent.backward(dLatents, x: trace.residual.output, pass)
        pass.drop(dPooled, MTLSite.latent, configuration.residualDropout)
        let dNormed = residual.backward(dPooled, trace.residual, pass)
        let dMeans = poolNorm.backward(dNormed, x: trace.means, pass)
        let dRows = pass.matrix(
            "dRows", rows: batch.rowCount, columns: trace.means.columns)
        Scalar.meanRowsBackward(dMeans, batch: batch, into: dRows)
        let dEncoded = transformer.backward(dRows, trace.transformer, pass)
        encoder.backward(dEncoded, trace.encoder, pass)
    }
}

extension MTLNetwork {
    /// No labels, or some beyond the outputs: of another space's target lists.
    package func flaw(of example: TrainingExample) -> String? {
        configuration.labelFlaw(of: example)
    }

    /// Traps on an example with a flaw, and unless D is 64.
    package func shard(_ examples: [TrainingExample]) -> Shard {
        precondition(
            configuration.inputWidth == RowLayout.width,
            "MTLNetwork: rows of \(configuration.inputWidth)")
        let input = RowSequences<Scalar>(halfs: examples.map(\.rows), width: RowLayout.width)
        // In the input's order.
        let ordered = input.order.map { examples[$0] }
        return Shard(
            input: input,
            labels: MTLConfiguration.taskNames.indices.map {
                configuration.labels(of: $0, ordered)
            })
    }
}

/// The dropouts' numbers; those between GRUs come last.
private enum MTLSite {
    static let attention = 0
    static let residual = 4
    static let latent = 5
    // 6…11 are the heads' (`MTLConfiguration.head`).
    static let encoder = 12
}
