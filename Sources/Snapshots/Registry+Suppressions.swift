import EventLog
import Events
import Foundation
import GRDB

/// A user who was forgotten: the input that did it, and how far its erasure has come.
package struct Suppression: Sendable, Equatable {
    /// Id of the input.
    package var input: Int64
    package var user: UserID
    /// Where in the log it took effect, and how many records lay before it.
    package var place: RecordPlace
    package var offset: LogOffset
    /// Whether events behind the place count again.
    package var allowsReturn: Bool
    package var reason: String
    /// When it was accepted, seconds since 1970, wall clock.
    package var seconds: Int64
    /// When the last byte that could be reached was erased; nil while that goes on.
    package var erasedSeconds: Int64?
    /// What the erasure came to so far.
    package var found = ErasureCounts()

    /// Describes a forgotten user.
    package init(
        input: Int64, user: UserID, place: RecordPlace, offset: LogOffset, allowsReturn: Bool,
        reason: String, seconds: Int64, erasedSeconds: Int64? = nil,
        found: ErasureCounts = ErasureCounts()
    ) {
        self.input = input
        self.user = user
        self.place = place
        self.offset = offset
        self.allowsReturn = allowsReturn
        self.reason = reason
        self.seconds = seconds
        self.erasedSeconds = erasedSeconds
        self.found = found
    }
}

/// What an erasure found outside the live states.
package struct ErasureCounts: Sendable, Equatable {
    /// Snapshots that were rewritten without the user.
    package var snapshots: Int64 = 0
    /// Quarantined records of the user that were removed.
    package var quarantined: Int64 = 0
    /// Quarantined records that name no user at all, so that they may be anybody's.
    package var unreadable: Int64 = 0

    package init() {}
}

extension LogInput {
    /// Whom it forgets; nil for any other kind.
    package var forgottenUser: UserID? {
        guard kind == .forget || kind == .forgetPast else { return nil }
        return subject?.split(separator: "/").first.flatMap { Int64($0) }
            .map(UserID.init(rawValue:))
    }
}

/// Forgotten users. Their ids are kept, because a fold must know whom to skip; nothing else is.
extension Registry {
    static func registerSuppressions(_ migrator: inout DatabaseMigrator) {
        migrator.registerMigration("suppressions: forgotten users") { database in
            try database.execute(
                sql: """
                    CREATE TABLE suppressions (
                      input INTEGER PRIMARY KEY,
                      user INTEGER NOT NULL,
                      log_offset INTEGER NOT NULL,
                      reason TEXT NOT NULL,
                      erased_seconds INTEGER,
                      snapshots INTEGER NOT NULL DEFAULT 0,
                      quarantined INTEGER NOT NULL DEFAULT 0,
                      unreadable INTEGER NOT NULL DEFAULT 0
                    ) STRICT;
                    CREATE INDEX suppressions_user ON suppressions (user);
                    CREATE INDEX suppressions_pending ON suppressions (input)
                      WHERE erased_seconds IS NULL;
                    """)
        }
    }

    /// Notes durably that a user is forgotten at `place`, and that the erasure is still to be done.
    ///
    /// `floor` as in `addInputs`. Throws `inputsFull` or `registry`.
    package func addForget(
        _ user: UserID, allowsReturn: Bool, reason: String, at place: RecordPlace,
        offset: LogOffset, seconds: Int64, above floor: Int64
    ) throws(SnapshotError) -> LogInput {
        let made = try writeEffectIfAny { database -> LogInput? in
            let count = try Int.fetchOne(database, sql: "SELECT COUNT(*) FROM inputs") ?? 0
            guard count < Self.inputLimit else { return nil }
            let last = try Int64.fetchOne(database, sql: "SELECT MAX(id) FROM inputs") ?? 0
            let id = max(last, floor) + 1
            let input = LogInput(
                id: id, place: place, kind: allowsReturn ? .forgetPast : .forget,
                subject: "\(user)/\(id)")
            try database.execute(
                sql: """
                    INSERT INTO inputs (id, segment, record, kind, subject, payload, seconds)
                    VALUES (?, ?, ?, ?, ?, x'', ?)
                    """,
                arguments: [
                    id, place.segment, place.recordIndex, input.kind.rawValue, input.subject,
                    seconds,
                ])
            try database.execute(
                sql: """
                    INSERT INTO suppressions (input, user, log_offset, reason) VALUES (?, ?, ?, ?)
                    """,
                arguments: [id, user.rawValue, offset, reason])
            return input
        }
        guard let made else { throw .inputsFull(path: path, limit: Self.inputLimit) }
        return made
    }

    /// Every input that forgets a user and that this reader may know, ascending by id.
    package func forgets() throws(SnapshotError) -> [LogInput] {
        try inputs(after: 0, onlyForgets: true)
    }

    /// Forgotten users behind the input `id`, ascending by input, at most `limit`.
    package func suppressions(
        after id: Int64 = 0, limit: Int = .max
    ) throws(SnapshotError) -> [Suppression] {
        try suppressions("suppressions.input > ?", [id], limit)
    }

    /// Erasures that were not finished, ascending by input.
    package func pendingErasures() throws(SnapshotError) -> [Suppression] {
        try suppressions("erased_seconds IS NULL", [], .max)
    }

    /// How many erasures were not finished.
    package func pendingErasureCount() throws(SnapshotError) -> Int64 {
        try read { database in
            try Int64.fetchOne(
                database, sql: "SELECT COUNT(*) FROM suppressions WHERE erased_seconds IS NULL")
                ?? 0
        }
    }

    /// What is known of one user's being forgotten, ascending by input.
    package func suppressions(of user: UserID) throws(SnapshotError) -> [Suppression] {
        try suppressions("user = ?", [user.rawValue], .max)
    }

    /// Adds to what erasures have found.
    package func noteErasure(_ input: Int64, _ found: ErasureCounts) throws(SnapshotError) {
        try write { database in
            try database.execute(
                sql: """
                    UPDATE suppressions SET snapshots = snapshots + ?,
                      quarantined = quarantined + ?, unreadable = max(unreadable, ?)
                    WHERE input = ?
                    """,
                arguments: [found.snapshots, found.quarantined, found.unreadable, input])
        }
    }

    /// Notes that nothing of these erasures is left to do.
    package func endErasures(_ inputs: [Int64], seconds: Int64) throws(SnapshotError) {
        try write { database in
            let statement = try database.cachedStatement(
                sql: "UPDATE suppressions SET erased_seconds = ? WHERE input = ?")
            for input in inputs { try statement.execute(arguments: [seconds, input]) }
        }
    }

    /// Replaces the payload of every replay by what `mend` makes of it, unless that is nil.
    ///
    /// Returns how many were changed.
    package func mendReplays(
        _ mend: @Sendable ([UInt8]) -> [UInt8]?
    ) throws(SnapshotError) -> Int {
        var (after, count) = (Int64(0), 0)
        while true {
            let start = after
            let (last, changed) = try write { database -> (Int64?, Int) in
                let rows = try Row.fetchAll(
                    database,
                    sql: """
                        SELECT id, payload FROM inputs WHERE id > ? AND kind = 'replay'
                        ORDER BY id LIMIT 256
                        """, arguments: [start])
                var changed = 0
                for row in rows {
                    let payload: Data = row["payload"]
                    guard let mended = mend(Array(payload)) else { continue }
                    try database.execute(
                        sql: "UPDATE inputs SET payload = ? WHERE id = ?",
                        arguments: [Data(mended), row["id"] as Int64])
                    changed += 1
                }
                return (rows.last.map { $0["id"] }, changed)
            }
            count += changed
            guard let last else { return count }
            after = last
        }
    }

    private func suppressions(
        _ condition: String, _ arguments: [Int64], _ limit: Int
    ) throws(SnapshotError) -> [Suppression] {
        try read { database in
            try Row.fetchAll(
                database,
                sql: """
                    SELECT suppressions.*, segment, record, kind, seconds
                    FROM suppressions JOIN inputs ON inputs.id = suppressions.input
                    WHERE \(condition) ORDER BY suppressions.input LIMIT ?
                    """, arguments: StatementArguments(arguments + [Int64(limit)])
            ).map(Self.suppression)
        }
    }

    private static func suppression(_ row: Row) -> Suppression {
        var found = ErasureCounts()
        found.snapshots = row["snapshots"]
        found.quarantined = row["quarantined"]
        found.unreadable = row["unreadable"]
        return Suppression(
            input: row["input"], user: UserID(rawValue: row["user"]),
            place: RecordPlace(segment: row["segment"], recordIndex: row["record"]),
            offset: row["log_offset"],
            allowsReturn: row["kind"] == LogInput.Kind.forgetPast.rawValue,
            reason: row["reason"], seconds: row["seconds"], erasedSeconds: row["erased_seconds"],
            found: found)
    }
}
