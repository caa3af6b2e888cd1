import EventLog
import Events
import Foundation
import Pipeline
import Sessions
import Snapshots
import Storage
import TestSupport
import Testing

/// Which generation is taken over, which is not, and what stays.
@Suite(.serialized, .timeLimit(.minutes(5)))
struct GenerationTests {
    /// A pipeline on a whole log with generation 1, and a way to make more.
    private struct Scene {
        let fixture: PipelineFixture
        var options: PipelineOptions
        var state: String { options.stateDirectory }

        init(_ directory: String, overlapDays: Int64 = 0, count: Int = 1200) throws {
            fixture = try PipelineFixture(root: directory, count: count)
            options = fixture.watchful("live", overlapDays: overlapDays)
            options.logDirectory = directory + "/log"
            try fixture.refresh(state, seed: 1)
        }

        func open() async throws -> RunningPipeline {
            let running = try await fixture.open(options)
            try await running.catchUp(to: fixture.log.records.count)
            return running
        }

        /// As the fixture's `life`, at the end of the log.
        func life<Result>(
            _ body: (RunningPipeline) async throws -> Result
        ) async throws -> Result {
            try await fixture.life(options) { running in
                try await running.catchUp(to: fixture.log.records.count)
                return try await body(running)
            }
        }
    }

    private func code(_ body: () async throws(PipelineError) -> Void) async -> String {
        do throws(PipelineError) { try await body() } catch {
            return "\(error)"
        }
        return "nothing"
    }

    @Test func `a hold keeps what is active, and its end lets the newer one take over`()
        async throws
    {
        let directory = try TemporaryDirectory()
        let scene = try Scene(directory.path)
        let running = try await scene.open()
        let pipeline = running.pipeline
        let first = try await pipeline.createSnapshot(SnapshotRequest())
        _ = try await pipeline.rollback(to: first.version, reason: "a test", dryRun: false)
        let second = try scene.fixture.copyGeneration(1, in: scene.state)
        try await running.untilLooked()
        #expect(try await pipeline.status().generations.map(\.generation) == [1])
        let refusal = await code { () async throws(PipelineError) in
            _ = try await pipeline.activate(second, force: true, dryRun: false)
        }
        #expect(refusal.contains("held (a test)"))
        let released = try await pipeline.release(dryRun: false)
        #expect(released.hold == nil)
        try await running.untilActive(second)
        // The other way round: what made the held snapshot answers again, until the release.
        let back = try await pipeline.rollback(to: first.version, reason: "again", dryRun: false)
        #expect(back.reactivates == 1 && back.current == first.version)
        try await running.untilActive(1)
        try await running.untilLooked()
        #expect(try await pipeline.status().generation == 1)
        _ = try await pipeline.release(dryRun: false)
        try await running.untilActive(second)
        try await running.drain()
    }

    @Test func `a refused generation waits for an operator who insists`() async throws {
        let directory = try TemporaryDirectory()
        let scene = try Scene(directory.path)
        let refused = try await scene.life { running in
            try await forceRefused(scene, running)
        }
        // A restart takes what was active, and a newer accepted one takes over in the background.
        let third = try scene.fixture.copyGeneration(1, in: scene.state)
        try await scene.fixture.life(scene.options) { again in
            #expect(try await again.pipeline.status().generation == refused)
            try await again.untilActive(third)
        }
    }

    /// Publishes a refused generation and has it activated by force; its id.
    private func forceRefused(_ scene: Scene, _ running: RunningPipeline) async throws -> Int64 {
        let pipeline = running.pipeline
        let refused = try scene.fixture.copyGeneration(
            1, in: scene.state, refusals: ["churn: AUROC fell by 0.2"])
        try await running.untilLooked()
        #expect(try await pipeline.status().generation == 1)
        let report = try await pipeline.generations().first { $0.generation == refused }
        #expect(report?.refusals == ["churn: AUROC fell by 0.2"] && report?.standing == nil)
        let refusal = await code { () async throws(PipelineError) in
            _ = try await pipeline.activate(refused, force: false, dryRun: false)
        }
        #expect(refusal.contains("AUROC fell") && refusal.contains("--force"))
        let unknown = await code { () async throws(PipelineError) in
            _ = try await pipeline.activate(77, force: true, dryRun: false)
        }
        #expect(unknown.contains("no generation 77"))
        let dry = try await pipeline.activate(refused, force: true, dryRun: true)
        #expect(dry.dryRun && dry.previous == 1 && !dry.isActive)
        try await running.untilLooked()
        #expect(try await pipeline.status().generation == 1)
        _ = try await pipeline.activate(refused, force: true, dryRun: false)
        try await running.untilActive(refused)
        return refused
    }

    @Test func `a damaged state of the new one is made anew, and damaged files keep the old one`()
        async throws
    {
        let directory = try TemporaryDirectory()
        let scene = try Scene(directory.path)
        // Made beside it, and moved there whole, as publishing does.
        let made = directory.path + "/made"
        try copyDurable(scene.state, to: made)
        for _ in 2...3 { try scene.fixture.copyGeneration(1, in: made) }
        let running = try await scene.open()
        func publish(_ id: Int64, _ change: (String) throws -> Void) throws -> Int64 {
            try change("\(made)/generations/\(id)")
            try move("\(made)/generations/\(id)", to: "\(scene.state)/generations/\(id)")
            return id
        }
        let second = try publish(2) { path in
            let file = try RealDisk().open(path + "/state.sqlite", .create)
            try file.write(Array(String(repeating: "no database ", count: 999).utf8), at: 0)
        }
        try await running.until("the state was set aside and taken over") { status in
            status.generation == second
                && status.degraded.contains { $0.contains("set aside") }
        }
        let profiles = try await running.profiles(of: scene.fixture.log.users)
        let third = try publish(3) { path in
            let name = try #require(try RealDisk().filesBelow(path + "/tables").first)
            try RealDisk().open("\(path)/tables/\(name)", .update).truncate(to: 7)
        }
        try await running.until("the damage is named") { status in
            status.degraded.contains { $0.contains("generation \(third)") }
        }
        #expect(try await running.pipeline.status().generation == second)
        #expect(try await running.profiles(of: scene.fixture.log.users) == profiles)
        let damage = await code { () async throws(PipelineError) in
            _ = try await running.pipeline.activate(third, force: true, dryRun: false)
        }
        #expect(damage.contains("is damaged"))
        try await running.drain()
    }

    @Test func `a state that is ahead waits until the active one has come to it`() async throws {
        let directory = try TemporaryDirectory()
        let fixture = try PipelineFixture(root: directory.path, count: 2000)
        let options = fixture.watchful("live")
        for seed in [1, 2] as [UInt64] { try fixture.refresh(options.stateDirectory, seed: seed) }
        var ahead = try fixture.alone(2, of: options.stateDirectory)
        ahead.logDirectory = options.logDirectory
        try RealDisk().remove(options.stateDirectory + "/generations/2")
        let log = try GrowingLog(fixture, directory: options.logDirectory)
        try log.grow(by: 500)
        try await fixture.life(options) { try await $0.catchUp(to: 500) }
        try log.grow(to: 2000)
        try log.close()
        let expected = try await fixture.outcome(id: 2, ahead)
        try move(
            ahead.stateDirectory + "/generations/2", to: options.stateDirectory + "/generations/2")
        try await fixture.life(options) { second in
            #expect(try await second.pipeline.status().generation == 1)
            try await second.untilActive(2)
            let takeover = try await second.pipeline.generations().last?.takeovers.last
            #expect(takeover?.offset == 2000)
            #expect(try await second.profiles(of: fixture.log.users) == expected.profiles)
        }
        let file = options.stateDirectory + "/generations/2/state.sqlite"
        #expect(try StoredState(file).differences(from: expected.stored) == [])
    }

    @Test func `a replay takes effect at one place in every running generation`() async throws {
        let directory = try TemporaryDirectory()
        var scene = try Scene(directory.path, overlapDays: 14, count: 2000)
        let loose = scene.options.latestSeconds
        // Before the shop's pause: what comes after it is refused.
        scene.options.latestSeconds = ShopLog.start + 10 * 86_400
        scene.options.clock.heldLimit = 1000
        try scene.fixture.refresh(scene.state, seed: 2)
        let places = try await both(scene) { strict in
            try await strict.pipeline.quarantine(QuarantineQuery(limit: 1000)).items
                .map(\.entry.key)
        }
        #expect(places.count > 300)
        var permissive = scene
        permissive.options.latestSeconds = loose
        try await both(permissive) { running in
            let outcomes = try await running.pipeline.replay(
                Array(places.prefix(500)), dryRun: false)
            #expect(outcomes.count { $0.refusal == nil } > 200)
            try await untilEqual(running, scene.fixture.log.users)
        }
        let files = [1, 2].map { "\(scene.state)/generations/\($0)/state.sqlite" }
        let made = try files.map { try StoredState($0) }
        for file in files {
            for suffix in ["", "-wal", "-shm"] { try RealDisk().remove(file + suffix) }
        }
        // Folded again from the start, under the strict bound: the inputs carry their own.
        try await both(scene) { try await untilEqual($0, scene.fixture.log.users) }
        for (file, state) in zip(files, made) {
            #expect(try StoredState(file).differences(from: state) == [])
        }
    }

    /// A life with generation 2 active and generation 1 overlapping, both at the log's end.
    private func both<Result>(
        _ scene: Scene, _ body: (RunningPipeline) async throws -> Result
    ) async throws -> Result {
        if try RealDisk().status(scene.state + "/ubpd.sqlite") == nil {
            // First one, so that there is one to take over from.
            let second = scene.state + "/generations/2"
            try move(second, to: scene.state + "/second")
            try await scene.life { running in
                try move(scene.state + "/second", to: second)
                try await running.untilActive(2)
            }
        }
        return try await scene.life { running in
            try await running.until("generation 1 overlaps at the end of the log") { status in
                status.generations.contains {
                    $0.role == "overlapping" && $0.offset == scene.fixture.log.records.count
                }
            }
            return try await body(running)
        }
    }

    /// Returns when both generations have folded the same events.
    private func untilEqual(_ running: RunningPipeline, _ users: [UserID]) async throws {
        for _ in 0..<10_000 {
            var counts: [[Int64]] = []
            for id in [1, 2] as [Int64] {
                let reply = try await running.pipeline.profiles(
                    of: users, asOf: nil, from: .generation(id))
                counts.append(reply.rows.map(\.eventCount))
            }
            let status = try await running.pipeline.status()
            if counts[0] == counts[1], status.waitingInputs == 0 { return }
            try await Task.sleep(for: .milliseconds(2))
        }
        Issue.record("the generations never had the same events")
    }

    @Test func `another space's last generation is served until its overlap ends`() async throws {
        let directory = try TemporaryDirectory()
        let scene = try Scene(directory.path, overlapDays: 14)
        let users = scene.fixture.log.users
        let before = try await scene.life { running in
            let before = try await running.profiles(of: users)
            try scene.fixture.refresh(scene.state, seed: 2)
            try await running.untilActive(2)
            try await expectOverlap(running.pipeline, users, before)
            return before
        }
        // It goes on after a restart; without an overlap it ends.
        try await scene.fixture.life(scene.options) { again in
            try await again.until("space 1 is served again") { status in
                status.generations.contains { $0.role == "overlapping" && $0.generation == 1 }
            }
            let answer = try await answer(again.pipeline, users, .space(1))
            #expect(answer.values == before)
        }
        var short = scene.options
        short.spaceOverlapDays = 0
        try await scene.fixture.life(short) { last in
            try await last.untilLooked()
            #expect(try await last.pipeline.status().generations.map(\.generation) == [2])
        }
    }

    private func answer(
        _ pipeline: LivePipeline, _ users: [UserID], _ selector: GenerationSelector
    ) async throws -> Answer {
        Answer(try await pipeline.profiles(of: users, asOf: nil, from: selector))
    }

    /// Both spaces answer, each its own, and no other does.
    private func expectOverlap(
        _ pipeline: LivePipeline, _ users: [UserID], _ before: [[UInt32]]
    ) async throws {
        for selector in [.space(1), .generation(1)] as [GenerationSelector] {
            let answer = try await answer(pipeline, users, selector)
            #expect(answer.generation == 1 && answer.values == before)
        }
        #expect(try await answer(pipeline, users, .space(2)).generation == 2)
        let refusal = await code { () async throws(PipelineError) in
            _ = try await pipeline.profiles(of: users, asOf: nil, from: .space(9))
        }
        #expect(refusal.contains("space 9 is not served now, generation"))
        var request = SnapshotRequest()
        request.selector = .space(1)
        #expect(try await pipeline.createSnapshot(request).generation == 1)
        let spaces = try await pipeline.spaces()
        #expect(spaces.map(\.served) == [1, 2] && spaces[0].until != nil && spaces[1].until == nil)
    }

    @Test func `retention keeps what is needed, the newest few, and the newest id`() async throws {
        let directory = try TemporaryDirectory()
        var scene = try Scene(directory.path)
        scene.options.generationRetainCount = 1
        scene.options.activatesByItself = false
        let running = try await scene.open()
        for _ in 2...6 { try scene.fixture.copyGeneration(1, in: scene.state) }
        let store = GenerationStore(stateDirectory: scene.state, on: .real)
        try await running.until("the old ones have left") { _ in
            (try? store.generationIDs()) == [1, 6]
        }
        try await running.until("it is said") { status in
            status.notices.contains { $0.contains("by retention") }
        }
        #expect(try store.spaceIDs() == [1])
        try await running.untilLooked()
        #expect(try await running.pipeline.generations().map(\.generation) == [1, 6])
        // A snapshot of the active one is `current`: when another is active, it still stays.
        _ = try await running.pipeline.createSnapshot(SnapshotRequest())
        _ = try await running.pipeline.activate(6, force: false, dryRun: false)
        try await running.untilActive(6)
        for _ in 7...9 { try scene.fixture.copyGeneration(6, in: scene.state) }
        try await running.until("8 has come and 7 has left") { _ in
            (try? store.generationIDs()) == [1, 6, 9]
        }
        #expect(try store.nextGenerationID() == 10)
        try await running.drain()
    }
}
