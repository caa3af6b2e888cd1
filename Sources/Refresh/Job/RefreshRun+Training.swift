import Encoders
import Features
import Learning
import Profiles
import Snapshots
import Storage

/// The networks, and the heads of those that are kept.
extension RefreshRun {
    /// What a training came to: metrics of its epochs.
    private struct TrainingRecord: Codable {
        struct Epoch: Codable {
            var training: [Double]
            var validation: [Double]
        }

        var network: String
        var steps: Int
        /// The epoch, from 0, whose weights were kept.
        var epoch: Int
        var epochs: [Epoch]
    }

    /// Trains a network of a new space, from its checkpoint if there is one.
    func train(_ name: EncoderName, to aside: String) async throws {
        let (vocabulary, targets) = try lists()
        let training = NetworkTraining(
            host: host, examples: try ExampleFile(examplesPath, on: host.disk), targets: targets,
            vocabulary: vocabulary, options: trainingOptions(name, in: .train(name)))
        let reporter = reporter
        let (tensors, result) = try await training.train(name) { reporter.note($0) }
        try write(tensors, result, name, to: aside)
    }

    /// Refits the heads of a kept network.
    func refitHeads(_ name: EncoderName, to aside: String) async throws {
        let space = try liveSpace()
        guard let live, let encoder = space.encoders[name] else {
            throw RefreshError.noSpace(directory: options.refresh.stateDirectory)
        }
        let heads = try GenerationFiles(generation: live.path, on: host.disk).heads[name] ?? []
        var heading = HeadTraining.Options(trainingOptions(name, in: .heads(name)))
        heading.memoryByteCount = options.memoryByteCount
        heading.spillPath = aside + "/latents"
        heading.level = options.level
        heading.training.readsEndRow = space.endRowNetworks.contains(name)
        let training = HeadTraining(
            host: host, examples: try ExampleFile(examplesPath, on: host.disk), options: heading)
        let reporter = reporter
        let (tensors, result) = try await training.train(name, encoder: encoder, heads: heads) {
            switch $0 {
            case .encoding(let done, let count, let left):
                reporter.note(
                    Double(done) / Double(max(1, count)), detail: "encoding \(count) users",
                    secondsLeft: left)
            case .training(let progress): reporter.note(progress)
            }
        }
        try write(tensors, result, name, to: aside)
    }

    /// The tensors that a step has left.
    func tensors(_ step: RefreshStep, _ name: EncoderName) throws -> [NamedTensor] {
        try SafetensorsFile.read(
            "\(directory.output(step))/\(name.rawValue).safetensors", on: host.disk
        ).floats()
    }

    private func trainingOptions(
        _ name: EncoderName, in step: RefreshStep
    ) -> NetworkTraining.Options {
        var training = NetworkTraining.Options(seed: options.refresh.seed)
        training.epochCount = options.epochCounts[name]
        training.epochUserLimit = options.epochUserLimit
        training.rowWindow = options.refresh.fold.rowWindow
        training.threadCount = options.threadCount
        training.niceness = options.niceness
        training.precision = options.precision
        training.sizes = options.sizes
        training.checkpointSteps = options.checkpointSteps
        training.checkpointDirectory = directory.checkpoints(step)
        return training
    }

    /// Leaves the weights as they will be published, so that every later step reads those.
    private func write(
        _ tensors: [NamedTensor], _ result: TrainingResult, _ name: EncoderName, to aside: String
    ) throws {
        let file = SafetensorsFile(tensors.map(\.published))
        try directory.write(["\(name.rawValue).safetensors": try file.encoded()], to: aside)
        try directory.write(
            TrainingRecord(
                network: name.rawValue, steps: result.stepCount, epoch: result.epoch,
                epochs: result.epochs.map {
                    .init(training: $0.training, validation: $0.validation)
                }), to: aside + "/training.json")
    }
}

extension JobReporter {
    /// Notes how far a network's training is.
    func note(_ progress: TrainingProgress) {
        let done =
            Double(progress.epoch)
            + Double(progress.epochStep) / Double(max(1, progress.epochStepCount))
        note(
            done / Double(max(1, progress.epochCount)),
            detail: "epoch \(progress.epoch + 1) of \(progress.epochCount), "
                + "\(Int(progress.rowsPerSecond)) rows/s",
            secondsLeft: progress.secondsLeft)
    }
}
