import Encoders
import Events
import Features
import Kernels
import Learning
import Storage

/// Trains one of a space's networks from a file of examples (DESIGN §6, step 3).
package struct NetworkTraining: Sendable {
    /// What training is told from outside; the recipes are the published ones.
    package struct Options: Sendable {
        package var seed: UInt64
        /// In place of the recipe's epochs; nil keeps them.
        package var epochCount: Int?
        /// `train.epoch_users`: most users that an epoch trains on; nil takes all of them.
        package var epochUserLimit: Int?
        /// N: MTL reads the last rows only (DESIGN §5).
        package var rowWindow = 64
        /// Whether MTL reads END after them, as it does in a space that says so.
        package var readsEndRow = true
        package var holdOut = HoldOut()
        package var threadCount = 1
        package var niceness: Int32 = 0
        package var precision = ProductPrecision.float32
        /// Epochs without a better loss on the early-stopping half; nil trains all of them.
        package var patience: Int?
        /// A directory that exists; nil keeps no checkpoints.
        package var checkpointDirectory: String?
        /// Steps after which a checkpoint is written, ≥ 1; one is also written every two minutes
        /// and at each epoch's end.
        package var checkpointSteps = 1000
        package var sizes = NetworkSizes()

        package init(seed: UInt64) { self.seed = seed }
    }

    private let host: Host
    private let examples: ExampleFile
    private let targets: TargetLists
    private let vocabulary: RowVocabulary
    private let options: Options

    /// - Parameters:
    ///   - host: for checkpoints and rates.
    ///   - examples: of fit(T).
    ///   - targets: of the space; an empty list takes one output that is never wanted.
    ///   - vocabulary: of the space.
    ///   - options: how.
    package init(
        host: Host, examples: ExampleFile, targets: TargetLists, vocabulary: RowVocabulary,
        options: Options
    ) {
        self.host = host
        self.examples = examples
        self.targets = targets
        self.vocabulary = vocabulary
        self.options = options
    }

    /// Trains `name`, from its checkpoint if there is one; traps for a network of another space.
    ///
    /// - Returns: its tensors under PyTorch's names, and what the training came to.
    package func train(
        _ name: EncoderName, progress: @escaping @Sendable (TrainingProgress) -> Void = { _ in }
    ) async throws(LearningError) -> (tensors: [NamedTensor], result: TrainingResult) {
        switch name {
        case .sra: try await train(name, SRANetwork(options.sizes.sra), .sra, examples, progress)
        case .fip: try await train(name, SRANetwork(options.sizes.fip), .fip, examples, progress)
        case .mtl:
            try await train(name, network(options.sizes.mtl), .mtl, latest(name), progress)
        case .mtlPropensity:
            try await train(
                name, network(options.sizes.mtlPropensity), .mtlPropensity, latest(name), progress)
        case .mtlChurn:
            try await train(
                name, network(options.sizes.mtlChurn), .mtlChurn, latest(name), progress)
        case .esa: try await train(name, eventNetwork, .esa, examples, progress)
        case .previousSRA, .previousMTL:
            preconditionFailure("NetworkTraining: \(name.rawValue) was trained by another refresh")
        }
    }

    private func latest(_ name: EncoderName) -> LatestRows {
        LatestRows(
            source: examples, limit: options.rowWindow, readsEndRow: options.readsEndRow,
            network: name)
    }

    private func network(_ preset: MTLConfiguration) -> MTLNetwork<Float> {
        MTLNetwork(preset.sized(for: targets))
    }

    private var eventNetwork: ESANetwork<Float> {
        var configuration = options.sizes.esa
        configuration.categoryCount = ESAConfiguration(vocabulary).categoryCount
        return ESANetwork(configuration)
    }

    private func train<Network: TrainableNetwork<Float>>(
        _ name: EncoderName, _ network: Network, _ recipe: TrainingRecipe,
        _ source: any ExampleSource, _ progress: @escaping @Sendable (TrainingProgress) -> Void
    ) async throws(LearningError) -> (tensors: [NamedTensor], result: TrainingResult) {
        var trainer = TrainerOptions(
            // A stream for each network: no two begin with the same numbers.
            name: name.rawValue, seed: SeededRandom.mix(options.seed &+ name.stream), recipe: recipe
        )
        trainer.epochCount = options.epochCount ?? recipe.epochCount
        trainer.epochExampleLimit = options.epochUserLimit
        trainer.threadCount = options.threadCount
        trainer.niceness = options.niceness
        trainer.precision = options.precision
        trainer.earlyStopping = options.patience.map { .init(patience: $0) }
        trainer.checkpointPath = options.checkpointDirectory.map {
            "\($0)/\(name.rawValue).checkpoint"
        }
        trainer.checkpointSteps = options.checkpointSteps
        let parts = (0..<examples.count).map { options.holdOut.part(of: examples.user($0)) }
        let result = try await Trainer(
            network: network, source: source,
            training: parts.indices.filter { parts[$0] == .training },
            validation: parts.indices.filter { parts[$0] == .earlyStopping },
            options: trainer, host: host, progress: progress
        ).run()
        return (network.layout.tensors(result.weights), result)
    }
}

extension EncoderName {
    /// Which stream of a refresh's seed the network draws from; never changes its meaning.
    ///
    /// Its heads alone draw from the 16th after it.
    var stream: UInt64 {
        switch self {
        case .sra: 1
        case .fip: 2
        case .mtl: 3
        case .mtlPropensity: 4
        case .mtlChurn: 5
        case .esa: 6
        case .previousSRA, .previousMTL: 0
        }
    }
}

/// Examples as a multi-task network reads them: the latest rows, and END.
package struct LatestRows: ExampleSource {
    /// What is wrong with an example without END where a network reads it.
    static let missingEndRow = "it has no END row: an example of an older version"

    private let source: any ExampleSource
    private let limit: Int
    private let readsEndRow: Bool
    private let network: EncoderName

    /// - Parameters:
    ///   - source: with all rows, and END.
    ///   - limit: N ≥ 1.
    ///   - readsEndRow: whether the network reads END.
    ///   - network: for errors.
    package init(
        source: any ExampleSource, limit: Int, readsEndRow: Bool, network: EncoderName
    ) {
        self.source = source
        self.limit = limit
        self.readsEndRow = readsEndRow
        self.network = network
    }

    /// As many as the source has.
    package var count: Int { source.count }
    /// Of the source and of what is read of it.
    package var fingerprint: UInt64 {
        let rows = SeededRandom.mix(source.fingerprint &+ UInt64(limit))
        return readsEndRow ? SeededRandom.mix(rows) : rows
    }

    /// END included.
    package func rowCount(_ index: Int) -> Int {
        min(limit, source.rowCount(index)) + (readsEndRow ? 1 : 0)
    }

    /// The source's.
    package func owner(_ index: Int) -> UserID? { source.owner(index) }

    /// Reads examples; throws `unfitExample` for one without the END that is read.
    package func examples(_ indices: [Int]) throws(LearningError) -> [TrainingExample] {
        var examples = try source.examples(indices)
        for (place, index) in indices.enumerated() {
            guard let rows = examples[place].latestRows(limit, readsEndRow: readsEndRow) else {
                throw .unfitExample(
                    network: network.rawValue, example: index, user: owner(index),
                    reason: Self.missingEndRow)
            }
            examples[place].rows = rows
            // Nobody reads these.
            examples[place].tokens = []
            examples[place].endRow = []
        }
        return examples
    }
}
