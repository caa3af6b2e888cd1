import EventLog
import Foundation
import GRDB
import Storage

/// What a process beside the daemon may take from its registry: it reads, and writes nothing.
///
/// `ubpd refresh` folds the log with the inputs that the daemon accepted
/// (docs/decisions/0011-refresh.md).
extension Registry {
    /// What a refresh asks of the registry of a state directory.
    package struct Summary: Sendable, Equatable {
        /// The generation that was activated last; nil before the first.
        package var activeGeneration: Int64?
        /// The highest input; 0 when there is none.
        package var lastInput: Int64 = 0

        /// Of a state directory without a registry.
        package init() {}
    }

    /// Reads another process's registry; one that is not there yet is empty.
    package static func summary(
        stateDirectory: String, on disk: any Disk
    ) throws(SnapshotError) -> Summary {
        try reading(stateDirectory, disk) { database in
            var summary = Summary()
            summary.activeGeneration = try Int64.fetchOne(
                database, sql: "SELECT generation FROM activations ORDER BY id DESC LIMIT 1")
            summary.lastInput =
                try Int64.fetchOne(database, sql: "SELECT MAX(id) FROM inputs") ?? 0
            return summary
        } ?? Summary()
    }

    /// Takes over the inputs with ids up to `last` of another process's registry; those that are
    /// here already stay.
    package func copyInputs(
        from stateDirectory: String, upTo last: Int64, on disk: any Disk
    ) throws(SnapshotError) {
        // Few at a time, because each may bring a large record.
        let limit = 256
        var after: Int64 = 0
        while after < last {
            let start = after
            let rows = try Self.reading(stateDirectory, disk) { database in
                try Row.fetchAll(
                    database,
                    sql: """
                        SELECT id, segment, record, kind, subject, payload, seconds FROM inputs
                        WHERE id > ? AND id <= ? ORDER BY id LIMIT ?
                        """, arguments: [start, last, limit]
                ).map { row in StatementArguments(row.databaseValues.map { $0 }) }
            }
            guard let rows, !rows.isEmpty else { return }
            try write { database in
                let insert = try database.cachedStatement(
                    sql: "INSERT OR IGNORE INTO inputs VALUES (?, ?, ?, ?, ?, ?, ?)")
                for row in rows { try insert.execute(arguments: row) }
            }
            let copied = try inputs(after: start)
            guard copied.count >= rows.count else { return }
            after = copied[rows.count - 1].id
        }
    }

    /// The inputs up to `last` of another process's registry that forget a user, ascending by id.
    package static func forgets(
        stateDirectory: String, upTo last: Int64, on disk: any Disk
    ) throws(SnapshotError) -> [LogInput] {
        try reading(stateDirectory, disk) { database in
            try Row.fetchAll(
                database,
                sql: """
                    SELECT id, segment, record, kind, subject FROM inputs
                    WHERE id <= ? AND kind IN ('forget', 'forget-past') ORDER BY id
                    """, arguments: [last]
            ).compactMap { row in
                LogInput.Kind(rawValue: row["kind"]).map { kind in
                    LogInput(
                        id: row["id"],
                        place: RecordPlace(segment: row["segment"], recordIndex: row["record"]),
                        kind: kind, subject: row["subject"])
                }
            }
        } ?? []
    }

    private static func reading<Result: Sendable>(
        _ stateDirectory: String, _ disk: any Disk, _ body: @Sendable (Database) throws -> Result
    ) throws(SnapshotError) -> Result? {
        let path = stateDirectory + "/" + fileName
        let status = try onDisk { () throws(StorageError) in try disk.status(path) }
        guard status != nil else { return nil }
        do {
            let queue = try DatabaseQueue(
                path: path, configuration: DatabaseSettings.makeReader(label: "registry reader"))
            return try queue.read { database in
                guard try database.tableExists("inputs") else { return nil }
                return try body(database)
            }
        } catch {
            throw SnapshotError(error, ofRegistry: path)
        }
    }
}
