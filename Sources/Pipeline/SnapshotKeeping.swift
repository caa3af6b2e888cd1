import Snapshots
import Storage

/// What may be asked about which snapshots stay, and about what changed between two.
package protocol SnapshotKeeping: Sendable {
    /// Has retention pass a snapshot over; the reason of the pin it had, nil without one.
    func pin(
        _ version: Int64, reason: String, dryRun: Bool
    ) async throws(PipelineError) -> String?
    /// Ends a pin; the reason of the pin it had, nil without one.
    func unpin(_ version: Int64, dryRun: Bool) async throws(PipelineError) -> String?
    /// Lets go what retention does not keep; `dryRun` only says what that is.
    func prune(dryRun: Bool) async throws(PipelineError) -> Retention
    /// What changed between two snapshots; `limit` users are named in each list.
    func compare(
        _ from: Int64, with to: Int64, limit: Int
    ) async throws(PipelineError) -> SnapshotDifference
    /// Keeps by another policy from now on.
    func setRetention(_ policy: RetentionPolicy) async
}

/// Compares snapshots on a thread of its own, one pair at a time.
actor SnapshotComparer {
    private nonisolated let executor = ThreadExecutor(name: "snapshot-diff", niceness: 5)
    private let store: SnapshotStore

    nonisolated var unownedExecutor: UnownedSerialExecutor { executor.unowned }

    init(store: SnapshotStore) { self.store = store }

    /// What changed between two snapshots.
    func compare(
        _ from: Int64, with to: Int64, limit: Int
    ) throws(PipelineError) -> SnapshotDifference {
        do { return try store.compare(from, with: to, limit: limit) } catch { throw .init(error) }
    }
}

extension LivePipeline {
    /// Has retention pass a snapshot over; the reason of the pin it had.
    package func pin(
        _ version: Int64, reason: String, dryRun: Bool
    ) async throws(PipelineError) -> String? {
        try await desk.pin(version, reason: reason, dryRun: dryRun)?.reason
    }

    /// Ends a pin; the reason of the pin it had.
    package func unpin(_ version: Int64, dryRun: Bool) async throws(PipelineError) -> String? {
        try await desk.unpin(version, dryRun: dryRun)?.reason
    }

    /// Applies retention now, on the thread that writes snapshots.
    package func prune(dryRun: Bool) async throws(PipelineError) -> Retention {
        try await writer.prune(dryRun: dryRun)
    }

    /// What changed between two snapshots.
    package func compare(
        _ from: Int64, with to: Int64, limit: Int
    ) async throws(PipelineError) -> SnapshotDifference {
        try await comparer.compare(from, with: to, limit: limit)
    }

    /// Keeps by another policy from now on.
    package func setRetention(_ policy: RetentionPolicy) async {
        await writer.setRetention(policy)
    }
}
