import EventLog
import Events
import GRDB
import Pipeline
import Storage
import TestSupport
import Testing

/// `ubpd verify --replay` finds a state equal to the fold of the log, or says where it is not.
@Suite(.serialized, .timeLimit(.minutes(5)))
struct VerificationTests {
    private func verify(
        _ options: PipelineOptions, _ generation: Int64? = nil
    ) async throws -> ReplayVerification.Report {
        try await ReplayVerification(host: .real, options: options).run(generation: generation) {
            _, _ in
        }
    }

    @Test func `a running daemon's state is what the log makes of it, inputs included`()
        async throws
    {
        let directory = try TemporaryDirectory()
        let fixture = try PipelineFixture(root: directory.path)
        var options = fixture.options
        options.latestSeconds = ShopLog.start + 10 * 86_400
        SplitTests.Split(chunkRecords: 64, commitBytes: 1).apply(to: &options)
        let strict = options
        let places = try await fixture.life(strict) { running in
            try await running.catchUp(to: fixture.log.records.count)
            _ = try await running.pipeline.checkpoint()
            let report = try await verify(strict)
            #expect(report.isEqual && report.generation == 1, "\(report.differences)")
            #expect(report.offset == fixture.log.records.count)
            let rows = Dictionary(uniqueKeysWithValues: report.tables.map { ($0.table, $0.rows) })
            #expect(rows["users"] ?? 0 >= 40 && rows["rows"] ?? 0 > 40 && rows["catalogue"] == 30)
            #expect(rows["refused"] ?? 0 > 100 && rows["meta"] ?? 0 >= 9)
            #expect(try RealDisk().status(strict.stateDirectory + "/verify") == nil)
            return try await running.pipeline.quarantine(QuarantineQuery(limit: 500)).items
                .map(\.entry.key)
        }
        // Replayed by a daemon that allows them: the inputs come from the registry.
        options.latestSeconds = 4_102_444_799
        try await fixture.life(options) { loose in
            try await loose.catchUp(to: fixture.log.records.count)
            let taken = try await loose.pipeline.replay(places, dryRun: false)
            #expect(taken.count { $0.refusal == nil } > 100)
            _ = try await loose.pipeline.checkpoint()
            let replayed = try await verify(strict)
            #expect(replayed.isEqual, "\(replayed.differences)")
        }
        #expect(try await verify(strict, 1).isEqual)
    }

    @Test func `what a cursor's identity covers of a growing file is no difference`()
        async throws
    {
        let directory = try TemporaryDirectory()
        let fixture = try PipelineFixture(root: directory.path, count: 500)
        _ = try await fixture.outcome(fixture.options)
        let path = fixture.options.stateDirectory + "/generations/1/state.sqlite"
        func change(_ field: String) async throws {
            // The low 16 bits are the number of bytes covered: SQLite's own JSON, not our coding.
            try await DatabaseQueue(path: path).write { db in
                try db.execute(
                    sql: """
                        UPDATE meta SET value = CAST(
                            json_set(CAST(value AS TEXT), '$.\(field)', 65) AS BLOB)
                        WHERE key = 'cursor'
                        """)
                #expect(db.changesCount == 1)
            }
        }
        try await change("identity.headHash")
        #expect(try await verify(fixture.options).isEqual)
        try await change("identity.inode")
        let differences = try await verify(fixture.options).differences
        #expect(differences == ["meta cursor: differs"])
    }

    @Test func `one changed byte, a missing user and a foreign row are each found`() async throws {
        let directory = try TemporaryDirectory()
        let fixture = try PipelineFixture(root: directory.path, count: 1000)
        _ = try await fixture.outcome(fixture.options)
        #expect(try await verify(fixture.options).isEqual)
        let users = fixture.log.users
        let path = fixture.options.stateDirectory + "/generations/1/state.sqlite"
        let changed = try await DatabaseQueue(path: path).write { db in
            let stored = try Int64.fetchAll(db, sql: "SELECT user FROM users ORDER BY user")
            try db.execute(
                sql: "UPDATE users SET newest = newest + 1 WHERE user = ?", arguments: [stored[2]])
            try db.execute(sql: "DELETE FROM users WHERE user = ?", arguments: [stored[5]])
            try db.execute(
                sql: "INSERT INTO catalogue (item, category) VALUES (?, ?)", arguments: [9999, 1])
            return [stored[2], stored[5]]
        }
        let report = try await verify(fixture.options)
        #expect(report.differenceCount == 3 && !report.isEqual)
        #expect(
            report.differences == [
                "users \(changed[0]): differs",
                "users \(changed[1]): is in the fold of the log alone",
                "catalogue 9999: is in the state alone",
            ])
        #expect(users.count > 40)
    }

    @Test func `a log that lost its beginning is said, not called different`() async throws {
        let directory = try TemporaryDirectory()
        let fixture = try PipelineFixture(root: directory.path)
        _ = try await fixture.outcome(fixture.options)
        let names = try RealDisk().names(in: directory.path + "/log").filter {
            $0.hasSuffix(".lz4")
        }
        #expect(names.count > 2)
        try RealDisk().remove("\(directory.path)/log/\(names[0])")
        try await expectOtherLog(fixture.options)
    }

    @Test func `a segment that came below the others is said, not called a bug`() async throws {
        let directory = try TemporaryDirectory()
        let fixture = try PipelineFixture(root: directory.path)
        let disk = RealDisk()
        func segment(_ sequence: Int64) -> String {
            "\(fixture.root)/log/\(SegmentName.name(sequence))"
        }
        let sequences = try disk.names(in: fixture.root + "/log")
            .compactMap(SegmentName.sequence).sorted()
        #expect(sequences.count > 2 && sequences.first == 0)
        for sequence in sequences.reversed() {
            try disk.rename(segment(sequence), to: segment(sequence + 1))
        }
        _ = try await fixture.outcome(fixture.options)
        let bytes = try disk.bytes(of: segment(1), limit: 1 << 24)
        try disk.open(segment(0), .create).write(bytes, at: 0)
        try await expectOtherLog(fixture.options)
    }

    private func expectOtherLog(_ options: PipelineOptions) async throws {
        do {
            _ = try await verify(options)
            Issue.record("verified")
        } catch PipelineError.otherLog(let text) {
            #expect(text.contains("segments were deleted"), "\(text)")
        }
    }
}
