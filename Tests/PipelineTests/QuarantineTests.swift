import EventLog
import Events
import Pipeline
import Sessions
import Storage
import Synchronization
import TestSupport
import Testing

/// What an operator sees of the quarantine, and what a replay refuses.
@Suite(.serialized, .timeLimit(.minutes(2)))
struct QuarantineTests {
    private static let early = ShopLog.start + 10 * 86_400

    private func caughtUp(
        _ fixture: PipelineFixture, _ options: PipelineOptions, host: Host = .real
    ) async throws -> RunningPipeline {
        let running = try await fixture.open(options, host: host)
        try await running.catchUp(to: fixture.log.records.count)
        _ = try await running.pipeline.checkpoint()
        return running
    }

    @Test func `pages hold every entry once, and filters those they name`() async throws {
        let directory = try TemporaryDirectory()
        let fixture = try PipelineFixture(root: directory.path)
        let running = try await caughtUp(fixture, fixture.options)
        let all = try await running.pipeline.quarantine(QuarantineQuery(limit: 100_000))
        #expect(all.next == nil)
        let counters = try await running.pipeline.status().counters
        #expect(Int64(all.items.count) == counters.quarantined)
        #expect(all.condition.entryCount == counters.quarantined)
        #expect(try await running.pipeline.status().quarantine == all.condition)
        var paged: [QuarantineItem] = []
        var query = QuarantineQuery(limit: 7)
        repeat {
            let page = try await running.pipeline.quarantine(query)
            #expect(page.items.count <= 7)
            paged += page.items
            query.after = page.next
        } while query.after != nil
        #expect(paged == all.items)
        let codes = Set(all.items.map(\.entry.reasonCode))
        #expect(codes.isSuperset(of: ["not_json", "unknown_event_type", "too_far_ahead"]))
        for code in codes {
            let some = try await running.pipeline.quarantine(
                QuarantineQuery(code: code, limit: 100_000))
            #expect(some.items == all.items.filter { $0.entry.reasonCode == code })
        }
        let segment = try #require(all.items.last?.entry.key.segment)
        let last = try await running.pipeline.quarantine(
            QuarantineQuery(segment: segment, limit: 100_000))
        #expect(last.items == all.items.filter { $0.entry.key.segment == segment })
        // A key's second number is the record's in its segment, as `sed -n` counts, from 0.
        let item = try #require(last.items.last)
        let path = fixture.options.logDirectory + "/" + SegmentName.name(segment)
        let text = try await Child.run(["lz4", "-dc", path]).successful()
        let lines = text.bytes.split(separator: 0x0A, omittingEmptySubsequences: false)
        #expect(Array(lines[Int(item.entry.key.recordIndex)]) == item.entry.bytes)
        #expect(try await running.pipeline.quarantined(item.entry.key) == item)
        try await running.drain()
    }

    @Test func `a replay that must be refused says why and changes nothing`() async throws {
        let directory = try TemporaryDirectory()
        let fixture = try PipelineFixture(root: directory.path)
        let running = try await caughtUp(fixture, fixture.options)
        let before = try await running.pipeline.status().counters
        let page = try await running.pipeline.quarantine(QuarantineQuery(limit: 100_000))
        let places = page.items.map(\.entry.key) + [RecordPlace(segment: 99, recordIndex: 1)]
        let outcomes = try await running.pipeline.replay(places, dryRun: false)
        #expect(outcomes.map(\.place) == places)
        // Nothing was changed, so each is refused for what it was refused for; events that were
        // too far ahead still find no room.
        #expect(
            outcomes.map { $0.refusal?.code }
                == page.items.map { $0.entry.reasonCode } + ["not_quarantined"])
        #expect(outcomes.allSatisfy { $0.refusal?.reason.isEmpty == false })
        #expect(try await running.pipeline.status().counters == before)
        await #expect(throws: PipelineError.self) {
            try await running.pipeline.replay(
                Array(repeating: places[0], count: 1001), dryRun: true)
        }
        try await running.drain()
    }

    @Test func `with more room, events that were too far ahead are held`() async throws {
        let directory = try TemporaryDirectory()
        let fixture = try PipelineFixture(root: directory.path)
        try await caughtUp(fixture, fixture.options).drain()
        var options = fixture.options
        options.clock.heldLimit = ShopLog.heldLimit + 2
        let running = try await caughtUp(fixture, options)
        let before = try await running.pipeline.status().counters
        let page = try await running.pipeline.quarantine(
            QuarantineQuery(code: "too_far_ahead", limit: 100))
        let places = page.items.map(\.entry.key)
        try #require(places.count > 2)
        let dry = try await running.pipeline.replay(places, dryRun: true)
        #expect(try await running.pipeline.status().counters == before)
        let real = try await running.pipeline.replay(places, dryRun: false)
        #expect(real == dry && real.count { $0.refusal == nil } == 2)
        let after = try await running.pipeline.status().counters
        #expect(after.held == before.held + 2 && after.quarantined == before.quarantined - 2)
        #expect(after.isBalanced)
        let again = try await running.pipeline.replay([places[0], places[0]], dryRun: true)
        #expect(again.map { $0.refusal?.code } == ["replayed", "replayed"])
        #expect(try await running.pipeline.quarantined(places[0]).isReplayed)
        try await running.drain()
    }

    @Test func `a record that the state took from the log is not taken again`() async throws {
        let directory = try TemporaryDirectory()
        let fixture = try PipelineFixture(root: directory.path)
        var options = fixture.options
        options.latestSeconds = Self.early
        try await caughtUp(fixture, options).drain()
        // Another fold under a higher bound: its log has those records, the quarantine still too.
        for suffix in ["", "-wal", "-shm"] {
            try RealDisk().remove(
                options.stateDirectory + "/generations/1/state.sqlite" + suffix)
        }
        let loose = try await caughtUp(fixture, fixture.options)
        let before = try await loose.pipeline.status().counters
        let entries = try await loose.pipeline.quarantine(
            QuarantineQuery(code: "timestamp_out_of_range", limit: 500))
        let places = entries.items.map(\.entry.key)
        let outcomes = try await loose.pipeline.replay(places, dryRun: false)
        // A few were too early for any bound.
        #expect(outcomes.count { $0.refusal?.code == "not_set_aside" } > 400)
        #expect(outcomes.allSatisfy { $0.refusal != nil })
        #expect(try await loose.pipeline.status().counters == before)
        try await loose.drain()
    }

    @Test func `nothing is accepted before the fold has come to what was accepted earlier`()
        async throws
    {
        let directory = try TemporaryDirectory()
        let fixture = try PipelineFixture(root: directory.path)
        var options = fixture.options
        options.latestSeconds = Self.early
        try await caughtUp(fixture, options).drain()
        options.latestSeconds = 4_102_444_799
        let second = try await caughtUp(fixture, options)
        let page = try await second.pipeline.quarantine(
            QuarantineQuery(code: "timestamp_out_of_range", limit: 50))
        let outcomes = try await second.pipeline.replay(page.items.map(\.entry.key), dryRun: false)
        #expect(outcomes.contains { $0.refusal == nil })
        try await second.drain()
        // A fold of the log's first segments alone does not reach the inputs' place.
        var short = fixture.options(named: "short")
        try copyDurable(options.stateDirectory, to: short.stateDirectory)
        let disk = RealDisk()
        for suffix in ["", "-wal", "-shm"] {
            try disk.remove(short.stateDirectory + "/generations/1/state.sqlite" + suffix)
        }
        short.logDirectory = directory.path + "/short-log"
        try disk.makeDirectory(short.logDirectory)
        let names = try disk.names(in: options.logDirectory).filter {
            SegmentName.sequence($0) != nil
        }
        try #require(names.count > 1)
        let bytes = try disk.bytes(of: options.logDirectory + "/" + names[0], limit: 1 << 28)
        try disk.open(short.logDirectory + "/" + names[0], .create).write(bytes, at: 0)
        let running = try await fixture.open(short)
        try await running.catchUp(to: 100)
        await #expect {
            try await running.pipeline.replay(
                [page.items[0].entry.key], dryRun: true)
        } throws: { "\($0)".contains("inputs accepted before") }
        try await running.drain()
    }

    @Test func `a user who comes by a replay is in the next snapshot, in no earlier one`()
        async throws
    {
        let directory = try TemporaryDirectory()
        let fixture = try PipelineFixture(root: directory.path)
        var options = fixture.options
        options.latestSeconds = Self.early
        try await caughtUp(fixture, options).drain()
        options.latestSeconds = 4_102_444_799
        let running = try await caughtUp(fixture, options)
        func known() async throws -> Int64 {
            let reply = try await running.pipeline.profiles(of: fixture.log.users, asOf: nil)
            return Int64(reply.rows.count { $0.isKnown })
        }
        let knownBefore = try await known()
        let before = try await running.pipeline.createSnapshot(SnapshotRequest())
        #expect(before.users == knownBefore)
        let page = try await running.pipeline.quarantine(QuarantineQuery(limit: 1000))
        _ = try await running.pipeline.replay(page.items.map(\.entry.key), dryRun: false)
        let knownAfter = try await known()
        #expect(knownAfter > knownBefore)
        let after = try await running.pipeline.createSnapshot(SnapshotRequest())
        #expect(after.users == knownAfter && after.offset == before.offset)
        try await running.drain()
    }

    @Test func `entries expire while the daemon runs and nothing is written`() async throws {
        let directory = try TemporaryDirectory()
        let fixture = try PipelineFixture(root: directory.path)
        let clock = ShiftedClock()
        let host = Host(disk: RealDisk(), clock: clock, randomness: RealRandomness())
        var options = fixture.options
        options.quarantineDays = 3
        options.quarantineExpirySeconds = 0
        let running = try await caughtUp(fixture, options, host: host)
        let count = try await running.pipeline.status().quarantine.entryCount
        #expect(count > 10)
        clock.shift(bySeconds: 4 * 86_400)
        var condition = try await running.pipeline.status().quarantine
        while condition.entryCount > 0 {
            try await Task.sleep(for: .milliseconds(1))
            condition = try await running.pipeline.status().quarantine
        }
        #expect(condition.droppedCount == count)
        let page = try await running.pipeline.quarantine(QuarantineQuery(limit: 10))
        #expect(page.items.isEmpty && page.next == nil)
        try await running.drain()
    }

    @Test func `knows only the newest refused records, whatever the commits`() async throws {
        let directory = try TemporaryDirectory()
        let fixture = try PipelineFixture(root: directory.path)
        var states: [StoredState] = []
        for (name, commitBytes) in [("few", Int64(1) << 40), ("many", 1)] {
            var options = fixture.options(named: name)
            SplitTests.Split(chunkRecords: 64, commitBytes: commitBytes).apply(to: &options)
            options.quarantineCount = 16
            states.append(try await fixture.outcome(options).stored)
        }
        #expect(states[0].count(of: "refused") == 16)
        #expect(states[1].differences(from: states[0]) == [])
    }
}

/// The machine's clocks, with a time of day that can be set forward.
private final class ShiftedClock: Clock {
    private let real = RealClock()
    private let shift = Atomic<Int64>(0)

    func shift(bySeconds seconds: Int64) { shift.add(seconds, ordering: .relaxed) }
    func seconds() -> Int64 { real.seconds() + shift.load(ordering: .relaxed) }
    func monotonicNanoseconds() -> UInt64 { real.monotonicNanoseconds() }
}
