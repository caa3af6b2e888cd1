import Evaluation
import EventLog
import Events
import Pipeline
import Snapshots
import Storage

/// `ubpd evaluate`: profiles scored by the challenge's protocol, from a log to a document.
///
/// Killed at any moment, the next call with the same options goes on where it was and says the same
/// (docs/evaluate.md). Outside of its own directory nothing is written.
package struct EvaluationRun: Sendable {
    let host: Host
    let options: EvaluationOptions
    let directory: EvaluationDirectory
    let reporter: EvaluationReporter
    let say: @Sendable (String) -> Void

    /// Takes the work directory.
    ///
    /// - Parameters:
    ///   - host: where everything is.
    ///   - options: what is scored, and how.
    ///   - progress: called at each step's start and at most once a second, on any thread.
    ///   - say: takes a line for the operator.
    /// - Throws: `busy` while another evaluation works there; `foreign` for a directory of something
    ///   else.
    package init(
        host: Host, options: EvaluationOptions,
        progress: @escaping @Sendable (EvaluationStep) -> Void = { _ in },
        say: @escaping @Sendable (String) -> Void = { _ in }
    ) throws(EvaluationRunError) {
        self.host = host
        self.say = say
        reporter = EvaluationReporter(host.clock, show: progress)
        var options = options
        do {
            try options.skipForgotten(on: host.disk)
            directory = try EvaluationDirectory(options.directory, on: host)
        } catch {
            throw EvaluationRunError(error)
        }
        self.options = options
    }

    /// Does what is left to do, scores, and reports.
    package func run() async throws(EvaluationRunError) -> EvaluationDocument {
        do { return try await work() } catch { throw EvaluationRunError(error) }
    }

    private func work() async throws -> EvaluationDocument {
        let start = host.clock.monotonicNanoseconds()
        try options.checkRows()
        try directory.beginScratch()
        let subject = try await subject()
        let targets = EvaluationTargets(events: subject.shop, split: subject.split)
        try check(targets)
        let scoring = EvaluationScoring(
            host: host, options: options, directory: directory, reporter: reporter,
            subject: subject, targets: targets)
        var document = try await scoring.document()
        document.report.seconds = Double(host.clock.monotonicNanoseconds() - start) / 1e9
        try directory.clearScratch()
        if case .snapshot = options.source { return document }
        if options.mustKeep {
            var plan = try directory.plan()
            plan?.isFinished = true
            if let plan { try directory.write(plan) }
        } else {
            try directory.clear()
        }
        return document
    }

    /// What there is to score, and what it is scored on.
    private func subject() async throws -> EvaluationSubject {
        if case .snapshot(let path, let unchecked) = options.source {
            return try snapshotSubject(path, unchecked: unchecked)
        }
        let asked = try options.userListPath.map { try EvaluationUsers.read($0, on: host.disk) }
        let plan = try decide(asked)
        let split = EvaluationSplit(cutoffSeconds: plan.cutoffSeconds)
        let fence = EvaluationFence(host: host, cutoffSeconds: split.cutoffSeconds)
        if case .generation(let id) = options.source {
            try fence.check(generation: id, of: options.job.refresh.stateDirectory)
        }
        if let truth = options.truthDirectory {
            // A truth that is none of this shop's is said before anything is trained.
            _ = try Oracle(truth: truth, users: [], split: split, on: host.disk)
        }
        let shop = try readAndCopy(split, asked: asked, plan: plan)
        let profiles = try await EvaluationProfiler(
            host: host, options: options, directory: directory, reporter: reporter, say: say
        ).profiles(of: shop.users)
        var subject = EvaluationSubject(split: split, shop: shop, profiles: profiles)
        for made in profiles {
            // Its own work is held to the same as anybody's.
            guard let manifest = try EvaluationFence.manifest(of: made.path, on: host.disk) else {
                throw EvaluationRunError.work("\(made.path): its manifest is gone; --restart")
            }
            try fence.check(manifest, in: made.path, newestSeconds: nil)
            subject.manifest = manifest
            if !made.refusals.isEmpty {
                subject.warnings.append(
                    "the gate refused generation \(made.generation): "
                        + made.refusals.joined(separator: "; "))
            }
        }
        return subject
    }

    // MARK: Deciding

    /// The plan of an earlier call, or a new one from a pass over the log.
    private func decide(_ asked: [UserID]?) throws -> EvaluationPlan {
        let userList = asked.map { users in
            "\(users.count), "
                + ContentHash.hex(of: Array(users.map(\.description).joined(separator: "\n").utf8))
        }
        let settings = options.settings(userList: userList ?? "all")
        let earlier = try directory.plan()
        if let earlier, !options.mustRestart, !earlier.isFinished, earlier.settings == settings,
            try isThere(earlier.facts)
        {
            say("going on with the evaluation that was begun before")
            return earlier
        }
        reporter.begin("the log")
        let facts = try log.facts()
        let split = try split(facts)
        if let earlier, !options.mustRestart, earlier.settings == settings, earlier.facts == facts,
            earlier.cutoffSeconds == split.cutoffSeconds
        {
            say("the generation and the snapshot that were kept are used again")
            return earlier
        }
        if earlier != nil { say("what an evaluation has left in \(directory.path) is discarded") }
        try directory.clear()
        try directory.beginScratch()
        let plan = EvaluationPlan(
            settings: settings, facts: facts, cutoffSeconds: split.cutoffSeconds)
        try directory.write(plan)
        return plan
    }

    private var log: EvaluationLog {
        EvaluationLog(host: host, options: options.job.refresh, reporter: reporter)
    }

    /// Whether a cursor's segment is this very file: a copy of what stands before some cutoff begins
    /// with the same bytes.
    private func isOfThisLog(_ cursor: Cursor) throws -> Bool {
        let directory = options.job.refresh.logDirectory
        let path = directory + "/" + SegmentName.name(cursor.segment)
        guard cursor.segment >= 0, let status = try host.disk.status(path),
            status.device == cursor.identity.device, status.inode == cursor.identity.inode
        else { return false }
        return try cursor.identity.isOf(segment: cursor.segment, in: directory, on: host.disk)
    }

    private func isThere(_ facts: LogFacts) throws -> Bool {
        try facts.endIdentity.isOf(
            segment: facts.endSegment, in: options.job.refresh.logDirectory, on: host.disk)
    }

    /// The cutoff that was asked for or follows from the last purchase; both windows must be there.
    private func split(_ facts: LogFacts) throws(EvaluationRunError) -> EvaluationSplit {
        guard let last = facts.lastPurchaseSeconds else {
            throw .noPurchase(directory: options.job.refresh.logDirectory)
        }
        let split =
            options.cutoffSeconds.map { EvaluationSplit(cutoffSeconds: $0) }
            ?? EvaluationSplit(lastPurchaseSeconds: last)
        // The challenge's second window ends with the day of the last purchase.
        guard max(last, facts.nowSeconds) >= split.validation.upperBound - 86_400 else {
            throw .tooFewDays(
                cutoffSeconds: split.cutoffSeconds, endSeconds: facts.nowSeconds,
                neededSeconds: split.validation.upperBound)
        }
        return split
    }

    private func readAndCopy(
        _ split: EvaluationSplit, asked: [UserID]?, plan: EvaluationPlan
    ) throws -> ShopEvents {
        reporter.begin("events of users")
        var writer: SegmentWriter?
        if try !directory.hasInput {
            try directory.beginInput()
            writer = try SegmentWriter(
                host: host, directory: directory.inputPath,
                options: SegmentWriter.Options(
                    segmentSeconds: .max / 4,
                    recordByteCount: max(64 * 1024, options.job.refresh.reader.recordByteCount)))
        }
        let shop = try log.read(
            split, asked: asked, end: plan.facts.end, copyingTo: writer)
        guard shop.entries.contains(where: { $0.seconds < split.cutoffSeconds }) else {
            throw EvaluationRunError.tooLittleHistory(
                cutoffSeconds: split.cutoffSeconds,
                reason: "no event of the users asked about; give a later --cutoff")
        }
        if let writer {
            try writer.close()
            try directory.finishInput(of: shop.users.count)
        }
        return shop
    }

    private func check(_ targets: EvaluationTargets) throws {
        let split = targets.split
        if targets.training.buyers == 0 {
            throw EvaluationRunError.emptyWindow(name: "training", window: split.training)
        }
        if targets.validation.buyers == 0 {
            throw EvaluationRunError.emptyWindow(name: "validation", window: split.validation)
        }
    }

    // MARK: Snapshots of others

    private func snapshotSubject(_ path: String, unchecked: Bool) throws -> EvaluationSubject {
        let table = try EmbeddingTable(directory: path, on: host.disk)
        let asked =
            try options.userListPath.map { try EvaluationUsers.read($0, on: host.disk) }
            ?? Set(table.ids).sorted()
        var warnings: [String] = []
        let manifest = unchecked ? nil : try EvaluationFence.manifest(of: path, on: host.disk)
        if unchecked {
            warnings.append(
                "unchecked: nothing says that these profiles have not seen what they are scored on")
        } else if manifest == nil {
            throw EvaluationRunError.unknownOrigin(
                path: path, reason: "there is no manifest.json beside the pair")
        }
        reporter.begin("the log")
        var isOwn: Bool?
        if let manifest { isOwn = try isOfThisLog(manifest.cursor) }
        let cursor = isOwn == true ? manifest?.cursor : nil
        let facts = try log.facts(upTo: cursor)
        let split = try split(facts)
        if let manifest {
            try EvaluationFence(host: host, cutoffSeconds: split.cutoffSeconds).check(
                manifest, in: path, newestSeconds: facts.newestSeconds)
            if isOwn == false {
                warnings.append(
                    "the snapshot's cursor is not in this log: what it has seen is judged by its "
                        + "as_of and by what its generation was fitted to")
            }
        }
        reporter.begin("events of users")
        let shop = try log.read(split, asked: asked, end: facts.end, copyingTo: nil)
        var subject = EvaluationSubject(
            split: split, shop: shop,
            profiles: [
                EvaluationProfiles(
                    path: path, generation: manifest?.generation ?? 0,
                    space: manifest?.space ?? 0, refusals: [])
            ])
        subject.manifest = manifest
        subject.warnings = warnings
        return subject
    }
}

/// Whose profiles are scored, and on what.
struct EvaluationSubject: Sendable {
    var split: EvaluationSplit
    var shop: ShopEvents
    /// One for each space, in the order in which they were made.
    var profiles: [EvaluationProfiles]
    /// Of the last of them; nil when it is not known.
    var manifest: SnapshotManifest?
    var warnings: [String] = []
}
