import EventLog
import Events
import Pipeline
import Storage
import TestSupport
import Testing

/// Who waits for whom when something is slow.
@Suite(.serialized, .timeLimit(.minutes(2)))
struct BoundsTests {
    private func host(_ disk: any Disk) -> Storage.Host {
        Storage.Host(disk: disk, clock: RealClock(), randomness: RealRandomness())
    }

    /// Records applied so far; a status would ask those who are held up as well.
    private func appliedCount(_ running: RunningPipeline) async throws -> Int64 {
        try await running.pipeline.profiles(of: [], asOf: nil).offset
    }

    private func until(_ condition: () async throws -> Bool) async throws {
        // Between two looks; the machine may have more to do than to answer this.
        while try await !condition() { try await Task.sleep(for: .milliseconds(1)) }
    }

    @Test func `the fold waits for a commit that cannot keep up`() async throws {
        let directory = try TemporaryDirectory()
        let fixture = try PipelineFixture(root: directory.path, count: 9000)
        var options = fixture.options(named: "slow")
        SplitTests.Split(chunkRecords: 64, commitBytes: 1).apply(to: &options)
        try await expectStandstill(fixture, options)
        let expected = try await fixture.outcome(fixture.options(named: "undisturbed"))
        #expect(try await fixture.outcome(options).differences(from: expected).prefix(5) == [])
    }

    /// Folds the log while its first commit is held up, and then to the end.
    private func expectStandstill(
        _ fixture: PipelineFixture, _ options: PipelineOptions
    ) async throws {
        let disk = HoldingDisk(holding: "/quarantine/")
        let running = try await fixture.open(options, host: host(disk))
        try await until { disk.isAwaited }
        let total = fixture.log.records.count
        for _ in 0..<200 {
            let applied = Int(try await appliedCount(running))
            // Four commits of 64 KiB, which is the least that counts, and the chunks around them.
            let bytes = fixture.log.records.prefix(applied).reduce(0) { $0 + $1.count + 1 }
            #expect(bytes < 300_000 && applied < total)
            // Between two looks; the machine may have more to do than to answer this.
            try await Task.sleep(for: .milliseconds(1))
        }
        disk.release()
        try await running.catchUp(to: total)
        try await running.drain()
    }

    @Test func `what was read is committed while the next segment cannot be read`() async throws {
        let directory = try TemporaryDirectory()
        let fixture = try PipelineFixture(root: directory.path, count: 300)
        var options = fixture.options(named: "blocked")
        options.commitByteCount = 1 << 40
        let names = try RealDisk().names(in: options.logDirectory)
        let last = try #require(names.compactMap(SegmentName.sequence).max())
        try RealDisk().makeDirectory("\(options.logDirectory)/\(SegmentName.name(last + 1))")
        let running = try await fixture.open(options)
        try await until {
            let status = try await running.pipeline.status()
            return status.committed.recordCount == fixture.log.records.count
        }
        #expect(try await running.pipeline.status().state == "catching-up")
        try await running.drain()
    }

    @Test func `a snapshot of a list holds nobody up who is not in it`() async throws {
        let directory = try TemporaryDirectory()
        let fixture = try PipelineFixture(root: directory.path)
        var options = fixture.growing("listed")
        options.snapshotHandoverCount = 2
        let log = try GrowingLog(fixture, directory: options.logDirectory)
        try log.grow(by: 1000)
        let disk = HoldingDisk(holding: "/snapshots/")
        let running = try await fixture.open(options, host: host(disk))
        try await until { try await appliedCount(running) == 1000 }
        var request = SnapshotRequest()
        request.users = [UserID(rawValue: ShopUser.some)]
        async let report = running.pipeline.createSnapshot(request)
        try await until { disk.isAwaited }
        try log.grow(to: log.records.count)
        try log.close()
        try await until { try await appliedCount(running) == Int64(log.written) }
        disk.release()
        #expect(try await report.users == 1)
        try await running.drain()
    }
}
