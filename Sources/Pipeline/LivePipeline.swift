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
    private let profiler: Profiler
    private let writer: SnapshotService
    private let desk: SnapshotDesk
    private let host: Host

    /// Recovers state and registry, repairs what a crash left, and picks the generation.
    ///
    /// The newest generation that verifies is taken, unless `current` is held; a damaged one is
    /// named in `status` and passed over (DESIGN §1, invariant 9).
    package init(host: Host, options: PipelineOptions) throws(PipelineError) {
        self.host = host
        do {
            let opened = try Registry.recover(
                stateDirectory: options.stateDirectory, on: host)
            let registry = opened.registry
            let store = SnapshotStore(
                stateDirectory: options.stateDirectory, registry: registry, on: host)
            let recovery = try store.recover()
            let chosen = try Self.chooseGeneration(options, registry, host)
            writer = SnapshotService(store: store, retainCount: options.snapshotRetainCount)
            desk = SnapshotDesk(store: store)
            profiler = try Profiler(
                host: host, options: options, generation: chosen.generation, snapshots: writer,
                registry: registry,
                degraded: opened.degraded + recovery.degraded + chosen.degraded)
        } catch let error as SnapshotError {
            throw .init(error)
        } catch let error as PipelineError {
            throw error
        } catch {
            throw .state("\(error)")
        }
    }

    /// Works until drained.
    package func run() async throws(PipelineError) { try await profiler.run() }

    private static func chooseGeneration(
        _ options: PipelineOptions, _ registry: Registry, _ host: Host
    ) throws -> (generation: LiveGeneration, degraded: [String]) {
        let store = GenerationStore(stateDirectory: options.stateDirectory, on: host)
        let scan = try store.scan()
        var degraded = scan.degraded
        let active = try registry.activations().last?.generation
        let held = try registry.hold() != nil
        let isPinned = held && active != nil
        let candidates = isPinned ? scan.good.filter { $0.manifest.id == active } : scan.good
        for published in candidates.reversed() {
            do {
                let generation = try LiveGeneration.load(
                    published, hybrid: options.hybrid, level: options.level, on: host.disk)
                if generation.reducer.options != options.fold {
                    degraded.append(
                        "generation \(generation.id) was fitted with other session, order or "
                            + "feature bounds than the configuration names; its own hold until "
                            + "the next `ubpd refresh`")
                }
                try adopt(published, active: active, registry, host)
                return (generation, degraded)
            } catch {
                degraded.append("generation \(published.manifest.id): \(error)")
            }
        }
        degraded.append(
            "no generation yet: profiles hold the stats part alone; run `ubpd refresh` and restart")
        return (
            .builtIn(fold: options.fold, stateDirectory: options.stateDirectory), degraded
        )
    }

    private static func adopt(
        _ published: PublishedGeneration, active: Int64?, _ registry: Registry, _ host: Host
    ) throws {
        guard published.manifest.id != active else { return }
        try registry.adopt(published, offset: 0, seconds: host.clock.seconds())
        try registry.noteActivation(
            generation: published.manifest.id, offset: 0, seconds: host.clock.seconds())
    }

    /// Where the pipeline stands: the profiler's word, and `current` and its hold.
    package func status() async throws(PipelineError) -> StatusReport {
        var report = await profiler.report()
        let state = try await desk.state()
        report.currentSnapshot = state.current
        report.hold = state.hold
        return report
    }

    /// Profiles at the applied cursor.
    package func profiles(
        of users: [UserID], asOf: Int64?
    ) async throws(PipelineError) -> ProfileReply {
        try await profiler.profiles(of: users, asOf: asOf)
    }

    /// What users will do, at the applied cursor.
    package func predictions(
        of users: [UserID]
    ) async throws(PipelineError) -> PredictionReply {
        try await profiler.predictions(of: users)
    }

    /// Cuts, writes, verifies and publishes a snapshot.
    package func createSnapshot(
        _ request: SnapshotRequest
    ) async throws(PipelineError) -> SnapshotReport {
        let version = try await profiler.writeSnapshot(request)
        return try await desk.show(version)
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

    /// Moves `current` and holds it there.
    package func rollback(
        to version: Int64, reason: String, dryRun: Bool
    ) async throws(PipelineError) -> RollbackReport {
        try await desk.rollback(to: version, reason: reason, dryRun: dryRun, clock: host.clock)
    }

    /// Ends the hold; `current` moves to the newest snapshot.
    package func release(dryRun: Bool) async throws(PipelineError) -> RollbackReport {
        try await desk.release(dryRun: dryRun, clock: host.clock)
    }

    /// A page of quarantined records.
    package func quarantine(
        _ query: QuarantineQuery
    ) async throws(PipelineError) -> QuarantinePage {
        try await profiler.committer.page(query)
    }

    /// One quarantined record, with its bytes.
    package func quarantined(_ place: RecordPlace) async throws(PipelineError) -> QuarantineItem {
        guard let item = try await profiler.committer.items(at: [place]).first else {
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
            let items = try await profiler.committer.items(at: Array(slice))
            let made = try await profiler.replay(items.map(\.entry), dryRun: dryRun)
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
        try await profiler.checkpoint()
    }

    /// Finishes what is read, commits, and ends `run`.
    package func drain() async throws(PipelineError) { try await profiler.drain() }
}

extension Refusal {
    fileprivate static let notQuarantined = Refusal(
        code: "not_quarantined",
        reason: "there is no such entry, or it has left the quarantine; "
            + "`ubpctl quarantine list` shows those there are")
}
