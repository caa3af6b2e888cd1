import GRDB

/// Whose revisions the watches speak of (docs/control.md).
extension Registry {
    static func registerRevisions(_ migrator: inout DatabaseMigrator) {
        migrator.registerMigration("revisions: epochs of profile.watch") { database in
            try database.execute(
                sql: """
                    CREATE TABLE revisions (
                      one INTEGER PRIMARY KEY CHECK (one = 1),
                      generation INTEGER NOT NULL,
                      epoch INTEGER NOT NULL
                    ) STRICT;
                    """)
        }
    }

    /// The epoch that the revisions of a generation's profiles belong to; durable when it returns.
    ///
    /// - Parameters:
    ///   - generation: the one that answers, or is about to.
    ///   - renews: whether revisions of before say nothing of its state.
    ///   - seconds: seconds since 1970, wall clock.
    /// - Returns: the one it had, or a new one: later than any before, and `seconds` at least.
    /// - Throws: `registry`; nothing was changed.
    package func revisionEpoch(
        of generation: Int64, renews: Bool, seconds: Int64
    ) throws(SnapshotError) -> Int64 {
        try write { database in
            let known = try Row.fetchOne(database, sql: "SELECT generation, epoch FROM revisions")
            if let known, !renews, known["generation"] == generation { return known["epoch"] }
            let last: Int64 = known?["epoch"] ?? 0
            let epoch = max(last + 1, seconds)
            try database.execute(
                sql: "INSERT OR REPLACE INTO revisions VALUES (1, ?, ?)",
                arguments: [generation, epoch])
            return epoch
        }
    }
}
