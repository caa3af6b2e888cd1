import EventLog
import Events
import GRDB
import Pipeline
import Snapshots
import Storage
import TestSupport
import Testing

/// What is on disk beside the live state is erased as well: other generations, snapshots, bytes.
@Suite(.serialized, .timeLimit(.minutes(5)))
struct ErasureTests {
    /// A user whose every value is one of a kind.
    private static let user: Int64 = 7_777_777_777_777
    private static let url: Int64 = 6_203_948_571_203_948
    private static let item: Int64 = 5_940_382_716_059_403
    private static let pendingURL: Int64 = 8_120_394_857_610_293
    private static let eventID = "a-rare-event-id-4711"

    /// The values, in the forms they could be stored in.
    private static var values: [String] {
        let text = Array(eventID.utf8)
        let hash = TextHash.eventID(text.span)
        return [
            "int:\(url)", "int:\(item)", "int:\(pendingURL)", "text:\(eventID)",
            "word:\(String(hash, radix: 16))",
        ]
    }

    private func write(_ fixture: PipelineFixture, _ directory: String) throws -> Int {
        let writer = try SegmentWriter(host: .real, directory: directory)
        let middle = fixture.log.records.count / 2
        var count = 0
        func put(_ kind: EventKind, _ key: Int64, _ seconds: Int64, _ id: String?) throws {
            var line: [UInt8] = []
            RecordWriter.append(
                Event(
                    user: UserID(rawValue: Self.user), seconds: seconds, kind: kind, key: key),
                eventID: id, to: &line)
            line.removeLast()
            try writer.append(line)
            count += 1
        }
        for (index, record) in fixture.log.records.enumerated() {
            try writer.append(record)
            count += 1
            guard index < middle, index % 10 == 0 else { continue }
            let seconds = ShopLog.start + Int64(index) * 40
            try put(.pageVisit, Self.url, seconds, index == 0 ? Self.eventID : nil)
            try put(.addToCart, Self.item, seconds + 1, nil)
        }
        try put(.pageVisit, Self.pendingURL, ShopLog.start + 14 * 86_400, nil)
        // Malformed, so that it is quarantined.
        let bad =
            #"{"client_id":\#(Self.user),"timestamp":1667952000,"event_type":"dance","#
            + #""url":\#(Self.url)}"#
        try writer.append(Array(bad.utf8))
        try writer.close()
        return count + 1
    }

    @Test func `no byte of what a forgotten user did is left in the state directory`()
        async throws
    {
        let directory = try TemporaryDirectory()
        let fixture = try PipelineFixture(root: directory.path)
        var options = fixture.options(named: "live")
        options.logDirectory = directory.path + "/planted-log"
        let count = try write(fixture, options.logDirectory)
        // Committed in small pieces, so that older versions of the record were there, too.
        SplitTests.Split(chunkRecords: 16, commitBytes: 1).apply(to: &options)
        let state = options.stateDirectory
        try await fixture.life(options) { running in
            try await running.catchUp(to: count)
            _ = try await running.pipeline.checkpoint()
            _ = try await running.pipeline.createSnapshot(SnapshotRequest())
            let before = try await planted(Self.values, below: state)
            // The judge finds them where they are.
            for value in Self.values where !value.hasPrefix("text:") {
                #expect(before.contains { $0.hasPrefix(value) }, "\(value) in \(before)")
            }
            #expect(before.contains { $0.contains("quarantine/") })
            try await running.forget(Self.user)
            try await running.untilErased()
            #expect(try await planted(Self.values, below: state) == [])
        }
        #expect(try await planted(Self.values, below: state) == [])
        // Not even after the log was read again from its beginning.
        var again = options
        again.stateDirectory = directory.path + "/again"
        _ = try await fixture.refold(again, from: state)
        // But for digests of event ids, in bytes that no table points at (docs/forgetting.md).
        let left = try await planted(Self.values, below: again.stateDirectory)
        #expect(left.filter { !$0.hasPrefix("word:") } == [])
        // What the log's producer keeps is another matter.
        let log = try await Child.run(
            ["sh", "-c", "lz4 -dc \(options.logDirectory)/*.lz4 | grep -c \(Self.url)"])
        #expect((Int(log.output.split(separator: "\n").first ?? "") ?? 0) > 100)
    }

    @Test func `a record that was refused and not yet written down goes as well`() async throws {
        let directory = try TemporaryDirectory()
        let fixture = try PipelineFixture(root: directory.path)
        var options = fixture.options(named: "live")
        options.logDirectory = directory.path + "/planted-log"
        // Nothing is committed unless somebody asks for it.
        options.commitMilliseconds = 3_600_000
        options.commitByteCount = 1 << 40
        let count = try write(fixture, options.logDirectory)
        let secret = "int:\(Self.pendingURL + 1)"
        try await fixture.life(options) { running in
            try await running.catchUp(to: count)
            _ = try await running.pipeline.checkpoint()
            let writer = try SegmentWriter(host: .real, directory: options.logDirectory)
            let bad =
                #"{"client_id":\#(Self.user),"timestamp":1667952000,"event_type":"dance","#
                + #""url":\#(Self.pendingURL + 1)}"#
            try writer.append(Array(bad.utf8))
            try writer.close()
            try await running.catchUp(to: count + 1)
            #expect(try await planted([secret], below: options.stateDirectory) == [])
            try await running.forget(Self.user)
            try await running.untilErased()
        }
        #expect(try await planted([secret], below: options.stateDirectory) == [])
    }

    @Test func `every generation forgets, whether it runs or not`() async throws {
        let directory = try TemporaryDirectory()
        let fixture = try PipelineFixture(root: directory.path)
        let options = fixture.watchful("live")
        for seed in [1, 2, 3] as [UInt64] {
            try fixture.refresh(options.stateDirectory, seed: seed)
        }
        let third = options.stateDirectory + "/generations/3"
        try move(third, to: directory.path + "/third")
        let log = try GrowingLog(fixture, directory: options.logDirectory)
        try log.grow(to: 1400)
        let running = try await fixture.open(options)
        try await running.catchUp(to: 1400)
        _ = try await running.pipeline.activate(1, force: false, dryRun: false)
        try await running.untilActive(1)
        _ = try await running.pipeline.activate(2, force: false, dryRun: false)
        try await running.untilActive(2)
        try await running.until("the first one has left") { $0.generations.count == 1 }

        // The first is idle, at the very place; the second answers.
        try await running.forget(ShopUser.busy)
        try await running.untilErased()
        let expected = try fixture.stored(options, generation: 2)
        for id in [1, 2] as [Int64] {
            let stored = try fixture.stored(options, generation: id)
            #expect(stored.rows["users \(ShopUser.busy)"] == nil)
            #expect(
                stored.rows.keys.allSatisfy { !$0.hasPrefix("rows \(ShopUser.busy)/") })
            #expect(stored.count(of: "users") == expected.count(of: "users"))
            let report = try await ReplayVerification(host: .real, options: options)
                .run(generation: id) { _, _ in }
            #expect(report.isEqual, "\(id): \(report.differences)")
        }
        // Idle and behind: only what tells repeated events is left until it comes to the place.
        try log.grow(to: 2000)
        try await running.catchUp(to: 2000)
        try await running.forget(ShopUser.some)
        try await running.untilErased()
        let idle = try fixture.stored(options, generation: 1)
        #expect(idle.rows.keys.allSatisfy { !$0.hasPrefix("rows \(ShopUser.some)/") })
        #expect((idle.rows["users \(ShopUser.some)"] ?? []).count < 1000)
        #expect(try idle.counters().suppressed > 30 && idle.counters().isBalanced)
        let behind = try await ReplayVerification(host: .real, options: options)
            .run(generation: 1) { _, _ in }
        #expect(behind.isEqual, "\(behind.differences)")
        // And a third is folded while users are being forgotten.
        try move(directory.path + "/third", to: third)
        for user in [ShopUser.first, ShopUser.other, ShopUser.paused] {
            try await running.forget(user, allowsReturn: user != ShopUser.other)
            try log.grow(by: 100)
        }
        _ = try await running.pipeline.activate(1, force: false, dryRun: false)
        try await running.untilActive(1)
        _ = try await running.pipeline.activate(3, force: false, dryRun: false)
        try await running.untilActive(3)
        try log.grow(to: log.records.count)
        try log.close()
        try await running.catchUp(to: log.written)
        try await running.untilErased()
        try await running.drain()
        for id in [1, 2, 3] as [Int64] {
            let report = try await ReplayVerification(host: .real, options: options)
                .run(generation: id) { _, _ in }
            #expect(report.isEqual, "\(id): \(report.differences)")
        }
    }

    @Test func `snapshots are published again without the user`() async throws {
        let directory = try TemporaryDirectory()
        let fixture = try PipelineFixture(root: directory.path)
        let users = fixture.log.users
        let options = fixture.options(named: "live")
        try await fixture.life(options) { running in
            try await running.catchUp(to: fixture.log.records.count)
            let first = try await running.pipeline.createSnapshot(SnapshotRequest())
            var request = SnapshotRequest()
            request.users = users
            let listed = try await running.pipeline.createSnapshot(request)
            let path = { (version: Int64) in "\(options.stateDirectory)/snapshots/\(version)" }
            let before = try await rows(path(first.version))
            try await running.forget(ShopUser.busy)
            try await running.untilErased()
            let after = try await running.pipeline.verifySnapshot(first.version)
            #expect(after.users == first.users - 1 && after.isCurrent == false)
            #expect(after.hashes != first.hashes)
            let name = "\(ShopUser.busy) "
            #expect(before.contains { $0.hasPrefix(name) })
            #expect(try await rows(path(first.version)) == before.filter { !$0.hasPrefix(name) })
            // A list keeps its length: an unknown user's row is zeros.
            let zeroed = try await running.pipeline.verifySnapshot(listed.version)
            #expect(zeroed.users == listed.users && zeroed.isCurrent)
            #expect(try await rows(path(listed.version)).contains(name + "0.0"))
            let entry = try await running.pipeline.suppressions(after: 0, limit: 9).items[0]
            #expect(entry.found.snapshots == 2 && entry.erasedSeconds != nil)
            let manifest = try RealDisk().text(
                of: path(first.version) + "/manifest.json", limit: 1 << 20)
            #expect(manifest.contains("\"revision\" : 1") || manifest.contains("\"revision\":1"))
            #expect(!manifest.contains("\(ShopUser.busy)"))
            let next = try await running.pipeline.createSnapshot(SnapshotRequest())
            #expect(next.users == after.users && next.parent == listed.version)
        }
    }

    /// Each user of a snapshot with the sum of what its row holds, by numpy.
    private func rows(_ path: String) async throws -> [String] {
        let program = """
            import sys, json, numpy as np
            ids = np.load(sys.argv[1] + "/client_ids.npy")
            rows = np.load(sys.argv[1] + "/embeddings.npy").astype(np.float64)
            manifest = json.load(open(sys.argv[1] + "/manifest.json"))
            assert len(ids) == len(rows) == manifest["users"] and rows.shape[1] == manifest["width"]
            assert (np.diff(ids) > 0).all()
            for user, row in zip(ids, rows): print(user, np.abs(row).sum())
            """
        return try await Child.python(program, [path]).successful()
            .output.split(separator: "\n").map(String.init)
    }
}
