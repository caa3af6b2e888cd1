import Encoders
import Foundation
import Refresh
import Storage
import TestSupport
import Testing

/// A refresh that is killed anywhere, and called again, gives the bytes of one that was not.
@Suite(.serialized) struct ResumeTests {
    @Test func `killed at changes of the disk all over it, the next call ends the same`()
        async throws
    {
        let root = try TemporaryDirectory()
        let fixture = try JobFixture(root: root.path, count: 1200)
        let whole = DyingDisk()
        _ = try await fixture.run(fixture.options("whole"), disk: whole)
        let wanted = try fixture.published("whole")
        #expect(whole.changeCount > 200)
        // One call after the other is killed, each further on, until one comes through.
        var (deaths, state) = (0, "killed")
        for stride in [23, 61, 7] {
            state = "killed-\(stride)"
            var reached = 0
            while true {
                let disk = DyingDisk(after: reached == 0 ? 3 : stride)
                do {
                    // The undisturbed one ran on one thread.
                    var options = fixture.options(state)
                    options.threadCount = 2
                    _ = try await fixture.run(options, disk: disk)
                    break
                } catch {
                    #expect(disk.isDead, "\(error)")
                    deaths += 1
                    reached += 1
                    // A step that needs more changes than that would never be done.
                    if reached % 12 == 0, await skip(fixture, state) { break }
                    // Killed while it cleared up: it is done, and another call would make another.
                    let work = "\(root.path)/\(state)"
                    let isBegun = try RealDisk().status(work + "/refresh/plan.json") != nil
                    if !isBegun, try RealDisk().status(work + "/generations/1") != nil { break }
                }
                if reached > 200 { break }
            }
            let second = try fixture.published(state)
            #expect(JobFixture.differences(wanted, second) == [])
        }
        #expect(deaths > 40)
    }

    /// Goes a good way on, to where the next kills are; whether that was to the end.
    private func skip(_ fixture: JobFixture, _ state: String) async -> Bool {
        let disk = DyingDisk(after: 150)
        _ = try? await fixture.run(fixture.options(state), disk: disk)
        return !disk.isDead
    }

    @Test func `told to stop at every word of it, the next call ends the same`() async throws {
        let root = try TemporaryDirectory()
        let fixture = try JobFixture(root: root.path, count: 1200)
        let said = Said()
        _ = try await fixture.run(fixture.options("whole"), clock: HastyClock(), said: said)
        let wanted = try fixture.published("whole")
        let words = said.progress.count
        #expect(words > 60)
        // One state directory, stopped again and again; and the log grows meanwhile.
        var (stops, hasGrown) = (0, false)
        for call in 0..<400 {
            let said = Said()
            do {
                _ = try await fixture.run(
                    fixture.options("stopped"), clock: HastyClock(), cancelAt: 10 + call % 5,
                    said: said)
                break
            } catch RefreshError.cancelled {
                stops += 1
                // Once there is a plan, so that the end is pinned.
                let hasPlan = try RealDisk().status(root.path + "/stopped/refresh/out") != nil
                if hasPlan, !hasGrown {
                    hasGrown = true
                    try fixture.append(users: 1...30, after: 86_400)
                }
            }
        }
        #expect(stops > 3 && hasGrown)
        let made = try fixture.published("stopped")
        #expect(JobFixture.differences(wanted, made) == [])
    }

    @Test func `other settings, another log or --restart discard what was begun, with a word`()
        async throws
    {
        let root = try TemporaryDirectory()
        let fixture = try JobFixture(root: root.path, count: 600)
        func stop(_ options: RefreshJobOptions) async throws {
            await #expect(throws: RefreshError.self) {
                try await fixture.run(options, clock: HastyClock(), cancelAt: 12)
            }
        }
        var options = fixture.options("a")
        try await stop(options)
        let said = Said()
        try await stop(options)
        options.epochCounts[.sra] = 3
        await #expect(throws: RefreshError.self) {
            try await fixture.run(options, clock: HastyClock(), cancelAt: 12, said: said)
        }
        #expect(said.lines.contains { $0.contains("discarded") && $0.contains("train.epochs") })
        let again = Said()
        options.mustRestart = true
        _ = try await fixture.run(options, said: again)
        #expect(again.lines.contains { $0.contains("--restart") })
        let fresh = Said()
        options.mustRestart = false
        options.refresh.stateDirectory = root.path + "/b"
        _ = try await fixture.run(options, said: fresh)
        #expect(fresh.lines == [])
        let (first, second) = (try fixture.published("a"), try fixture.published("b"))
        #expect(JobFixture.differences(first, second) == [])
    }
}
