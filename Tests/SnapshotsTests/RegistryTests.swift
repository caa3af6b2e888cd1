import EventLog
import GRDB
import Snapshots
import Storage
import TestSupport
import Testing

@Suite struct RegistryTests {
    @Test func `a second daemon is refused`() throws {
        let directory = try TemporaryDirectory()
        let first = try Registry(stateDirectory: directory.path, on: RealDisk())
        #expect(throws: SnapshotError.stateDirectoryInUse(path: directory.path)) {
            try Registry(stateDirectory: directory.path, on: RealDisk())
        }
        #expect(try first.snapshots() == [])
    }

    @Test func `the lock ends with its holder`() throws {
        let directory = try TemporaryDirectory()
        for _ in 0..<3 {
            let registry = try Registry(stateDirectory: directory.path + "/new", on: RealDisk())
            #expect(try registry.integrityProblems() == [])
        }
    }

    @Test func `the file is as DESIGN says`() throws {
        let directory = try TemporaryDirectory()
        let registry = try Registry(stateDirectory: directory.path, on: RealDisk())
        try registry.noteActivation(generation: 1, offset: 5, seconds: 1000)
        try registry.checkpoint()
        var settings = Configuration()
        settings.readonly = true
        let queue = try DatabaseQueue(
            path: directory.path + "/ubpd.sqlite", configuration: settings)
        let found = try queue.read { database in
            [
                try String.fetchOne(database, sql: "PRAGMA page_size"),
                try String.fetchOne(database, sql: "PRAGMA journal_mode"),
                try String.fetchOne(database, sql: "SELECT COUNT(*) FROM activations"),
            ]
        }
        #expect(found == ["16384", "wal", "1"])
        let made = try DatabaseQueue(configuration: DatabaseSettings.make(label: "test"))
        #expect(try made.read { try Int.fetchOne($0, sql: "PRAGMA synchronous") } == 2)
    }

    @Test func `activations are kept in order and noted once`() throws {
        let registry = try Registry.inMemory()
        try registry.noteActivation(generation: 1, offset: 0, seconds: 10)
        try registry.noteActivation(generation: 2, offset: 500, seconds: 20)
        try registry.noteActivation(generation: 2, offset: 500, seconds: 30)
        try registry.noteActivation(generation: 1, offset: 900, seconds: 40)
        #expect(try registry.activations().map(\.generation) == [1, 2, 1])
        #expect(try registry.activations().map(\.offset) == [0, 500, 900])
        #expect(try registry.activations().map(\.activatedSeconds) == [10, 20, 40])
    }

    @Test func `a registry from the future is refused`() throws {
        let directory = try TemporaryDirectory()
        do { _ = try Registry(stateDirectory: directory.path, on: RealDisk()) }
        do {
            let queue = try DatabaseQueue(path: directory.path + "/ubpd.sqlite")
            try queue.write { database in
                try database.execute(sql: "INSERT INTO grdb_migrations VALUES ('99: later')")
            }
        }
        #expect {
            try Registry(stateDirectory: directory.path, on: RealDisk())
        } throws: { "\($0)".contains("newer ubpd") }
    }

    @Test func `a file that is no database is an error that says so`() throws {
        let directory = try TemporaryDirectory()
        let disk = RealDisk()
        let garbage = [UInt8](repeating: 0x41, count: 20_000)
        try disk.open(directory.path + "/ubpd.sqlite", .create).write(garbage, at: 0)
        #expect {
            try Registry(stateDirectory: directory.path, on: disk)
        } throws: { error in
            "\(error)".contains("ubpd.sqlite") && "\(error)".contains("not a database")
        }
    }
}
