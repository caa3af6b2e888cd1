import EventLog
import Events
import Pipeline
import Snapshots
import Storage
import Synchronization
import TestSupport
import Testing

/// Generations take over, and are taken back, while records come in and profiles are read.
@Suite(.serialized, .timeLimit(.minutes(10)))
struct SwapTests {
    /// What a reader saw, in order; only the first of equal answers.
    private final class Diary: Sendable {
        let answers = Mutex<[Answer]>([])
        let errors = Mutex<[String]>([])
        let isOver = Atomic<Bool>(false)
    }

    @Test func `reads, snapshots and ingest never notice a swap`() async throws {
        let directory = try TemporaryDirectory()
        let fixture = try PipelineFixture(root: directory.path)
        let options = fixture.watchful("live")
        for seed in [1, 2] as [UInt64] { try fixture.refresh(options.stateDirectory, seed: seed) }
        let alone = try [1, 2].map { try fixture.alone($0, of: options.stateDirectory) }
        let second = options.stateDirectory + "/generations/2"
        try move(second, to: directory.path + "/second")
        let log = try GrowingLog(fixture, directory: options.logDirectory)
        try log.grow(by: 600)
        let running = try await fixture.open(options)
        try await running.catchUp(to: 600)
        let users = Array(fixture.log.users.prefix(9))
        let diary = Diary()
        let readers = [readProfiles(running, users, diary), readProfiles(running, users, diary)]
        var reports: [SnapshotReport] = []

        try move(directory.path + "/second", to: second)
        reports += try await feed(running, log, to: 1500, until: 2)
        let back = try await running.pipeline.activate(1, force: false, dryRun: false)
        #expect(back.previous == 2 && !back.isActive)
        reports += try await feed(running, log, to: 2400, until: 1)
        try log.grow(to: log.records.count)
        try await running.catchUp(to: log.records.count)
        // It was taken back by hand, so the newer one stays where it is.
        try await running.untilLooked()
        #expect(try await running.pipeline.status().generation == 1)
        diary.isOver.store(true, ordering: .relaxed)
        for reader in readers { await reader.value }
        let takeovers = try await running.pipeline.generations().flatMap(\.takeovers)
        #expect(takeovers.count == 3 && takeovers.filter { $0.place != nil }.count == 2)
        try await running.drain()
        try log.close()

        #expect(diary.errors.withLock { $0 } == [])
        let answers = diary.answers.withLock { $0 }
        #expect(answers.contains { $0.generation == 2 } && answers.last?.generation == 1)
        #expect(Set(reports.map(\.generation)) == [1, 2])
        for (index, options) in alone.enumerated() {
            let id = Int64(index + 1)
            try await expect(
                answers.filter { $0.generation == id }, reports.filter { $0.generation == id },
                of: users, fixture, options)
        }
        try await expectEnds(fixture, options, alone)
    }

    private func readProfiles(
        _ running: RunningPipeline, _ users: [UserID], _ diary: Diary
    ) -> Task<Void, Never> {
        Task.detached {
            var last: Answer?
            while !diary.isOver.load(ordering: .relaxed) {
                do throws(PipelineError) {
                    let answer = Answer(try await running.pipeline.profiles(of: users, asOf: nil))
                    guard answer != last else { continue }
                    if let last, last.offset > answer.offset {
                        diary.errors.withLock { $0.append("back from \(last.offset)") }
                    }
                    last = answer
                    diary.answers.withLock { $0.append(answer) }
                } catch {
                    diary.errors.withLock { $0.append("\(error)") }
                }
            }
        }
    }

    /// Lets the log grow a little at a time, with a snapshot now and then, until the generation
    /// answers.
    private func feed(
        _ running: RunningPipeline, _ log: GrowingLog, to count: Int, until id: Int64
    ) async throws -> [SnapshotReport] {
        var reports: [SnapshotReport] = []
        var round = 0
        while try await running.pipeline.status().generation != id {
            if log.written < count { try log.grow(by: 5) }
            round += 1
            if round % 40 == 1 {
                reports.append(try await running.pipeline.createSnapshot(SnapshotRequest()))
            }
            // The pace of a shop; nothing waits for it.
            try await Task.sleep(for: .milliseconds(1))
        }
        reports.append(try await running.pipeline.createSnapshot(SnapshotRequest()))
        try log.grow(to: count)
        try await running.catchUp(to: count)
        return reports
    }

    /// A pipeline that has only this generation answers the same at the same places.
    private func expect(
        _ answers: [Answer], _ reports: [SnapshotReport], of users: [UserID],
        _ fixture: PipelineFixture, _ options: PipelineOptions
    ) async throws {
        var options = options
        options.logDirectory = options.stateDirectory + "-log"
        let log = try GrowingLog(fixture, directory: options.logDirectory)
        let running = try await fixture.open(options)
        // Some of the places: each is a life of its own for the log.
        let step = max(1, answers.count / 60)
        let chosen = answers.indices.filter { $0 % step == 0 || $0 == answers.count - 1 }
        let places = Set(chosen.map { answers[$0].offset } + reports.map(\.offset))
        for offset in places.sorted() {
            try log.grow(to: Int(offset))
            try await running.catchUp(to: Int(offset))
            let answer = Answer(try await running.pipeline.profiles(of: users, asOf: nil))
            for seen in answers where seen.offset == offset {
                #expect(seen == answer, "generation \(answer.generation) at \(offset)")
            }
            for report in reports where report.offset == offset {
                let still = try await running.pipeline.createSnapshot(SnapshotRequest())
                #expect(still.hashes == report.hashes, "a snapshot at \(offset)")
            }
        }
        try await running.drain()
        try log.close()
    }

    /// What the swapped pipeline has stored of its active generation is a plain fold of the log.
    private func expectEnds(
        _ fixture: PipelineFixture, _ options: PipelineOptions, _ alone: [PipelineOptions]
    ) async throws {
        var plain = fixture.options(named: "plain")
        plain.logDirectory = options.logDirectory
        for path in ["spaces", "generations"] {
            try copyDurable(
                "\(alone[0].stateDirectory)/\(path)", to: "\(plain.stateDirectory)/\(path)")
        }
        let file = "/generations/1/state.sqlite"
        try RealDisk().remove(plain.stateDirectory + file)
        let expected = try await fixture.outcome(plain)
        #expect(
            try StoredState(options.stateDirectory + file).differences(from: expected.stored) == [])
    }

    @Test func `a kill around a swap leaves the old or the new one, and the same end`() async throws
    {
        let directory = try TemporaryDirectory()
        let fixture = try PipelineFixture(root: directory.path, count: 2000)
        var options = fixture.watchful("live")
        SplitTests.Split(chunkRecords: 64, commitBytes: 1).apply(to: &options)
        for seed in [1, 2] as [UInt64] { try fixture.refresh(options.stateDirectory, seed: seed) }
        var alone = try fixture.alone(2, of: options.stateDirectory)
        alone.logDirectory = options.logDirectory
        let second = options.stateDirectory + "/generations/2"
        try move(second, to: directory.path + "/second")
        let log = try GrowingLog(fixture, directory: options.logDirectory)
        try log.grow(by: 700)
        let running = try await fixture.open(options)
        try await running.catchUp(to: 700)
        try move(directory.path + "/second", to: second)
        var copies: [Int64] = []
        var afterwards = 0
        while afterwards < 3 {
            let active = try await running.pipeline.status().generation
            try log.grow(by: 25)
            try copyDurable(options.stateDirectory, to: "\(directory.path)/copy-\(copies.count)")
            copies.append(active)
            if active == 2 { afterwards += 1 }
        }
        try log.grow(to: log.records.count)
        try log.close()
        try await running.catchUp(to: log.records.count)
        try await running.drain()
        let expected = try await fixture.outcome(id: 2, alone)
        let file = "/generations/2/state.sqlite"
        #expect(
            try StoredState(options.stateDirectory + file).differences(from: expected.stored) == [])
        #expect(copies.contains(1))
        for index in copies.indices.suffix(12) {
            var copy = options
            copy.stateDirectory = "\(directory.path)/copy-\(index)"
            let again = try await fixture.open(copy)
            let first = try await again.pipeline.status().generation
            #expect(first == 1 || first == 2)
            #expect(copies[index] == 1 || first == 2, "copy \(index) has gone back")
            try await again.untilActive(2)
            try await again.catchUp(to: log.records.count)
            #expect(try await again.profiles(of: fixture.log.users) == expected.profiles)
            try await again.drain()
            let differences = try StoredState(copy.stateDirectory + file)
                .differences(from: expected.stored)
            #expect(differences == [], "copy \(index)")
        }
    }
}

extension PipelineFixture {
    /// As `outcome`, of a generation with another id.
    func outcome(id: Int64, _ options: PipelineOptions) async throws -> Outcome {
        let running = try await open(options)
        try await running.catchUp(to: log.records.count)
        let profiles = try await running.profiles(of: log.users)
        try await running.drain()
        return Outcome(
            stored: try StoredState("\(options.stateDirectory)/generations/\(id)/state.sqlite"),
            profiles: profiles)
    }
}
