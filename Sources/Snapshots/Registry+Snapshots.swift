import Foundation
import GRDB
import Storage

/// What the registry knows of one snapshot.
package struct SnapshotRecord: Sendable, Equatable {
    package let version: Int64
    /// The manifest's bytes as they were published.
    package let manifestBytes: [UInt8]
    /// Seconds since 1970, wall clock.
    package let createdSeconds: Int64
    /// When retention removed its directory; nil while it is there.
    package let removedSeconds: Int64?

    /// The manifest, decoded.
    package func manifest() throws(SnapshotError) -> SnapshotManifest {
        try ManifestCoding.decode(
            SnapshotManifest.self, manifestBytes, path: "snapshot \(version) in the registry",
            schema: SnapshotManifest.schema)
    }
}

/// That `current` stands still, and why.
package struct SnapshotHold: Sendable, Equatable {
    /// What `current` points at while it is held.
    package let version: Int64
    package let reason: String
    /// Seconds since 1970, wall clock.
    package let heldSeconds: Int64

    /// A hold of `current` at `version`.
    package init(version: Int64, reason: String, heldSeconds: Int64) {
        self.version = version
        self.reason = reason
        self.heldSeconds = heldSeconds
    }
}

extension Registry {
    /// Snapshots whose directories should be there, ascending.
    package func snapshots() throws(SnapshotError) -> [SnapshotRecord] {
        try read { database in
            let rows = try Row.fetchAll(
                database,
                sql: "SELECT * FROM snapshots WHERE removed_seconds IS NULL ORDER BY version")
            return try rows.map(Self.record)
        }
    }

    /// One snapshot, even one that was removed since.
    package func snapshot(_ version: Int64) throws(SnapshotError) -> SnapshotRecord? {
        try read { database in
            try Row.fetchOne(
                database, sql: "SELECT * FROM snapshots WHERE version = ?", arguments: [version]
            ).map(Self.record)
        }
    }

    /// The highest version ever registered; 0 before the first.
    package func newestVersionEver() throws(SnapshotError) -> Int64 {
        try read { try Int64.fetchOne($0, sql: "SELECT MAX(version) FROM snapshots") ?? 0 }
    }

    /// Registers a published snapshot; its manifest's bytes are what the directory holds.
    package func add(
        _ manifest: SnapshotManifest, bytes: [UInt8], createdSeconds: Int64
    ) throws(SnapshotError) {
        try writeEffect { database in
            try database.execute(
                sql: """
                    INSERT INTO snapshots
                      (version, space, generation, byte_count, created_seconds, manifest)
                    VALUES (?, ?, ?, ?, ?, ?)
                    """,
                arguments: [
                    manifest.version, manifest.space, manifest.generation, manifest.byteCount,
                    createdSeconds, Data(bytes),
                ])
        }
    }

    /// Replaces the manifest of a snapshot that was rewritten in its place.
    func revise(_ version: Int64, bytes: [UInt8], byteCount: Int64) throws(SnapshotError) {
        try write { database in
            try database.execute(
                sql: "UPDATE snapshots SET manifest = ?, byte_count = ? WHERE version = ?",
                arguments: [Data(bytes), byteCount, version])
        }
    }

    /// Notes that the directories of snapshots go away, all or none.
    package func markRemoved(_ versions: [Int64], seconds: Int64) throws(SnapshotError) {
        try writeEffect { database in
            for version in versions {
                try database.execute(
                    sql: "UPDATE snapshots SET removed_seconds = ? WHERE version = ?",
                    arguments: [seconds, version])
            }
        }
    }

    /// Why `current` stands still; nil when it does not.
    package func hold() throws(SnapshotError) -> SnapshotHold? {
        try read { database in
            try Row.fetchOne(database, sql: "SELECT * FROM hold").map { row in
                SnapshotHold(
                    version: row["version"], reason: row["reason"], heldSeconds: row["held_seconds"]
                )
            }
        }
    }

    /// Holds `current`, or lets it go with nil.
    package func setHold(_ hold: SnapshotHold?) throws(SnapshotError) {
        try writeEffect { database in
            try database.execute(sql: "DELETE FROM hold")
            if let hold {
                try database.execute(
                    sql:
                        "INSERT INTO hold (one, version, reason, held_seconds) VALUES (1, ?, ?, ?)",
                    arguments: [hold.version, hold.reason, hold.heldSeconds])
            }
        }
    }

    private static func record(_ row: Row) throws -> SnapshotRecord {
        SnapshotRecord(
            version: row["version"], manifestBytes: Array(row["manifest"] as Data),
            createdSeconds: row["created_seconds"], removedSeconds: row["removed_seconds"])
    }
}
