import EventLog
import Foundation
import GRDB
import Snapshots
import Storage

/// What can be told of a generation's stored state without opening it.
package struct StateInspection: Sendable {
    /// Where the last commit stands in the log.
    package var cursor: EventLog.Cursor
    package var userCount: Int64
    /// The generation that made it.
    package var generation: Int64

    /// Looks into a `state.sqlite`; nil when there is none, or no commit in it.
    package static func read(
        _ path: String, on disk: any Disk
    ) throws(DatabaseInspection.Failure) -> StateInspection? {
        let found = try DatabaseInspection.read(path, on: disk) { database -> [String: Data] in
            guard try database.tableExists("meta") else { return [:] }
            let rows = try Row.fetchAll(
                database,
                sql: "SELECT key, value FROM meta WHERE key IN ('cursor', 'users', 'generation')")
            return Dictionary(uniqueKeysWithValues: rows.map { ($0["key"], $0["value"]) })
        }
        guard let found, !found.isEmpty else { return nil }
        let decoder = JSONDecoder()
        guard
            let cursor = try? decoder.decode(EventLog.Cursor.self, from: found["cursor"] ?? Data()),
            let users = try? decoder.decode(Int64.self, from: found["users"] ?? Data()),
            let generation = try? decoder.decode(Int64.self, from: found["generation"] ?? Data())
        else { throw .damaged(reason: "its last commit cannot be read") }
        return StateInspection(cursor: cursor, userCount: users, generation: generation)
    }
}
