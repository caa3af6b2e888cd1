import Encoders
import Features
import Kernels
import Learning
import Storage
import Synchronization
import TestSupport
import Testing

/// What a pass reads its weights from and writes its gradients to changes none of them.
@Suite struct GradientStorageTests {
    @Test(arguments: ProductPrecision.allCases)
    func `a pass that overwrites leaves what one that adds to zeros does`(
        precision: ProductPrecision
    ) {
        let examples = GoldenNetworks.examples
        overwrites(GoldenNetworks.sra(Float.self, target: .sra), examples, precision)
        overwrites(GoldenNetworks.sra(Float.self, target: .fip), examples, precision)
        overwrites(GoldenNetworks.mtl(Float.self, encoderWidths: [8, 8]), examples, precision)
        overwrites(GoldenNetworks.esa(Float.self), examples, precision)
        // No tensor is come to; and visits alone, without any item.
        overwrites(GoldenNetworks.esa(Float.self), [], precision)
        let visits = TrainingExample(
            rows: [], tokens: [RowToken(type: 3, url: 2, weekday: 1, gap: 3)], endBucket: 1)
        overwrites(GoldenNetworks.esa(Float.self), [visits], precision)
    }

    private func overwrites<N: TrainableNetwork<Float>>(
        _ network: N, _ examples: [TrainingExample], _ precision: ProductPrecision
    ) {
        let weights = network.goldenWeights
        let shard = network.shard(examples)
        func run(_ gradients: Matrix<Float>, _ isOverwriting: Bool) -> [Double] {
            let pass = NetworkPass(
                layout: network.layout, weights: weights,
                narrowed: isOverwriting ? Float.narrowed(weights, precision: precision) : nil,
                gradients: gradients, overwriting: isOverwriting,
                dropout: DropoutSource(seed: 3, step: 1, shard: 0), precision: precision,
                workspace: Workspace())
            let sums = network.run(shard, batchCounts: network.counts(shard), pass)
            pass.endGradients()
            return sums
        }
        let wanted = network.zeroGradients
        let stale = network.zeroGradients
        stale.fill(.nan)
        #expect(run(stale, true) == run(wanted, false), "\(N.self)")
        // Equal numbers: a zero may have the other sign.
        let differing = network.layout.entries.filter { entry in
            (entry.start..<entry.start + entry.count).contains { stale[$0] != wanted[$0] }
        }
        #expect(differing.map(\.name) == [], "\(N.self), \(examples.count) users")
        #expect(examples.isEmpty || wanted.values.contains { $0 != 0 })
    }

    /// Trains in bfloat16; cancelled after a step, and gone on with, when `step` is given.
    private func trained(threadCount: Int, cancelledAfter step: Int? = nil) async throws -> [UInt32]
    {
        let network = GoldenNetworks.esa(Float.self)
        let examples = (0..<8).flatMap { _ in GoldenNetworks.examples }
        var options = TrainerOptions(
            name: "esa", seed: 5, epochCount: 2,
            sizes: BatchPlan.Sizes(batchCount: 16, windowCount: 1))
        options.precision = .bfloat16
        options.threadCount = threadCount
        options.checkpointPath = "/models/esa"
        let disk = MemoryDisk()
        try disk.makeDurableDirectory("/models")
        let host = Host.simulated(disk: disk)
        let settings = options
        @Sendable func run(
            _ progress: @escaping @Sendable (TrainingProgress) -> Void
        ) async throws -> [UInt32] {
            try await Trainer(
                network: network, source: MemorySource(all: examples),
                training: Array(examples.indices), options: settings, host: host,
                progress: progress
            ).run().weights.values.map(\.bitPattern)
        }
        if let step {
            let running = Mutex<Task<[UInt32], any Error>?>(nil)
            let task = Task {
                try await run { progress in
                    guard progress.step == step else { return }
                    // The step may come before the task is written down.
                    while true {
                        if let task = running.withLock({ $0 }) { return task.cancel() }
                    }
                }
            }
            running.withLock { $0 = task }
            await #expect(throws: LearningError.self) { try await task.value }
        }
        return try await run { _ in }
    }

    @Test func `in bfloat16 threads and a resumption change nothing`() async throws {
        let one = try await trained(threadCount: 1)
        #expect(try await trained(threadCount: 2) == one)
        #expect(try await trained(threadCount: 2, cancelledAfter: 2) == one)
        #expect(one.contains { $0 != 0 })
    }
}
