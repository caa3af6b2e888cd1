import EventLog
import Events
import Snapshots
import Storage
import TestSupport
import Testing

@Suite struct SnapshotErasureTests {
    /// The third of the fixture's users.
    private static let user = SnapshotFixture.rows(5)[2].user

    private func suppression(
        _ user: UserID = Self.user, offset: LogOffset = 90, segment: Int64 = 3,
        allowsReturn: Bool = false
    ) -> Suppression {
        Suppression(
            input: 1, user: user, place: RecordPlace(segment: segment, recordIndex: 10),
            offset: offset, allowsReturn: allowsReturn, reason: "", seconds: 5)
    }

    private func prepared() throws -> (SnapshotFixture, MemoryDisk) {
        let (fixture, disk) = try SnapshotFixture.inMemory()
        try fixture.write()
        return (fixture, disk)
    }

    private func ids(_ fixture: SnapshotFixture, _ version: Int64) throws -> [UInt8] {
        Array(
            try fixture.host.disk.bytes(
                of: fixture.store.path(of: version) + "/client_ids.npy", limit: 10_000
            ).dropFirst(NpyHeader.byteCount))
    }

    @Test func `the row goes, the others stay bit for bit, and the manifest says so`() throws {
        let (fixture, disk) = try prepared()
        let before = try fixture.store.show(1).manifest
        let old = try ids(fixture, 1)
        #expect(try fixture.store.erase(suppression(), from: 1))
        let after = try fixture.store.show(1).manifest
        #expect(after.users == 4 && after.revision == 1 && after.erasures == [90])
        #expect(after.files != before.files && after.parent == before.parent)
        #expect(try ids(fixture, 1) == Array(old[..<16] + old[24...]))
        try fixture.store.verify(1)
        #expect(try fixture.store.current() == 1)
        #expect(try disk.names(in: "/state/snapshots") == ["1", "current"])
        // Not twice, and a second user makes a second revision.
        #expect(try !fixture.store.erase(suppression(), from: 1))
        let other = SnapshotFixture.rows(5)[4].user
        #expect(try fixture.store.erase(suppression(other, offset: 80), from: 1))
        let third = try fixture.store.show(1).manifest
        #expect(third.users == 3 && third.revision == 2 && third.erasures == [80, 90])
        #expect(try !fixture.store.erase(suppression(UserID(rawValue: 5)), from: 1))
        #expect(try fixture.restarted().store.recover() == SnapshotStore.Recovery())
    }

    @Test func `what a user did who was let back in stays`() throws {
        let (fixture, _) = try prepared()
        // The fixture's cursor is at record 77, in segment 3.
        for (offset, segment) in [(76, 3), (500, 2)] as [(Int64, Int64)] {
            let early = suppression(offset: offset, segment: segment, allowsReturn: true)
            #expect(try !fixture.store.erase(early, from: 1))
        }
        #expect(try fixture.store.show(1).manifest.revision == 0)
        for (offset, segment) in [(77, 3), (1, 4)] as [(Int64, Int64)] {
            let (fixture, _) = try prepared()
            let late = suppression(offset: offset, segment: segment, allowsReturn: true)
            #expect(try fixture.store.erase(late, from: 1))
        }
    }

    @Test func `a crash or fault at any operation leaves the old or the new`() throws {
        let (counting, disk) = try prepared()
        let start = disk.operationCount
        #expect(try counting.store.erase(suppression(), from: 1))
        let count = disk.operationCount - start
        #expect(count > 10)
        var revisions: Set<Int64> = []
        for operation in 0...count {
            for survival in [MemoryDisk.Survival.nothing, .some(seed: UInt64(operation))] {
                let (fixture, disk) = try prepared()
                disk.inject(.powerLoss, at: disk.operationCount + operation)
                let isDone = (try? fixture.store.erase(suppression(), from: 1)) != nil
                disk.crash(survival)
                let store = fixture.restarted().store
                let recovery = try store.recover()
                #expect(recovery.degraded == [], "operation \(operation), \(survival)")
                let found = try store.show(1).manifest
                revisions.insert(found.revision)
                #expect(!isDone || found.revision == 1)
                #expect(found.users == 5 - found.revision)
                try store.verify(1)
                #expect(try store.current() == 1)
                // What is left to do is done again.
                #expect(try store.erase(suppression(), from: 1) == (found.revision == 0))
                try store.verify(1)
                disk.crash()
                #expect(try fixture.restarted().store.recover() == SnapshotStore.Recovery())
            }
            for fault in [MemoryDisk.Fault.error(28), .error(5), .syncFailure, .shortRead(3)] {
                let (fixture, disk) = try prepared()
                disk.inject(fault, at: disk.operationCount + operation)
                _ = try? fixture.store.erase(suppression(), from: 1)
                disk.removeFaults()
                let store = fixture.restarted().store
                let recovery = try store.recover()
                #expect(recovery.degraded == [], "operation \(operation), \(fault)")
                _ = try store.erase(suppression(), from: 1)
                #expect(try store.show(1).manifest.users == 4)
                try store.verify(1)
            }
        }
        #expect(revisions == [0, 1])
    }

    @Test func `a damaged snapshot is not published again`() throws {
        let (fixture, _) = try prepared()
        try fixture.damage(1, "client_ids.npy", at: -1)
        #expect(throws: SnapshotError.self) { try fixture.store.erase(suppression(), from: 1) }
        #expect(try fixture.store.show(1).manifest.revision == 0)
    }

    @Test func `the registry keeps who was forgotten, where, and what is left to do`() throws {
        let registry = try Registry.inMemory()
        let place = RecordPlace(segment: 2, recordIndex: 7)
        let first = try registry.addForget(
            Self.user, allowsReturn: false, reason: "case 1", at: place, offset: 70, seconds: 9,
            above: 4)
        let second = try registry.addForget(
            Self.user, allowsReturn: true, reason: "", at: place, offset: 70, seconds: 10, above: 4)
        #expect(first.id == 5 && second.id == 6 && first.forgottenUser == Self.user)
        #expect(try registry.forgets() == [first, second])
        #expect(try registry.inputs(after: 5) == [second])
        #expect(try registry.pendingErasures().map(\.input) == [5, 6])
        var found = ErasureCounts()
        found.snapshots = 2
        try registry.noteErasure(5, found)
        try registry.noteErasure(5, found)
        try registry.endErasures([5], seconds: 11)
        #expect(try registry.pendingErasureCount() == 1)
        let listed = try registry.suppressions(of: Self.user)
        #expect(listed.map(\.erasedSeconds) == [11, nil] && listed[0].found.snapshots == 4)
        #expect(listed.map(\.allowsReturn) == [false, true] && listed[0].reason == "case 1")
        #expect(listed[0].place == place && listed[0].offset == 70 && listed[0].seconds == 9)
        #expect(try registry.suppressions(after: 5, limit: 1).map(\.input) == [6])
        #expect(try registry.suppressions(of: UserID(rawValue: 1)).isEmpty)
    }
}
