import Kernels
import Storage

/// A network that a trainer can train: it knows its weights' layout, makes shards of examples, and
/// adds the gradient of a shard's loss.
///
/// A batch's loss is Σ over its terms of λ · (sum over the batch) / (count over the batch): means
/// over the whole batch, not over a shard, so that the number of shards is a matter of speed alone
/// (up to rounding; it is fixed, so results do not depend on threads).
package protocol TrainableNetwork<Scalar>: Sendable {
    associatedtype Scalar: TrainingScalar
    /// What the network reads of some examples, laid out for computing.
    associatedtype Shard: Sendable

    /// Names, shapes and initial values of all weights.
    var layout: ParameterLayout { get }
    /// Names of the loss's terms, such as `churn`, and their λ.
    var terms: [LossTerm] { get }

    /// Lays out examples, none of which is without rows; sorts them by length as it needs.
    func shard(_ examples: [TrainingExample]) -> Shard

    /// What each term's sum over this shard counts: rows, labels. `[terms]`.
    func counts(_ shard: Shard) -> [Double]

    /// Why `shard` would trap on an example, such as a label beyond the outputs; nil when it would
    /// not.
    func flaw(of example: TrainingExample) -> String?

    /// The forward pass, and when `pass` has gradients the backward pass.
    ///
    /// - Parameters:
    ///   - shard: from `shard(_:)`.
    ///   - batchCounts: `[terms]` over all shards of the batch; a term of count 0 adds nothing.
    ///   - pass: weights, only read; gradients, `[1, layout.count]`, to which that of
    ///     Σ λ · sum / batchCount is added or written, nil for evaluation; draws, nil for evaluation; the
    ///     workspace of the calling thread.
    /// - Returns: each term's sum over this shard, `[terms]`.
    func run(
        _ shard: Shard, batchCounts: [Double], _ pass: NetworkPass<Scalar>
    ) -> [Double]
}

extension TrainableNetwork {
    /// Every example will do.
    package func flaw(of example: TrainingExample) -> String? { nil }

    /// `run` of a pass with these parts.
    package func run(
        _ shard: Shard, weights: Matrix<Scalar>, gradients: Matrix<Scalar>?,
        batchCounts: [Double], dropout: DropoutSource?, precision: ProductPrecision,
        workspace: Workspace<Scalar>
    ) -> [Double] {
        run(
            shard, batchCounts: batchCounts,
            NetworkPass(
                layout: layout, weights: weights, gradients: gradients, dropout: dropout,
                precision: precision, workspace: workspace))
    }
}

/// One term of a loss.
package struct LossTerm: Sendable, Equatable {
    package let name: String
    /// λ ≥ 0.
    package let weight: Double

    package init(name: String, weight: Double) {
        self.name = name
        self.weight = weight
    }
}

/// Where a training step's dropout masks come from: a pure function of seed, step, shard and layer.
package struct DropoutSource: Sendable, Equatable {
    private let key: UInt64

    package init(seed: UInt64, step: Int, shard: Int) {
        key = Self.mixed(Self.mixed(seed, UInt64(step)), UInt64(shard))
    }

    /// The mask of the dropout numbered `layer` in its network.
    package func mask(layer: Int, probability: Double) -> DropoutMask {
        DropoutMask(
            probability: probability, key: Self.mixed(key, UInt64(layer)), firstCounter: 0)
    }

    private static func mixed(_ left: UInt64, _ right: UInt64) -> UInt64 {
        SeededRandom.mix(SeededRandom.mix(left &+ 0x9E37_79B9_7F4A_7C15) ^ right)
    }
}

/// Memory that a network's passes overwrite, kept from batch to batch: one a thread.
///
/// Asking for a name again gives the same memory, so a name is used once within a pass.
package final class Workspace<Scalar: TrainingScalar> {
    private var matrices: [String: Matrix<Scalar>] = [:]

    package init() {}

    /// A view of `[rows, columns]` with unspecified contents.
    package func matrix(_ name: String, rows: Int, columns: Int) -> Matrix<Scalar> {
        let needed = rows * columns
        if let kept = matrices[name], kept.count >= needed {
            return kept.part(at: 0, rows: rows, columns: columns)
        }
        // A quarter more, since ragged batches differ.
        let made = Matrix<Scalar>(rows: 1, columns: needed + needed / 4)
        matrices[name] = made
        return made.part(at: 0, rows: rows, columns: columns)
    }

    /// The same, all zeros.
    package func zeros(_ name: String, rows: Int, columns: Int) -> Matrix<Scalar> {
        let matrix = matrix(name, rows: rows, columns: columns)
        matrix.fill(0)
        return matrix
    }
}
