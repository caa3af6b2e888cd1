import GRDB

/// That retention passes a snapshot over, and why.
package struct SnapshotPin: Sendable, Equatable {
    package let version: Int64
    /// For whoever wonders why it is still there; may be empty.
    package let reason: String
    /// Seconds since 1970, wall clock.
    package let pinnedSeconds: Int64

    /// A pin of `version`.
    package init(version: Int64, reason: String, pinnedSeconds: Int64) {
        self.version = version
        self.reason = reason
        self.pinnedSeconds = pinnedSeconds
    }
}

extension Registry {
    /// What is pinned, ascending by version.
    package func pins() throws(SnapshotError) -> [SnapshotPin] {
        try read { database in
            try Row.fetchAll(database, sql: "SELECT * FROM pins ORDER BY version").map { row in
                SnapshotPin(
                    version: row["version"], reason: row["reason"],
                    pinnedSeconds: row["pinned_seconds"])
            }
        }
    }

    /// Pins a registered snapshot, or gives its pin another reason.
    package func add(_ pin: SnapshotPin) throws(SnapshotError) {
        try writeEffect { database in
            try database.execute(
                sql: """
                    INSERT INTO pins (version, reason, pinned_seconds) VALUES (?, ?, ?)
                    ON CONFLICT (version) DO UPDATE
                    SET reason = excluded.reason, pinned_seconds = excluded.pinned_seconds
                    """, arguments: [pin.version, pin.reason, pin.pinnedSeconds])
        }
    }

    /// Ends a pin; without one it changes nothing.
    package func removePin(_ version: Int64) throws(SnapshotError) {
        try writeEffect { database in
            try database.execute(sql: "DELETE FROM pins WHERE version = ?", arguments: [version])
        }
    }
}
