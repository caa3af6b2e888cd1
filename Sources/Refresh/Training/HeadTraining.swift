import Encoders
import Kernels
import Learning
import Storage

/// Refits the task heads of a space's multi-task encoder, which stays frozen (DESIGN §6).
///
/// The encoder reads every example once, as a profile does: it steps over the rows before the last
/// N and reads z off those. The heads then go on from where they are, by the network's own recipe,
/// shards and checkpoints (docs/training.md §6). A head whose task has no weight stays as it is.
package struct HeadTraining: Sendable {
    /// What refitting is told from outside.
    package struct Options: Sendable {
        /// Seed, N, hold-out, threads, epochs, patience and checkpoints, as of the whole network;
        /// the checkpoint is called `<encoder>-heads.checkpoint`.
        package var training: NetworkTraining.Options
        /// Bytes of latent vectors that are kept in memory; more are kept in a file.
        package var memoryByteCount: Int64 = 1 << 30
        /// That file, in a directory that exists; nil keeps all of them in memory.
        ///
        /// It is written anew and removed.
        package var spillPath: String?
        /// Of the encoder; changes no byte.
        package var level = InstructionLevel.best

        package init(_ training: NetworkTraining.Options) { self.training = training }
    }

    /// How far it is.
    package enum Progress: Sendable {
        /// Examples that the encoder has read, of so many; nil while the time left is unknown.
        case encoding(done: Int, count: Int, secondsLeft: Double?)
        case training(TrainingProgress)
    }

    private let host: Host
    private let examples: ExampleFile
    private let options: Options

    /// - Parameters:
    ///   - host: for checkpoints, the file of latent vectors, and rates.
    ///   - examples: of fit(T), with labels by the space's target lists.
    ///   - options: how.
    package init(host: Host, examples: ExampleFile, options: Options) {
        self.host = host
        self.examples = examples
        self.options = options
    }

    /// Refits the heads of `name`, from their checkpoint if there is one.
    ///
    /// - Parameters:
    ///   - name: one of `EncoderName.multiTask`, else it traps.
    ///   - encoder: the space's tensors of it.
    ///   - heads: those that serve now, in place of the encoder's own; empty for its own.
    ///   - progress: called after each part, on any thread.
    /// - Throws: `encoder`, `missingTensor`, `foreignTensor` or `wrongShape` for tensors that fit
    ///   nothing, and what reading examples and training throw.
    /// - Returns: `churn.0.weight` … of all three heads, and what the training came to: with early
    ///   stopping, epoch −1 and the heads as they were when none was better.
    package func train(
        _ name: EncoderName, encoder: [NamedTensor], heads: [NamedTensor] = [],
        progress: @escaping @Sendable (Progress) -> Void = { _ in }
    ) async throws(LearningError) -> (tensors: [NamedTensor], result: TrainingResult) {
        let present = try Self.heads(of: encoder, replacedBy: heads)
        let frozen: MTLEncoder
        do throws(EncoderError) {
            frozen = try MTLEncoder(tensors: encoder, level: options.level)
        } catch {
            throw .encoder(error)
        }
        let network = HeadNetwork<Float>(
            Self.configuration(name, latentWidth: frozen.latentWidth, present))
        let trained = Set(network.layout.entries.map(\.name))
        let start = try network.layout.weights(present.filter { trained.contains($0.name) })
        let trainer = trainerOptions(name)
        let training = places(
            .training, limit: trainer.epochExampleLimit.map { $0 * trainer.epochCount },
            trainer.seed)
        let validation = places(.earlyStopping, limit: trainer.validationLimit, trainer.seed)
        let source = try await LatentFold(
            host: host, examples: examples, places: training + validation, encoder: frozen,
            options: options, name: name
        ).run { progress($0) }
        defer { source.remove() }
        let result = try await Trainer(
            network: network, start: start, source: source,
            training: Array(training.indices),
            validation: Array(training.count..<training.count + validation.count),
            options: trainer, host: host, progress: { progress(.training($0)) }
        ).run()
        let refitted = network.layout.tensors(result.weights)
        return (
            present.map { old in refitted.first { $0.name == old.name } ?? old }, result
        )
    }

    /// Examples of that part, ascending: all, or so many of them.
    private func places(_ part: HoldOut.Part, limit: Int?, _ seed: UInt64) -> [Int] {
        let all = (0..<examples.count).filter {
            options.training.holdOut.part(of: examples.user($0)) == part
        }
        return EpochSample(count: all.count, limit: limit, seed: seed).places(0).map { all[$0] }
    }

    private func trainerOptions(_ name: EncoderName) -> TrainerOptions {
        let recipe: TrainingRecipe =
            switch name {
            case .mtlPropensity: .mtlPropensity
            case .mtlChurn: .mtlChurn
            default: .mtl
            }
        let training = options.training
        var trainer = TrainerOptions(
            name: "\(name.rawValue)-heads",
            seed: SeededRandom.mix(training.seed &+ 16 &+ name.stream), recipe: recipe)
        trainer.epochCount = training.epochCount ?? recipe.epochCount
        trainer.epochExampleLimit = training.epochUserLimit
        trainer.threadCount = training.threadCount
        trainer.niceness = training.niceness
        trainer.precision = training.precision
        trainer.earlyStopping = training.patience.map { .init(patience: $0) }
        trainer.checkpointPath = training.checkpointDirectory.map {
            "\($0)/\(name.rawValue)-heads.checkpoint"
        }
        return trainer
    }

    /// The published network's λ and dropout, in the sizes that the tensors have.
    private static func configuration(
        _ name: EncoderName, latentWidth: Int, _ heads: [NamedTensor]
    ) -> MTLConfiguration {
        var configuration: MTLConfiguration
        switch name {
        case .mtl: configuration = .mtl
        case .mtlPropensity: configuration = .propensity
        case .mtlChurn: configuration = .churn
        case .sra, .fip, .esa, .previousSRA, .previousMTL:
            preconditionFailure("HeadTraining: \(name.rawValue) has no heads to refit")
        }
        func rows(_ tensor: String) -> Int {
            heads.first { $0.name == tensor }?.shape.first ?? 0
        }
        configuration.latentWidth = latentWidth
        configuration.headWidths = [rows("churn.0.weight"), rows("churn.3.weight")]
        configuration.categoryCount = rows("category.6.weight")
        configuration.itemCount = rows("item.6.weight")
        return configuration
    }

    /// The heads' tensors of an encoder, in the order of a network's, some replaced.
    private static func heads(
        of encoder: [NamedTensor], replacedBy heads: [NamedTensor]
    ) throws(LearningError) -> [NamedTensor] {
        var tensors: [NamedTensor] = []
        for task in MTLConfiguration.taskNames {
            for layer in [0, 3, 6] {
                for part in ["weight", "bias"] {
                    let name = "\(task).\(layer).\(part)"
                    let own = encoder.first { $0.name == name }
                    guard let tensor = heads.first(where: { $0.name == name }) ?? own else {
                        throw .missingTensor(name: name)
                    }
                    if let own, own.shape != tensor.shape {
                        throw .wrongShape(name: name, shape: tensor.shape, wanted: own.shape)
                    }
                    tensors.append(tensor)
                }
            }
        }
        if let foreign = heads.first(where: { head in !tensors.contains { $0.name == head.name } })
        {
            throw .foreignTensor(name: foreign.name)
        }
        return tensors
    }
}
