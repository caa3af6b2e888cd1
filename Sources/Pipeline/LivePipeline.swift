import EventLog
import Events
import Features
import Snapshots
import Storage

/// The running whole: log in, live profiles and snapshots out.
///
/// Opened on a state directory that no other process holds; `run` works until `drain` or an error
/// that only a restart can mend. All of `ProfileService` may be called meanwhile.
package final class LivePipeline: ProfileService {
    let served: ServedGenerations
    private let generationDesk: GenerationDesk
    private let keeper: QuarantineKeeper
    let erasures: ErasureDesk
    let writer: SnapshotService
    let desk: SnapshotDesk
    let comparer: SnapshotComparer
    let historian: SnapshotHistorian
    let explainer = PredictionExplainer()
    /// What the control plane enters its audit into.
    package let registry: Registry
    private let bell = Bell()
    private let refreshWatch: RefreshWatch
    private let host: Host

    /// Recovers state and registry, repairs what a crash left, and picks the generation.
    ///
    /// The one that was active last is taken. Where none was, the newest that is accepted and
    /// verifies is; a damaged one is named in `status` and passed over (DESIGN §1, invariant 9).
    package init(host: Host, options: PipelineOptions) throws(PipelineError) {
        self.host = host
        do {
            let opened = try Registry.recover(
                stateDirectory: options.stateDirectory, on: host)
            let registry = opened.registry
            self.registry = registry
            let store = SnapshotStore(
                stateDirectory: options.stateDirectory, registry: registry, on: host)
            let recovery = try store.recover()
            // A generation that was being removed still has its users' rows: a user who is forgotten
            // later would be called erased while they are there.
            _ = try GenerationStore(stateDirectory: options.stateDirectory, on: host)
                .removeLeftovers()
            writer = SnapshotService(
                store: store, retainCount: options.snapshotRetainCount,
                retainDays: options.snapshotRetainDays)
            comparer = SnapshotComparer(store: store)
            historian = SnapshotHistorian(store: store)
            desk = SnapshotDesk(store: store)
            keeper = try QuarantineKeeper(registry: registry, host: host, options: options)
            let shared = SharedPipeline(
                host: host, options: options, registry: registry, snapshots: writer, keeper: keeper,
                fence: FoldFence(), bell: bell)
            let start = try GenerationStart(shared)
            served = ServedGenerations(
                start.running, degraded: opened.degraded + recovery.degraded + start.degraded)
            generationDesk = GenerationDesk(shared, served: served, known: start.known)
            erasures = ErasureDesk(shared, generationDesk)
            refreshWatch = RefreshWatch(stateDirectory: options.stateDirectory, host: host)
        } catch let error as SnapshotError {
            throw .init(error)
        } catch let error as PipelineError {
            throw error
        } catch {
            throw .state("\(error)")
        }
    }

    /// Works until drained.
    package func run() async throws(PipelineError) {
        let work = Task.detached { [erasures] in await erasures.run() }
        do throws(PipelineError) { try await generationDesk.run() } catch {
            erasures.stop()
            await work.value
            throw error
        }
        erasures.stop()
        await work.value
    }

    /// Where the pipeline stands: the profilers' word, and `current` and its hold.
    package func status() async throws(PipelineError) -> StatusReport {
        let members = served.members
        let active = served.active.profiler
        var report = await active.report()
        let state = try await desk.state()
        report.currentSnapshot = state.current
        report.hold = state.hold
        report.degraded = served.degraded + report.degraded
        if let problem = await erasures.problem { report.degraded.append(problem) }
        for member in members {
            let profiler = member.running.profiler
            let own = profiler === active ? report : await profiler.report()
            report.generations.append(member.standing(own))
            guard member.role != .active else { continue }
            report.degraded += own.degraded.map { "generation \(member.running.id): \($0)" }
        }
        report.notices = served.notices
        report.refresh = await refreshWatch.condition()
        return report
    }

    /// Profiles at the applied cursor of the generation that is asked for.
    package func profiles(
        of users: [UserID], asOf: Int64?, from selector: GenerationSelector
    ) async throws(PipelineError) -> ProfileReply {
        try await served.profiler(for: selector).profiles(of: users, asOf: asOf)
    }

    /// What users will do, at the applied cursor.
    package func predictions(
        of users: [UserID], from selector: GenerationSelector
    ) async throws(PipelineError) -> PredictionReply {
        try await served.profiler(for: selector).predictions(of: users)
    }

    /// Cuts, writes, verifies and publishes a snapshot.
    package func createSnapshot(
        _ request: SnapshotRequest
    ) async throws(PipelineError) -> SnapshotReport {
        let version = try await withProfiler(request.selector) { profiler throws(PipelineError) in
            try await profiler.writeSnapshot(request)
        }
        return try await desk.show(version)
    }

    /// Asks the profiler that answers now, and the next one when that gives way to another.
    func withProfiler<Answer: Sendable>(
        _ selector: GenerationSelector,
        _ body: @Sendable (Profiler) async throws(PipelineError) -> Answer
    ) async throws(PipelineError) -> Answer {
        while true {
            do throws(PipelineError) {
                return try await body(try served.profiler(for: selector))
            } catch {
                guard case .superseded = error else { throw error }
                guard !(await generationDesk.isEnding) else { throw .stopping }
                // A swap is under way, or has just been.
                await Task.yield()
            }
        }
    }

    /// All snapshots, ascending by version.
    package func snapshots() async throws(PipelineError) -> [SnapshotReport] {
        try await desk.list()
    }

    /// Reads a snapshot whole and compares its hashes, on the thread that writes them.
    package func verifySnapshot(_ version: Int64) async throws(PipelineError) -> SnapshotReport {
        try await writer.verify(version)
        return try await desk.show(version)
    }

    /// Moves `current` and holds it there; its generation follows in the background.
    package func rollback(
        to version: Int64, reason: String, expecting: Int64? = nil, dryRun: Bool
    ) async throws(PipelineError) -> RollbackReport {
        var report = try await desk.rollback(
            to: version, reason: reason, expecting: expecting, dryRun: dryRun, clock: host.clock)
        let generation = try await desk.show(version).generation
        if generation != served.active.id { report.reactivates = generation }
        if !dryRun { bell.ring() }
        return report
    }

    /// Ends the hold; `current` moves to the newest snapshot.
    package func release(
        expecting: Int64? = nil, dryRun: Bool
    ) async throws(PipelineError) -> RollbackReport {
        defer { bell.ring() }
        return try await desk.release(expecting: expecting, dryRun: dryRun, clock: host.clock)
    }

    /// All generations, ascending by id.
    package func generations() async throws(PipelineError) -> [GenerationReport] {
        try await generationDesk.reports()
    }

    /// All spaces, ascending by id.
    package func spaces() async throws(PipelineError) -> [SpaceReport] {
        await generationDesk.spaces()
    }

    /// Has a generation take over, in the background.
    package func activate(
        _ generation: Int64, force: Bool, dryRun: Bool
    ) async throws(PipelineError) -> ActivationReport {
        try await generationDesk.activate(generation, force: force, dryRun: dryRun)
    }

    /// How the batch refresh stands; nil when there is none to speak of.
    package func refresh() async throws(PipelineError) -> RefreshCondition? {
        await refreshWatch.condition()
    }

    /// Tells the refresh to stop.
    package func cancelRefresh(dryRun: Bool) async throws(PipelineError) -> RefreshCondition {
        try await refreshWatch.cancel(dryRun: dryRun)
    }

    /// A page of quarantined records.
    package func quarantine(
        _ query: QuarantineQuery
    ) async throws(PipelineError) -> QuarantinePage {
        try await keeper.page(query)
    }

    /// One quarantined record, with its bytes.
    package func quarantined(_ place: RecordPlace) async throws(PipelineError) -> QuarantineItem {
        guard let item = try await keeper.items(at: [place]).first else {
            throw .notQuarantined(place)
        }
        return item
    }

    /// Gives quarantined records to the fold again; what became of each, in the order asked.
    package func replay(
        _ places: [RecordPlace], dryRun: Bool
    ) async throws(PipelineError) -> [ReplayOutcome] {
        guard places.count <= Self.replayLimit else {
            throw .tooManyRecords(asked: places.count, limit: Self.replayLimit)
        }
        var outcomes: [ReplayOutcome] = []
        // A slice at a time, because each record may be large.
        for start in stride(from: 0, to: places.count, by: Profiler.inputSliceCount) {
            let slice = places[start..<min(start + Profiler.inputSliceCount, places.count)]
            let entries = try await keeper.items(at: Array(slice)).map(\.entry)
            let made = try await withProfiler(.active) { profiler throws(PipelineError) in
                try await profiler.replay(entries, dryRun: dryRun)
            }
            let byPlace = Dictionary(made.map { ($0.place, $0) }) { first, _ in first }
            outcomes += slice.map {
                byPlace[$0] ?? ReplayOutcome(place: $0, refusal: .notQuarantined)
            }
        }
        return outcomes
    }

    /// Records of one `replay`, at most.
    package static let replayLimit = 1000

    /// Commits everything applied so far; where that was.
    package func checkpoint() async throws(PipelineError) -> Cursor {
        try await served.active.profiler.checkpoint()
    }

    /// Finishes what is read, commits, and ends `run`.
    package func drain() async throws(PipelineError) { try await generationDesk.drain() }
}

extension Refusal {
    fileprivate static let notQuarantined = Refusal(
        code: "not_quarantined",
        reason: "there is no such entry, or it has left the quarantine; "
            + "`ubpctl quarantine list` shows those there are")
}
