import Evaluation
import EventLog
import Foundation
import Snapshots
import Storage

/// Sees to it that what is scored has seen nothing at or after the cutoff.
struct EvaluationFence {
    /// What a manifest says of the log that something was made from.
    struct Origin: Sendable, Equatable {
        /// Of a snapshot; nil when it has no manifest.
        var asOf: Int64?
        var cursor: Cursor?
        var generation: Int64?
        var space: Int64?
    }

    let host: Storage.Host
    let cutoffSeconds: Int64

    /// The manifest's word; nil when the directory has none.
    static func manifest(
        of directory: String, on disk: any Disk
    ) throws -> SnapshotManifest? {
        let path = directory + "/manifest.json"
        guard try disk.status(path) != nil else { return nil }
        do {
            return try JSONDecoder().decode(
                SnapshotManifest.self, from: Data(try disk.bytes(of: path, limit: 64 << 20)))
        } catch {
            throw EvaluationRunError.unknownOrigin(
                path: path, reason: "it is no snapshot's manifest")
        }
    }

    /// Holds the snapshot's time, the newest event before its cursor, its generation and its space
    /// against the target windows.
    ///
    /// - Parameters:
    ///   - manifest: the snapshot's.
    ///   - directory: where it is; generations and spaces stand two levels above.
    ///   - newestSeconds: of the log's events before the cursor; nil when that is of another log.
    /// - Throws: `seenTargets` for the first that reaches into them, or `unknownOrigin`.
    func check(
        _ manifest: SnapshotManifest, in directory: String, newestSeconds: Int64?
    ) throws {
        if let asOf = manifest.asOf, asOf >= cutoffSeconds {
            throw seen(directory, "as_of", asOf)
        }
        if let newestSeconds, newestSeconds >= cutoffSeconds {
            throw seen(directory, "an event before its cursor", newestSeconds)
        }
        // The built-in generation was fitted to nothing.
        guard manifest.generation > 0 else { return }
        guard let state = directory.parentPath?.parentPath else {
            throw EvaluationRunError.unknownOrigin(
                path: directory, reason: "it stands in no state directory")
        }
        try check(generation: manifest.generation, of: state, snapshot: directory)
    }

    /// Throws `seenTargets` when the generation, or its space, was fitted to the target windows.
    @discardableResult
    func check(
        generation id: Int64, of stateDirectory: String, snapshot: String? = nil
    ) throws -> PublishedGeneration {
        let store = GenerationStore(stateDirectory: stateDirectory, on: host)
        let generation: PublishedGeneration
        do {
            generation = try store.verifyGeneration(id)
        } catch {
            throw EvaluationRunError.unknownOrigin(
                path: snapshot ?? store.path(ofGeneration: id),
                reason: "generation \(id), which made it, cannot be read (\(error))")
        }
        for (path, end) in [
            (generation.path, generation.manifest.fitTo),
            (generation.space.path, generation.space.manifest.fitTo),
        ] where end > cutoffSeconds {
            throw seen(path, "the end of what it was fitted to", end)
        }
        // Labels and futures of trainings lie behind a space's fit window.
        for (path, numbers) in [
            (generation.path, generation.manifest.numbers),
            (generation.space.path, generation.space.manifest.numbers),
        ] {
            if let now = numbers["refresh.now_seconds"], now >= Double(cutoffSeconds),
                now.magnitude < 1e15
            {
                throw seen(path, "the end of the log that trained it", Int64(now))
            }
        }
        return generation
    }

    private func seen(_ path: String, _ what: String, _ seconds: Int64) -> EvaluationRunError {
        .seenTargets(path: path, what: what, seconds: seconds, cutoffSeconds: cutoffSeconds)
    }
}
