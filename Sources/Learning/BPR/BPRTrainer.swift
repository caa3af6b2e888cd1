import Kernels
import Storage

/// Trains BPR factors: stretches of steps, cells of them side by side, in one fixed order.
///
/// The result is a function of the interactions and the options alone: not of the number of
/// threads, nor of an interruption. With two threads or more, a third draws the next stretch while
/// the present one is computed: drawing is one generator's work and would leave the others idle.
package struct BPRTrainer: Sendable {
    /// How far training is.
    package struct Progress: Sendable {
        /// Steps done, and steps in all; a step whose sampled item the user likes changes nothing.
        package var stepCount: Int
        package var totalStepCount: Int
        /// Steps of the last stretch.
        package var stretchStepCount: Int
        /// Of the last stretch.
        package var counts: BPRKernels.Counts
        /// Share of the last stretch's updates that were in order before: the training AUC.
        package var trainingAUC: Double {
            counts.updated > 0 ? Double(counts.ordered) / Double(counts.updated) : 0.5
        }
    }

    private let interactions: BPRInteractions
    private let options: BPROptions
    private let level: InstructionLevel

    /// Prepares training on `interactions`.
    package init(
        interactions: BPRInteractions, options: BPROptions, level: InstructionLevel = .best
    ) {
        precondition((1...256).contains(options.shardCount), "BPRTrainer: \(options.shardCount)")
        precondition(options.stretchStepCount > 0, "BPRTrainer: \(options.stretchStepCount)")
        self.interactions = interactions
        self.options = options
        self.level = level
    }

    /// Steps in all: epochs × pairs.
    package var totalStepCount: Int { options.epochCount * interactions.pairs.count }

    /// Trains to the end.
    ///
    /// - Parameters:
    ///   - state: fresh, or from a checkpoint; its factors are changed in place.
    ///   - threadCount: ≥ 1; more than there are shards are of no use.
    ///   - niceness: of the threads.
    ///   - afterStretch: may write a checkpoint of the state it gets; what it throws ends training.
    /// - Throws: `divergedFactors` when a factor is no finite number, or `CancellationError`.
    package func run(
        _ state: inout BPRState, threadCount: Int, niceness: Int32 = 0,
        afterStretch: (BPRState, Progress) throws -> Void = { _, _ in }
    ) async throws {
        let workers = (0..<min(max(1, threadCount), options.shardCount)).map {
            BPRWorker(name: "bpr-\($0)", niceness: niceness)
        }
        let drawer =
            workers.count > 1 ? BPRDrawer(interactions, options, niceness: niceness) : nil
        defer {
            for worker in workers { worker.stop() }
            drawer?.stop()
        }
        var ahead: BPRStretch?
        while let steps = stepCount(ofStretch: state.stretchCount) {
            try Task.checkCancellation()
            let index = state.stretchCount
            let done = index * stretchStepCount
            let stretch =
                ahead
                ?? BPRStretch(
                    interactions: interactions, stepCount: steps,
                    shardCount: options.shardCount, seed: options.seed, index: index)
            async let next = drawer?.draw(index + 1, stepCount(ofStretch: index + 1))
            var counts = BPRKernels.Counts()
            for round in 0..<options.shardCount {
                counts += await run(stretch, round, state, workers)
            }
            guard state.isFinite else {
                throw LearningError.divergedFactors(stretch: state.stretchCount)
            }
            state.stretchCount += 1
            ahead = await next
            try afterStretch(
                state,
                Progress(
                    stepCount: done + steps, totalStepCount: totalStepCount,
                    stretchStepCount: steps, counts: counts))
        }
    }

    /// An epoch at most: cells are done one after the other, so that a stretch of many epochs would
    /// train users on one shard of items alone, then on the next, and compare no two items of
    /// different shards.
    private var stretchStepCount: Int { min(options.stretchStepCount, interactions.pairs.count) }

    /// Steps of a stretch; nil after the last.
    private func stepCount(ofStretch index: Int) -> Int? {
        let left = totalStepCount - index * stretchStepCount
        return left > 0 ? min(stretchStepCount, left) : nil
    }

    private func run(
        _ stretch: BPRStretch, _ round: Int, _ state: BPRState, _ workers: [BPRWorker]
    ) async -> BPRKernels.Counts {
        await withTaskGroup(of: BPRKernels.Counts.self) { group in
            for (number, worker) in workers.enumerated() {
                let cells = stride(from: number, to: options.shardCount, by: workers.count).map {
                    stretch.cell($0, ($0 + round) % options.shardCount)
                }
                group.addTask { [self] in
                    await worker.run { update(stretch.triples, cells, state) }
                }
            }
            var counts = BPRKernels.Counts()
            for await part in group { counts += part }
            return counts
        }
    }

    private func update(
        _ triples: [Int32], _ cells: [Range<Int>], _ state: BPRState
    ) -> BPRKernels.Counts {
        var counts = BPRKernels.Counts()
        for cell in cells {
            counts += BPRKernels.update(
                triples, steps: cell, pairs: interactions.pairs, users: state.users,
                items: state.items,
                factorCount: options.factorCount, rate: options.rate,
                regularization: options.regularization, level: level)
        }
        return counts
    }
}

/// One thread that updates factors.
private actor BPRWorker {
    private nonisolated let executor: ThreadExecutor

    nonisolated var unownedExecutor: UnownedSerialExecutor { executor.unowned }

    init(name: String, niceness: Int32) {
        executor = ThreadExecutor(name: name, niceness: niceness)
    }

    func run(_ body: @Sendable () -> BPRKernels.Counts) -> BPRKernels.Counts { body() }

    nonisolated func stop() { executor.stop() }
}

/// One thread that draws the next stretch.
private actor BPRDrawer {
    private nonisolated let executor: ThreadExecutor
    private let interactions: BPRInteractions
    private let options: BPROptions

    nonisolated var unownedExecutor: UnownedSerialExecutor { executor.unowned }

    init(_ interactions: BPRInteractions, _ options: BPROptions, niceness: Int32) {
        executor = ThreadExecutor(name: "bpr-draws", niceness: niceness)
        self.interactions = interactions
        self.options = options
    }

    /// A stretch of so many steps; nil of none.
    func draw(_ index: Int, _ stepCount: Int?) -> BPRStretch? {
        guard let stepCount else { return nil }
        return BPRStretch(
            interactions: interactions, stepCount: stepCount, shardCount: options.shardCount,
            seed: options.seed, index: index)
    }

    nonisolated func stop() { executor.stop() }
}
