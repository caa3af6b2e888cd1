import Kernels
import Storage

/// How a network is trained; the defaults are PyTorch's where the paper names none.
package struct TrainerOptions: Sendable {
    /// When training ends before its last epoch.
    package struct EarlyStopping: Sendable, Hashable {
        /// Epochs in a row without a better validation loss after which training stops, ≥ 1; the
        /// weights are then those of the best epoch.
        package var patience: Int

        package init(patience: Int) {
            precondition(patience >= 1, "EarlyStopping: patience \(patience)")
            self.patience = patience
        }
    }

    /// What the network is called in progress, errors and checkpoints.
    package var name: String
    /// Whatever else the result depends on, such as dropout rates: a checkpoint belongs to it.
    package var settings: [String] = []
    package var seed: UInt64
    package var epochCount: Int
    package var sizes: BatchPlan.Sizes
    /// Most examples that an epoch trains on, ≥ 1: the next so many (`EpochSample`).
    ///
    /// It looks at a tenth as many held-out ones. Nil takes all of both.
    package var epochExampleLimit: Int?
    /// Shards of a batch, whose gradients are added in order: enters the result, threads do not.
    package var shardCount = 2
    /// Threads that compute shards; more than there are shards are of no use.
    package var threadCount = 1
    /// Of its threads at least, as `ThreadExecutor` takes it, 0…19.
    package var niceness: Int32 = 0
    /// η.
    package var learningRate = 1e-3
    /// λ of the optimiser.
    package var weightDecay = 0.0
    /// AdamW when true, else Adam.
    package var isDecoupled = false
    /// Largest norm of the gradient (torch.nn.utils.clip_grad_norm_); nil does not clip.
    package var clipNorm: Double? = 1.0
    /// Of matrix products.
    package var precision = ProductPrecision.float32
    /// Nil trains every epoch and keeps the last, as published; else needs held-out examples.
    package var earlyStopping: EarlyStopping?
    /// Where checkpoints are kept, in a directory that exists; nil keeps none.
    package var checkpointPath: String?
    /// Steps after which a checkpoint is written, ≥ 1, and seconds, whichever comes first; one is
    /// also written at the end of each epoch.
    package var checkpointSteps = 1000
    package var checkpointSeconds = 120.0

    package init(name: String, seed: UInt64, epochCount: Int, sizes: BatchPlan.Sizes) {
        self.name = name
        self.seed = seed
        self.epochCount = epochCount
        self.sizes = sizes
    }

    /// The options of a published training.
    package init(name: String, seed: UInt64, recipe: TrainingRecipe) {
        self.init(
            name: name, seed: seed, epochCount: recipe.epochCount,
            sizes: BatchPlan.Sizes(batchCount: recipe.batchSize))
        learningRate = recipe.learningRate
        weightDecay = recipe.weightDecay
        isDecoupled = recipe.isDecoupled
        clipNorm = recipe.largestGradientNorm
    }

    /// Of held-out examples, how many at most are looked at after an epoch; nil for all.
    package var validationLimit: Int? { epochExampleLimit.map { max(1, $0 / 10) } }

    private static func hash(_ weights: Matrix<Float>) -> UInt64 {
        var hash = StableHash64()
        for value in weights.values { hash.update(UInt64(value.bitPattern)) }
        return hash.value
    }

    /// Everything that the result depends on, as lines `key = value`.
    func lines(
        layout: ParameterLayout, terms: [LossTerm], training: UInt64, validation: UInt64,
        start: Matrix<Float>? = nil
    ) -> [String] {
        precondition(
            epochCount > 0 && shardCount > 0 && threadCount > 0 && checkpointSteps > 0,
            "TrainerOptions: \(name): counts must be positive")
        return [
            "network = \(name)",
            "tensors = \(layout.entries.map { "\($0.name)\($0.shape)" }.joined(separator: " "))",
            "terms = \(terms.map { "\($0.name) \($0.weight)" }.joined(separator: ", "))",
            "seed = \(seed)", "epochs = \(epochCount)",
            "examples an epoch = \(epochExampleLimit.map { "\($0)" } ?? "all")",
            "batch = \(sizes.batchCount)",
            "window = \(sizes.windowCount)", "shards = \(shardCount)",
            "learning rate = \(learningRate)", "weight decay = \(weightDecay)",
            "decoupled = \(isDecoupled)", "clip = \(clipNorm.map { "\($0)" } ?? "none")",
            "precision = \(precision.rawValue)",
            "patience = \(earlyStopping.map { "\($0.patience)" } ?? "none")",
            "training examples = \(training)", "held-out examples = \(validation)",
        ] + (start.map { ["start = \(Self.hash($0))"] } ?? []) + settings
    }
}

/// How far a training has come; rates come from the clock and enter nothing else.
package struct TrainingProgress: Sendable {
    package var network: String
    /// From 0, of `epochCount`.
    package var epoch: Int
    package var epochCount: Int
    /// Optimiser steps taken in all, and in this epoch of so many.
    package var step: Int
    package var epochStep: Int
    package var epochStepCount: Int
    /// The last batch's mean of each term, by the term's name.
    package var losses: [(name: String, loss: Double)]
    /// Before clipping.
    package var gradientNorm: Double
    /// Rows learned from per second since this process began; 0 while unknown.
    package var rowsPerSecond: Double
    /// Until the last epoch ends; nil while unknown.
    package var secondsLeft: Double?
}

/// What an epoch came to.
package struct EpochReport: Sendable, Equatable {
    /// Mean of each term over the epoch, in the order of the network's terms.
    package var training: [Double]
    /// The same over the held-out examples, after the epoch; empty when there are none.
    package var validation: [Double]
}

/// What a training came to.
package struct TrainingResult: Sendable {
    /// `[1, layout.count]`: of the last epoch, or of the best when stopping early.
    package var weights: Matrix<Float>
    /// By epoch.
    package var epochs: [EpochReport]
    /// The epoch, from 0, whose weights these are; −1 when none was better than a warm start.
    package var epoch: Int
    /// Optimiser steps in all.
    package var stepCount: Int
}
