import EventLog
import Events
import Features
import Foundation
import GRDB
import Sessions
import Snapshots
import Storage

/// Everything that must survive a kill, in one SQLite file and one transaction at a time.
///
/// `users` holds a hot record per user; `rows` the user's row window in chunks of 16 slots, of
/// which a commit writes only those that changed. The hidden state is stored exactly when rows
/// have left the window, so that the stored bytes do not depend on who was resident.
package final class StateStore: Sendable {
    /// Slots per stored chunk of rows.
    static let chunkSlotCount = 16

    private let database: DatabaseQueue
    /// Reads what is committed, while `database` may be writing the next commit.
    private let reader: DatabaseQueue
    let path: String

    /// Opens or creates the file.
    package init(_ path: String) throws(PipelineError) {
        self.path = path
        do {
            database = try DatabaseQueue(
                path: path, configuration: DatabaseSettings.make(label: "state"))
            try database.write { db in
                try db.execute(sql: Self.schema)
            }
            reader = try DatabaseQueue(
                path: path, configuration: DatabaseSettings.makeReader(label: "state reader"))
        } catch {
            throw Self.failure(error, path)
        }
    }

    deinit {
        // First, so that the writer is the last to close and leaves no write-ahead log behind.
        try? reader.close()
    }

    /// Damage is told from a file that is only out of reach.
    private static func failure(_ error: any Error, _ path: String) -> PipelineError {
        DamagedDatabase.isDamage(error)
            ? .damagedState(path: path, reason: "\(error)")
            : .storage("\(path): \(error); look at its permissions and at the disk")
    }

    private static let schema = """
        CREATE TABLE IF NOT EXISTS meta (key TEXT PRIMARY KEY, value BLOB NOT NULL) WITHOUT ROWID;
        CREATE TABLE IF NOT EXISTS users (
          user INTEGER PRIMARY KEY, newest INTEGER NOT NULL, state BLOB NOT NULL, hidden BLOB);
        CREATE TABLE IF NOT EXISTS rows (
          user INTEGER NOT NULL, chunk INTEGER NOT NULL, data BLOB NOT NULL,
          PRIMARY KEY (user, chunk)) WITHOUT ROWID;
        CREATE TABLE IF NOT EXISTS catalogue (
          item INTEGER PRIMARY KEY, category INTEGER, price INTEGER, name BLOB);
        CREATE TABLE IF NOT EXISTS held (
          place INTEGER PRIMARY KEY, event BLOB NOT NULL);
        CREATE TABLE IF NOT EXISTS refused (
          ordinal INTEGER PRIMARY KEY, segment INTEGER NOT NULL, record INTEGER NOT NULL);
        """

    /// Writes everything of one commit, durably, or nothing.
    package func commit(_ commit: StateCommit) throws(PipelineError) {
        do {
            try database.write { db in
                try Self.write(commit, db)
            }
        } catch  where DamagedDatabase.isDamage(error) {
            throw .damagedState(path: path, reason: "\(error)")
        } catch {
            throw .storage(
                "\(path): commit failed: \(error); the state is that of the last commit; "
                    + "free disk space or check the disk, then restart")
        }
    }

    /// Copies the write-ahead log into the file and cuts it to nothing; waits for readers a while.
    func emptyLog() throws(PipelineError) {
        do {
            try database.writeWithoutTransaction { db in
                try db.execute(sql: "PRAGMA busy_timeout = \(Self.readerMilliseconds)")
                defer { try? db.execute(sql: "PRAGMA busy_timeout = 0") }
                _ = try db.checkpoint(.truncate)
            }
        } catch {
            throw Self.failure(error, path)
        }
    }

    /// How long a reader may keep the write-ahead log from being emptied.
    private static let readerMilliseconds = 2000

    private static func write(_ commit: StateCommit, _ db: Database) throws {
        for user in commit.erased {
            for table in ["users", "rows"] {
                try db.execute(
                    sql: "DELETE FROM \(table) WHERE user = ?", arguments: [user.rawValue])
            }
        }
        let user = try db.cachedStatement(
            sql: "INSERT OR REPLACE INTO users (user, newest, state, hidden) VALUES (?, ?, ?, ?)")
        let rows = try db.cachedStatement(
            sql: "INSERT OR REPLACE INTO rows (user, chunk, data) VALUES (?, ?, ?)")
        // Ascending, so that neighbours in the tree are written while their page is at hand.
        for changed in commit.users.sorted(by: { $0.user < $1.user }) {
            try user.execute(arguments: [
                changed.user.rawValue, changed.newestSeconds, Data(changed.hot),
                changed.hidden.map { Data($0) },
            ])
            for (chunk, data) in changed.chunks {
                try rows.execute(arguments: [changed.user.rawValue, chunk, Data(data)])
            }
        }
        let item = try db.cachedStatement(
            sql: "INSERT OR REPLACE INTO catalogue (item, category, price, name) VALUES (?,?,?,?)")
        for (id, entry) in commit.catalogue {
            try item.execute(arguments: [
                id.rawValue, entry.category, entry.price.map { Int64($0) },
                entry.name.map { (name: TextVector) -> Data in
                    Data((0..<16).map { (index: Int) -> UInt8 in name[index] })
                },
            ])
        }
        if let held = commit.held {
            try db.execute(sql: "DELETE FROM held")
            for (place, event) in held.enumerated() {
                try db.execute(
                    sql: "INSERT INTO held (place, event) VALUES (?, ?)",
                    arguments: [place, Data(event)])
            }
        }
        try write(commit.refusedChanges, db)
        for (key, value) in commit.meta.sorted(by: { $0.key < $1.key }) {
            try db.execute(
                sql: "INSERT OR REPLACE INTO meta (key, value) VALUES (?, ?)",
                arguments: [key, Data(value)])
        }
    }

    private static func write(_ changes: RefusedRecords.Changes, _ db: Database) throws {
        let refused = try db.cachedStatement(
            sql: "INSERT OR REPLACE INTO refused (ordinal, segment, record) VALUES (?, ?, ?)")
        for (ordinal, place) in changes.added {
            try refused.execute(arguments: [ordinal, place.segment, place.recordIndex])
        }
        let taken = try db.cachedStatement(sql: "DELETE FROM refused WHERE ordinal = ?")
        for ordinal in changes.removed { try taken.execute(arguments: [ordinal]) }
        try db.execute(
            sql: "DELETE FROM refused WHERE ordinal < ?", arguments: [changes.firstKept])
    }

    /// What the last commit said of everything but the users; nil before the first commit.
    func loadMeta() throws(PipelineError) -> StoredMeta? {
        try read { db in
            let rows = try Row.fetchAll(db, sql: "SELECT key, value FROM meta")
            if rows.isEmpty { return nil }
            var values: [String: [UInt8]] = [:]
            for row in rows {
                let value: Data = row["value"]
                values[row["key"]] = Array(value)
            }
            var catalogue: [(item: ItemID, entry: CatalogueEntry)] = []
            let cursor = try Row.fetchCursor(
                db, sql: "SELECT item, category, price, name FROM catalogue")
            while let row = try cursor.next() {
                let price: Int64? = row["price"]
                let name: Data? = row["name"]
                let entry = CatalogueEntry(
                    category: row["category"], price: price.flatMap { UInt8(exactly: $0) },
                    name: name.flatMap { $0.count == 16 ? TextVector(Array($0)) : nil })
                catalogue.append((item: ItemID(rawValue: row["item"]), entry: entry))
            }
            let held = try Data.fetchAll(db, sql: "SELECT event FROM held ORDER BY place")
            let refused = try Row.fetchAll(
                db, sql: "SELECT ordinal, segment, record FROM refused ORDER BY ordinal"
            ).map { row in
                (
                    ordinal: row["ordinal"] as Int64,
                    place: RecordPlace(segment: row["segment"], recordIndex: row["record"])
                )
            }
            return StoredMeta(
                values: values, catalogue: catalogue, held: held.map { Array($0) },
                refused: refused)
        }
    }

    /// A user's stored record; nil for a user never committed.
    func loadUser(_ user: UserID) throws(PipelineError) -> StoredUser? {
        try loadUsers([user])[user]
    }

    /// The stored records of those users that have one, all of one commit.
    func loadUsers(
        _ users: some Sequence<UserID>
    ) throws(PipelineError) -> [UserID: StoredUser] {
        // One statement and one walk through the tree for all: SQLite has no list parameter.
        let list = "[" + users.map { String($0.rawValue) }.joined(separator: ",") + "]"
        return try read { db in
            var found: [UserID: StoredUser] = [:]
            let records = try Row.fetchCursor(
                db.cachedStatement(
                    sql: """
                        SELECT users.user, state, hidden
                        FROM json_each(?) AS asked CROSS JOIN users ON users.user = asked.value
                        """), arguments: [list])
            while let row = try records.next() {
                let state: Data = row[1]
                let hidden: Data? = row[2]
                found[UserID(rawValue: row[0])] = StoredUser(
                    hot: Array(state), hidden: hidden.map { Array($0) }, chunks: [])
            }
            // The tree of rows gives a user's chunks in ascending order.
            let chunks = try Row.fetchCursor(
                db.cachedStatement(
                    sql: """
                        SELECT rows.user, data
                        FROM json_each(?) AS asked CROSS JOIN rows ON rows.user = asked.value
                        """), arguments: [list])
            while let row = try chunks.next() {
                let data: Data = row[1]
                found[UserID(rawValue: row[0])]?.chunks.append(Array(data))
            }
            return found
        }
    }

    /// The stored users from `user` on, ascending, at most `limit`.
    func users(from user: UserID, limit: Int) throws(PipelineError) -> [UserID] {
        try read { db in
            let statement = try db.cachedStatement(
                sql: "SELECT user FROM users WHERE user >= ? ORDER BY user LIMIT ?")
            return try Int64.fetchAll(statement, arguments: [user.rawValue, limit])
                .map(UserID.init(rawValue:))
        }
    }

    private func read<Value>(
        _ body: (Database) throws -> Value
    ) throws(PipelineError) -> Value {
        do {
            // `read` would set `query_only` around the statements, which compiles them anew.
            return try reader.unsafeRead { db in
                var value: Value?
                try db.inTransaction(.deferred) {
                    value = try body(db)
                    return .commit
                }
                guard let value else { throw DatabaseError(resultCode: .SQLITE_MISUSE) }
                return value
            }
        } catch {
            throw Self.failure(error, path)
        }
    }
}

/// One transaction: what changed since the last one, and where in the log that was.
package struct StateCommit: Sendable {
    /// A changed user, ready to be stored.
    package struct User: Sendable {
        package var user: UserID
        package var newestSeconds: Int64
        package var hot: [UInt8]
        package var hidden: [UInt8]?
        package var chunks: [(index: Int, data: [UInt8])]
    }

    package var users: [User] = []
    package var catalogue: [(item: ItemID, entry: CatalogueEntry)] = []
    /// All held events, when they changed.
    package var held: [[UInt8]]?
    package var meta: [String: [UInt8]] = [:]
    /// Refused records, which must be durable before the cursor passes them.
    package var refused: [QuarantineEntry] = []
    package var cursor = Cursor.start
    /// The highest input that was applied.
    var input: Int64 = 0
    /// The highest input known that forgets a user.
    var forget: Int64 = 0
    /// Users whose records are deleted before the changed ones are written.
    var erased: [UserID] = []
    /// What changed of the records that are known to be set aside.
    var refusedChanges = RefusedRecords.Changes()

    package init() {}
}

/// A commit that has begun: complete but for the users that still wait to be encoded.
struct CommitDraft: Sendable {
    var commit: StateCommit
    /// Slots of the users that may still wait; taken from the end.
    var slots: [Int]
}

/// How far a commit goes.
struct CommitEnd: Sendable {
    let cursor: EventLog.Cursor
    let input: Int64
    let forget: Int64

    init(_ commit: StateCommit) {
        (cursor, input, forget) = (commit.cursor, commit.input, commit.forget)
    }
}

/// What a user's stored record holds.
struct StoredUser: Sendable {
    var hot: [UInt8]
    var hidden: [UInt8]?
    var chunks: [[UInt8]]
}

/// What the last commit stored beside the users.
struct StoredMeta: Sendable {
    var values: [String: [UInt8]]
    var catalogue: [(item: ItemID, entry: CatalogueEntry)]
    var held: [[UInt8]]
    /// Records that were set aside, ascending by ordinal.
    var refused: [(ordinal: Int64, place: RecordPlace)]
}
