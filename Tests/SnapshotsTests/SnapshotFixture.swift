import EventLog
import Events
import Profiles
import Snapshots
import Storage
import TestSupport

/// Snapshots of a few users, written the same way by every test.
struct SnapshotFixture {
    let host: Host
    let stateDirectory: String
    let registry: Registry
    let store: SnapshotStore

    init(host: Host, stateDirectory: String, registry: Registry) {
        self.host = host
        self.stateDirectory = stateDirectory
        self.registry = registry
        store = SnapshotStore(stateDirectory: stateDirectory, registry: registry, on: host)
    }

    /// On a disk in memory, with a registry in memory that outlives the disk's crashes.
    static func inMemory() throws -> (SnapshotFixture, MemoryDisk) {
        let disk = MemoryDisk()
        let fixture = SnapshotFixture(
            host: .simulated(disk: disk), stateDirectory: "/state", registry: try .inMemory())
        _ = try fixture.store.recover()
        return (fixture, disk)
    }

    /// On the real disk, as the daemon has it.
    static func onDisk(_ directory: String, clock: SimulatedClock? = nil) throws -> Self {
        let disk = RealDisk()
        let host = Host(
            disk: disk, clock: clock ?? SimulatedClock(seconds: 1_667_952_000),
            randomness: RealRandomness())
        let registry = try Registry(stateDirectory: directory, on: disk)
        return SnapshotFixture(host: host, stateDirectory: directory, registry: registry)
    }

    static func plan(users: Int = 5) -> SnapshotPlan {
        var cursor = Cursor.start
        cursor.segment = 3
        cursor.recordCount = 77
        return SnapshotPlan(
            space: 1, generation: 2, trained: true,
            parts: [
                ProfileLayout.Part(name: "sra", start: 0, end: 3),
                ProfileLayout.Part(name: "stats", start: 3, end: 4),
            ],
            targets: SnapshotTargets(categories: [7], items: [9_007_199_254_740_993]),
            cursor: cursor, asOf: 1_667_952_000, population: .activeDays(90),
            expectedUsers: Int64(users))
    }

    /// Writes `count` users; `salt` makes the values of one snapshot differ from another's.
    @discardableResult
    func write(users count: Int = 5, salt: Int = 0) throws(SnapshotError) -> SnapshotManifest {
        let writer = try store.begin(Self.plan(users: count))
        for (user, values) in Self.rows(count, salt) {
            try writer.append(user, values: values.span)
        }
        return try writer.finish(metrics: ["auroc": 0.5])
    }

    static func rows(_ count: Int, _ salt: Int = 0) -> [(user: UserID, values: [Float])] {
        (0..<count).map { row in
            // Negative ids and ids above 2^53 are ids like any other.
            let user = UserID(rawValue: Int64(row - 1) * 18_014_398_509_482)
            return (user, (0..<4).map { Float((row + salt) % 1000) / 3 - Float($0) })
        }
    }

    /// What a start of the daemon makes of the same disk and registry.
    func restarted() -> SnapshotFixture {
        SnapshotFixture(host: host, stateDirectory: stateDirectory, registry: registry)
    }

    /// XORs the byte at `position` of a snapshot's file; negative positions count from its end.
    func damage(_ version: Int64, _ name: String, at position: Int64) throws {
        let path = store.path(of: version) + "/" + name
        let file = try host.disk.open(path, .update)
        let at = position >= 0 ? position : try file.status().byteCount + position
        var byte: [UInt8] = []
        _ = try file.read(1, at: at, into: &byte)
        try file.write([byte[0] ^ 0x40], at: at)
    }
}
