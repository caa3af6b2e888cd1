import Events
import GRDB
import Pipeline
import Storage
import TestSupport
import Testing

/// Damaged files must not make a crash loop: they are set aside, named, and made again.
@Suite(.serialized, .timeLimit(.minutes(2)))
struct DamageTests {
    private func overwrite(_ path: String, with text: String) throws {
        let file = try RealDisk().open(path, .update)
        try file.truncate(to: 0)
        try file.write(Array(text.utf8), at: 0)
    }

    private func asides(_ directory: String) throws -> [String] {
        try RealDisk().names(in: directory).filter { $0.contains(".damaged-") }
    }

    @Test func `a state file that is none is set aside, and the log folded again`() async throws {
        let directory = try TemporaryDirectory()
        let fixture = try PipelineFixture(root: directory.path)
        let expected = try await fixture.outcome(fixture.options)
        let generation = "\(fixture.options.stateDirectory)/generations/1"
        try overwrite(
            "\(generation)/state.sqlite", with: String(repeating: "no database ", count: 999))
        let running = try await fixture.open(fixture.options)
        try await running.catchUp(to: fixture.log.records.count)
        let status = try await running.pipeline.status()
        #expect(
            status.degraded.contains { $0.contains("set aside") && $0.contains("folded again") })
        #expect(try await running.profiles(of: fixture.log.users) == expected.profiles)
        try await running.drain()
        #expect(try StoredState("\(generation)/state.sqlite") == expected.stored)
        #expect(try asides(generation).contains { !$0.hasSuffix("-wal") && !$0.hasSuffix("-shm") })
    }

    @Test func `a user's damaged record is an error now, and mended by the next start`()
        async throws
    {
        let directory = try TemporaryDirectory()
        let fixture = try PipelineFixture(root: directory.path)
        let expected = try await fixture.outcome(fixture.options)
        let generation = "\(fixture.options.stateDirectory)/generations/1"
        let user = try #require(fixture.log.users.first)
        try await DatabaseQueue(path: "\(generation)/state.sqlite").write { db in
            try db.execute(
                sql: "UPDATE users SET state = X'FF00' WHERE user = ?", arguments: [user.rawValue])
        }
        try await expectDamage(fixture, of: user)
        let second = try await fixture.open(fixture.options)
        try await second.catchUp(to: fixture.log.records.count)
        #expect(try await second.profiles(of: fixture.log.users) == expected.profiles)
        try await second.drain()
        #expect(try StoredState("\(generation)/state.sqlite") == expected.stored)
        #expect(try asides(generation).count >= 1)
    }

    /// Asks for a user whose record is damaged; the pipeline is gone when this returns.
    private func expectDamage(_ fixture: PipelineFixture, of user: UserID) async throws {
        let running = try await fixture.open(fixture.options)
        var found: PipelineError?
        do throws(PipelineError) {
            _ = try await running.pipeline.profiles(of: [user], asOf: nil)
        } catch {
            found = error
        }
        guard case .damagedState? = found else {
            Issue.record("answered with \(String(describing: found))")
            return
        }
        #expect(try await running.pipeline.status().degraded.contains { $0.contains("is damaged") })
        try await running.drain()
    }

    @Test func `a registry that is none is set aside, and its snapshots adopted again`()
        async throws
    {
        let directory = try TemporaryDirectory()
        let fixture = try PipelineFixture(root: directory.path)
        let snapshot = try await publish(fixture)
        try overwrite(
            "\(fixture.options.stateDirectory)/ubpd.sqlite",
            with: String(repeating: "no database ", count: 999))
        let second = try await fixture.open(fixture.options)
        let found = try await second.pipeline.snapshots()
        #expect(found.map(\.version) == [snapshot.version] && found[0].hashes == snapshot.hashes)
        #expect(found[0].isCurrent)
        #expect(try await second.pipeline.status().degraded.contains { $0.contains("ubpd.sqlite") })
        try await second.drain()
    }

    @Test func `a log directory that is away is degraded once, and only while it is away`()
        async throws
    {
        let directory = try TemporaryDirectory()
        let fixture = try PipelineFixture(root: directory.path)
        let log = fixture.options.logDirectory
        let running = try await fixture.open(fixture.options)
        try await running.catchUp(to: fixture.log.records.count)
        try RealDisk().rename(log, to: log + "-away")
        // Between two listings it is the segment alone that is known to be gone.
        let lines = try await degraded(running) { $0.contains { $0.contains("is missing") } }
        #expect(lines.count == 1 && lines[0].hasPrefix("log: \(log) is missing"), "\(lines)")
        try RealDisk().rename(log + "-away", to: log)
        #expect(try await degraded(running) { $0.isEmpty } == [])
        try await running.drain()
    }

    /// What the log adds to `degraded` once `isThere` holds of it, or after a minute.
    private func degraded(
        _ running: RunningPipeline, _ isThere: ([String]) -> Bool
    ) async throws -> [String] {
        var lines: [String] = []
        for _ in 0..<6000 {
            lines = try await running.pipeline.status().degraded.filter { $0.hasPrefix("log: ") }
            if isThere(lines) { break }
            try await Task.sleep(for: .milliseconds(10))
        }
        return lines
    }

    @Test func `what a kill left aside of users' data is removed by the next start`()
        async throws
    {
        let directory = try TemporaryDirectory()
        let fixture = try PipelineFixture(root: directory.path)
        _ = try await fixture.outcome(fixture.options)
        let state = fixture.options.stateDirectory
        let disk = RealDisk()
        for id in [1, 2] {
            let aside = "\(state)/generations/\(id).partial-5e"
            try disk.makeDirectory(aside)
            try disk.open(aside + "/state.sqlite", .create).write([1], at: 0)
        }
        let record = "\(state)/quarantine/00000000000000000000.quarantine.partial-5e"
        try disk.open(record, .create).write([1], at: 0)
        let running = try await fixture.open(fixture.options)
        try await running.drain()
        #expect(try disk.status("\(state)/generations/1.partial-5e") == nil)
        // A refresh may be writing the generation that comes next.
        #expect(try disk.status("\(state)/generations/2.partial-5e/state.sqlite") != nil)
        #expect(try disk.status(record) == nil)
    }

    @Test func `a second daemon on a state directory is told that it is taken`() async throws {
        let directory = try TemporaryDirectory()
        let fixture = try PipelineFixture(root: directory.path, count: 100)
        let running = try await fixture.open(fixture.options)
        var found: PipelineError?
        do throws(PipelineError) {
            _ = try LivePipeline(host: .real, options: fixture.options)
        } catch {
            found = error
        }
        guard case .stateDirectoryInUse? = found else {
            Issue.record("answered with \(String(describing: found))")
            return
        }
        try await running.drain()
    }

    /// Publishes a snapshot of the whole log; the pipeline is gone when this returns.
    private func publish(_ fixture: PipelineFixture) async throws -> SnapshotReport {
        let running = try await fixture.open(fixture.options)
        try await running.catchUp(to: fixture.log.records.count)
        let snapshot = try await running.pipeline.createSnapshot(SnapshotRequest())
        try await running.drain()
        return snapshot
    }
}
