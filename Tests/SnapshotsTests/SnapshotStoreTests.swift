import GRDB
import Snapshots
import Storage
import TestSupport
import Testing

@Suite struct SnapshotStoreTests {
    @Test func `lists and shows what there is`() throws {
        let (fixture, _) = try SnapshotFixture.inMemory()
        try fixture.write()
        try fixture.write(users: 7, salt: 1)
        let entries = try fixture.store.list()
        #expect(entries.map(\.manifest.version) == [1, 2])
        #expect(entries.map(\.isCurrent) == [false, true])
        #expect(entries[1].manifest.users == 7)
        #expect(entries[1].createdSeconds == 1_667_952_000)
        #expect(try fixture.store.show(2) == entries[1])
        #expect(throws: SnapshotError.unknownVersion(3)) { try fixture.store.show(3) }
        #expect(throws: SnapshotError.unknownVersion(3)) { try fixture.store.verify(3) }
    }

    @Test func `a rollback holds current, also over a restart, until the release`() throws {
        let directory = try TemporaryDirectory()
        do {
            let fixture = try SnapshotFixture.onDisk(directory.path)
            for salt in 0..<3 { try fixture.write(salt: salt) }
            let dry = try fixture.store.rollback(to: 1, reason: "bad night", dryRun: true)
            #expect(dry.previous == 3 && dry.current == 1)
            #expect(try fixture.store.current() == 3)
            let start = RealClock().monotonicNanoseconds()
            _ = try fixture.store.rollback(to: 1, reason: "bad night")
            #expect(RealClock().monotonicNanoseconds() - start < 2_000_000_000)
            #expect(try fixture.store.current() == 1)
        }
        let fixture = try SnapshotFixture.onDisk(directory.path)
        let recovery = try fixture.store.recover()
        #expect(recovery == SnapshotStore.Recovery())
        #expect(try fixture.store.hold()?.reason == "bad night")
        try fixture.write(salt: 3)
        #expect(try fixture.store.current() == 1)
        #expect(try fixture.store.release(dryRun: true).current == 4)
        let move = try fixture.store.release()
        #expect(move == SnapshotStore.Move(previous: 1, current: 4, hold: nil))
        #expect(try fixture.store.current() == 4)
        #expect(try fixture.store.hold() == nil)
        #expect(try fixture.store.release().current == 4)
        try fixture.write(salt: 4)
        #expect(try fixture.store.current() == 5)
    }

    @Test func `of two who count on the same version the second is refused`() throws {
        let (fixture, _) = try SnapshotFixture.inMemory()
        for salt in 0..<3 { try fixture.write(salt: salt) }
        let store = fixture.store
        #expect(try store.rollback(to: 2, reason: "first", expecting: 3).previous == 3)
        let refusal = SnapshotError.notExpected(expected: 3, current: 2)
        for dryRun in [true, false] {
            #expect(throws: refusal) {
                try store.rollback(to: 1, reason: "second", expecting: 3, dryRun: dryRun)
            }
            #expect(throws: refusal) { try store.release(expecting: 3, dryRun: dryRun) }
        }
        #expect(try store.current() == 2)
        #expect(try store.hold()?.reason == "first")
        #expect(try store.release(expecting: 2).current == 3)
    }

    @Test func `a rollback that the registry cannot write leaves current where it was`() throws {
        let directory = try TemporaryDirectory()
        let fixture = try SnapshotFixture.onDisk(directory.path)
        for salt in 0..<2 { try fixture.write(salt: salt) }
        let other = try DatabaseQueue(path: directory.path + "/" + Registry.fileName)
        try other.writeWithoutTransaction { database in
            try database.execute(sql: "BEGIN IMMEDIATE")
            #expect(throws: SnapshotError.self) {
                try fixture.store.rollback(to: 1, reason: "test")
            }
            try database.execute(sql: "ROLLBACK")
        }
        #expect(try fixture.store.current() == 2)
        #expect(try fixture.store.hold() == nil)
        #expect(try fixture.store.rollback(to: 1, reason: "test").previous == 2)
        #expect(try fixture.store.current() == 1)
    }

    @Test func `a rollback to nothing or to damage changes nothing`() throws {
        let (fixture, disk) = try SnapshotFixture.inMemory()
        for salt in 0..<3 { try fixture.write(salt: salt) }
        try disk.open(fixture.store.path(of: 1) + "/embeddings.npy", .update).truncate(to: 150)
        try disk.remove(fixture.store.path(of: 2))
        for version in [1, 2, 9] as [Int64] {
            #expect(throws: SnapshotError.self) {
                try fixture.store.rollback(to: version, reason: "test")
            }
        }
        #expect(try fixture.store.current() == 3)
        #expect(try fixture.store.hold() == nil)
    }

    @Test func `retention keeps the newest, current and the held one`() throws {
        let (fixture, disk) = try SnapshotFixture.inMemory()
        for salt in 0..<6 { try fixture.write(salt: salt) }
        _ = try fixture.store.rollback(to: 2, reason: "test")
        #expect(try fixture.store.retain(2, dryRun: true) == [1, 3, 4])
        #expect(try fixture.store.retain(2) == [1, 3, 4])
        #expect(try disk.names(in: "/state/snapshots") == ["2", "5", "6", "current"])
        #expect(try fixture.store.list().map(\.manifest.version) == [2, 5, 6])
        #expect(throws: SnapshotError.unknownVersion(3)) { try fixture.store.show(3) }
        #expect(try fixture.store.retain(2) == [])
        _ = try fixture.store.release()
        #expect(try fixture.store.retain(1) == [2, 5])
    }

    @Test func `verbs from several threads leave current where the hold says`() async throws {
        for round in 0..<20 {
            let (fixture, _) = try SnapshotFixture.inMemory()
            for salt in 0..<3 { try fixture.write(salt: salt) }
            let store = fixture.store
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask { try fixture.write(salt: 3) }
                group.addTask { _ = try store.rollback(to: 2, reason: "test") }
                group.addTask { _ = try? store.rollback(to: 1, reason: "test") }
                group.addTask { _ = try store.retain(3) }
                if round % 2 == 1 { group.addTask { _ = try store.release() } }
                try await group.waitForAll()
            }
            let current = try #require(try store.current())
            try store.verify(current)
            #expect(try current == store.hold()?.version ?? 4)
        }
    }

    @Test func `a version is never used twice`() throws {
        let (fixture, disk) = try SnapshotFixture.inMemory()
        for salt in 0..<3 { try fixture.write(salt: salt) }
        for version in 1...3 as ClosedRange<Int64> {
            try disk.remove(fixture.store.path(of: version))
        }
        #expect(try fixture.write().version == 4)
        // Nor when the registry is lost and the directories are there.
        let fresh = SnapshotFixture(
            host: fixture.host, stateDirectory: "/state", registry: try .inMemory())
        #expect(try fresh.write().version == 5)
    }

    @Test(arguments: ["client_ids.npy", "embeddings.npy", "manifest.json"])
    func `damage to any file is found`(name: String) throws {
        for position in [0, 20, 127, 128, 130, -1] as [Int64] {
            let (fixture, _) = try SnapshotFixture.inMemory()
            try fixture.write()
            try fixture.store.verify(1)
            try fixture.damage(1, name, at: position)
            #expect(throws: SnapshotError.self, "\(name) at \(position)") {
                try fixture.store.verify(1)
            }
        }
        for change in [-1, 1, -100_000] as [Int64] {
            let (fixture, disk) = try SnapshotFixture.inMemory()
            try fixture.write()
            let file = try disk.open(fixture.store.path(of: 1) + "/" + name, .update)
            try file.truncate(to: max(0, try file.status().byteCount + change))
            #expect(throws: SnapshotError.self) { try fixture.store.verify(1) }
            #expect(throws: SnapshotError.self) {
                try fixture.store.rollback(to: 1, reason: "test")
            }
            #expect(try fixture.restarted().store.recover().degraded.count == 1)
        }
    }

    @Test func `values that contradict the rules are found even with right hashes`() throws {
        let (fixture, disk) = try SnapshotFixture.inMemory()
        try fixture.write()
        let path = fixture.store.path(of: 1)
        var manifest = try fixture.store.show(1).manifest
        let cases: [(name: String, position: Int64, bytes: [UInt8], reason: String)] = [
            ("embeddings.npy", 128 + 2 * 6, [0x00, 0x7C], "row 1, column 2 is not finite"),
            ("client_ids.npy", 128 + 8 * 2, [0, 0, 0, 0, 0, 0, 0, 0], "user 0 follows user 0"),
        ]
        for (name, position, bytes, reason) in cases {
            let original = try disk.bytes(of: path + "/" + name, limit: 1000)
            let file = try disk.open(path + "/" + name, .update)
            try file.write(bytes, at: position)
            manifest.files[name] = try disk.contentHash(of: path + "/" + name)
            let fresh = SnapshotFixture(
                host: fixture.host, stateDirectory: "/state", registry: try .inMemory())
            let text = try fresh.rewriteManifest(manifest)
            #expect(text.contains(manifest.files[name]?.sha256 ?? "none"))
            let degraded = try fresh.store.recover().degraded
            #expect(degraded.count == 1)
            #expect(degraded.first?.contains(reason) == true, "\(degraded)")
            try file.write(original, at: 0)
            manifest.files[name] = try disk.contentHash(of: path + "/" + name)
        }
    }
}

extension SnapshotFixture {
    /// Puts another manifest into the directory of its version; its text.
    func rewriteManifest(_ manifest: SnapshotManifest) throws -> String {
        let path = store.path(of: manifest.version) + "/manifest.json"
        let old = try host.disk.text(of: path, limit: 100_000)
        var text = old
        for (name, digest) in manifest.files {
            // The manifest's files are the only 64-digit numbers in it.
            guard let start = text.firstRange(of: "\"\(name)\""),
                let hash = text[start.upperBound...].firstRange(of: /[0-9a-f]{64}/)
            else { continue }
            text.replaceSubrange(hash, with: digest.sha256)
        }
        try AtomicFile.write(Array(text.utf8), to: path, on: host)
        return text
    }
}
