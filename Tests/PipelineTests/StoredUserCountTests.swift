import GRDB
import Pipeline
import TestSupport
import Testing

@Suite struct StoredUserCountTests {
    /// A file with the column that is looked at, held open as a daemon does.
    private func store(_ path: String, _ users: [Int64]) throws -> DatabaseQueue {
        let database = try DatabaseQueue(path: path)
        try database.writeWithoutTransaction { db in
            try db.execute(sql: "PRAGMA journal_mode = WAL")
        }
        try database.write { db in
            try db.execute(sql: "CREATE TABLE users (user INTEGER PRIMARY KEY)")
            let insert = try db.makeStatement(sql: "INSERT INTO users VALUES (?)")
            for user in users { try insert.execute(arguments: [user]) }
        }
        return database
    }

    @Test func `counts the users that the other file does not know`() throws {
        let root = try TemporaryDirectory()
        let (live, new) = (root.path + "/live.sqlite", root.path + "/new.sqlite")
        // More than a page of them, and the ends of what an id may be.
        let many: [Int64] = Array(-20_000...20_000)
        let fewer: [Int64] = many.filter { $0 % 4 != 0 }
        let open = [
            try store(live, [Int64.min] + many + [Int64.max]),
            try store(new, fewer + [30_000, Int64.max]),
        ]
        let count = try StoredUserCount(live: live, new: new)
        #expect(count.liveCount == 40_003 && count.departedCount == 10_002)
        let back = try StoredUserCount(live: new, new: live)
        #expect(back.liveCount == 30_002 && back.departedCount == 1)
        withExtendedLifetime(open) {}
    }
}
