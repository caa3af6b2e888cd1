import Features
import Kernels

/// The sequence-reconstruction autoencoder, and future-interaction prediction, which differs in its
/// target alone (reference §3, §4).
///
///     h = GRU(rows),  h₀ = 0        z = W h_T + b
///     g = GRU(z, z, …), g₀ = 0      ŷ_t = V g_t + c
///     loss = Σ_rows weight · ‖keep ⊙ (ŷ − y)‖² / number of target rows
///
/// Tensors are `encoder.*_l0`, `decoder.*_l0` (`nn.GRU`), `latent.*` and `output.*` (`nn.Linear`),
/// as `Encoders` reads them.
package struct SRANetwork<Scalar: TrainingScalar>: TrainableNetwork {
    /// What the network reads of some examples.
    package struct Shard: Sendable {
        /// Of the encoder.
        package let input: RowSequences<Scalar>
        /// Of the decoder; its sequences may be ordered otherwise than the input's.
        package let target: RowSequences<Scalar>
        /// `[R', D]` of 0 and 1; nil when all positions count.
        package let keep: Matrix<Scalar>?
        /// `[R', 1]` of the target's rows; nil for ones.
        package let weights: Matrix<Scalar>?

        package init(
            input: RowSequences<Scalar>, target: RowSequences<Scalar>,
            keep: Matrix<Scalar>? = nil, weights: Matrix<Scalar>? = nil
        ) {
            precondition(
                input.order.count == target.order.count, "SRANetwork: targets of other users")
            self.input = input
            self.target = target
            self.keep = keep
            self.weights = weights
        }

        /// For each target sequence, the input sequence of the same user; nil when all agree.
        var latentOrder: [Int32]? {
            guard input.order != target.order else { return nil }
            var place = [Int32](repeating: 0, count: input.order.count)
            for (index, user) in input.order.enumerated() { place[user] = Int32(index) }
            return target.order.map { place[$0] }
        }
    }

    /// What a forward pass leaves for the backward pass.
    package struct Trace: Sendable {
        /// `[B, Z]` in the input's order.
        package let latents: Matrix<Scalar>
        /// `[R', D]` in the target's wave order.
        package let reconstruction: Matrix<Scalar>
        let encoder: GRULayer.Pass<Scalar>
        let last: Matrix<Scalar>
        let decoder: GRULayer.Pass<Scalar>
    }

    /// Sizes, and what the loss is.
    package let configuration: SRAConfiguration
    /// Tensors in the order of `state_dict`.
    package let layout: ParameterLayout
    /// One: the reconstruction.
    package let terms: [LossTerm]
    private let encoder: GRULayer
    private let decoder: GRULayer
    private let latent: LinearLayer
    private let output: LinearLayer

    package init(_ configuration: SRAConfiguration) {
        self.configuration = configuration
        terms = [LossTerm(name: "reconstruction", weight: 1)]
        var layout = ParameterLayout()
        let hiddenWidth = configuration.hiddenWidth
        encoder = GRULayer(
            "encoder", inputWidth: configuration.inputWidth, hiddenWidth: hiddenWidth,
            in: &layout)
        decoder = GRULayer(
            "decoder", inputWidth: configuration.latentWidth, hiddenWidth: hiddenWidth,
            in: &layout)
        latent = LinearLayer(
            "latent", inputWidth: hiddenWidth, outputWidth: configuration.latentWidth,
            in: &layout)
        output = LinearLayer(
            "output", inputWidth: hiddenWidth, outputWidth: configuration.inputWidth,
            in: &layout)
        self.layout = layout
    }

    /// Rows of the target.
    package func counts(_ shard: Shard) -> [Double] { [Double(shard.target.batch.rowCount)] }

    /// One pass over a shard; see `TrainableNetwork`.
    package func run(
        _ shard: Shard, batchCounts: [Double], _ pass: NetworkPass<Scalar>
    ) -> [Double] {
        let trace = forward(shard, pass)
        let scale = terms[0].scale(batchCount: batchCounts[0])
        let sum = Scalar.squaredError(
            trace.reconstruction, target: shard.target.rows, keep: shard.keep,
            weights: shard.weights, scale: Scalar(scale))
        if pass.wantsGradients { backward(trace, shard, pass) }
        return [sum]
    }

    /// Latent vectors and reconstruction of a shard.
    package func forward(_ shard: Shard, _ pass: NetworkPass<Scalar>) -> Trace {
        let encoded = encoder.forward(
            .perRow(shard.input.rows), batch: shard.input.batch, pass)
        let last = encoder.last(encoded, pass)
        let latents = latent.forward(last, pass)
        let ordered =
            shard.latentOrder.map { pass.gathered(latents, $0, as: "ordered") } ?? latents
        let decoded = decoder.forward(
            .perSequence(ordered), batch: shard.target.batch, pass)
        return Trace(
            latents: latents, reconstruction: output.forward(decoded.states, pass),
            encoder: encoded, last: last, decoder: decoded)
    }

    /// Adds all gradients, once the reconstruction's numbers are the loss's gradient.
    private func backward(_ trace: Trace, _ shard: Shard, _ pass: NetworkPass<Scalar>) {
        let dDecoded = output.backward(trace.reconstruction, x: trace.decoder.states, pass)
        let users = trace.latents.rows
        let dOrdered = pass.matrix("dOrdered", rows: users, columns: trace.latents.columns)
        decoder.backward(trace.decoder, dStates: dDecoded, dInputs: dOrdered, pass)
        let dLatents =
            shard.latentOrder.map {
                pass.scattered(dOrdered, $0, rows: users, as: "dLatents")
            } ?? dOrdered
        let dLast = latent.backward(dLatents, x: trace.last, pass)
        encoder.backward(trace.encoder, dLast: dLast, pass)
    }
}

extension SRANetwork {
    /// SRA's target is the rows themselves, FIP's those after the cut; traps unless D is 64.
    package func shard(_ examples: [TrainingExample]) -> Shard {
        precondition(
            configuration.inputWidth == RowLayout.width,
            "SRANetwork: rows of \(configuration.inputWidth)")
        let own = OrderedRows(examples.map(\.rows), width: RowLayout.width)
        let input = RowSequences<Scalar>(own, width: RowLayout.width)
        switch configuration.target {
        case .ownRows:
            return Shard(input: input, target: input, keep: keep(own))
        case .futureRows(let emptyWeight):
            let futures = OrderedRows(
                examples.map { $0.futureRows.isEmpty ? RowMask.emptyFutureRow : $0.futureRows },
                width: RowLayout.width)
            let target = RowSequences<Scalar>(futures, width: RowLayout.width)
            let weights = Matrix<Scalar>(rows: target.batch.rowCount, columns: 1)
            weights.fill(1)
            // A future without rows has one, in the first wave.
            for (place, user) in target.order.enumerated() where examples[user].futureRows.isEmpty {
                weights[target.batch.row(of: place, at: 0), 0] = Scalar(emptyWeight)
            }
            return Shard(input: input, target: target, keep: keep(futures), weights: weights)
        }
    }

    /// `[R', 64]` the mask of target rows; nil when the configuration masks nothing.
    private func keep(_ target: OrderedRows<UInt16>) -> Matrix<Scalar>? {
        guard configuration.masksUnusedPositions else { return nil }
        let keep = Matrix<Scalar>(rows: target.batch.rowCount, columns: RowLayout.width)
        Scalar.widen(RowMask.keep(target.numbers), into: keep)
        return keep
    }
}

/// Sizes and target of an `SRANetwork`; the published ones by default.
package struct SRAConfiguration: Sendable, Equatable {
    /// What is reconstructed.
    package enum Target: Sendable, Equatable {
        /// The rows that were read: SRA.
        case ownRows
        /// The rows after the cut, or one empty-future row whose errors have this weight: FIP.
        case futureRows(emptyWeight: Double)
    }

    /// D.
    package var inputWidth = RowLayout.width
    /// H of both GRUs.
    package var hiddenWidth = 256
    /// Z.
    package var latentWidth = 128
    /// What the decoder is to give.
    package var target: Target
    /// Whether positions that a row's kind does not use are left out of the loss.
    package var masksUnusedPositions = true

    package init(target: Target) { self.target = target }

    /// Reconstructs its own rows (reference §3).
    package static let sra = Self(target: .ownRows)
    /// Predicts the rows after the cut (reference §4).
    package static let fip = Self(target: .futureRows(emptyWeight: 0.8))
}

extension LossTerm {
    /// λ over the batch's count; 0 when the batch has none.
    func scale(batchCount: Double) -> Double { batchCount > 0 ? weight / batchCount : 0 }
}
