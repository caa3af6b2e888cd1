import Foundation
import GRDB

/// The audit, a chain of hashes that only grows; docs/control.md.
extension Registry {
    /// Adds what the control plane keeps: the audit, the ids of requests, and pins.
    static func registerControlTables(_ migrator: inout DatabaseMigrator) {
        migrator.registerMigration("control 1: audit, requests and pins") { database in
            try database.execute(
                sql: """
                    CREATE TABLE audit (
                      sequence INTEGER PRIMARY KEY,
                      seconds INTEGER NOT NULL,
                      uid INTEGER,
                      gid INTEGER,
                      pid INTEGER,
                      role TEXT NOT NULL,
                      method TEXT NOT NULL,
                      parameters TEXT NOT NULL,
                      outcome TEXT NOT NULL,
                      request TEXT,
                      previous TEXT NOT NULL,
                      hash TEXT NOT NULL
                    ) STRICT;
                    CREATE TRIGGER audit_stays BEFORE UPDATE ON audit
                      BEGIN SELECT RAISE(ABORT, 'the audit only grows'); END;
                    CREATE TRIGGER audit_keeps BEFORE DELETE ON audit
                      BEGIN SELECT RAISE(ABORT, 'the audit only grows'); END;
                    CREATE TABLE audit_head (
                      one INTEGER PRIMARY KEY CHECK (one = 1),
                      sequence INTEGER NOT NULL,
                      hash TEXT NOT NULL
                    ) STRICT;
                    CREATE TABLE requests (
                      id TEXT PRIMARY KEY,
                      method TEXT NOT NULL,
                      digest TEXT NOT NULL,
                      seconds INTEGER NOT NULL,
                      answer BLOB
                    ) STRICT;
                    CREATE TABLE pins (
                      version INTEGER PRIMARY KEY REFERENCES snapshots(version),
                      reason TEXT NOT NULL,
                      pinned_seconds INTEGER NOT NULL
                    ) STRICT;
                    """)
            try database.execute(
                sql: "INSERT INTO audit_head (one, sequence, hash) VALUES (1, ?, ?)",
                arguments: [AuditHead.none.sequence, AuditHead.none.hash])
        }
    }

    /// Writes in one transaction and, when this is what the task's request is about, its audit
    /// entry with it.
    func writeEffect(_ body: @Sendable (Database) throws -> Void) throws(SnapshotError) {
        _ = try writeEffectIfAny { database -> Void? in try body(database) }
    }

    /// The same, without the entry where `body` says by nil that it did nothing.
    func writeEffectIfAny<Result: Sendable>(
        _ body: @Sendable (Database) throws -> Result?
    ) throws(SnapshotError) -> Result? {
        // Taken here: the database's own queue knows nothing of tasks.
        guard let ticket = AuditTicket.current, ticket.head == nil else { return try write(body) }
        let (result, head) = try write { database -> (Result?, AuditHead?) in
            guard let result = try body(database) else { return (nil, nil) }
            return (result, try Self.append(ticket.draft, outcome: "done", to: database))
        }
        if let head { ticket.noteWritten(head) }
        return result
    }

    /// Enters the end of a request into the audit unless that is done, and keeps or forgets its id.
    ///
    /// `outcome` is `done` or the stable name of the refusal, `answer` what the same id is answered
    /// from now on; nil forgets the id. Returns the chain's end after the entry.
    package func finishRequest(
        _ ticket: AuditTicket, outcome: String, answer: [UInt8]?
    ) throws(SnapshotError) -> AuditHead {
        let draft = ticket.draft
        // What was entered as done and then failed half-way gets a second entry.
        let entered = outcome == "done" ? ticket.head : nil
        if let entered, draft.request == nil { return entered }
        return try write { database in
            let head = try entered ?? Self.append(draft, outcome: outcome, to: database)
            if let id = draft.request {
                if let answer {
                    try database.execute(
                        sql: "UPDATE requests SET answer = ? WHERE id = ? AND answer IS NULL",
                        arguments: [Data(answer), id])
                } else {
                    try database.execute(
                        sql: "DELETE FROM requests WHERE id = ? AND answer IS NULL",
                        arguments: [id])
                }
            }
            return head
        }
    }

    /// Enters a refusal that began nothing: its id, if any, stays whoever's it is.
    package func enterRefusal(
        _ draft: AuditDraft, outcome: String
    ) throws(SnapshotError) -> AuditHead {
        try write { try Self.append(draft, outcome: outcome, to: $0) }
    }

    /// Takes an id for a request, or says whose it is; ids beyond `bounds` are forgotten first.
    ///
    /// `digest` is that of method and parameters.
    package func claimRequest(
        _ id: String, method: String, digest: String, seconds: Int64,
        bounds: RequestBounds = RequestBounds()
    ) throws(SnapshotError) -> RequestClaim {
        try write { database in
            try Self.forgetRequests(beyond: bounds, at: seconds, in: database)
            let row = try Row.fetchOne(
                database, sql: "SELECT method, digest, answer FROM requests WHERE id = ?",
                arguments: [id])
            if let row {
                guard row["digest"] == digest else { return .other(method: row["method"]) }
                let answer: Data? = row["answer"]
                return answer.map { .answered(Array($0)) } ?? .unfinished
            }
            try database.execute(
                sql: "INSERT INTO requests (id, method, digest, seconds) VALUES (?, ?, ?, ?)",
                arguments: [id, method, digest, seconds])
            return .fresh
        }
    }

    /// The chain's end, as it is remembered beside the chain.
    package func auditHead() throws(SnapshotError) -> AuditHead? {
        try read(Self.head)
    }

    /// Entries after `sequence`, ascending, with the chain's remembered end at the same moment.
    package func auditPage(
        after sequence: Int64, limit: Int, method: String? = nil
    ) throws(SnapshotError) -> (entries: [AuditEntry], head: AuditHead?) {
        try read { database in
            let rows = try Row.fetchAll(
                database,
                sql: """
                    SELECT * FROM audit WHERE sequence > ? AND (? IS NULL OR method = ?)
                    ORDER BY sequence LIMIT ?
                    """, arguments: [sequence, method, method, limit])
            return (rows.map(Self.entry), try Self.head(database))
        }
    }

    // MARK: Within a transaction

    private static func head(_ database: Database) throws -> AuditHead? {
        try Row.fetchOne(database, sql: "SELECT sequence, hash FROM audit_head").map {
            AuditHead(sequence: $0["sequence"], hash: $0["hash"])
        }
    }

    static func append(
        _ draft: AuditDraft, outcome: String, to database: Database
    ) throws -> AuditHead {
        let entry = AuditEntry(after: try head(database) ?? .none, draft, outcome: outcome)
        try database.execute(
            sql: """
                INSERT INTO audit (sequence, seconds, uid, gid, pid, role, method, parameters,
                  outcome, request, previous, hash) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
                """,
            arguments: [
                entry.sequence, draft.seconds, draft.user, draft.group, draft.process, draft.role,
                draft.method, draft.parameters, outcome, draft.request, entry.previous, entry.hash,
            ])
        try database.execute(
            sql: "UPDATE audit_head SET sequence = ?, hash = ?",
            arguments: [entry.sequence, entry.hash])
        return AuditHead(sequence: entry.sequence, hash: entry.hash)
    }

    private static func entry(_ row: Row) -> AuditEntry {
        var draft = AuditDraft(
            method: row["method"], parameters: row["parameters"], role: row["role"],
            request: row["request"], seconds: row["seconds"])
        draft.user = row["uid"]
        draft.group = row["gid"]
        draft.process = row["pid"]
        return AuditEntry(
            sequence: row["sequence"], draft, outcome: row["outcome"], previous: row["previous"],
            hash: row["hash"])
    }

    /// Forgets answered requests, oldest first, until the bounds hold; begun ones by age alone.
    private static func forgetRequests(
        beyond bounds: RequestBounds, at seconds: Int64, in database: Database
    ) throws {
        try database.execute(
            sql: "DELETE FROM requests WHERE seconds < ?", arguments: [seconds - bounds.seconds])
        // The newest stay for which count and bytes, summed from the newest on, are within bounds.
        try database.execute(
            sql: """
                DELETE FROM requests WHERE rowid IN (
                  SELECT id FROM (
                    SELECT rowid AS id,
                      COUNT(*) OVER newer AS place,
                      SUM(LENGTH(answer)) OVER newer AS bytes
                    FROM requests WHERE answer IS NOT NULL
                    WINDOW newer AS (ORDER BY seconds DESC, rowid DESC)
                  ) WHERE place >= ? OR bytes > ?)
                """, arguments: [bounds.count, bounds.answerByteCount])
    }
}
