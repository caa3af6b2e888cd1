import Events
import Features
import Kernels
import Pipeline
import Profiles
import Storage
import TestSupport
import Testing

/// What a read or a snapshot answers does not depend on how it was asked.
@Suite(.serialized, .timeLimit(.minutes(5)))
struct ReadTests {
    @Test func `a profile is the same alone, in sevens and among all, in any order`() async throws {
        let directory = try TemporaryDirectory()
        let fixture = try PipelineFixture(root: directory.path)
        let running = try await fixture.open(fixture.options)
        let users = fixture.log.users
        try await running.catchUp(to: fixture.log.records.count)
        let all = try await running.profiles(of: users)
        for (index, user) in users.enumerated() {
            #expect(try await running.profiles(of: [user]) == [all[index]])
        }
        for start in stride(from: 0, to: users.count, by: 7) {
            let end = min(start + 7, users.count)
            #expect(
                try await running.profiles(of: Array(users[start..<end])) == Array(all[start..<end])
            )
        }
        var random = SeededRandom(seed: 1, stream: 1)
        for _ in 0..<5 {
            let order = users.indices.shuffled(using: &random)
            let shuffled = try await running.profiles(of: order.map { users[$0] })
            #expect(shuffled == order.map { all[$0] })
        }
        // Asking changed nothing, and twice the same user is twice the same profile.
        #expect(try await running.profiles(of: users) == all)
        #expect(try await running.profiles(of: [users[3], users[3]]) == [all[3], all[3]])
        try await running.drain()
    }

    @Test func `a profile is the snapshot's row, rounded to float16`() async throws {
        let directory = try TemporaryDirectory()
        let fixture = try PipelineFixture(root: directory.path)
        let report = try await comparedSnapshot(fixture)
        // Evicted or not, stored or not: a second process writes the same bytes.
        var options = fixture.options
        options.stepping = .lazy
        let again = try await fixture.open(options)
        try await again.catchUp(to: fixture.log.records.count)
        let second = try await again.pipeline.createSnapshot(SnapshotRequest())
        #expect(second.hashes == report.hashes)
        #expect(second.version == report.version + 1)
        try await again.drain()
    }

    /// A snapshot of the whole log, compared with the profiles of everybody in it.
    private func comparedSnapshot(_ fixture: PipelineFixture) async throws -> SnapshotReport {
        let running = try await fixture.open(fixture.options)
        try await running.catchUp(to: fixture.log.records.count)
        let report = try await running.pipeline.createSnapshot(SnapshotRequest())
        let snapshot = try PublishedRows(report)
        let reply = try await running.pipeline.profiles(of: snapshot.users, asOf: report.asOf)
        #expect(reply.offset == report.offset)
        #expect(reply.asOf == report.asOf)
        #expect(reply.rows.allSatisfy { $0.isKnown })
        for (row, published) in zip(reply.rows, snapshot.rows) {
            #expect(row.values.map(halfBits) == published, "user \(row.user)")
        }
        // The population is everybody who was ever known.
        let status = try await running.pipeline.status()
        #expect(Int64(snapshot.users.count) == status.users)
        #expect(snapshot.users == snapshot.users.sorted())
        #expect(report.users == status.users)
        try await running.drain()
        return report
    }

    @Test func `a list is answered in full, zeros for the unknown`() async throws {
        let directory = try TemporaryDirectory()
        let fixture = try PipelineFixture(root: directory.path)
        let running = try await fixture.open(fixture.options)
        try await running.catchUp(to: fixture.log.records.count)
        let unknown = [Int64.min, -1_000_000, 123_456_789, .max].map(UserID.init(rawValue:))
        let known = Array(fixture.log.users.prefix(40))
        var request = SnapshotRequest()
        request.users = known + unknown + known
        let report = try await running.pipeline.createSnapshot(request)
        let snapshot = try PublishedRows(report)
        #expect(snapshot.users == (known + unknown).sorted())
        let reply = try await running.pipeline.profiles(of: snapshot.users, asOf: nil)
        for (row, published) in zip(reply.rows, snapshot.rows) {
            let isUnknown = unknown.contains(row.user)
            #expect(row.isKnown == !isUnknown)
            #expect(published.allSatisfy { $0 == 0 } == isUnknown)
            #expect(row.values.map(halfBits) == published)
        }
        request.users = []
        #expect(try await running.pipeline.createSnapshot(request).users == 0)
        try await running.drain()
    }

    @Test func `only users active in the last days are in a snapshot`() async throws {
        let directory = try TemporaryDirectory()
        let fixture = try PipelineFixture(root: directory.path)
        var options = fixture.options
        options.snapshotActiveDays = 1
        let running = try await fixture.open(options)
        try await running.catchUp(to: fixture.log.records.count)
        let report = try await running.pipeline.createSnapshot(SnapshotRequest())
        let asOf = try #require(report.asOf)
        let reply = try await running.pipeline.profiles(of: fixture.log.users, asOf: nil)
        let active = reply.rows.filter { ($0.newestSeconds ?? .min) >= asOf - 86_400 }.map(\.user)
        #expect(try PublishedRows(report).users == active)
        #expect(!active.isEmpty && active.count < reply.rows.filter(\.isKnown).count)
        try await running.drain()
    }

    /// Parts that are a matter of rows alone: not those with END (ESA, multi-task) and not `stats`.
    private static let timeless: Set = ["sra", "fip", "bpr-sku", "bpr-category"]

    @Test func `as_of changes the parts that read it and nothing else`() async throws {
        let directory = try TemporaryDirectory()
        let fixture = try PipelineFixture(root: directory.path)
        let running = try await fixture.open(fixture.options)
        try await running.catchUp(to: fixture.log.records.count)
        let users = fixture.log.users
        let now = try await running.pipeline.profiles(of: users, asOf: nil)
        let asOf = try #require(now.asOf)
        let stats = try #require(now.parts.last)
        #expect(stats.name == "stats" && stats.end - stats.start == StatsPart.width)
        #expect(now.parts.map(\.name) == ProfilePart.allCases.map(\.rawValue))
        let esa = now.parts[now.parts.count - 2]
        var changedCount = 0
        for shift in [-100_000_000, -86_400, 86_400, 100 * 86_400] as [Int64] {
            let then = try await running.pipeline.profiles(of: users, asOf: asOf + shift)
            #expect(then.asOf == asOf + shift)
            #expect(then.stalenessSeconds == max(0, -shift))
            for (row, other) in zip(now.rows, then.rows) {
                for part in now.parts where Self.timeless.contains(part.name) {
                    let columns = part.start..<part.end
                    #expect(row.values[columns] == other.values[columns], "\(part.name)")
                }
                #expect(other.values.allSatisfy { $0.isFinite })
                if row.isKnown, shift > 0 { #expect(row.values != other.values) }
                let columns = esa.start..<esa.end
                if row.values[columns] != other.values[columns] { changedCount += 1 }
            }
        }
        #expect(changedCount > users.count)
        #expect(try await running.profiles(of: users, asOf: asOf) == profileBits(now))
        try await running.drain()
    }

    @Test func `the published hybrid is the profile's first columns, from the same states`()
        async throws
    {
        let directory = try TemporaryDirectory()
        let fixture = try PipelineFixture(root: directory.path)
        var profiles: [[[UInt32]]] = []
        // One state directory: what one start stored, the next one reads.
        for hybrid in [Hybrid.extended, .published, .extended] {
            var options = fixture.options
            options.hybrid = hybrid
            let running = try await fixture.open(options)
            try await running.catchUp(to: fixture.log.records.count)
            let reply = try await running.pipeline.profiles(of: fixture.log.users, asOf: nil)
            let parts = ProfilePart.allCases.filter { hybrid == .extended || $0.isPublished }
            #expect(reply.parts.map(\.name) == parts.map(\.rawValue))
            #expect(try await running.pipeline.status().degraded == [])
            profiles.append(profileBits(reply))
            try await running.drain()
        }
        let width = try #require(profiles[1].first?.count)
        #expect(profiles[1] == profiles[0].map { Array($0.prefix(width)) })
        #expect(profiles[2] == profiles[0])
    }

    @Test func `a space of an older version, SRA alone, is served and survives a restart`()
        async throws
    {
        let directory = try TemporaryDirectory()
        var fixture = try PipelineFixture(root: directory.path)
        fixture.isOld = true
        var profiles: [[[UInt32]]] = []
        for stepping in PipelineOptions.Stepping.allCases {
            var options = fixture.options
            options.stepping = stepping
            let running = try await fixture.open(options)
            try await running.catchUp(to: fixture.log.records.count)
            let reply = try await running.pipeline.profiles(of: fixture.log.users, asOf: nil)
            #expect(reply.parts.map(\.name) == ["sra", "stats"] && reply.generation == 1)
            profiles.append(profileBits(reply))
            try await running.drain()
        }
        #expect(profiles[0] == profiles[1] && Set(profiles[0]).count > 50)
    }

    @Test func `too many users at once are refused`() async throws {
        let directory = try TemporaryDirectory()
        var fixture = try PipelineFixture(root: directory.path, count: 200)
        fixture.options.profileBatchCount = 3
        let running = try await fixture.open(fixture.options)
        try await running.catchUp(to: 200)
        let users = Array(fixture.log.users.prefix(4))
        await #expect(throws: PipelineError.self) {
            try await running.pipeline.profiles(of: users, asOf: nil)
        }
        #expect(try await running.profiles(of: Array(users.dropLast())).count == 3)
        try await running.drain()
    }

    @Test func `without a generation the profile is the stats part, and survives a restart`()
        async throws
    {
        let directory = try TemporaryDirectory()
        let fixture = try PipelineFixture(root: directory.path)
        var profiles: [[[UInt32]]] = []
        for _ in 0..<2 {
            let running = RunningPipeline(try LivePipeline(host: .real, options: fixture.options))
            try await running.catchUp(to: fixture.log.records.count)
            let status = try await running.pipeline.status()
            #expect(status.generation == 0)
            #expect(status.degraded.contains { $0.contains("ubpd refresh") })
            profiles.append(try await running.profiles(of: fixture.log.users))
            try await running.drain()
        }
        #expect(profiles[0] == profiles[1])
        #expect(profiles[0].allSatisfy { $0.count == StatsPart.width })
    }
}

private func profileBits(_ reply: ProfileReply) -> [[UInt32]] {
    reply.rows.map { $0.values.map(\.bitPattern) }
}

/// The rows of a published snapshot.
struct PublishedRows {
    let users: [UserID]
    /// Float16 bits.
    let rows: [[UInt16]]

    init(_ report: SnapshotReport) throws {
        let ids = try NpyReader(report.path + "/client_ids.npy", on: RealDisk())
        let values = try NpyReader(report.path + "/embeddings.npy", on: RealDisk())
        let count = ids.header.shape[0]
        users = try ids.int64s(rows: 0..<count).map(UserID.init(rawValue:))
        rows = try (0..<count).map { try values.halfs(rows: $0..<$0 + 1) }
    }
}
