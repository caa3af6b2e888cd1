import EventLog
import Events
import Foundation
import GRDB
import Snapshots
import Storage
import TestSupport
import Testing

/// The audit's chain in the registry's file; Python judges it from outside.
@Suite struct AuditTests {
    private func draft(
        _ method: String = "checkpoint", id: String? = nil, seconds: Int64 = 1000
    ) -> AuditDraft {
        var draft = AuditDraft(
            method: method, parameters: #"{"reason":"schön, 雪"}"#, role: "operator", request: id,
            seconds: seconds)
        draft.user = 1000
        draft.process = 77
        return draft
    }

    /// Python's word on a file, which the daemon may have open.
    private func judgement(_ directory: String) async throws -> String {
        let child = try await Child.run(
            ["python3", goldenPath("audit_chain.py"), directory + "/ubpd.sqlite"])
        #expect(child.status == 0, "\(child.error)")
        return child.output.trimmingCharacters(in: .whitespacesAndNewlines)
    }

    /// Does to the file what the daemon never does.
    private func tamper(_ directory: String, _ sql: String) throws {
        let queue = try DatabaseQueue(path: directory + "/ubpd.sqlite")
        try queue.write { database in
            try database.execute(
                sql: "DROP TRIGGER IF EXISTS audit_stays; DROP TRIGGER IF EXISTS audit_keeps; "
                    + sql)
        }
    }

    @Test func `chains entries over restarts, and Python finds the same hashes`() async throws {
        let directory = try TemporaryDirectory()
        let path = directory.path
        for restart in 0..<3 {
            let registry = try Registry(stateDirectory: path, on: RealDisk())
            for round in 0..<5 {
                let outcome = round == 2 ? "expect_version" : "done"
                _ = try registry.finishRequest(
                    AuditTicket(draft(seconds: Int64(restart))), outcome: outcome, answer: nil)
            }
        }
        let registry = try Registry(stateDirectory: path, on: RealDisk())
        let (entries, head) = try registry.auditPage(after: 0, limit: 100)
        #expect(entries.map(\.sequence) == Array(1...15) && entries[2].outcome == "expect_version")
        var place = AuditHead.none
        for entry in entries {
            #expect(entry.problem(after: place) == nil)
            place = AuditHead(sequence: entry.sequence, hash: entry.hash)
        }
        #expect(head == place)
        #expect(try await judgement(path) == "whole 15 \(place.hash)")
        #expect(try registry.auditPage(after: 3, limit: 2).entries.map(\.sequence) == [4, 5])
        #expect(try registry.auditPage(after: 0, limit: 9, method: "drain").entries.isEmpty)
    }

    @Test(arguments: [
        ("UPDATE audit SET outcome = 'done' WHERE sequence = 3", "broken 3 hash", 3),
        ("UPDATE audit SET uid = NULL WHERE sequence = 2", "broken 2 hash", 2),
        ("DELETE FROM audit WHERE sequence = 2", "broken 2 missing", 2),
        ("DELETE FROM audit WHERE sequence >= 4", "broken 4 head", 4),
        ("UPDATE audit SET previous = hash WHERE sequence = 5", "broken 5 previous", 5),
    ])
    func `shows what was tampered with`(sql: String, want: String, place: Int64) async throws {
        let directory = try TemporaryDirectory()
        do {
            let registry = try Registry(stateDirectory: directory.path, on: RealDisk())
            for _ in 0..<5 {
                _ = try registry.enterRefusal(draft(), outcome: "forbidden")
            }
        }
        try tamper(directory.path, sql)
        #expect(try await judgement(directory.path) == want)
        let registry = try Registry(stateDirectory: directory.path, on: RealDisk())
        let (entries, head) = try registry.auditPage(after: 0, limit: 100)
        var last = AuditHead.none
        for entry in entries {
            guard entry.problem(after: last) == nil else { break }
            last = AuditHead(sequence: entry.sequence, hash: entry.hash)
        }
        #expect(last.sequence == place - 1 && head != last)
    }

    @Test func `its table only grows`() throws {
        let directory = try TemporaryDirectory()
        do {
            let registry = try Registry(stateDirectory: directory.path, on: RealDisk())
            _ = try registry.enterRefusal(draft(), outcome: "forbidden")
        }
        let queue = try DatabaseQueue(path: directory.path + "/ubpd.sqlite")
        for sql in ["UPDATE audit SET method = 'x'", "DELETE FROM audit"] {
            #expect(throws: DatabaseError.self) {
                try queue.write { try $0.execute(sql: sql) }
            }
        }
    }

    @Test func `enters a request in the transaction that carries it out, once`() async throws {
        let (fixture, _) = try SnapshotFixture.inMemory()
        for salt in 0..<3 { try fixture.write(salt: salt) }
        let store = fixture.store
        let ticket = AuditTicket(draft("snapshot.rollback"))
        let move = AuditTicket.$current.withValue(ticket) {
            try? store.rollback(to: 1, reason: "bad")
        }
        #expect(move?.current == 1 && ticket.head?.sequence == 1)
        let head = try fixture.registry.finishRequest(ticket, outcome: "done", answer: nil)
        #expect(head == ticket.head)
        let forgetting = AuditTicket(draft("user.forget"))
        let input = AuditTicket.$current.withValue(forgetting) {
            try? fixture.registry.addForget(
                UserID(rawValue: 5), allowsReturn: false, reason: "asked",
                at: RecordPlace(segment: 1, recordIndex: 2), offset: 2, seconds: 9, above: 0)
        }
        #expect(input?.id == 1 && forgetting.head?.sequence == 2)
        // Outside of a request nothing is entered.
        _ = try store.release()
        #expect(try fixture.registry.auditPage(after: 0, limit: 9).entries.count == 2)
        // A request that failed after its effect is entered twice, and says so.
        let failed = AuditTicket(draft("snapshot.pin"))
        _ = AuditTicket.$current.withValue(failed) { try? store.pin(2, reason: "x") }
        _ = try fixture.registry.finishRequest(failed, outcome: "storage", answer: nil)
        let outcomes = try fixture.registry.auditPage(after: 2, limit: 9).entries.map(\.outcome)
        #expect(outcomes == ["done", "storage"])
    }

    @Test func `remembers a request's answer over a restart, and what was never answered`() throws {
        let directory = try TemporaryDirectory()
        do {
            let registry = try Registry(stateDirectory: directory.path, on: RealDisk())
            for id in ["a", "b"] {
                #expect(
                    try registry.claimRequest(id, method: "drain", digest: "d", seconds: 5)
                        == .fresh)
            }
            _ = try registry.finishRequest(
                AuditTicket(draft(id: "a")), outcome: "done", answer: [1, 2])
        }
        let registry = try Registry(stateDirectory: directory.path, on: RealDisk())
        func claim(_ id: String, _ digest: String) throws -> RequestClaim {
            try registry.claimRequest(id, method: "drain", digest: digest, seconds: 6)
        }
        #expect(try claim("a", "d") == .answered([1, 2]))
        #expect(try claim("a", "e") == .other(method: "drain"))
        #expect(try claim("b", "d") == .unfinished)
        // A refusal that did nothing lets the id go.
        #expect(try claim("c", "d") == .fresh)
        _ = try registry.finishRequest(AuditTicket(draft(id: "c")), outcome: "busy", answer: nil)
        #expect(try claim("c", "other") == .fresh)
    }

    @Test func `forgets ids by age, number and bytes, the oldest first`() throws {
        let registry = try Registry.inMemory()
        var bounds = RequestBounds()
        bounds.count = 3
        bounds.seconds = 100
        bounds.answerByteCount = 10
        func claim(_ id: String, _ seconds: Int64) throws -> RequestClaim {
            try registry.claimRequest(
                id, method: "m", digest: "d", seconds: seconds, bounds: bounds)
        }
        func answer(_ id: String, _ count: Int) throws {
            _ = try registry.finishRequest(
                AuditTicket(draft(id: id)), outcome: "done",
                answer: Array(repeating: 0, count: count))
        }
        for (index, id) in ["a", "b", "c"].enumerated() {
            #expect(try claim(id, Int64(index)) == .fresh)
            try answer(id, 2)
        }
        // The fourth takes the first one's place.
        #expect(try claim("d", 3) == .fresh)
        try answer("d", 8)
        #expect(try claim("a", 4) == .fresh)
        try answer("a", 1)
        // 1 + 8 bytes are kept, the next 2 are too many.
        #expect(try claim("d", 5) == .answered(Array(repeating: 0, count: 8)))
        #expect(try claim("c", 5) == .fresh)
        // After their time all are new, also one that never ended.
        #expect(try claim("c", 106) == .fresh && claim("d", 106) == .fresh)
    }

    @Test func `opens a state directory of the version before`() throws {
        let directory = try TemporaryDirectory()
        do {
            let fixture = try SnapshotFixture.onDisk(directory.path)
            try fixture.write()
            _ = try fixture.store.rollback(to: 1, reason: "kept")
        }
        try tamper(
            directory.path,
            """
            DROP TABLE audit; DROP TABLE audit_head; DROP TABLE requests; DROP TABLE pins;
            DELETE FROM grdb_migrations WHERE identifier LIKE 'control %';
            """)
        let fixture = try SnapshotFixture.onDisk(directory.path)
        #expect(try fixture.store.recover() == SnapshotStore.Recovery())
        #expect(try fixture.store.hold()?.reason == "kept")
        #expect(try fixture.store.list().map(\.manifest.version) == [1])
        #expect(try fixture.registry.auditHead() == AuditHead.none)
        #expect(try fixture.store.pin(1, reason: "x") == nil)
        #expect(try fixture.registry.integrityProblems() == [])
    }
}
