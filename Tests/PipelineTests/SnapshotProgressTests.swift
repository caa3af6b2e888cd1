import Pipeline
import Storage
import Synchronization
import TestSupport
import Testing

/// How far a snapshot is, as long as there is anything to wait for.
@Suite(.timeLimit(.minutes(5))) struct SnapshotProgressTests {
    @Test func `a pipeline that has failed has none, although it still stands`() async throws {
        let directory = try TemporaryDirectory()
        let fixture = try PipelineFixture(root: directory.path)
        let disk = StallingDisk()
        let host = Host(disk: disk, clock: RealClock(), randomness: RealRandomness())
        var options = fixture.options(named: "failing")
        // It commits when it is told to.
        options.commitMilliseconds = 1 << 40
        options.commitByteCount = 1 << 40
        let running = try await fixture.open(options, host: host)
        try await running.catchUp(to: fixture.log.records.count)
        disk.failsInQuarantine.store(true, ordering: .relaxed)
        await #expect(throws: PipelineError.self) {
            _ = try await running.pipeline.checkpoint()
        }
        // The reader waits for more, so that the loop has yet to see the failure.
        let status = try await running.pipeline.status()
        #expect(status.state != "stopped")
        #expect(status.degraded.contains { $0.contains("stopped: ") })
        #expect(await running.pipeline.snapshotProgress() == nil)
        disk.release()
        await #expect(throws: PipelineError.self) { try await running.task.value }
    }

    @Test func `one that works has, until it has stopped`() async throws {
        let directory = try TemporaryDirectory()
        let fixture = try PipelineFixture(root: directory.path, count: 300)
        let running = try await fixture.open(fixture.options(named: "working"))
        try await running.catchUp(to: fixture.log.records.count)
        let progress = try #require(await running.pipeline.snapshotProgress())
        #expect(progress.lagByteCount == 0 && progress.writtenUserCount == nil)
        try await running.drain()
        #expect(await running.pipeline.snapshotProgress() == nil)
    }
}
