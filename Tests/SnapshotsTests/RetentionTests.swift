import Events
import Foundation
import Snapshots
import Storage
import TestSupport
import Testing

/// Which snapshots stay, and what changed between two.
@Suite struct RetentionTests {
    @Test func `pinned snapshots stay, over restarts, until they are unpinned`() throws {
        let directory = try TemporaryDirectory()
        do {
            let fixture = try SnapshotFixture.onDisk(directory.path)
            for salt in 0..<5 { try fixture.write(salt: salt) }
            #expect(try fixture.store.pin(2, reason: "report") == nil)
            #expect(try fixture.store.pin(3, reason: "dry", dryRun: true) == nil)
            #expect(throws: SnapshotError.unknownVersion(9)) {
                try fixture.store.pin(9, reason: "")
            }
        }
        let fixture = try SnapshotFixture.onDisk(directory.path)
        #expect(try fixture.store.show(2).pin?.reason == "report")
        #expect(try fixture.store.pin(2, reason: "other")?.reason == "report")
        let policy = RetentionPolicy(newest: 1)
        let dry = try fixture.store.prune(policy, dryRun: true)
        #expect(dry.removed.map(\.version) == [1, 3, 4])
        #expect(dry.removed.allSatisfy { $0.byteCount > 256 })
        #expect(
            dry.kept == [
                .init(version: 2, reasons: [.pinned]),
                .init(version: 5, reasons: [.current, .newest]),
            ])
        #expect(try fixture.store.list().count == 5)
        #expect(try fixture.store.prune(policy) == dry)
        #expect(try fixture.store.list().map(\.manifest.version) == [2, 5])
        #expect(try fixture.store.unpin(2, dryRun: true)?.reason == "other")
        #expect(try fixture.store.unpin(2)?.reason == "other")
        #expect(try fixture.store.unpin(2) == nil)
        #expect(try fixture.store.prune(policy).removed.map(\.version) == [2])
        #expect(throws: SnapshotError.unknownVersion(2)) { try fixture.store.unpin(2) }
        #expect(try fixture.store.prune(policy).removed == [])
    }

    @Test func `the last snapshot of each of the newest days stays`() throws {
        let (fixture, _) = try SnapshotFixture.inMemory()
        // Days -1, 0, 0, none, 1, 1 and 3 since 1970.
        for asOf in [-1, 5, 86_399, nil, 86_400, 172_799, 259_200] as [Int64?] {
            var plan = SnapshotFixture.plan()
            plan.asOf = asOf
            let writer = try fixture.store.begin(plan)
            for (user, values) in SnapshotFixture.rows(5) {
                try writer.append(user, values: values.span)
            }
            _ = try writer.finish(metrics: [:])
        }
        func kept(_ days: Int) throws -> [Int64] {
            try fixture.store.prune(RetentionPolicy(newest: 1, days: days), dryRun: true)
                .kept.map(\.version)
        }
        #expect(try kept(0) == [7] && kept(1) == [7] && kept(2) == [6, 7])
        #expect(try kept(3) == [3, 6, 7] && kept(4) == [1, 3, 6, 7] && kept(99) == [1, 3, 6, 7])
        let reasons = try fixture.store.prune(RetentionPolicy(newest: 1, days: 2)).kept
        #expect(reasons.first == .init(version: 6, reasons: [.daily]))
        #expect(try fixture.store.list().map(\.manifest.version) == [6, 7])
    }

    /// One snapshot of users `from`, `from + step`, …, with values that hang on `salt`.
    private func write(
        _ fixture: SnapshotFixture, _ users: StrideTo<Int64>, salt: UInt64, space: Int64 = 1
    ) throws {
        var plan = SnapshotFixture.plan(users: Array(users).count)
        plan.space = space
        let writer = try fixture.store.begin(plan)
        var random = SeededRandom(seed: salt, stream: 7)
        for user in users {
            // Some parts are zero, and some users do not move.
            let isStill = user % 5 == 0
            let values = (0..<4).map { column -> Float in
                let drawn = Float(random.nextUnit() * 4 - 2)
                if user % 7 == 0 && column < 3 && (salt == 1 || user % 2 == 0) { return 0 }
                return isStill ? Float(user % 11 + 1) + Float(column) : drawn
            }
            try writer.append(.init(rawValue: user), values: values.span)
        }
        _ = try writer.finish(metrics: [:])
    }

    @Test func `numpy finds the same differences`() async throws {
        let directory = try TemporaryDirectory()
        let fixture = try SnapshotFixture.onDisk(directory.path)
        try write(fixture, stride(from: -500, to: 4000, by: 1), salt: 1)
        try write(fixture, stride(from: -100, to: 6000, by: 2), salt: 2)
        let found = try fixture.store.compare(1, with: 2, limit: 25)
        let child = try await Child.run([
            "python3", goldenPath("snapshot_diff.py"), fixture.store.path(of: 1),
            fixture.store.path(of: 2), "25",
        ])
        #expect(child.status == 0, "\(child.error)")
        let want = try JSONDecoder().decode(Judgement.self, from: Data(child.output.utf8))
        #expect(found.commonUsers == want.both && found.incomparable == nil)
        #expect(found.addedUsers == Int64(want.added.count))
        #expect(found.removedUsers == Int64(want.removed.count))
        #expect(found.added == Array(want.added.prefix(25)))
        #expect(found.removed == Array(want.removed.prefix(25)))
        #expect(found.parts.map(\.name) == want.parts.map(\.name))
        for (part, wanted) in zip(found.parts, want.parts) {
            compare(part.cosine, wanted.cosine, "\(part.name) cosine")
            compare(part.euclidean, wanted.euclidean, "\(part.name) euclidean")
        }
        #expect(found.moved.map(\.user) == want.moved.map(\.user))
        for (moved, wanted) in zip(found.moved, want.moved) {
            #expect(abs(moved.cosine - wanted.cosine) < 1e-9)
            #expect(abs(moved.euclidean - wanted.euclidean) < 1e-9)
        }
    }

    @Test func `equal columns have not moved at all, and are listed by user`() throws {
        let (fixture, _) = try SnapshotFixture.inMemory()
        try write(fixture, stride(from: -50, to: 400, by: 1), salt: 1)
        let found = try fixture.store.compare(1, with: 1, limit: 20)
        #expect(found.moved.map(\.user) == Array(-50 ..< -30))
        #expect(found.moved.allSatisfy { $0.cosine == 0 && $0.euclidean == 0 })
        #expect(found.parts.allSatisfy { $0.cosine.mean == 0 && $0.cosine.deciles[10] == 0 })
    }

    private func compare(
        _ found: SnapshotDifference.Spread, _ want: Judgement.Spread, _ what: String
    ) {
        #expect(abs(found.mean - want.mean) < 1e-9 * max(1, want.mean), "\(what)")
        #expect(found.deciles.count == 11 && want.deciles.count == 11)
        for (tenth, (one, other)) in zip(found.deciles, want.deciles).enumerated() {
            let tolerance = tenth % 10 == 0 ? 1e-9 : other * 0x1p-11 + 0x1p-24
            #expect(abs(one - other) <= tolerance, "\(what), \(tenth): \(one), not \(other)")
        }
    }

    private struct Judgement: Decodable {
        struct Spread: Decodable {
            var deciles: [Double]
            var mean: Double
        }
        struct Part: Decodable {
            var name: String
            var cosine: Spread
            var euclidean: Spread
        }
        struct Moved: Decodable {
            var user: Int64
            var cosine: Double
            var euclidean: Double
        }
        var both: Int64
        var added: [Int64]
        var removed: [Int64]
        var parts: [Part]
        var moved: [Moved]
    }

    @Test func `names users, and no more, where spaces differ`() throws {
        let (fixture, _) = try SnapshotFixture.inMemory()
        try write(fixture, stride(from: 0, to: 10, by: 1), salt: 1)
        try write(fixture, stride(from: 5, to: 12, by: 1), salt: 2, space: 2)
        let found = try fixture.store.compare(1, with: 2, limit: 3)
        #expect(found.incomparable?.contains("space 2") == true)
        #expect(found.parts.isEmpty && found.moved.isEmpty)
        #expect(found.commonUsers == 5 && found.added == [10, 11] && found.removed == [0, 1, 2])
        #expect(found.removedUsers == 5)
        let same = try fixture.store.compare(2, with: 2, limit: 0)
        #expect(same.commonUsers == 7 && same.addedUsers == 0 && same.moved.isEmpty)
        #expect(same.parts.allSatisfy { $0.euclidean.deciles[10] == 0 })
        #expect(throws: SnapshotError.unknownVersion(3)) {
            try fixture.store.compare(1, with: 3, limit: 1)
        }
    }

    @Test func `says which snapshot is damaged instead of comparing it`() throws {
        let (fixture, disk) = try SnapshotFixture.inMemory()
        for salt in 0..<2 { try fixture.write(salt: salt) }
        try disk.open(fixture.store.path(of: 2) + "/embeddings.npy", .update).truncate(to: 150)
        #expect {
            try fixture.store.compare(1, with: 2, limit: 1)
        } throws: { "\($0)".contains("snapshots/2/embeddings.npy") }
    }
}
