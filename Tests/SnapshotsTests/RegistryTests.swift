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

    @Test func `inputs are numbered in order, each subject once, and above what was applied`()
        throws
    {
        let directory = try TemporaryDirectory()
        let place = RecordPlace(segment: 3, recordIndex: 14)
        do {
            let registry = try Registry(stateDirectory: directory.path, on: RealDisk())
            let first = try registry.addInputs(
                .replay, at: place, seconds: 10, above: 0,
                [(subject: "3/1", payload: [1, 2]), (subject: "3/2", payload: [])])
            #expect(first.map(\.id) == [1, 2] && first.allSatisfy { $0.place == place })
            // A registry that was lost goes on above what the state says.
            let later = try registry.addInputs(
                .replay, at: place.next, seconds: 11, above: 40, [(subject: "2/9", payload: [7])])
            #expect(later.map(\.id) == [41])
            #expect(throws: SnapshotError.self) {
                try registry.addInputs(
                    .replay, at: place.next, seconds: 12, above: 41,
                    [(subject: "5/5", payload: []), (subject: "3/2", payload: [])])
            }
        }
        let registry = try Registry(stateDirectory: directory.path, on: RealDisk())
        #expect(try registry.inputs(after: 0).map(\.id) == [1, 2, 41])
        let rest = try registry.inputs(after: 2)
        #expect(
            rest == [LogInput(id: 41, place: place.next, kind: .replay, subject: "2/9")])
        #expect(try registry.inputPayload(41) == [7] && registry.inputPayload(40) == nil)
        #expect(
            try registry.knownSubjects(.replay, among: ["3/2", "5/5", "2/9"]) == ["3/2", "2/9"])
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

    /// Makes a registry of some hundred pages and overwrites the one in the middle, a leaf of `inputs`.
    private func makeDamaged(_ directory: String) throws {
        let disk = RealDisk()
        do {
            let registry = try Registry(stateDirectory: directory, on: disk)
            let payload = [UInt8](repeating: 7, count: 4000)
            let place = RecordPlace(segment: 3, recordIndex: 14)
            let contents: [(subject: String?, payload: [UInt8])] = (0..<400).map {
                (subject: "3/\($0)", payload: payload)
            }
            _ = try registry.addInputs(.replay, at: place, seconds: 10, above: 0, contents)
            try registry.checkpoint()
        }
        let file = try disk.open(directory + "/" + Registry.fileName, .update)
        let pageByteCount: Int64 = 16_384
        let pageCount = try file.status().byteCount / pageByteCount
        #expect(pageCount > 90)
        let page = [UInt8](repeating: 0xFF, count: Int(pageByteCount))
        try file.write(page, at: pageCount / 2 * pageByteCount)
    }

    @Test func `a registry with a damaged page is set aside at the start, and named`() throws {
        let directory = try TemporaryDirectory()
        try makeDamaged(directory.path)
        let (registry, degraded) = try Registry.recover(
            stateDirectory: directory.path, on: .real)
        #expect(degraded.count == 1)
        let line = try #require(degraded.first)
        #expect(line.contains("ubpd.sqlite.damaged-") && line.contains("set aside"), "\(line)")
        #expect(!line.contains("\n"))
        #expect(try registry.inputs(after: 0) == [])
        #expect(try registry.integrityProblems() == [])
        let names = try RealDisk().names(in: directory.path)
        #expect(names.contains { $0.hasPrefix("ubpd.sqlite.damaged-") }, "\(names)")
    }

    @Test func `a damaged page that a reader meets is damage, too`() throws {
        let directory = try TemporaryDirectory()
        try makeDamaged(directory.path)
        let reader = try Registry.readOnly(stateDirectory: directory.path)
        var found: SnapshotError?
        do throws(SnapshotError) { _ = try reader.inputs(after: 0) } catch { found = error }
        guard case .damagedRegistry? = found else {
            Issue.record("answered with \(String(describing: found))")
            return
        }
    }

    @Test func `a full disk is not taken for a damaged registry`() throws {
        let path = "/state/ubpd.sqlite"
        for code in [ResultCode.SQLITE_FULL, .SQLITE_IOERR] {
            let error = SnapshotError(DatabaseError(resultCode: code), ofRegistry: path)
            let text = error.description
            #expect(text.hasPrefix("\(path): SQLite error \(code.rawValue)"), "\(text)")
            #expect(text.contains("nothing is lost") && text.contains("free disk space"))
            #expect(!text.contains("move it away"))
        }
        let other = SnapshotError(DatabaseError(resultCode: .SQLITE_BUSY), ofRegistry: path)
        #expect(other.description.contains("move it away"))
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
