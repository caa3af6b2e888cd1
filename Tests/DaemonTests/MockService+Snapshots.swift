import Pipeline
import Snapshots
import Synchronization

/// Which snapshots stay: answered from memory, like the rest.
extension MockService {
    func pin(
        _ version: Int64, reason: String, dryRun: Bool
    ) async throws(PipelineError) -> String? {
        try note("pin \(version) \(reason) \(dryRun)")
        return nil
    }

    func unpin(_ version: Int64, dryRun: Bool) async throws(PipelineError) -> String? {
        try note("unpin \(version) \(dryRun)")
        return "for the report"
    }

    func prune(dryRun: Bool) async throws(PipelineError) -> Retention {
        try note("prune \(dryRun)")
        return Retention(
            removed: [.init(version: 1, byteCount: 2048)],
            kept: [.init(version: 2, reasons: [.current, .newest])])
    }

    func compare(
        _ from: Int64, with to: Int64, limit: Int
    ) async throws(PipelineError) -> SnapshotDifference {
        try note("compare \(from) \(to) \(limit)")
        var found = SnapshotDifference(from: from, to: to)
        (found.fromUsers, found.toUsers, found.commonUsers) = (4, 5, 3)
        (found.addedUsers, found.removedUsers) = (2, 1)
        (found.added, found.removed) = ([77, 8], [1])
        guard from != 9 else {
            found.incomparable = "of another space"
            return found
        }
        let spread = SnapshotDifference.Spread(
            deciles: (0...10).map { Double($0) / 10 }, mean: 0.5)
        found.parts = [.init(name: "sra", width: 3, cosine: spread, euclidean: spread)]
        found.moved = [.init(user: 77, cosine: 1, euclidean: 0.25)]
        return found
    }

    func setRetention(_ policy: RetentionPolicy) async {
        state.withLock { $0.calls.append("retention \(policy.newest) \(policy.days)") }
    }
}
