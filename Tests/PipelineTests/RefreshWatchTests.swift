import Pipeline
import Snapshots
import Storage
import TestSupport
import Testing

/// What the daemon says of a refresh that is another process.
@Suite struct RefreshWatchTests {
    private func progress(_ pid: Int32, state: String = "running") -> [UInt8] {
        Array(
            """
            {"step":"folding","step_index":3,"step_count":7,"fraction":0.5,"detail":"5 of 10 users",
             "seconds_left":12.5,"started":100,"updated":160,"pid":\(pid),"state":"\(state)",
             "error":null}
            """.utf8)
    }

    @Test func `only a process that holds the refresh's lock is running, and is told to stop`()
        async throws
    {
        let directory = try TemporaryDirectory()
        let fixture = try PipelineFixture(root: directory.path, count: 200)
        let running = try await fixture.open(fixture.options)
        let pipeline = running.pipeline
        #expect(try await pipeline.refresh() == nil)
        let refresh = fixture.options.stateDirectory + "/refresh"
        try RealDisk().makeDirectory(refresh)
        // A process that ends when it is told to, and says so.
        async let ended = Child.python(
            """
            import fcntl, os, signal, sys
            lock = open(sys.argv[1] + "/lock", "w")
            fcntl.flock(lock, fcntl.LOCK_EX)
            # A test's thread may have blocked them, and a child inherits that.
            signal.pthread_sigmask(signal.SIG_SETMASK, [])
            signal.alarm(30)
            signal.signal(signal.SIGTERM, lambda *_: sys.exit(print("stopped") or 0))
            with open(sys.argv[1] + "/pid.partial", "w") as f: f.write(str(os.getpid()))
            os.rename(sys.argv[1] + "/pid.partial", sys.argv[1] + "/pid")
            while True: signal.pause()
            """, [refresh])
        var pid: Int32?
        while pid == nil {
            pid = try? Int32(RealDisk().text(of: refresh + "/pid", limit: 20))
            try await Task.sleep(for: .milliseconds(5))
        }
        let process = try #require(pid)
        let path = refresh + "/progress.json"
        try AtomicFile.write(Array("{".utf8), to: path, on: .real)
        #expect(try await pipeline.refresh() == nil)
        // Finished, or of a process that is not there.
        try AtomicFile.write(progress(process, state: "done"), to: path, on: .real)
        #expect(try await pipeline.refresh()?.isRunning == false)
        try AtomicFile.write(progress(0x7FFF_FFF0), to: path, on: .real)
        #expect(try await pipeline.refresh()?.isRunning == false)
        try AtomicFile.write(progress(process), to: path, on: .real)
        let condition = try #require(try await pipeline.refresh())
        #expect(condition.isRunning && condition.pid == process && condition.secondsLeft == 12.5)
        #expect(condition.detail == "5 of 10 users" && condition.stepCount == 7)
        _ = try await pipeline.cancelRefresh(dryRun: true)
        #expect(try await pipeline.refresh()?.isRunning == true)
        _ = try await pipeline.cancelRefresh(dryRun: false)
        #expect(try await ended.output.contains("stopped"))
        // The file still says that it runs; nobody holds the lock.
        #expect(try await pipeline.refresh()?.isRunning == false)
        var refusal = ""
        do throws(PipelineError) { _ = try await pipeline.cancelRefresh(dryRun: false) } catch {
            refusal = "\(error)"
        }
        #expect(refusal.contains("no refresh of this state directory"))
        try await running.drain()
    }
}
