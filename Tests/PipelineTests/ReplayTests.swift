import EventLog
import Events
import GRDB
import Pipeline
import Sessions
import Snapshots
import Storage
import TestSupport
import Testing

/// Quarantined records given to the fold again: inputs with a place in the log.
@Suite(.serialized, .timeLimit(.minutes(5)))
struct ReplayTests {
    /// Before the shop's pause: every event and update after it is refused under this bound.
    private static let early = ShopLog.start + 10 * 86_400

    /// A shop whose second half was quarantined, because `events.latest_seconds` was too low.
    private struct Refused {
        var fixture: PipelineFixture
        var strict: PipelineOptions
        var loose: PipelineOptions
        /// The state as it was before the bound was raised.
        var before: String

        init(_ root: String) async throws {
            fixture = try PipelineFixture(root: root)
            strict = fixture.options(named: "replaying")
            strict.latestSeconds = ReplayTests.early
            // Room for every broken clock, so that all that parses can be replayed.
            strict.clock.heldLimit = 1000
            loose = strict
            loose.latestSeconds = 4_102_444_799
            before = root + "/before"
            let running = try await fixture.open(strict)
            try await running.catchUp(to: fixture.log.records.count)
            let counters = try await running.pipeline.status().counters
            #expect(counters.quarantined > 1000)
            try await running.drain()
            try copyDurable(strict.stateDirectory, to: before)
        }

        func options(in directory: String, _ like: PipelineOptions) -> PipelineOptions {
            var options = like
            options.stateDirectory = directory
            return options
        }
    }

    private func stored(_ options: PipelineOptions) throws -> StoredState {
        try StoredState(options.stateDirectory + "/generations/1/state.sqlite")
    }

    /// Every quarantined record, a page at a time.
    private func list(_ pipeline: LivePipeline) async throws -> [QuarantineItem] {
        var items: [QuarantineItem] = []
        var query = QuarantineQuery(limit: 100)
        repeat {
            let page = try await pipeline.quarantine(query)
            items += page.items
            query.after = page.next
        } while query.after != nil
        return items
    }

    /// Replays what is not replayed yet, at most `count` of it; what became of it.
    private func replay(
        _ pipeline: LivePipeline, _ count: Int = .max
    ) async throws -> [ReplayOutcome] {
        let places = try await list(pipeline).filter { !$0.isReplayed }.map(\.entry.key)
        var outcomes: [ReplayOutcome] = []
        for start in stride(from: 0, to: min(count, places.count), by: 1000) {
            let end = min(start + 1000, count, places.count)
            outcomes += try await pipeline.replay(Array(places[start..<end]), dryRun: false)
        }
        let status = try await pipeline.status()
        #expect(status.counters.isBalanced, "\(status.counters)")
        return outcomes
    }

    /// Runs `body` on a pipeline that has caught up, and drains it; it is gone when this returns.
    private func live(
        _ fixture: PipelineFixture, _ options: PipelineOptions, from count: Int? = nil,
        _ body: (RunningPipeline) async throws -> Void
    ) async throws {
        let running = try await fixture.open(options)
        try await running.catchUp(to: count ?? fixture.log.records.count)
        try await body(running)
        try await running.drain()
    }

    /// What a fold from the beginning makes of the log and the inputs in `directory`.
    private func refold(
        _ fixture: PipelineFixture, _ options: PipelineOptions, from directory: String
    ) async throws -> Outcome {
        try copyDurable(directory, to: options.stateDirectory)
        let disk = RealDisk()
        for suffix in ["", "-wal", "-shm"] {
            try disk.remove(options.stateDirectory + "/generations/1/state.sqlite" + suffix)
        }
        return try await fixture.outcome(options)
    }

    @Test func `a thousand records taken at the log's end fold as if they stood there`()
        async throws
    {
        let directory = try TemporaryDirectory()
        let shop = try await Refused(directory.path)
        let running = try await shop.fixture.open(shop.loose)
        try await running.catchUp(to: shop.fixture.log.records.count)
        let before = try await running.pipeline.status().counters
        let outcomes = try await replay(running.pipeline)
        let taken = outcomes.filter { $0.refusal == nil }
        #expect(taken.count > 1000)
        // Counted as what they are now; catalogue updates are not in `read`.
        let after = try await running.pipeline.status().counters
        #expect(after.quarantined == before.quarantined - Int64(taken.count))
        #expect(before.read - after.read == after.catalogue - before.catalogue)
        #expect(after.applied > before.applied && after.catalogue > before.catalogue)
        let profiles = try await running.profiles(of: shop.fixture.log.users)
        try await running.drain()

        // The same records, moved to the end of another log.
        var moved = shop.loose
        moved.logDirectory = directory.path + "/moved-log"
        moved.stateDirectory = directory.path + "/moved"
        let parser = RecordParser(latest: Self.early)
        let records = shop.fixture.log.records
        let refused = records.map { (try? parser.parse($0.span)) == nil }
        let writer = try SegmentWriter(host: .real, directory: moved.logDirectory)
        for isLast in [false, true] {
            for (record, isRefused) in zip(records, refused) where isRefused == isLast {
                try writer.append(record)
            }
        }
        try writer.close()
        #expect(try await shop.fixture.outcome(moved).profiles == profiles)
    }

    @Test func `a fold from the beginning, under either bound, gives the same bytes`()
        async throws
    {
        let directory = try TemporaryDirectory()
        let shop = try await Refused(directory.path)
        try await live(shop.fixture, shop.loose) { first in
            let outcomes = try await replay(first.pipeline, 700)
            #expect(outcomes.contains { $0.refusal == nil })
        }
        let again = try await shop.fixture.outcome(shop.loose)
        #expect(again.stored.count(of: "refused") > 0)
        for (index, bound) in [shop.loose, shop.strict].enumerated() {
            let options = shop.options(in: "\(directory.path)/refold-\(index)", bound)
            let outcome = try await refold(
                shop.fixture, options, from: shop.loose.stateDirectory)
            if index == 1 {
                // What was not replayed is still refused under the old bound, and so it was then.
                #expect(outcome.differences(from: again).prefix(5) == [])
                #expect(try outcome.stored.counters() == again.stored.counters())
            } else {
                // Under the new one the log itself gives what nobody replayed.
                let counters = try outcome.stored.counters()
                #expect(counters.isBalanced)
                #expect(try counters.quarantined < again.stored.counters().quarantined)
            }
        }
        // All replayed: nothing depends on the bound any more.
        try await live(shop.fixture, shop.loose) { _ = try await replay($0.pipeline) }
        let all = try await shop.fixture.outcome(shop.loose)
        for (index, bound) in [shop.loose, shop.strict].enumerated() {
            let options = shop.options(in: "\(directory.path)/all-\(index)", bound)
            let outcome = try await refold(
                shop.fixture, options, from: shop.loose.stateDirectory)
            #expect(outcome.differences(from: all).prefix(5) == [])
        }
    }

    @Test func `killed between the inputs and their commit, it ends in the same bytes`()
        async throws
    {
        let directory = try TemporaryDirectory()
        let shop = try await Refused(directory.path)
        var options = shop.loose
        options.commitMilliseconds = 3_600_000
        var some: [ReplayOutcome] = []
        try await live(shop.fixture, options) { running in
            // Applied, nothing of it committed: what is on disk is also what a kill leaves between
            // the inputs and their application.
            some = try await replay(running.pipeline, 300)
            try copyDurable(options.stateDirectory, to: directory.path + "/applied")
            let copy = directory.path + "/applied/generations/1/state.sqlite"
            let early = shop.before + "/generations/1/state.sqlite"
            #expect(try StoredState(copy).differences(from: try StoredState(early)) == [])
            // Committed in part, applied in part.
            _ = try await running.pipeline.checkpoint()
            _ = try await replay(running.pipeline, 300)
            try copyDurable(options.stateDirectory, to: directory.path + "/committed")
            _ = try await replay(running.pipeline)
        }
        let expected = try await shop.fixture.outcome(shop.loose)
        for name in ["applied", "committed"] {
            let copied = shop.options(in: "\(directory.path)/\(name)", shop.loose)
            let places = some.filter { $0.refusal == nil }.map(\.place)
            try await live(shop.fixture, copied) { life in
                // The inputs are the truth: what was accepted before the kill is not taken twice.
                let twice = try await life.pipeline.replay(Array(places.prefix(99)), dryRun: false)
                #expect(twice.allSatisfy { $0.refusal?.code == "replayed" })
                if name == "applied" { _ = try await replay(life.pipeline, 300) }
                _ = try await replay(life.pipeline)
            }
            let outcome = try await shop.fixture.outcome(copied)
            #expect(outcome.differences(from: expected).prefix(5) == [], "\(name)")
        }
    }

    @Test func `inputs in the middle of a growing log are applied there again`() async throws {
        let directory = try TemporaryDirectory()
        let fixture = try PipelineFixture(root: directory.path)
        var options = fixture.options(named: "growing")
        options.logDirectory = directory.path + "/growing-log"
        options.latestSeconds = Self.early
        options.clock.heldLimit = 1000
        let writer = try SegmentWriter(
            host: .real, directory: options.logDirectory,
            options: SegmentWriter.Options(segmentDecodedByteCount: 60_000))
        var written = 0
        func write(_ count: Int) throws {
            for record in fixture.log.records.dropFirst(written).prefix(count) {
                try writer.append(record)
                written += 1
            }
            try writer.flush()
        }
        try write(2000)
        try await live(fixture, options, from: written) { _ in }
        options.latestSeconds = 4_102_444_799
        options.batchMicroseconds = 0
        var takenCount = 0
        try await live(fixture, options, from: written) { second in
            while written < fixture.log.records.count {
                // While the fold is behind, and where it has caught up.
                try write(170)
                takenCount += try await replay(second.pipeline, 60).count { $0.refusal == nil }
                try await second.catchUp(to: written)
                takenCount += try await replay(second.pipeline, 60).count { $0.refusal == nil }
            }
            try writer.close()
            takenCount += try await replay(second.pipeline).count { $0.refusal == nil }
        }
        #expect(takenCount > 300)
        let expected = try await fixture.outcome(options)
        let inputs = try await inputs(options.stateDirectory)
        #expect(Set(inputs.map(\.place)).count > 5)
        #expect(zip(inputs, inputs.dropFirst()).allSatisfy { $0.place <= $1.place })
        var again = options
        again.stateDirectory = directory.path + "/refold"
        again.stepping = .lazy
        SplitTests.Split(chunkRecords: 64, commitBytes: 1).apply(to: &again)
        let refolded = try await refold(fixture, again, from: options.stateDirectory)
        #expect(refolded.differences(from: expected).prefix(5) == [])
        again.stateDirectory = directory.path + "/refold-2"
        again.reader.chunkRecordCount = 1
        let single = try await refold(fixture, again, from: options.stateDirectory)
        #expect(single.differences(from: expected).prefix(5) == [])
    }

    private func inputs(_ stateDirectory: String) async throws -> [LogInput] {
        // The registry's file alone: a pipeline's last task may not have let go of its lock.
        let copy = stateDirectory + "-registry"
        try RealDisk().makeDirectory(copy)
        try DatabaseQueue(path: stateDirectory + "/ubpd.sqlite").backup(
            to: DatabaseQueue(path: copy + "/ubpd.sqlite"))
        let registry = try Registry(stateDirectory: copy, on: RealDisk())
        return try registry.inputs(after: 0)
    }
}
