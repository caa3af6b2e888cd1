import Kernels
import Storage

/// Trains one network on a thread of its own (DESIGN §6, step 3).
///
/// Seeded: the result is the same bytes on one thread or two, and after a kill at any moment that
/// is followed by another `run` with the same settings. Memory is bounded by weights, moments, one
/// gradient a shard, two batches and each thread's workspace, however many examples there are.
package actor Trainer<Network: TrainableNetwork<Float>> {
    private nonisolated let executor: ThreadExecutor
    let network: Network
    let source: any ExampleSource
    let options: TrainerOptions
    let host: Host
    let crew: ShardCrew<Network>
    let report: @Sendable (TrainingProgress) -> Void
    /// Places in the source of what is trained on, and of what early stopping looks at.
    private let training: [UInt32]
    private let validation: [UInt32]
    /// Which of `training` an epoch takes.
    private let sample: EpochSample
    /// Whether the weights began as somebody's, who would keep them.
    private let isWarm: Bool
    let settings: [String]

    let weights: Matrix<Float>
    let first: Matrix<Float>
    let second: Matrix<Float>
    /// The weights as bfloat16, when products read such; written with them.
    private var narrowed: Matrix<UInt16>?
    /// One a shard.
    private let gradients: [Matrix<Float>]
    var best: Matrix<Float>?
    var state: TrainingState

    // Reporting only.
    let startNanoseconds: UInt64
    var checkpointNanoseconds: UInt64
    var checkpointStep = 0
    var rowsDone: Int64 = 0

    package nonisolated var unownedExecutor: UnownedSerialExecutor { executor.unowned }

    /// - Parameters:
    ///   - network: what to train.
    ///   - start: `[1, layout.count]` weights to begin with, which are copied; nil draws the layout's
    ///     values from the seed. With early stopping, weights that no epoch makes better are kept.
    ///   - source: where the examples are.
    ///   - training: places of the examples to train on.
    ///   - validation: places of the examples to look at after each epoch; may be empty unless
    ///     early stopping is on.
    ///   - options: how.
    ///   - host: for checkpoints, and for the clock of the rates.
    ///   - progress: called after each step, on the trainer's thread.
    /// - Throws: `noExamples` when there is nothing to train on.
    package init(
        network: Network, start: Matrix<Float>? = nil, source: any ExampleSource,
        training: [Int], validation: [Int] = [], options: TrainerOptions, host: Host,
        progress: @escaping @Sendable (TrainingProgress) -> Void = { _ in }
    ) throws(LearningError) {
        guard !training.isEmpty else { throw .noExamples(network: options.name) }
        precondition(
            options.earlyStopping == nil || !validation.isEmpty,
            "Trainer: early stopping without held-out examples")
        executor = ThreadExecutor(name: "trainer", niceness: options.niceness)
        self.network = network
        self.source = source
        self.training = training.map(UInt32.init)
        // The same ones after each epoch, so that epochs can be compared.
        self.validation = EpochSample(
            count: validation.count, limit: options.validationLimit, seed: options.seed
        ).places(0).map { UInt32(validation[$0]) }
        sample = EpochSample(
            count: training.count, limit: options.epochExampleLimit, seed: options.seed)
        self.options = options
        self.host = host
        report = progress
        crew = ShardCrew(
            network: network, threadCount: min(options.threadCount, options.shardCount),
            niceness: options.niceness)
        let layout = network.layout
        settings = options.lines(
            layout: layout, terms: network.terms,
            training: Self.hash(self.training, of: source),
            validation: Self.hash(self.validation, of: source), start: start)
        weights = layout.initialWeights(seed: options.seed)
        if let start { weights.copy(from: start) }
        isWarm = start != nil
        first = Matrix(rows: 1, columns: layout.count)
        second = Matrix(rows: 1, columns: layout.count)
        gradients = (0..<options.shardCount).map { _ in Matrix(rows: 1, columns: layout.count) }
        state = TrainingState(termCount: network.terms.count)
        startNanoseconds = host.clock.monotonicNanoseconds()
        checkpointNanoseconds = startNanoseconds
    }

    /// Trains from the checkpoint, or from the beginning, to the end.
    ///
    /// - Throws: `diverged` and `cancelled` leave the last checkpoint as it is; a later call with a
    ///   new trainer goes on from there.
    package func run() async throws(LearningError) -> TrainingResult {
        defer { crew.stop() }
        try resume()
        narrowed = Float.narrowed(weights, precision: options.precision)
        try await keepStart()
        while state.epoch < options.epochCount, !state.isStopped {
            try await trainEpoch()
            try await endEpoch()
        }
        let isBest = options.earlyStopping != nil
        return TrainingResult(
            weights: isBest ? best ?? weights : weights, epochs: state.reports,
            epoch: isBest ? state.bestEpoch ?? state.epoch - 1 : state.epoch - 1,
            stepCount: state.step)
    }

    /// Makes the weights that a warm start began with the best so far.
    private func keepStart() async throws(LearningError) {
        guard isWarm, options.earlyStopping != nil, state.step == 0, state.bestEpoch == nil else {
            return
        }
        keepBest(loss: weightedLoss(try await validate()), epoch: -1)
    }

    private func weightedLoss(_ means: [Double]) -> Double {
        zip(network.terms, means).reduce(0) { $0 + $1.0.weight * $1.1 }
    }

    private func keepBest(loss: Double, epoch: Int) {
        state.bestLoss = loss
        state.bestEpoch = epoch
        let kept = best ?? Matrix(rows: 1, columns: weights.count)
        kept.copy(from: weights)
        best = kept
    }

    /// Takes the batches of this epoch that are not done.
    private func trainEpoch() async throws(LearningError) {
        let training = sample.places(state.epoch).map { self.training[$0] }
        let lengths = training.map { UInt16(source.rowCount(Int($0))) }
        let plan = BatchPlan(
            lengths: lengths, sizes: options.sizes, seed: options.seed, epoch: state.epoch)
        let epochRows = lengths.reduce(Int64(0)) { $0 + Int64($1) }
        var ahead = try read(plan, state.batch, training)
        while let batch = ahead {
            try endIfCancelled()
            let tasks = batch.tasks(gradients)
            let context = BatchContext(
                weights: weights, narrowed: narrowed, counts: batch.counts, step: state.step + 1,
                seed: options.seed, precision: options.precision)
            // The next batch is read and laid out while this one is computed.
            async let computed = crew.run(tasks, context)
            ahead = try read(plan, state.batch + 1, training)
            let sums = Self.added(await computed, termCount: network.terms.count)
            let norm = try update(with: sums, from: tasks)
            state.batch += 1
            state.step += 1
            for term in sums.indices {
                state.sums[term] += sums[term]
                state.counts[term] += batch.counts[term]
            }
            rowsDone += Int64(batch.rowCount)
            reportProgress(plan, epochRows: epochRows, sums, batch.counts, norm)
            if isCheckpointDue { try writeCheckpoint() }
        }
    }

    /// Adds the shards' gradients in order, clips, and takes one step of the optimiser.
    ///
    /// - Returns: the norm before clipping.
    /// - Throws: `diverged`, the weights unchanged.
    private func update(
        with sums: [Double], from tasks: [ShardTask<Network>]
    ) throws(LearningError) -> Double {
        let written = tasks.compactMap(\.gradients)
        for other in written.dropFirst().dropLast() { Float.add(other, scale: 1, to: written[0]) }
        let last = written[written.count - 1]
        let norm =
            (written.count > 1 ? Float.add(last, to: written[0]) : Float.sumOfSquares(last))
            .squareRoot()
        let term = sums.firstIndex { !$0.isFinite }
        guard term == nil, norm.isFinite else {
            throw .diverged(
                divergence(step: state.step + 1, term: term, tensor: firstFlaw(written[0])))
        }
        var step = AdamStep(number: state.step + 1, learningRate: options.learningRate)
        step.weightDecay = options.weightDecay
        step.isDecoupled = options.isDecoupled
        if let maximum = options.clipNorm {
            step.clipping = AdamStep.clipping(norm: norm, maximum: maximum)
        }
        Float.adam(
            weights: weights, gradients: written[0], first: first, second: second,
            narrowed: narrowed, step: step)
        return norm
    }

    /// Validates, keeps the best weights, and notes whether training goes on.
    private func endEpoch() async throws(LearningError) {
        let validated = try await validate()
        let losses = zip(state.sums, state.counts).map { $1 > 0 ? $0 / $1 : 0 }
        state.reports.append(EpochReport(training: losses, validation: validated))
        if let stopping = options.earlyStopping {
            let loss = weightedLoss(validated)
            if loss < state.bestLoss { keepBest(loss: loss, epoch: state.epoch) }
            state.isStopped = state.epoch - (state.bestEpoch ?? state.epoch) >= stopping.patience
        }
        state.epoch += 1
        state.batch = 0
        for term in state.sums.indices {
            state.sums[term] = 0
            state.counts[term] = 0
        }
        try writeCheckpoint()
    }

    /// Mean of each term over the held-out examples; empty when there are none.
    private func validate() async throws(LearningError) -> [Double] {
        guard !validation.isEmpty else { return [] }
        let lengths = validation.map { UInt16(source.rowCount(Int($0))) }
        let plan = BatchPlan(sorting: lengths, batchCount: options.sizes.batchCount)
        var sums = [Double](repeating: 0, count: network.terms.count)
        var counts = sums
        for index in 0..<plan.count {
            guard let batch = try read(plan, index, validation) else { continue }
            let context = BatchContext(
                weights: weights, narrowed: narrowed, counts: batch.counts, step: nil,
                seed: options.seed, precision: options.precision)
            let parts = await crew.run(batch.tasks(nil), context)
            let added = Self.added(parts, termCount: sums.count)
            for term in sums.indices {
                sums[term] += added[term]
                counts[term] += batch.counts[term]
            }
            if let term = added.firstIndex(where: { !$0.isFinite }) {
                throw .diverged(divergence(step: 0, term: term, tensor: firstFlaw(weights)))
            }
            try endIfCancelled()
        }
        return zip(sums, counts).map { $1 > 0 ? $0 / $1 : 0 }
    }

    /// Reads and lays out a batch; nil past the last one.
    private func read(
        _ plan: BatchPlan, _ index: Int, _ places: [UInt32]
    ) throws(LearningError) -> PreparedBatch<Network>? {
        guard index < plan.count else { return nil }
        return try PreparedBatch(
            plan.batch(index).map { Int(places[$0]) }, of: source, for: network,
            shardCount: options.shardCount, name: options.name)
    }

    /// The shards' sums by term, added in order.
    private static func added(_ parts: [[Double]], termCount: Int) -> [Double] {
        parts.reduce(into: Array(repeating: 0, count: termCount)) { sums, part in
            for term in sums.indices { sums[term] += part[term] }
        }
    }

    private func divergence(step: Int, term: Int?, tensor: String?) -> Divergence {
        Divergence(
            network: options.name, epoch: state.epoch, step: step,
            term: term.map { network.terms[$0].name }, tensor: tensor)
    }

    /// The first tensor, in the layout's order, with a number that is not finite.
    private func firstFlaw(_ flat: Matrix<Float>) -> String? {
        network.layout.entries.first { entry in
            (entry.start..<entry.start + entry.count).contains { !flat[$0].isFinite }
        }?.name
    }

    private static func hash(_ places: [UInt32], of source: any ExampleSource) -> UInt64 {
        var hash = StableHash64()
        hash.update(source.fingerprint)
        for place in places { hash.update(UInt64(place)) }
        return hash.value
    }
}
