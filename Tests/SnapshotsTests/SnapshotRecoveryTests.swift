import Snapshots
import Storage
import TestSupport
import Testing

@Suite struct SnapshotRecoveryTests {
    /// A store with one published snapshot.
    private func prepared() throws -> (SnapshotFixture, MemoryDisk) {
        let (fixture, disk) = try SnapshotFixture.inMemory()
        try fixture.write()
        return (fixture, disk)
    }

    /// How many disk operations `body` needs.
    private func operations(
        _ body: (SnapshotFixture) throws(SnapshotError) -> Void
    ) throws -> Int {
        let (fixture, disk) = try prepared()
        let before = disk.operationCount
        try body(fixture)
        return disk.operationCount - before
    }

    @Test func `a crash at any operation of a publication leaves the old or the new`() throws {
        let count = try operations { (fixture) throws(SnapshotError) in
            _ = try fixture.write(salt: 1)
        }
        var outcomes: Set<Int64> = []
        for operation in 0...count {
            for survival in [MemoryDisk.Survival.nothing, .some(seed: UInt64(operation))] {
                let (fixture, disk) = try prepared()
                disk.inject(.powerLoss, at: disk.operationCount + operation)
                let finished = (try? fixture.write(salt: 1)) != nil
                disk.crash(survival)
                let store = fixture.restarted().store
                let recovery = try store.recover()
                #expect(recovery.degraded == [], "operation \(operation), \(survival)")
                let current = try #require(try store.current())
                outcomes.insert(current)
                try store.verify(current)
                #expect(!finished || current == 2)
                #expect(try store.list().last?.manifest.version == current)
                // What a start repairs is durable and needs no second repair.
                disk.crash()
                #expect(try fixture.restarted().store.recover() == SnapshotStore.Recovery())
                #expect(try fixture.write(salt: 2).version == current + 1)
            }
        }
        #expect(outcomes == [1, 2])
    }

    @Test func `a fault at any operation of a publication leaves the old or the new`() throws {
        let count = try operations { (fixture) throws(SnapshotError) in
            _ = try fixture.write(salt: 1)
        }
        for operation in 0..<count {
            for fault in [MemoryDisk.Fault.error(28), .error(5), .syncFailure, .shortRead(3)] {
                let (fixture, disk) = try prepared()
                disk.inject(fault, at: disk.operationCount + operation)
                let finished = (try? fixture.write(salt: 1)) != nil
                let current = try #require(try fixture.store.current())
                try fixture.store.verify(current)
                if case .shortRead = fault { #expect(finished) }
                #expect(!finished || current == 2)
                // The daemon goes on, and the next snapshot is whole.
                disk.removeFaults()
                let version = try fixture.write(salt: 2).version
                #expect(try fixture.store.current() == version)
                try fixture.store.verify(version)
                let recovery = try fixture.restarted().store.recover()
                #expect(recovery.degraded == [])
                #expect(recovery.repairedCurrent == nil)
            }
        }
    }

    @Test func `a crash at any operation of a rollback or retention is finished`() throws {
        for round in 0..<2 {
            let verb = { (fixture: SnapshotFixture) throws(SnapshotError) in
                if round == 0 {
                    _ = try fixture.store.rollback(to: 1, reason: "test")
                } else {
                    _ = try fixture.store.retain(1)
                }
            }
            let count = try operations { (fixture) throws(SnapshotError) in
                for salt in 1..<3 { _ = try fixture.write(salt: salt) }
                try verb(fixture)
            }
            for operation in 0..<count {
                let (fixture, disk) = try prepared()
                for salt in 1..<3 { try fixture.write(salt: salt) }
                disk.inject(.powerLoss, at: disk.operationCount + operation)
                _ = try? verb(fixture)
                disk.crash(.some(seed: UInt64(operation)))
                let store = fixture.restarted().store
                #expect(try store.recover().degraded == [])
                #expect(try store.current() == (store.hold() == nil ? 3 : 1))
                let listed = try store.list().map { String($0.manifest.version) }
                #expect(try disk.names(in: store.directory) == listed + ["current"])
            }
        }
    }

    @Test func `a lost registry is filled again from the directories`() throws {
        let (fixture, _) = try prepared()
        try fixture.write(salt: 1)
        try fixture.write(salt: 2)
        try fixture.damage(2, "embeddings.npy", at: 140)
        let fresh = SnapshotFixture(
            host: fixture.host, stateDirectory: "/state", registry: try .inMemory())
        let recovery = try fresh.store.recover()
        #expect(recovery.adopted == [1, 3])
        #expect(recovery.degraded.count == 1)
        #expect(recovery.degraded.first?.contains("snapshot 2") == true)
        #expect(try fresh.store.list().map(\.manifest.version) == [1, 3])
        #expect(try fresh.store.current() == 3)
    }

    @Test func `a missing or dangling current is repaired`() throws {
        let (fixture, disk) = try prepared()
        try fixture.write(salt: 1)
        let link = fixture.store.directory + "/current"
        try disk.remove(link)
        #expect(try fixture.store.current() == nil)
        #expect(try fixture.restarted().store.recover().repairedCurrent == 2)
        try disk.setLink(link, to: "99")
        #expect(try fixture.restarted().store.recover().repairedCurrent == 2)
        try disk.setLink(link, to: "../elsewhere")
        #expect(try fixture.restarted().store.recover().repairedCurrent == 2)
        try disk.remove(fixture.store.path(of: 2))
        let recovery = try fixture.restarted().store.recover()
        #expect(recovery.repairedCurrent == 1)
        #expect(recovery.degraded.count == 1)
        try disk.remove(fixture.store.path(of: 1))
        #expect(try fixture.restarted().store.recover().degraded.count == 2)
        #expect(try disk.names(in: fixture.store.directory) == [])
    }

    @Test func `a held version that was damaged is named, and the newest serves`() throws {
        let (fixture, disk) = try prepared()
        try fixture.write(salt: 1)
        _ = try fixture.store.rollback(to: 1, reason: "test")
        try disk.remove(fixture.store.path(of: 1) + "/embeddings.npy")
        let recovery = try fixture.restarted().store.recover()
        #expect(recovery.degraded.count == 2)
        #expect(recovery.repairedCurrent == 2)
        #expect(try fixture.store.hold()?.version == 1)
    }
}
