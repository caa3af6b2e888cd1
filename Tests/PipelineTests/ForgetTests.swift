import EventLog
import Events
import GRDB
import Pipeline
import Refresh
import Sessions
import Snapshots
import Storage
import TestSupport
import Testing

/// Forgotten users: an input with a place, and a state that is the same whoever knew of it when.
@Suite(.serialized, .timeLimit(.minutes(5)))
struct ForgetTests {
    private func verify(_ options: PipelineOptions) async throws -> [String] {
        try await ReplayVerification(host: .real, options: options).run(generation: 1) { _, _ in }
            .differences
    }

    /// Forgets users of every sort at places all over a growing log; what became of it.
    private func live(
        _ fixture: PipelineFixture, _ options: PipelineOptions,
        after each: (Int, RunningPipeline) async throws -> Void = { _, _ in }
    ) async throws {
        let log = try GrowingLog(fixture, directory: options.logDirectory)
        let steps: [(user: Int64, allowsReturn: Bool)] = [
            (ShopUser.some, false), (ShopUser.busy, true), (ShopUser.unknown, false),
            (ShopUser.first, false), (ShopUser.busy, true), (ShopUser.some, true),
            (ShopUser.paused, true), (ShopUser.broken, true), (ShopUser.other, true),
            (ShopUser.broken, false), (ShopUser.other, false), (ShopUser.busy, false),
        ]
        try await fixture.life(options) { running in
            for (index, step) in steps.enumerated() {
                try log.grow(by: 230)
                if index % 3 != 1 { try await running.catchUp(to: log.written) }
                try await running.forget(step.user, allowsReturn: step.allowsReturn)
                try await each(index, running)
            }
            try log.grow(to: log.records.count)
            try log.close()
            try await running.catchUp(to: log.written)
            try await running.untilErased()
        }
    }

    @Test func `a fold from the beginning, however it is cut, gives the same bytes`() async throws {
        let directory = try TemporaryDirectory()
        let fixture = try PipelineFixture(root: directory.path)
        var options = fixture.growing("live")
        SplitTests.Split(batchMicroseconds: 0, chunkRecords: 64).apply(to: &options)
        let first = options
        try await live(fixture, options) { index, running in
            if index % 4 == 0 {
                _ = try await running.pipeline.checkpoint()
                #expect(try await verify(first) == [], "after \(index)")
            }
        }
        let expected = try await fixture.outcome(options)
        let counters = try expected.stored.counters()
        #expect(counters.suppressed > 300 && counters.isBalanced, "\(counters)")
        #expect(try await verify(options) == [])
        let gone = [ShopUser.busy, ShopUser.first, ShopUser.broken, ShopUser.other]
        for user in gone { #expect(expected.stored.rows["users \(user)"] == nil) }
        #expect(expected.stored.rows["users \(ShopUser.paused)"] == nil)
        #expect(expected.stored.rows["users \(ShopUser.some)"] != nil)
        let splits = [
            SplitTests.Split(), SplitTests.Split(chunkRecords: 1, commitBytes: 1),
            SplitTests.Split(
                chunkRecords: 64, commitBytes: 1, residentBytes: 1, stepping: .lazy),
        ]
        for (index, split) in splits.enumerated() {
            var again = fixture.growing("refold-\(index)")
            split.apply(to: &again)
            let outcome = try await fixture.refold(again, from: options.stateDirectory)
            let differences = outcome.differences(from: expected)
            #expect(differences.prefix(5) == [], "\(split)")
            #expect(try outcome.stored.counters() == counters)
        }
    }

    @Test func `killed behind the input, or in the middle of anything, it ends in the same bytes`()
        async throws
    {
        let directory = try TemporaryDirectory()
        let fixture = try PipelineFixture(root: directory.path)
        var options = fixture.growing("live")
        SplitTests.Split(chunkRecords: 64, commitBytes: 1).apply(to: &options)
        var copies = 0
        let state = options.stateDirectory
        try await live(fixture, options) { index, _ in
            // Whatever the erasures are at just now.
            let copy = "\(directory.path)/copy-\(copies)"
            try copyWhole(state, to: copy)
            if index % 2 == 0, copies > 0 {
                // The inputs are durable, and the state is that of some time before.
                let (old, new) = ("\(directory.path)/copy-\(copies - 1)", copy + "/generations")
                try RealDisk().remove(new)
                try copyDurable(old + "/generations", to: new)
            }
            copies += 1
        }
        let expected = try await fixture.outcome(options)
        #expect(copies == 12)
        for copy in 0..<copies {
            // It has the inputs up to then; those after it are in the log's owner's hands alone.
            var again = fixture.growing("copy-\(copy)")
            again.stepping = copy.isMultiple(of: 2) ? .lazy : .resident
            let ended = try await fixture.outcome(again)
            try await fixture.life(again) { try await $0.untilErased() }
            let refolded = try await fixture.refold(
                fixture.growing("again-\(copy)"), from: again.stateDirectory)
            #expect(ended.differences(from: refolded).prefix(5) == [], "copy \(copy)")
            #expect(try await verify(again) == [])
            if copy == copies - 1 {
                #expect(ended.differences(from: expected).prefix(5) == [])
            }
        }
    }

    @Test func `a user who may return is as new, and one who may not is not there`() async throws {
        let directory = try TemporaryDirectory()
        let fixture = try PipelineFixture(root: directory.path)
        let users = [ShopUser.busy, ShopUser.some].map(UserID.init(rawValue:))
        let log = try GrowingLog(fixture, directory: directory.path + "/growing-log")
        let (status, profiles) = try await fixture.life(fixture.growing("live")) { running in
            try log.grow(to: 1200)
            try await running.catchUp(to: 1200)
            let before = try await running.pipeline.status()
            let dry = try await running.pipeline.forget(
                ForgetRequest(user: users[0], reason: "", isDryRun: true))
            #expect(dry.isKnown && dry.input == nil && dry.events > 20 && dry.rows > 24)
            #expect(try await running.pipeline.status().counters == before.counters)
            let report = try await running.forget(ShopUser.busy, allowsReturn: true)
            #expect(report.events == dry.events && report.rows == dry.rows && report.input == 1)
            #expect(report.offset == 1200)
            try await running.forget(ShopUser.some)
            let gone = try await running.pipeline.profiles(of: users, asOf: nil)
            #expect(gone.rows.allSatisfy { !$0.isKnown && $0.values.allSatisfy { $0 == 0 } })
            let again = try await running.forget(ShopUser.some)
            #expect(again.isAlready && again.input == nil)
            try log.grow(to: log.records.count)
            try log.close()
            try await running.catchUp(to: log.written)
            return (
                try await running.pipeline.status(), try await running.profiles(of: users)
            )
        }
        #expect(status.counters.suppressed > 60)
        #expect(profiles[1].allSatisfy { $0 == 0 } && !profiles[0].allSatisfy { $0 == 0 })
        // The log as it would be had the one never been there before, and the other never at all.
        var other = fixture.options(named: "other")
        other.logDirectory = directory.path + "/other-log"
        let writer = try SegmentWriter(host: .real, directory: other.logDirectory)
        let parser = RecordParser()
        var kept = 0
        for (index, record) in log.records.enumerated() {
            if case .event(let event) = try? parser.parse(record.span),
                event.user == users[1] || event.user == users[0] && index < 1200
            {
                continue
            }
            try writer.append(record)
            kept += 1
        }
        try writer.close()
        let count = kept
        let outcome = try await fixture.life(other) { running in
            try await running.catchUp(to: count)
            return try await running.profiles(of: users, asOf: status.logClock)
        }
        #expect(outcome[0] == profiles[0] && outcome[1] == profiles[1])
    }

    @Test func `a refresh learns nothing from forgotten users`() async throws {
        let directory = try TemporaryDirectory()
        var fixture = try PipelineFixture(root: directory.path)
        fixture.options.clock.heldLimit = 1000
        let options = fixture.growing("live")
        let log = try GrowingLog(fixture, directory: options.logDirectory)
        try await fixture.life(options) { running in
            try log.grow(to: 1200)
            try await running.catchUp(to: 1200)
            try await running.forget(ShopUser.busy, allowsReturn: true)
            try await running.forget(ShopUser.some)
            try log.grow(to: log.records.count)
            try log.close()
            try await running.catchUp(to: log.written)
        }
        let other = fixture.options(named: "other")
        try RealDisk().makeDirectory(other.stateDirectory)
        let bare = directory.path + "/bare/log"
        let writer = try SegmentWriter(host: .real, directory: bare)
        let parser = RecordParser()
        for (index, record) in log.records.enumerated() {
            if case .event(let event) = try? parser.parse(record.span),
                event.user.rawValue == ShopUser.some
                    || event.user.rawValue == ShopUser.busy && index < 1200
            {
                continue
            }
            try writer.append(record)
        }
        try writer.close()
        func files(_ state: String, _ log: String) throws -> [[String: FileDigest]] {
            var refresh = RefreshOptions(logDirectory: log, stateDirectory: state, seed: 3)
            refresh.fold = fixture.options.fold
            refresh.clock = fixture.options.clock
            let id = try UntrainedRefresh(host: .real, options: refresh) { _ in }.run().generation
            let found = try GenerationStore(stateDirectory: state, on: .real).verifyGeneration(id)
            return [found.manifest.files, found.space.manifest.files]
        }
        let skipped = try files(options.stateDirectory, options.logDirectory)
        #expect(skipped == (try files(other.stateDirectory, bare)))
        let full = try files(directory.path + "/third", options.logDirectory)
        #expect(skipped[0] != full[0] && skipped[1] != full[1])
    }

    @Test func `replayed and quarantined records of a forgotten user go as well`() async throws {
        let directory = try TemporaryDirectory()
        let fixture = try PipelineFixture(root: directory.path)
        var options = fixture.options(named: "live")
        options.latestSeconds = ShopLog.start + 10 * 86_400
        options.clock.heldLimit = 1000
        try await fixture.life(options) { try await $0.catchUp(to: fixture.log.records.count) }
        options.latestSeconds = 4_102_444_799
        try await fixture.life(options) { running in
            try await running.catchUp(to: fixture.log.records.count)
            let items = try await running.pipeline.quarantine(QuarantineQuery(limit: 1000)).items
            let (some, rest) = (items.prefix(400), items.dropFirst(400))
            _ = try await running.pipeline.replay(some.map(\.entry.key), dryRun: false)
            // Of the store itself: `status` tells what the last commit saw.
            let before = try await running.pipeline.quarantine(QuarantineQuery(limit: 1)).condition
            try await running.forget(ShopUser.busy, allowsReturn: true)
            try await running.untilErased()
            let entry = try await running.pipeline.suppressions(after: 0, limit: 9).items[0]
            #expect(entry.found.quarantined > 10 && entry.found.unreadable > 0)
            #expect(entry.found.quarantined < before.entryCount)
            let page = try await running.pipeline.quarantine(QuarantineQuery(limit: 1000))
            let left = page.items
            let name = "\"client_id\":\(ShopUser.busy)"
            #expect(
                !left.contains { String(decoding: $0.entry.bytes, as: UTF8.self).contains(name) })
            #expect(before.entryCount - page.condition.entryCount == entry.found.quarantined)
            // What was removed cannot be replayed, and nothing else is lost.
            let outcomes = try await running.pipeline.replay(rest.map(\.entry.key), dryRun: false)
            let codes = Set(outcomes.compactMap { $0.refusal?.code })
            #expect(codes.contains("not_quarantined"))
            #expect(outcomes.contains { $0.refusal == nil })
        }
        let expected = try await fixture.outcome(options)
        // Under the bound of then; what was not replayed is refused by it.
        var strict = options
        strict.latestSeconds = ShopLog.start + 10 * 86_400
        strict.stateDirectory = directory.path + "/strict"
        let again = try await fixture.refold(strict, from: options.stateDirectory)
        #expect(again.differences(from: expected).filter { $0 != "meta counters" } == [])
        // Of replayed records it is not kept which repeated one another (docs/forgetting.md).
        var (left, right) = (try again.stored.counters(), try expected.stored.counters())
        #expect(left.isBalanced && right.isBalanced)
        #expect(left.duplicate <= right.duplicate && right.suppressed > 50)
        #expect(left.duplicate + left.suppressed == right.duplicate + right.suppressed)
        (left.duplicate, left.suppressed) = (right.duplicate, right.suppressed)
        #expect(left == right)
    }

    /// Copies what a kill would leave, again when a file was taken away meanwhile.
    private func copyWhole(_ source: String, to target: String) throws {
        for _ in 0..<20 {
            do {
                try RealDisk().remove(target)
                try copyDurable(source, to: target)
                return
            } catch StorageError.missing {
                continue
            }
        }
        try copyDurable(source, to: target)
    }
}
