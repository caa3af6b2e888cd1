import EventLog
import Features
import Pipeline
import Sessions
import Storage
import TestSupport
import Testing

/// Where batches are cut, who is in memory and when rows are stepped must not be seen in any byte.
@Suite(.serialized, .timeLimit(.minutes(5)))
struct SplitTests {
    @Test func `the log has everything in it`() async throws {
        let directory = try TemporaryDirectory()
        let fixture = try PipelineFixture(root: directory.path)
        let outcome = try await fixture.outcome(fixture.options)
        let counters = try outcome.stored.counters()
        #expect(counters.isBalanced)
        #expect(counters.held == Int64(ShopLog.heldLimit))
        // Four that found no room among the held, and all bad ones.
        #expect(counters.quarantined > 20)
        #expect(counters.late > 50)
        #expect(counters.duplicate > 20)
        #expect(counters.pending > 0)
        #expect(counters.blank > 5)
        #expect(counters.catalogue > 100)
        #expect(counters.unknownFields > 100)
        #expect(counters.applied > 1500)
        let hidden = outcome.stored.hiddenCount
        #expect(hidden > 5 && hidden < outcome.stored.count(of: "users"))
        #expect(outcome.stored.count(of: "rows") > outcome.stored.count(of: "users"))
        #expect(outcome.stored.count(of: "held") == ShopLog.heldLimit)
        // Profiles of different users differ, and the encoder's part is not constant.
        #expect(Set(outcome.profiles).count > 50)
    }

    /// How the same log may be read.
    struct Split: Sendable, CustomTestStringConvertible {
        var batchMicroseconds: UInt64 = 500
        var chunkRecords = 4096
        var chunkBytes = 256 << 10
        var stepRows = 96
        var commitBytes: Int64 = 16 << 20
        var commitUsers = 20_000
        var residentBytes: Int64 = 2 << 30
        var stepping = PipelineOptions.Stepping.resident

        func apply(to options: inout PipelineOptions) {
            options.batchMicroseconds = batchMicroseconds
            options.reader.chunkRecordCount = chunkRecords
            options.reader.chunkByteCount = chunkBytes
            options.stepRowCount = stepRows
            options.commitByteCount = commitBytes
            options.commitUserCount = commitUsers
            options.residentByteCount = residentBytes
            options.stepping = stepping
        }

        var testDescription: String {
            "batch \(batchMicroseconds) µs, chunk \(chunkRecords) records \(chunkBytes) B, step "
                + "\(stepRows), commit \(commitBytes) B \(commitUsers) users, resident "
                + "\(residentBytes) B, \(stepping)"
        }

        static let extremes = [
            Split(batchMicroseconds: 1, stepRows: 1),
            Split(batchMicroseconds: 10_000_000, stepRows: 100_000),
            Split(chunkRecords: 1, commitBytes: 1 << 10, stepping: .lazy),
            Split(chunkRecords: 7, chunkBytes: 500, stepRows: 3, commitBytes: 1),
            Split(batchMicroseconds: 1, chunkBytes: 1, commitUsers: 1),
            Split(stepping: .lazy),
            // Users leave memory after every commit, and commits come all the time.
            Split(chunkRecords: 20, commitBytes: 1, residentBytes: 1),
            Split(chunkRecords: 20, commitBytes: 1, residentBytes: 1, stepping: .lazy),
            Split(chunkRecords: 3, stepRows: 2, commitBytes: 1, residentBytes: 20_000),
        ]

        static let random: [Split] = (0..<6 as Range<UInt64>).map { seed in
            var random = SeededRandom(seed: seed, stream: 31)
            func draw(_ limit: Double) -> Double {
                // Log-uniform in 1…limit.
                var value = 1.0
                while value < limit, random.nextUnit() < 0.7 { value *= 1 + 3 * random.nextUnit() }
                return min(value, limit)
            }
            return Split(
                batchMicroseconds: UInt64(draw(1e6)), chunkRecords: Int(draw(4096)),
                chunkBytes: Int(draw(1e6)) * 50, stepRows: Int(draw(5000)),
                commitBytes: Int64(draw(1e6)), commitUsers: Int(draw(100)),
                residentBytes: Int64(draw(3e6)),
                stepping: random.nextUnit() < 0.5 ? .lazy : .resident)
        }
    }

    @Test(arguments: [Split.extremes, Split.random])
    func `every split gives the same bytes and profiles`(splits: [Split]) async throws {
        let directory = try TemporaryDirectory()
        let fixture = try PipelineFixture(root: directory.path, count: 1000)
        let expected = try await fixture.outcome(fixture.options)
        for (index, split) in splits.enumerated() {
            var options = fixture.options(named: "split-\(index)")
            split.apply(to: &options)
            let outcome = try await fixture.outcome(options)
            let differences = outcome.differences(from: expected)
            #expect(differences.isEmpty, "\(split.testDescription): \(differences.prefix(5))")
        }
    }

    @Test(arguments: PipelineOptions.Stepping.allCases)
    func `users that do not fit in memory leave it`(stepping: PipelineOptions.Stepping) async throws
    {
        let directory = try TemporaryDirectory()
        let fixture = try PipelineFixture(root: directory.path)
        var options = fixture.options
        Split(chunkRecords: 20, commitBytes: 1, residentBytes: 1, stepping: stepping)
            .apply(to: &options)
        let running = try await fixture.open(options)
        try await running.catchUp(to: fixture.log.records.count)
        _ = try await running.pipeline.checkpoint()
        let status = try await running.pipeline.status()
        #expect(status.users > 55)
        #expect(status.residentUsers < status.users / 2, "\(status.residentUsers)")
        try await running.drain()
    }

    @Test func `readers who interrupt the steps change nothing`() async throws {
        let directory = try TemporaryDirectory()
        let fixture = try PipelineFixture(root: directory.path, count: 1500)
        let expected = try await fixture.outcome(fixture.options)
        for (index, stepRows) in [2, 40].enumerated() {
            var options = fixture.options(named: "read-\(index)")
            Split(chunkRecords: 100, stepRows: stepRows).apply(to: &options)
            let running = try await fixture.open(options)
            let users = fixture.log.users
            // Somebody waits all the time, so the steps stop behind every encoder.
            let reader = Task {
                var count = 0
                while !Task.isCancelled {
                    for user in users {
                        _ = try await running.profiles(of: [user])
                        count += 1
                    }
                }
                return count
            }
            try await running.catchUp(to: fixture.log.records.count)
            reader.cancel()
            #expect(try await reader.value >= users.count)
            let profiles = try await running.profiles(of: users)
            try await running.drain()
            let outcome = Outcome(
                stored: try StoredState(options.stateDirectory + "/generations/1/state.sqlite"),
                profiles: profiles)
            #expect(outcome.differences(from: expected) == [])
        }
    }

    @Test(arguments: [2, 3] as [UInt64])
    func `a narrow window and one row a step are the same too`(seed: UInt64) async throws {
        let directory = try TemporaryDirectory()
        var fixture = try PipelineFixture(root: directory.path, seed: seed, count: 1200)
        fixture.options.fold.rowWindow = 2
        fixture.options.fold.order.pendingLimit = 6
        let expected = try await fixture.outcome(fixture.options)
        for (index, stepRows) in [1, 17, 100_000].enumerated() {
            var options = fixture.options(named: "window-\(index)")
            Split(
                batchMicroseconds: 1, chunkRecords: 50, stepRows: stepRows, commitBytes: 1,
                residentBytes: 1, stepping: index == 1 ? .lazy : .resident
            ).apply(to: &options)
            let outcome = try await fixture.outcome(options)
            #expect(outcome.differences(from: expected) == [])
        }
    }
}
