import EventLog
import Events
import Pipeline
import Storage
import TestSupport
import Testing

/// A snapshot begun while records are folded is the cut at its cursor.
@Suite(.serialized, .timeLimit(.minutes(5)))
struct CutTests {
    @Test(arguments: [false, true])
    func `equals a snapshot of a pipeline that stopped there`(isListed: Bool) async throws {
        let directory = try TemporaryDirectory()
        let fixture = try PipelineFixture(root: directory.path)
        var request = SnapshotRequest()
        if isListed { request.users = fixture.log.users + [UserID(rawValue: 5_555_555)] }
        let reports = try await cutsWhileFolding(fixture, request)
        #expect(reports.count >= 6 && reports.contains { $0.users > 0 })
        for (index, report) in reports.enumerated() {
            try await expect(report, request, fixture, name: "cut-\(index)")
        }
    }

    /// Snapshots begun right after a piece of the log has come, so while it is folded.
    private func cutsWhileFolding(
        _ fixture: PipelineFixture, _ request: SnapshotRequest
    ) async throws -> [SnapshotReport] {
        var options = fixture.options(named: "live")
        options.logDirectory = fixture.root + "/growing-log"
        // Small micro-batches and slices, so that folding and writing alternate; commits and
        // evictions go on beside them.
        SplitTests.Split(batchMicroseconds: 0, chunkRecords: 100, commitBytes: 1, residentBytes: 1)
            .apply(to: &options)
        options.snapshotSliceUserCount = 1
        let writer = try SegmentWriter(host: .real, directory: options.logDirectory)
        let running = try await fixture.open(options)
        var reports: [SnapshotReport] = []
        var written = 0
        while written < fixture.log.records.count {
            let pieces = fixture.log.records.dropFirst(written).prefix(500)
            for record in pieces { try writer.append(record) }
            try writer.flush()
            // The piece is under way once its first records are in.
            try await running.catchUp(to: written + 1)
            reports.append(try await running.pipeline.createSnapshot(request))
            written += pieces.count
            try await running.catchUp(to: written)
        }
        try writer.close()
        try await running.drain()
        return reports
    }

    @Test func `a user first heard of through a held event is not in an earlier cut`() async throws
    {
        let directory = try TemporaryDirectory()
        var fixture = try PipelineFixture(root: directory.path)
        fixture.options.batchMicroseconds = 0
        fixture.options.snapshotSliceUserCount = 1
        let paused = UserID(rawValue: ShopLog.pausedUser)
        let text = "\"client_id\":\(ShopLog.pausedUser),"
        let offset = try #require(
            fixture.log.records.firstIndex { String(decoding: $0, as: UTF8.self).contains(text) })
        // The log ends while the event is held; its user is the last of the list.
        let log = directory.path + "/growing"
        try RealDisk().makeDirectory(log)
        let writer = try SegmentWriter(host: .real, directory: log)
        for record in fixture.log.records.prefix(offset + 2) { try writer.append(record) }
        try writer.flush()
        var options = fixture.options
        options.logDirectory = log
        let running = try await fixture.open(options)
        try await running.catchUp(to: offset + 2)
        #expect(try await running.pipeline.status().counters.held > 0)
        var request = SnapshotRequest()
        // A long list, so that the log goes on while it is written.
        request.users = (0..<150_000).map { UserID(rawValue: $0 - 200_000) } + [paused]
        let pipeline = running.pipeline
        let asked = request
        async let report = pipeline.createSnapshot(asked)
        // The cut stands once there is something to write to.
        let snapshots = options.stateDirectory + "/snapshots"
        for _ in 0..<60_000 where (try? RealDisk().names(in: snapshots))?.isEmpty ?? true {
            try await Task.sleep(for: .milliseconds(1))
        }
        for record in fixture.log.records.dropFirst(offset + 2).prefix(60) {
            try writer.append(record)
        }
        try writer.flush()
        let finished = try await report
        // By then the event was released, or this test shows nothing.
        let status = try await pipeline.status()
        #expect(status.counters.held == 0 && status.applied.recordCount > finished.offset)
        try await running.catchUp(to: min(offset + 62, fixture.log.records.count))
        try await running.drain()
        try await expect(finished, request, fixture, name: "cut")
    }

    /// Compares with a fresh pipeline on the log's first `report.offset` records.
    private func expect(
        _ report: SnapshotReport, _ request: SnapshotRequest, _ fixture: PipelineFixture,
        name: String
    ) async throws {
        var options = fixture.options(named: name)
        options.logDirectory = fixture.root + "/\(name)-log"
        try RealDisk().makeDirectory(options.logDirectory)
        try fixture.log.write(to: options.logDirectory, count: Int(report.offset))
        let running = try await fixture.open(options)
        try await running.catchUp(to: Int(report.offset))
        let still = try await running.pipeline.createSnapshot(request)
        #expect(still.offset == report.offset)
        #expect(still.asOf == report.asOf)
        #expect(still.users == report.users)
        #expect(still.hashes == report.hashes, "at \(report.offset)")
        if still.hashes != report.hashes {
            let (mine, theirs) = (try PublishedRows(report), try PublishedRows(still))
            let users = Set(mine.users).symmetricDifference(theirs.users).sorted()
            let rows = zip(mine.rows, theirs.rows).enumerated().filter { $1.0 != $1.1 }
            #expect(users == [])
            #expect(rows.map { mine.users[$0.offset] } == [])
        }
        try await running.drain()
    }
}
