import Kernels
import Learning
import Storage
import Synchronization
import TestSupport
import Testing

/// Epochs of fewer examples than there are.
@Suite struct EpochSampleTests {
    @Test func `without a limit, and with one that nothing exceeds, an epoch takes everybody`() {
        for limit in [nil, 10, 11] {
            let sample = EpochSample(count: 10, limit: limit, seed: 4)
            #expect(sample.epochExampleCount == 10)
            for epoch in 0..<3 { #expect(sample.places(epoch) == Array(0..<10)) }
        }
        #expect(EpochSample(count: 0, limit: 5, seed: 4).places(0).isEmpty)
    }

    @Test(arguments: [(100, 10), (101, 10), (97, 40), (7, 1), (2, 1)])
    func `nobody is read twice before everybody was read once`(count: Int, limit: Int) {
        let sample = EpochSample(count: count, limit: limit, seed: 11)
        var readings = [Int](repeating: 0, count: count)
        for epoch in 0..<3 * count {
            let places = sample.places(epoch)
            #expect(places.count == limit && Set(places).count == limit)
            #expect(places == places.sorted())
            for place in places { readings[place] += 1 }
            let least = readings.min() ?? 0
            #expect((least...least + 1).contains(readings.max() ?? 0), "epoch \(epoch)")
        }
    }

    @Test func `every example is as likely as any other, whatever its place`() {
        var readings = [Int](repeating: 0, count: 40)
        for seed in 0..<4000 as Range<UInt64> {
            for place in EpochSample(count: 40, limit: 10, seed: seed).places(0) {
                readings[place] += 1
            }
        }
        // 4,000 draws of probability 1/4: mean 1000, standard deviation 27.4.
        for count in readings { #expect(abs(count - 1000) < 5 * 28) }
        #expect(
            EpochSample(count: 40, limit: 10, seed: 1).places(0)
                != EpochSample(count: 40, limit: 10, seed: 2).places(0))
    }

    @Test func `a training takes its steps from so many examples, and learns as well`() async throws
    {
        var options = TrainerTests.options(epochs: 160)
        options.epochExampleLimit = 150
        let rows = Mutex<Set<Int>>([])
        let result = try await TrainerTests.train(options) { progress in
            _ = rows.withLock { $0.insert(progress.epochStepCount) }
        }
        // 150 in batches of 32.
        #expect(rows.withLock { $0 } == [5] && result.stepCount == 160 * 5)
        for (value, wanted) in zip(result.weights.values, [2, -1, 0.5, 0.25] as [Float]) {
            #expect(abs(value - wanted) < 1e-3)
        }
        options.epochExampleLimit = 300
        let all = try await TrainerTests.train(options)
        options.epochExampleLimit = nil
        let unlimited = try await TrainerTests.train(options)
        #expect(TrainerTests.bits(all) == TrainerTests.bits(unlimited))
    }

    @Test func `a tenth as many held-out examples are looked at, the same ones each time`()
        async throws
    {
        var options = TrainerTests.options(epochs: 2)
        options.epochExampleLimit = 100
        // Nothing is learned, so that what is looked at is all that can differ.
        options.learningRate = 0
        let held = Array(0..<60)
        let result = try await TrainerTests.train(options, validation: held)
        #expect(result.epochs[0].validation == result.epochs[1].validation)
        let seen = EpochSample(count: 60, limit: 10, seed: options.seed).places(0)
        options.epochExampleLimit = nil
        let ten = try await TrainerTests.train(options, validation: seen.map { held[$0] })
        #expect(ten.epochs[0].validation == result.epochs[0].validation)
        let all = try await TrainerTests.train(options, validation: held)
        #expect(all.epochs[0].validation != result.epochs[0].validation)
    }

    @Test(arguments: [1, 6, 11]) func `cancelled after a step, it goes on with the same examples`(
        stop: Int
    ) async throws {
        var options = TrainerTests.options(epochs: 4)
        options.epochExampleLimit = 130
        options.checkpointSteps = 2
        let wanted = try await TrainerTests.train(options)
        options.checkpointPath = "/toy"
        let disk = MemoryDisk()
        let running = Mutex<Task<TrainingResult, any Error>?>(nil)
        let stopped = options
        let task = Task {
            try await TrainerTests.train(stopped, host: .simulated(disk: disk)) { progress in
                guard progress.step == stop else { return }
                // The step may come before the task is written down.
                while true {
                    if let task = running.withLock({ $0 }) { return task.cancel() }
                }
            }
        }
        running.withLock { $0 = task }
        await #expect(throws: LearningError.self) { try await task.value }
        let resumed = try await TrainerTests.train(options, host: .simulated(disk: disk))
        #expect(TrainerTests.bits(resumed) == TrainerTests.bits(wanted))
        options.epochExampleLimit = 131
        await #expect(throws: LearningError.self) {
            _ = try await TrainerTests.train(options, host: .simulated(disk: disk))
        }
    }
}
