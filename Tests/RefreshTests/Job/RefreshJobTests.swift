import Encoders
import EventLog
import Events
import Features
import Foundation
import Kernels
import Learning
import Pipeline
import Profiles
import Refresh
import Sessions
import Snapshots
import Storage
import TestSupport
import Testing

@Suite(.serialized) struct RefreshJobTests {
    @Test func `makes a space and a generation that verify, load and serve`() async throws {
        let root = try TemporaryDirectory()
        let fixture = try JobFixture(root: root.path)
        let said = Said()
        let report = try await fixture.run(fixture.options("a"), said: said)
        #expect(report.generation == 1 && report.space == 1 && report.isQuick)
        #expect(report.users > 50 && report.departedUsers == nil)
        #expect(report.records == Int64(fixture.log.records.count))
        let store = GenerationStore(stateDirectory: root.path + "/a", on: .real)
        let published = try store.verifyGeneration(1)
        #expect(published.manifest.trained && published.space.manifest.previous == nil)
        #expect(published.manifest.numbers["refresh.quick"] == 1)
        #expect(published.manifest.refusals == report.refusals)
        #expect(published.manifest.files["gate.json"] != nil)
        #expect(published.manifest.files["state.sqlite"] == nil)
        let model = try LiveGeneration.load(published, level: .best, on: RealDisk()).model
        let parts = ["sra", "mtl", "mtl-propensity", "fip", "mtl-churn", "bpr-sku"]
        #expect(model.layout.parts.map(\.name) == parts + ["bpr-category", "esa", "stats"])
        // Only the lock and the last word are left of the work.
        let left = try RealDisk().names(in: root.path + "/a/refresh")
        #expect(left == ["lock", "progress.json"])
        let last = try #require(JobProgress.read(stateDirectory: root.path + "/a", on: RealDisk()))
        #expect(last.state == .done && last.generation == 1 && last.fraction == 1)
        #expect(last.stepIndex == 16 && last.stepCount == 16 && last.error == nil)
        let steps = Set(said.progress.map(\.step))
        #expect(steps.contains("train mtl-churn") && steps.contains("re-fold of every user"))
        // A daemon goes on behind the last record that was folded.
        var options = PipelineOptions(
            logDirectory: root.path + "/log", stateDirectory: root.path + "/a")
        options.clock.heldLimit = ShopLog.heldLimit
        options.fold = fixture.options("a").refresh.fold
        options.idleMilliseconds = 5
        let end = try await LivePipeline(host: .real, options: options).foldToEnd { progress in
            #expect(progress.cursor.recordCount == fixture.log.records.count)
        }
        #expect(end.userCount == report.users && end.counters.isBalanced)
    }

    @Test func `the state is what a pipeline that follows the log comes to`() async throws {
        let root = try TemporaryDirectory()
        let fixture = try JobFixture(root: root.path)
        _ = try await fixture.run(fixture.options("a"))
        let disk = RealDisk()
        for name in try disk.filesBelow(root.path + "/a")
        where name.hasPrefix("spaces") || name.hasPrefix("generations") {
            guard !name.contains("state.sqlite") else { continue }
            let target = root.path + "/b/" + name
            try disk.makeDirectory(try #require(target.parentPath))
            let bytes = try disk.bytes(of: root.path + "/a/" + name, limit: 1 << 26)
            try disk.open(target, .create).write(bytes, at: 0)
        }
        var options = PipelineOptions(
            logDirectory: root.path + "/log", stateDirectory: root.path + "/b")
        options.clock.heldLimit = ShopLog.heldLimit
        options.idleMilliseconds = 5
        options.reader.sealGraceMilliseconds = 5
        _ = try await LivePipeline(host: .real, options: options).foldToEnd { _ in }
        try StateFile.seal(root.path + "/b/generations/1/state.sqlite")
        let (made, followed) = (try fixture.published("a"), try fixture.published("b"))
        #expect(made.keys.contains { $0.hasPrefix("state 1 rows") })
        #expect(JobFixture.differences(made, followed) == [])
    }

    @Test func `threads change no byte, the seed does`() async throws {
        let root = try TemporaryDirectory()
        let fixture = try JobFixture(root: root.path)
        var options = fixture.options("a")
        _ = try await fixture.run(options)
        options.refresh.stateDirectory = root.path + "/b"
        options.threadCount = 2
        _ = try await fixture.run(options)
        let first = try fixture.published("a")
        let second = try fixture.published("b")
        #expect(JobFixture.differences(first, second) == [])
        options.refresh.stateDirectory = root.path + "/c"
        options.refresh.seed = 12
        _ = try await fixture.run(options)
        let differences = JobFixture.differences(first, try fixture.published("c"))
        for encoder in EncoderName.trained {
            #expect(differences.contains("spaces/1/" + SpaceFiles.path(encoder)))
        }
        #expect(differences.contains("generations/1/factors/items.safetensors"))
    }

    @Test func `another refresh keeps the space, and a new space keeps its encoders`() async throws
    {
        let root = try TemporaryDirectory()
        let fixture = try JobFixture(root: root.path)
        _ = try await fixture.run(fixture.options("a"))
        let before = try fixture.published("a")
        try fixture.append(users: 1...40, after: 3 * 86_400)
        let report = try await fixture.run(fixture.options("a", .sameSpace))
        #expect(report.generation == 2 && report.space == 1 && report.departedUsers == 0)
        let after = try fixture.published("a")
        // What was there is as it was, and a generation has come.
        #expect(before.allSatisfy { after[$0.key] == $0.value })
        #expect(!after.keys.contains { $0.hasPrefix("spaces/2") })
        let tables = "tables/items.values.npy"
        #expect(after["generations/2/" + tables] != after["generations/1/" + tables])
        for name in EncoderName.multiTask {
            #expect(after["generations/2/heads/\(name.rawValue).safetensors"] != nil)
        }
        let next = try await fixture.run(fixture.options("a"))
        #expect(next.generation == 3 && next.space == 2)
        let space = try GenerationStore(stateDirectory: root.path + "/a", on: .real).verifySpace(2)
        #expect(space.manifest.previous == 1)
        let old = try SpaceFiles(space: root.path + "/a/spaces/1", on: RealDisk())
        let new = try SpaceFiles(space: space.path, on: RealDisk())
        for (kept, source) in [(EncoderName.previousSRA, EncoderName.sra), (.previousMTL, .mtl)] {
            #expect(new.encoders[kept]?.map(\.values) == old.encoders[source]?.map(\.values))
        }
        let heads = try GenerationFiles(
            generation: root.path + "/a/generations/2", on: RealDisk()
        ).heads
        for tensor in [old.encoders, new.encoders, heads].flatMap({ $0.values.joined() })
        where tensor.shape.count == 2 {
            #expect(tensor.values.allSatisfy { Float(Float16($0)) == $0 }, "\(tensor.name)")
        }
        #expect(old.scaling?.columns.keys.count == 2 && new.scaling?.columns.keys.count == 2)
        #expect(old.endRowNetworks == Set(EncoderName.multiTask))
        #expect(new.endRowNetworks == old.endRowNetworks.union([.previousMTL]))
        #expect(
            space.manifest.endRow == ["mtl", "mtl-churn", "mtl-propensity", "previous-mtl"])
        let refused = try GenerationStore(stateDirectory: root.path + "/a", on: .real)
            .verifyGeneration(3)
        _ = try LiveGeneration.load(refused, level: .best, on: RealDisk())
    }

    @Test func `a space of networks that read no END goes on without, also under a new one`()
        async throws
    {
        let root = try TemporaryDirectory()
        let fixture = try JobFixture(root: root.path)
        _ = try await fixture.run(fixture.options("a"))
        // As an older version published it.
        let path = root.path + "/a/spaces/1/manifest.json"
        var text = try RealDisk().text(of: path, limit: 1 << 20)
        let list = try #require(text.firstRange(of: /"end_row" : \[[^\]]*\],\s*/))
        text.removeSubrange(list)
        text.replace(#""schema" : 3"#, with: #""schema" : 1"#)
        try AtomicFile.write(Array(text.utf8), to: path, on: .real)
        let store = GenerationStore(stateDirectory: root.path + "/a", on: .real)
        let old = try store.verifySpace(1).manifest
        #expect(old.endRow == nil && old.schema == 1)
        try fixture.append(users: 1...40, after: 3 * 86_400)
        _ = try await fixture.run(fixture.options("a", .sameSpace))
        #expect(try store.verifySpace(1).manifest == old)
        let model = try LiveGeneration.load(
            try store.verifyGeneration(2), level: .best, on: RealDisk()
        ).model
        #expect(model.endRowNetworks.isEmpty && model.bank.multiTaskEncoder(.mtl) != nil)
        _ = try await fixture.run(fixture.options("a"))
        let next = try LiveGeneration.load(
            try store.verifyGeneration(3), level: .best, on: RealDisk()
        ).model
        #expect(next.endRowNetworks == Set(EncoderName.multiTask))
        #expect(next.bank.multiTaskEncoder(.previousMTL) != nil)
    }

    @Test func `a space that is to be kept must be there`() async throws {
        let root = try TemporaryDirectory()
        let fixture = try JobFixture(root: root.path, count: 300)
        let error = await #expect(throws: RefreshError.self) {
            try await fixture.run(fixture.options("a", .sameSpace))
        }
        guard case .noSpace = error else {
            Issue.record("\(String(describing: error))")
            return
        }
        #expect(error?.description.contains("refresh --encoders") == true)
        let last = try #require(JobProgress.read(stateDirectory: root.path + "/a", on: RealDisk()))
        #expect(last.state == .failed && last.error?.contains("--encoders") == true)
    }

    @Test func `a disk that is too small is told before anything is done`() async throws {
        let root = try TemporaryDirectory()
        let fixture = try JobFixture(root: root.path, count: 300)
        let error = await #expect(throws: RefreshError.self) {
            try await fixture.run(fixture.options("a"), disk: DyingDisk(free: 1000))
        }
        guard case .diskFull(let need) = error else {
            Issue.record("\(String(describing: error))")
            return
        }
        #expect(need.freeByteCount == 1000 && need.neededByteCount > 1000)
        #expect(need.description.contains("\(need.neededByteCount - 1000) bytes are missing"))
        #expect(try RealDisk().status(root.path + "/a/refresh/plan.json") == nil)
        _ = try await fixture.run(
            fixture.options("a"), disk: DyingDisk(free: need.neededByteCount))
    }

    @Test func `a log that is too short says what is there and what is needed`() async throws {
        let root = try TemporaryDirectory()
        let fixture = try JobFixture(root: root.path, count: 300)
        var options = fixture.options("a")
        options.isQuick = false
        let error = await #expect(throws: RefreshError.self) { try await fixture.run(options) }
        guard case .tooShort(let span) = error else {
            Issue.record("\(String(describing: error))")
            return
        }
        #expect(span.neededSeconds == 28 * 86_400 && span.spanSeconds < 16 * 86_400)
        #expect(span.description.contains("28.0 days are needed"))
    }

    @Test func `two refreshes do not run beside each other`() async throws {
        let root = try TemporaryDirectory()
        let fixture = try JobFixture(root: root.path, count: 300)
        let held = try RefreshJob(host: .real, options: fixture.options("a"))
        let error = #expect(throws: RefreshError.self) {
            try RefreshJob(host: .real, options: fixture.options("a"))
        }
        guard case .busy = error else {
            Issue.record("\(String(describing: error))")
            return
        }
        _ = try await held.run()
    }
}

extension JobFixture {
    /// Lets everybody of a range visit, add and buy again, that many seconds after the log's start
    /// of its last day.
    func append(users: ClosedRange<Int64>, after seconds: Int64) throws {
        let writer = try SegmentWriter(host: .real, directory: root + "/log")
        let start = ShopLog.start + 16 * 86_400 + seconds
        for user in users {
            for (step, kind) in [EventKind.pageVisit, .addToCart, .productBuy].enumerated() {
                var line: [UInt8] = []
                RecordWriter.append(
                    Event(
                        user: self.log.users[Int(user)], seconds: start + 60 * user + Int64(step),
                        kind: kind, key: user % 30), to: &line)
                try writer.append(Array(line.dropLast()))
            }
        }
        try writer.close()
    }
}
