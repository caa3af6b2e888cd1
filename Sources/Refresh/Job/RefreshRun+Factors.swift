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
        /// Cosines with the factors of the night before, where it had such as can be gone on from.
        var itemAgreement: Double?
        var categoryAgreement: Double?
    }

    /// Gathers the interactions of a window and trains both kinds of factors.
    ///
    /// - Parameters:
    ///   - window: whose product events are read.
    ///   - earlier: the night's before, of the same space; nil to take nothing of any.
    ///   - step: whose checkpoints are gone on from.
    ///   - aside: gets the files.
    /// - Throws: what reading the log, training and writing throw.
    func trainFactors(
        _ window: FitWindow, after earlier: GenerationFiles? = nil, in step: RefreshStep,
        to aside: String
    ) async throws {
        let checkpoints = directory.checkpoints(step)
        let interactions = try gather(window)
        let items = interactions.pairs(.item)
        let categories = interactions.categoryPairs(.category)
        let itemFactors = try await train(
            items, interactions.users, interactions.items, "items", options.itemFactors, .item,
            checkpoints)
        let categoryFactors = try await train(
            categories, interactions.users, interactions.categories, "categories",
            options.categoryFactors, .category, checkpoints)
        let files = GenerationFiles(
            itemFactors: goneOn(itemFactors, from: earlier?.itemFactors),
            categoryFactors: goneOn(categoryFactors, from: earlier?.categoryFactors))
        try directory.write(try files.encoded(), to: aside)
        try directory.write(
            FactorRecord(
                users: interactions.users.count, userShare: interactions.userShare,
                events: interactions.events.count, itemPairs: items.pairs.count,
                categoryPairs: categories.pairs.count,
                itemAgreement: agreement(itemFactors, earlier?.itemFactors),
                categoryAgreement: agreement(categoryFactors, earlier?.categoryFactors)),
            to: aside + "/factors.json")
    }

    /// The live generation's, from which an ordinary night goes on; nil for a new space.
    func factorsBefore() throws -> GenerationFiles? {
        guard options.kind == .sameSpace, let live else { return nil }
        return try GenerationFiles(generation: live.path, on: host.disk)
    }

    /// What the manifest says of the factors that were gone on from.
    func factorNumbers() throws -> [String: Double] {
        let record = try directory.read(
            FactorRecord.self, directory.output(.factorsNow) + "/factors.json")
        var numbers: [String: Double] = [:]
        numbers["refresh.item_factors_agreement"] = record.itemAgreement
        numbers["refresh.category_factors_agreement"] = record.categoryAgreement
        return numbers
    }

    private func goneOn(_ factors: BPRFactors?, from earlier: BPRFactors?) -> BPRFactors? {
        guard let factors, let earlier else { return factors }
        return factors.approached(from: earlier, share: Float(options.factorPercent) / 100)
    }

    private func agreement(_ factors: BPRFactors?, _ earlier: BPRFactors?) -> Double? {
        guard let factors, let earlier else { return nil }
        return factors.agreement(with: earlier)
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
        var first: Int?
        try await trainer.run(&state, threadCount: options.threadCount, niceness: options.niceness)
        {
            state, progress in
            let now = host.clock.monotonicNanoseconds()
            let seconds = Double(now - start) / 1e9
            let share = Double(progress.stepCount) / Double(max(1, progress.totalStepCount))
            let before = first ?? progress.stepCount - progress.stretchStepCount
            first = before
            let rate = Double(progress.stepCount - before) / seconds
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
