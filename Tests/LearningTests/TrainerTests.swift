import Features
import Kernels
import Learning
import Storage
import Synchronization
import TestSupport
import Testing

@Suite struct TrainerTests {
    static let source = MemorySource(all: (0..<300).map { LinearToy.example($0) })

    static func options(epochs: Int = 3) -> TrainerOptions {
        var options = TrainerOptions(
            name: "toy", seed: 9, epochCount: epochs,
            sizes: BatchPlan.Sizes(batchCount: 32, windowCount: 3))
        options.learningRate = 0.02
        options.shardCount = 3
        return options
    }

    /// Trains the toy to its end.
    static func train(
        _ options: TrainerOptions, source: MemorySource = source, validation: [Int] = [],
        dropout: Double = 0, host: Host = .simulated(disk: MemoryDisk()),
        progress: @escaping @Sendable (TrainingProgress) -> Void = { _ in }
    ) async throws -> TrainingResult {
        let held = Set(validation)
        return try await Trainer(
            network: LinearToy(dropout: dropout), source: source,
            training: (0..<source.count).filter { !held.contains($0) }, validation: validation,
            options: options, host: host, progress: progress
        ).run()
    }

    static func bits(_ result: TrainingResult) -> [UInt32] {
        result.weights.values.map(\.bitPattern)
    }

    @Test func `least squares without noise comes to the weights that made the data`() async throws
    {
        let result = try await Self.train(Self.options(epochs: 80))
        for (value, wanted) in zip(result.weights.values, [2, -1, 0.5, 0.25] as [Float]) {
            #expect(abs(value - wanted) < 1e-3)
        }
        #expect(result.epochs.count == 80 && result.stepCount == 80 * 10)
        let first = try #require(result.epochs.first?.training.first)
        let last = try #require(result.epochs.last?.training.first)
        #expect(first > 0.5 && last < 1e-6)
    }

    @Test func `threads change nothing, shards and seeds do`() async throws {
        var options = Self.options()
        let one = try await Self.train(options, validation: [1, 5, 9], dropout: 0.2)
        for threadCount in [2, 3, 8] {
            options.threadCount = threadCount
            let more = try await Self.train(options, validation: [1, 5, 9], dropout: 0.2)
            #expect(Self.bits(more) == Self.bits(one))
            #expect(more.epochs == one.epochs)
        }
        options.seed = 10
        let other = try await Self.train(options, validation: [1, 5, 9], dropout: 0.2)
        #expect(Self.bits(other) != Self.bits(one))
        options.seed = 9
        options.shardCount = 2
        let dealt = try await Self.train(options, validation: [1, 5, 9], dropout: 0.2)
        #expect(Self.bits(dealt) != Self.bits(one))
    }

    @Test func `shards add up to the batch, up to rounding`() async throws {
        var options = Self.options()
        options.shardCount = 1
        let whole = try await Self.train(options)
        options.shardCount = 7
        let dealt = try await Self.train(options)
        for (left, right) in zip(whole.weights.values, dealt.weights.values) {
            #expect(abs(left - right) < 1e-5)
        }
    }

    // torch.nn.utils.clip_grad_norm_: min(1, max_norm / (norm + 1e-6)). The first moment after one
    // step of Adam is (1 − β₁) times the clipped gradient.
    @Test(arguments: [0.125, 1e6]) func `clips as PyTorch does`(limit: Double) async throws {
        let disk = MemoryDisk()
        let norm = Mutex(0.0)
        var options = Self.options(epochs: 1)
        options.sizes.batchCount = 300
        options.clipNorm = limit
        options.checkpointPath = "/toy"
        _ = try await Self.train(options, host: .simulated(disk: disk)) { progress in
            norm.withLock { $0 = progress.gradientNorm }
        }
        let unclipped = norm.withLock { $0 }
        #expect(unclipped > 1)
        let moments = try SafetensorsFile.read("/toy", on: disk).floats()
            .filter { $0.name.hasPrefix("first/") }.flatMap(\.values)
        let clipped = moments.reduce(0) { $0 + Double($1) * Double($1) }.squareRoot() / 0.1
        let wanted = unclipped * min(1, limit / (unclipped + 1e-6))
        #expect(abs(clipped - wanted) < 1e-5 * wanted)
    }

    @Test func `stops early at held-out examples that say otherwise, with the best weights`()
        async throws
    {
        // What is held out follows another line, which the weights begin nearer to.
        let other = (300..<340).map { LinearToy.example($0, slope: -3) }
        let source = MemorySource(all: Self.source.all + other)
        var options = Self.options(epochs: 50)
        let held = Array(300..<340)
        options.earlyStopping = .init(patience: 2)
        let stopped = try await Self.train(options, source: source, validation: held)
        #expect(stopped.epoch == 0 && stopped.epochs.count == 3)
        options = Self.options(epochs: 1)
        let once = try await Self.train(options, source: source, validation: held)
        #expect(Self.bits(once) == Self.bits(stopped))
        #expect(once.epochs == Array(stopped.epochs.prefix(1)))
        options = Self.options(epochs: 3)
        let kept = try await Self.train(options, source: source, validation: held)
        #expect(kept.epochs == stopped.epochs && Self.bits(kept) != Self.bits(stopped))
    }

    @Test func `validates by the mean over all held-out examples`() async throws {
        let held = Array(100..<171)
        let result = try await Self.train(Self.options(epochs: 1), validation: held)
        let weights = result.weights.values
        let shard = LinearToy().shard(held.map { Self.source.all[$0] })
        let errors = shard.targets.indices.map { row in
            let value = (0..<3).reduce(weights[3]) { $0 + weights[$1] * shard.inputs[row, $1] }
            return Double((value - shard.targets[row]) * (value - shard.targets[row]))
        }
        let mean = errors.reduce(0, +) / Double(held.count)
        let reported = try #require(result.epochs.first?.validation.first)
        #expect(abs(reported - mean) < 1e-9 * mean)
    }

    @Test func `reports rate and time left by the clock it was given`() async throws {
        let clock = SimulatedClock(seconds: 1000)
        let last = Mutex<TrainingProgress?>(nil)
        let steps = Mutex(0)
        _ = try await Self.train(
            Self.options(), host: .simulated(disk: MemoryDisk(), clock: clock)
        ) { progress in
            clock.advance(seconds: 2)
            steps.withLock { $0 += 1 }
            last.withLock { $0 = progress }
        }
        let progress = try #require(last.withLock { $0 })
        #expect(steps.withLock { $0 } == 30)
        #expect(progress.epoch == 2 && progress.epochStep == 10 && progress.epochStepCount == 10)
        #expect(progress.step == 30 && progress.losses.map(\.name) == ["error"])
        let rows = (0..<300).reduce(0) { $0 + Self.source.rowCount($1) }
        // 29 times two seconds before the last report.
        #expect(abs(progress.rowsPerSecond - Double(3 * rows) / 58) < 1e-9)
        #expect(progress.secondsLeft == 0)
    }

    @Test func `refuses to train on nothing`() {
        #expect(throws: LearningError.noExamples(network: "toy")) {
            try Trainer(
                network: LinearToy(), source: Self.source, training: [], options: Self.options(),
                host: .simulated(disk: MemoryDisk()))
        }
    }
}
