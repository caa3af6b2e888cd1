import EventLog
import Events
import Profiles
import Snapshots
import Storage

/// Writes snapshots on a thread of its own; quick questions go past it to the store directly.
actor SnapshotService {
    private nonisolated let executor = ThreadExecutor(name: "snapshots")
    nonisolated let store: SnapshotStore
    private var retention: RetentionPolicy
    private var writer: SnapshotWriter?
    private var isTaken = false
    private var turns = Waiters()

    nonisolated var unownedExecutor: UnownedSerialExecutor { executor.unowned }

    init(store: SnapshotStore, retainCount: Int, retainDays: Int = 0) {
        self.store = store
        retention = RetentionPolicy(newest: retainCount, days: retainDays)
    }

    /// Keeps by another policy from now on.
    func setRetention(_ policy: RetentionPolicy) { retention = policy }

    /// Lets go what the policy does not keep, now.
    func prune(dryRun: Bool) throws(PipelineError) -> Retention {
        do { return try store.prune(retention, dryRun: dryRun) } catch { throw .init(error) }
    }

    /// Waits until nobody else writes a snapshot; `endTurn` must follow.
    func takeTurn() async {
        while isTaken { await withCheckedContinuation { turns.add($0) } }
        isTaken = true
    }

    /// Lets the next one write.
    func endTurn() {
        isTaken = false
        turns.resumeAll()
    }

    /// Starts a snapshot; one at a time.
    func begin(_ plan: SnapshotPlan) throws(PipelineError) {
        do {
            writer = try store.begin(plan)
        } catch {
            throw .init(error)
        }
    }

    /// Appends rows, ascending by user; `values` is `[users, width]`.
    func append(_ users: [UserID], _ values: [Float]) throws(PipelineError) {
        guard let writer, !users.isEmpty else { return }
        let width = writer.width
        do {
            let span = values.span
            for (index, user) in users.enumerated() {
                let row = span.extracting(index * width..<(index + 1) * width)
                try writer.append(user, values: row)
            }
        } catch {
            throw .init(error)
        }
    }

    /// Verifies and publishes what was written, and lets old snapshots go; its version.
    func finish() throws(PipelineError) -> Int64 {
        guard let writer else { throw .state("no snapshot is being written") }
        self.writer = nil
        do {
            let manifest = try writer.finish()
            _ = try store.prune(retention)
            return manifest.version
        } catch {
            throw .init(error)
        }
    }

    /// Gives up what was written.
    func cancel() {
        writer?.cancel()
        writer = nil
    }

    /// Re-reads a snapshot whole.
    func verify(_ version: Int64) throws(PipelineError) {
        do {
            try store.verify(version)
        } catch {
            throw .init(error)
        }
    }
}

/// Moves and lists snapshots on a thread of its own, so that a rollback waits for no writer.
actor SnapshotDesk {
    private nonisolated let executor = ThreadExecutor(name: "snapshot-desk")
    private let store: SnapshotStore

    nonisolated var unownedExecutor: UnownedSerialExecutor { executor.unowned }

    init(store: SnapshotStore) { self.store = store }

    /// All snapshots, ascending by version.
    func list() throws(PipelineError) -> [SnapshotReport] {
        do {
            return try store.list().map(SnapshotReport.init)
        } catch {
            throw .init(error)
        }
    }

    /// One snapshot.
    func show(_ version: Int64) throws(PipelineError) -> SnapshotReport {
        do {
            return SnapshotReport(try store.show(version))
        } catch {
            throw .init(error)
        }
    }

    /// Moves `current` back and holds it; the move and the seconds it took on `clock`.
    func rollback(
        to version: Int64, reason: String, expecting: Int64?, dryRun: Bool, clock: any Clock
    ) throws(PipelineError) -> RollbackReport {
        let start = clock.monotonicNanoseconds()
        do {
            let move = try store.rollback(
                to: version, reason: reason, expecting: expecting, dryRun: dryRun)
            return RollbackReport(move, since: start, clock, dryRun: dryRun)
        } catch {
            throw .init(error)
        }
    }

    /// Ends the hold.
    func release(
        expecting: Int64?, dryRun: Bool, clock: any Clock
    ) throws(PipelineError) -> RollbackReport {
        let start = clock.monotonicNanoseconds()
        do {
            let move = try store.release(expecting: expecting, dryRun: dryRun)
            return RollbackReport(move, since: start, clock, dryRun: dryRun)
        } catch {
            throw .init(error)
        }
    }

    /// Has retention pass a snapshot over; the pin there was before.
    func pin(
        _ version: Int64, reason: String, dryRun: Bool
    ) throws(PipelineError) -> SnapshotPin? {
        do {
            return try store.pin(version, reason: reason, dryRun: dryRun)
        } catch {
            throw .init(error)
        }
    }

    /// Ends a pin; the pin there was.
    func unpin(_ version: Int64, dryRun: Bool) throws(PipelineError) -> SnapshotPin? {
        do { return try store.unpin(version, dryRun: dryRun) } catch { throw .init(error) }
    }

    /// Version of `current` and the reason of the hold.
    func state() throws(PipelineError) -> (current: Int64?, hold: String?) {
        do {
            return (current: try store.current(), hold: try store.hold()?.reason)
        } catch {
            throw .init(error)
        }
    }
}

extension SnapshotReport {
    init(_ entry: SnapshotStore.Entry) {
        let manifest = entry.manifest
        self.init(
            version: manifest.version, path: entry.path, isCurrent: entry.isCurrent,
            users: manifest.users, width: manifest.width, space: manifest.space,
            generation: manifest.generation, trained: manifest.trained, asOf: manifest.asOf,
            offset: manifest.cursor.recordCount, byteCount: manifest.byteCount,
            createdSeconds: entry.createdSeconds, parent: manifest.parent,
            hashes: manifest.files.mapValues(\.sha256))
        pin = entry.pin?.reason
    }
}

extension RollbackReport {
    init(_ move: SnapshotStore.Move, since start: UInt64, _ clock: any Clock, dryRun: Bool) {
        self.init(
            previous: move.previous, current: move.current, hold: move.hold?.reason,
            seconds: Double(clock.monotonicNanoseconds() - start) / 1e9, dryRun: dryRun)
    }
}

extension PipelineError {
    /// A snapshot error, in the pipeline's terms.
    init(_ error: SnapshotError) {
        switch error {
        case .unknownVersion(let version): self = .unknownSnapshot(version: version)
        case .damaged(let path, let reason): self = .damagedSnapshot(path: path, reason: reason)
        case .notExpected(let expected, let current):
            self = .notExpected(expected: expected, current: current)
        case .stateDirectoryInUse(let path): self = .stateDirectoryInUse(path: path)
        default: self = .storage(error.description)
        }
    }
}
