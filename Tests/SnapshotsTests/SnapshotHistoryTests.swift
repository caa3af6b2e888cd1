import EventLog
import Events
import Foundation
import Profiles
import Snapshots
import Storage
import TestSupport
import Testing

/// One user across snapshots.
@Suite struct SnapshotHistoryTests {
    private struct Judgement: Decodable {
        struct Part: Decodable {
            var name: String
            var norm: Double
            var cosine: Double?
        }
        var version: Int64
        var known: Bool
        var parts: [Part]
        var values: [Float]
    }

    /// Writes a snapshot of the users with values of a seed; a zero row for the last of them.
    @discardableResult
    private func write(
        _ fixture: SnapshotFixture, _ users: some Sequence<Int64>, seed: UInt64, space: Int64 = 1,
        stats: Int = 3, change: (inout SnapshotPlan) -> Void = { _ in }
    ) throws -> Int64 {
        let users = Array(users)
        var plan = SnapshotFixture.plan(users: users.count)
        plan.space = space
        plan.parts = [
            .init(name: "sra", start: 0, end: 5), .init(name: "stats", start: 5, end: 5 + stats),
        ]
        change(&plan)
        let writer = try fixture.store.begin(plan)
        for user in users {
            var random = SeededRandom(seed: seed, stream: UInt64(bitPattern: user))
            let values = (0..<5 + stats).map { column in
                // A part of zeros here and there.
                user == users.last || column < 5 && (user &+ Int64(seed)) % 7 == 0
                    ? 0 : Float(random.nextUnit() * 8 - 3)
            }
            try writer.append(UserID(rawValue: user), values: values.span)
        }
        return try writer.finish().version
    }

    @Test func `is what numpy finds in the same files`() async throws {
        let directory = try TemporaryDirectory()
        let fixture = try SnapshotFixture.onDisk(directory.path)
        try write(fixture, stride(from: -500, to: 4000, by: 1), seed: 1)
        try write(fixture, stride(from: -100, to: 6000, by: 2), seed: 2)
        try write(fixture, stride(from: -100, to: 6000, by: 3), seed: 3, stats: 4)
        try write(fixture, stride(from: -700, to: 700, by: 1), seed: 4, space: 2)
        try write(fixture, stride(from: -200, to: 300, by: 1), seed: 9, space: 2)
        var compared = 0
        for user in [-500, -499, -100, 2, 6, 20, 62, 299, 3999, 5999, 7000] as [Int64] {
            let found = try fixture.store.history(of: UserID(rawValue: user), limit: 10)
            let child = try await Child.run(
                ["python3", goldenPath("snapshot_history.py"), "\(user)"]
                    + (1...5).map { fixture.store.path(of: $0) })
            #expect(child.status == 0, "\(child.error)")
            let want = try JSONDecoder().decode([Judgement].self, from: Data(child.output.utf8))
            #expect(found.entries.map(\.version) == want.map(\.version) && found.olderCount == 0)
            #expect(found.entries.map(\.previous) == [nil, 1, 2, 3, 4])
            #expect(found.entries.map(\.isCurrent) == [false, false, false, false, true])
            for (entry, wanted) in zip(found.entries, want) {
                #expect(entry.isKnown == wanted.known && entry.values == wanted.values, "\(user)")
                #expect(entry.parts.map(\.name) == wanted.parts.map(\.name), "\(user)")
                for (part, wanted) in zip(entry.parts, wanted.parts) {
                    #expect(abs(part.norm - wanted.norm) < 1e-9)
                    #expect((part.cosine == nil) == (wanted.cosine == nil), "\(user) \(part)")
                    #expect(abs((part.cosine ?? 0) - (wanted.cosine ?? 0)) < 1e-12)
                    if part.cosine != nil { compared += 1 }
                }
            }
        }
        #expect(compared > 15)
        _ = consume directory
    }

    @Test func `shows the newest, beside the one before them, and says why nothing is compared`()
        throws
    {
        let (fixture, _) = try SnapshotFixture.inMemory()
        try write(fixture, [1, 2, 3], seed: 1)
        try write(fixture, [2, 3], seed: 2)
        try write(fixture, [1, 2, 3], seed: 3, space: 2)
        try write(fixture, [1, 2, 3], seed: 4)
        try write(fixture, [1, 2, 3], seed: 5)
        func history(
            _ user: Int64, _ limit: Int, _ space: Int64? = nil
        ) throws -> SnapshotHistory {
            try fixture.store.history(of: UserID(rawValue: user), limit: limit, space: space)
        }
        let all = try history(1, 100)
        #expect(all.entries.map(\.isKnown) == [true, false, true, true, true])
        let reasons = all.entries.map { $0.incomparable ?? "" }
        #expect(
            reasons == [
                "there is none before it", "the user is not in it", "the user is not in snapshot 2",
                "snapshot 3 is of space 2: its columns mean different things", "",
            ])
        #expect(all.entries.map { $0.parts.first?.cosine != nil }.suffix(2) == [false, true])
        #expect(all.entries.prefix(3).allSatisfy { $0.parts.first?.cosine == nil })
        // A limit leaves nothing else changed.
        let last = try history(1, 1)
        #expect(last.entries == [all.entries[4]] && last.olderCount == 4)
        let own = try history(1, 2, 1)
        #expect(own.entries.map(\.version) == [4, 5] && own.olderCount == 2)
        #expect(own.entries[0].previous == 2)
        #expect(own.entries[0].incomparable == "the user is not in snapshot 2")
        #expect(try history(2, 1, 1).entries[0].incomparable == nil)
        #expect(try history(1, 10, 7) == SnapshotHistory(entries: [], olderCount: 0))
        // The row of zeros is that of a user nobody knows.
        #expect(try history(3, 10).entries.allSatisfy { !$0.isKnown })
        #expect(try history(99, 10).entries.allSatisfy { !$0.isKnown && $0.problem == nil })
    }

    @Test func `knows nobody who was forgotten, before the files are rewritten and after`() throws {
        let (fixture, _) = try SnapshotFixture.inMemory()
        // Cut at records 77 and 200 of segment 3.
        try write(fixture, [1, 2, 3], seed: 1)
        try write(fixture, [1, 2, 3], seed: 2) { $0.cursor.recordCount = 200 }
        func known(_ user: Int64) throws -> [Bool] {
            try fixture.store.history(of: UserID(rawValue: user), limit: 10).entries.map(\.isKnown)
        }
        func forget(_ user: Int64, at offset: LogOffset, allowsReturn: Bool) throws -> Suppression {
            let user = UserID(rawValue: user)
            _ = try fixture.registry.addForget(
                user, allowsReturn: allowsReturn, reason: "",
                at: RecordPlace(segment: 3, recordIndex: 1), offset: offset, seconds: 5, above: 0)
            return try #require(try fixture.registry.suppressions(of: user).last)
        }
        #expect(try known(1) == [true, true] && known(2) == [true, true])
        let past = try forget(1, at: 100, allowsReturn: true)
        #expect(try known(1) == [false, true] && known(2) == [true, true])
        let good = try forget(2, at: 100, allowsReturn: false)
        #expect(try known(2) == [false, false])
        for (version, isThere) in [(1, true), (2, false)] as [(Int64, Bool)] {
            #expect(try fixture.store.erase(past, from: version) == isThere)
            #expect(try fixture.store.erase(good, from: version))
        }
        #expect(try known(1) == [false, true] && known(2) == [false, false])
    }

    @Test func `names a damaged snapshot in its place, and goes on`() throws {
        let (fixture, disk) = try SnapshotFixture.inMemory()
        for seed in 1...4 as ClosedRange<UInt64> { try write(fixture, [1, 2, 3], seed: seed) }
        try disk.remove(fixture.store.path(of: 2) + "/client_ids.npy")
        try fixture.damage(3, "embeddings.npy", at: 70)
        let found = try fixture.store.history(of: UserID(rawValue: 1), limit: 10)
        #expect(found.entries.map(\.isKnown) == [true, false, false, true])
        #expect(found.entries[1].problem?.contains("missing") == true)
        #expect(found.entries[2].problem?.contains("embeddings.npy") == true)
        #expect(found.entries[2].incomparable == "it cannot be read")
        #expect(found.entries[3].incomparable == "snapshot 3 cannot be read")
        // A manifest counts as well.
        try fixture.damage(4, "manifest.json", at: 1)
        let last = try fixture.store.history(of: UserID(rawValue: 1), limit: 1)
        #expect(last.entries[0].problem?.contains("manifest.json") == true)
    }
}
