import Features
import Kernels
import Learning
import Storage
import Synchronization
import TestSupport
import Testing

/// What a kill, a cancellation, damage or a number that is none does to a training.
@Suite struct CheckpointTests {
    private static let held = Array(40..<60)

    private static func options() -> TrainerOptions {
        var options = TrainerTests.options()
        options.checkpointPath = "/models/toy"
        options.checkpointSteps = 4
        options.earlyStopping = .init(patience: 3)
        return options
    }

    private static func train(
        _ disk: MemoryDisk, _ options: TrainerOptions = options(),
        source: MemorySource = TrainerTests.source,
        progress: @escaping @Sendable (TrainingProgress) -> Void = { _ in }
    ) async throws -> TrainingResult {
        try await TrainerTests.train(
            options, source: source, validation: held, dropout: 0.2,
            host: .simulated(disk: disk), progress: progress)
    }

    private static func newDisk() throws -> MemoryDisk {
        let disk = MemoryDisk()
        try disk.makeDurableDirectory("/models")
        return disk
    }

    @Test func `killed at any operation of the disk, it ends at the same bytes`() async throws {
        let disk = try Self.newDisk()
        let begun = disk.operationCount
        let undisturbed = try await Self.train(disk)
        let count = disk.operationCount
        #expect(count - begun > 60)
        let wanted = disk.contents().first { $0.path == "/models/toy" }?.bytes
        for operation in begun..<count {
            let disk = try Self.newDisk()
            disk.inject(.powerLoss, at: operation)
            await #expect(throws: LearningError.self) { try await Self.train(disk) }
            disk.crash(.some(seed: UInt64(operation)))
            let result = try await Self.train(disk)
            #expect(TrainerTests.bits(result) == TrainerTests.bits(undisturbed))
            #expect(result.epochs == undisturbed.epochs)
            #expect(result.stepCount == undisturbed.stepCount)
            let files = disk.contents()
            #expect(files.map(\.path) == ["/models/toy"], "leftovers")
            #expect(files.first?.bytes == wanted)
        }
    }

    @Test func `a finished training is not done again`() async throws {
        let disk = try Self.newDisk()
        let first = try await Self.train(disk)
        let steps = Mutex(0)
        let second = try await Self.train(disk) { _ in steps.withLock { $0 += 1 } }
        #expect(steps.withLock { $0 } == 0)
        #expect(TrainerTests.bits(first) == TrainerTests.bits(second))
        #expect(first.epochs == second.epochs && first.epoch == second.epoch)
    }

    @Test(arguments: [1, 7, 13, 27]) func `cancelled after a step, it goes on from there`(
        step: Int
    ) async throws {
        let undisturbed = try await Self.train(try Self.newDisk())
        let disk = try Self.newDisk()
        let running = Mutex<Task<TrainingResult, any Error>?>(nil)
        let task = Task {
            try await Self.train(disk) { progress in
                guard progress.step == step else { return }
                // The step may come before the task is written down.
                while true {
                    if let task = running.withLock({ $0 }) { return task.cancel() }
                }
            }
        }
        running.withLock { $0 = task }
        let error = await #expect(throws: LearningError.self) { try await task.value }
        guard case .cancelled(_, _, step) = error else {
            Issue.record("\(String(describing: error))")
            return
        }
        let taken = Mutex(0)
        let result = try await Self.train(disk) { _ in taken.withLock { $0 += 1 } }
        #expect(TrainerTests.bits(result) == TrainerTests.bits(undisturbed))
        #expect(taken.withLock { $0 } == undisturbed.stepCount - step)
    }

    @Test func `writes a checkpoint after so many seconds`() async throws {
        let disk = try Self.newDisk()
        let clock = SimulatedClock()
        var options = Self.options()
        options.checkpointSteps = 1_000_000
        options.checkpointSeconds = 10
        options.epochCount = 1
        // Ten minutes into the epoch the power fails; one step a second.
        let running = try Trainer(
            network: LinearToy(), source: TrainerTests.source, training: Array(0..<200),
            validation: Self.held, options: options, host: .simulated(disk: disk, clock: clock)
        ) { _ in clock.advance(seconds: 6) }
        let before = disk.operationCount
        _ = try await running.run()
        // Seven steps: checkpoints after the second, fourth and sixth, and at the epoch's end.
        let file = disk.contents()
        #expect(file.count == 1 && disk.operationCount - before > 4 * 6)
    }

    @Test func `a checkpoint that was damaged anywhere is refused`() async throws {
        let disk = try Self.newDisk()
        _ = try await Self.train(disk)
        let bytes = try #require(disk.contents().first { $0.path == "/models/toy" }?.bytes)
        func refused(_ damaged: [UInt8], _ what: String) async throws {
            let disk = try Self.newDisk()
            try disk.open("/models/toy", .create).write(damaged, at: 0)
            let error = await #expect(throws: LearningError.self, "\(what)") {
                try await Self.train(disk)
            }
            switch error {
            case .damagedCheckpoint(path: "/models/toy", _): break
            default: Issue.record("\(what): \(String(describing: error))")
            }
        }
        for index in stride(from: 0, to: bytes.count, by: 7) {
            var damaged = bytes
            damaged[index] ^= 1 << UInt8(index % 8)
            try await refused(damaged, "byte \(index)")
        }
        for count in stride(from: 0, to: bytes.count, by: 61) {
            try await refused(Array(bytes.prefix(count)), "cut to \(count)")
        }
    }

    @Test func `a checkpoint of other settings is refused, and says which`() async throws {
        let disk = try Self.newDisk()
        _ = try await Self.train(disk)
        let changes: [(String, (inout TrainerOptions) -> Void)] = [
            ("seed = 10", { $0.seed = 10 }), ("epochs = 4", { $0.epochCount = 4 }),
            ("batch = 31", { $0.sizes.batchCount = 31 }), ("shards = 2", { $0.shardCount = 2 }),
            ("learning rate = 0.5", { $0.learningRate = 0.5 }),
            ("precision = bfloat16", { $0.precision = .bfloat16 }),
            ("dropout = 0.3", { $0.settings = ["dropout = 0.3"] }),
        ]
        for (line, change) in changes {
            var options = Self.options()
            change(&options)
            let error = await #expect(throws: LearningError.self) {
                try await Self.train(disk, options)
            }
            guard case .foreignCheckpoint(_, let differences) = error else {
                Issue.record("\(line): \(String(describing: error))")
                continue
            }
            #expect(differences.contains("wanted is \(line)"))
        }
        var options = Self.options()
        options.threadCount = 2
        options.checkpointSteps = 99
        _ = try await Self.train(disk, options)
    }

    @Test func `a number that is none stops it, and the last checkpoint is good`() async throws {
        let undisturbed = try await Self.train(try Self.newDisk())
        let disk = try Self.newDisk()
        var source = TrainerTests.source
        let row = source.all[7].rows.count - RowLayout.width
        source.all[7].rows[row + 1] = Float16.nan.bitPattern
        let error = await #expect(throws: LearningError.self) {
            try await Self.train(disk, source: source)
        }
        guard case .diverged(let place) = error else {
            Issue.record("\(String(describing: error))")
            return
        }
        #expect(place.network == "toy" && place.epoch == 0 && place.step > 0)
        #expect(place.term == "error" && place.tensor == "linear.weight")
        // The rows were repaired: from the checkpoint on, nothing of it is left.
        let result = try await Self.train(disk)
        #expect(TrainerTests.bits(result) == TrainerTests.bits(undisturbed))
    }

    @Test func `infinity in the held-out examples stops it as well`() async throws {
        var source = TrainerTests.source
        let row = source.all[41].rows.count - RowLayout.width
        source.all[41].rows[row + 3] = Float16.infinity.bitPattern
        await #expect(
            throws: LearningError.diverged(
                Divergence(network: "toy", epoch: 0, step: 0, term: "error", tensor: nil))
        ) { try await Self.train(try Self.newDisk(), source: source) }
    }
}
