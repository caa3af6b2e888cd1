import EventLog
import Features
import Kernels
import Learning
import Pipeline
import Profiles
import Sessions
import Snapshots
import Storage

/// BPR factors of items and of categories.
extension RefreshRun {
    /// What BPR was trained on.
    private struct FactorRecord: Codable {
        var users: Int
        /// Share of the users that memory held, 0…1.
        var userShare: Double
        var events: Int
        var itemPairs: Int
        var categoryPairs: Int
    }

    /// Gathers the interactions of a window and trains both kinds of factors.
    func trainFactors(
        _ window: FitWindow, in step: RefreshStep, to aside: String
    ) async throws {
        let checkpoints = directory.checkpoints(step)
        let interactions = try gather(window)
        let items = interactions.pairs(.item)
        let categories = interactions.categoryPairs(.category)
        let files = GenerationFiles(
            itemFactors: try await train(
                items, interactions.users, interactions.items, "items", options.itemFactors, .item,
                checkpoints),
            categoryFactors: try await train(
                categories, interactions.users, interactions.categories, "categories",
                options.categoryFactors, .category, checkpoints))
        try directory.write(try files.encoded(), to: aside)
        try directory.write(
            FactorRecord(
                users: interactions.users.count, userShare: interactions.userShare,
                events: interactions.events.count, itemPairs: items.pairs.count,
                categoryPairs: categories.pairs.count), to: aside + "/factors.json")
    }

    /// The factors that a step left, and heads beside them.
    func factors(_ step: RefreshStep) throws -> GenerationFiles {
        try GenerationFiles(generation: directory.output(step), on: host.disk)
    }

    private func gather(_ window: FitWindow) throws -> Interactions {
        var pass = InteractionPass(
            window: window, eventIDLimit: options.refresh.fold.order.eventIDLimit,
            memoryByteCount: options.memoryByteCount,
            factorCount: max(options.itemFactors.factorCount, options.categoryFactors.factorCount))
        let meter = LogMeter(host: host, logDirectory: options.refresh.logDirectory)
        var intake = Intake(options: options.refresh.clock)
        try LogPass(host: host, options: options.refresh).forEach(
            { entry, offset in
                _ = intake.take(entry, at: offset) { event, _ in pass.take(event) }
                return !window.isOver(intake)
            },
            progress: { decoded, left in
                let reading = meter.reading(decoded: decoded, left: left)
                reporter.note(0.1 * reading.fraction, detail: "interactions")
            })
        return pass.finish()
    }

    /// Trains one kind, from its checkpoint if there is one; nil without a pair.
    private func train(
        _ interactions: BPRInteractions, _ users: [Int64], _ ids: [Int64], _ what: String,
        _ preset: BPROptions, _ weights: BPRWeights, _ checkpoints: String
    ) async throws -> BPRFactors? {
        guard interactions.pairs.count > 0 else { return nil }
        var settings = preset
        // A stream of its own, behind those of the networks and of their heads.
        let stream: UInt64 = what == "items" ? 32 : 33
        settings.seed = SeededRandom.mix(factorSeed &+ stream)
        let trainer = BPRTrainer(
            interactions: interactions, options: settings, level: options.level)
        let path = "\(checkpoints)/\(what).checkpoint"
        var state = BPRState(
            interactions: interactions, options: settings, userIDs: users, itemIDs: ids)
        if try host.disk.status(path) != nil {
            state = try BPRState.read(path, like: state, options: settings, on: host.disk)
        }
        let start = host.clock.monotonicNanoseconds()
        var written = start
        let first = state.stretchCount
        try await trainer.run(&state, threadCount: options.threadCount, niceness: options.niceness)
        {
            state, progress in
            let now = host.clock.monotonicNanoseconds()
            let seconds = Double(now - start) / 1e9
            let share = Double(progress.stepCount) / Double(max(1, progress.totalStepCount))
            let rate = Double((state.stretchCount - first) * settings.stretchStepCount) / seconds
            reporter.note(
                (what == "items" ? 0.1 : 0.8) + (what == "items" ? 0.7 : 0.2) * share,
                detail: "\(what), \(Int(rate)) pairs/s",
                secondsLeft: Double(progress.totalStepCount - progress.stepCount) / rate)
            let isOver = progress.stepCount == progress.totalStepCount
            guard isOver || Task.isCancelled || isDue(since: written, now) else { return }
            try state.write(path, options: settings, on: host)
            written = now
        }
        return frozen(state, interactions, ids, settings, weights)
    }

    /// The space's, so that all its generations begin with the same factors: scores of two nights
    /// compare.
    private var factorSeed: UInt64 {
        options.kind == .sameSpace
            ? live?.space.manifest.seed ?? options.refresh.seed : options.refresh.seed
    }

    private func isDue(since written: UInt64, _ now: UInt64) -> Bool {
        Double(now - written) / 1e9 >= options.factorCheckpointSeconds
    }

    /// The trained rows of those items that have a pair.
    private func frozen(
        _ state: BPRState, _ interactions: BPRInteractions, _ ids: [Int64], _ settings: BPROptions,
        _ weights: BPRWeights
    ) -> BPRFactors {
        let popularity = interactions.popularity
        let kept = popularity.indices.filter { popularity[$0] > 0 }
        let values = state.items.values
        let width = state.items.columns
        var rows: [Float] = []
        rows.reserveCapacity(kept.count * width)
        for item in kept { rows += values[item * width..<(item + 1) * width] }
        return BPRFactors(
            ids: kept.map { ids[$0] }, items: Matrix(rows, rows: kept.count, columns: width),
            popularity: kept.map { popularity[$0] }, options: settings, weights: weights,
            level: options.level)
    }
}
