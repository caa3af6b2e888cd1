import Foundation
import Learning
import Profiles
import Refresh
import Snapshots
import Storage
import TestSupport
import Testing

/// BPR factors of an ordinary night: they go on from the live generation's.
@Suite(.serialized) struct NightFactorsTests {
    @Test func `a night goes a share of the way, the same bytes on two threads and after stops`()
        async throws
    {
        let root = try TemporaryDirectory()
        let fixture = try JobFixture(root: root.path, count: 1200)
        _ = try await fixture.run(fixture.options("a"))
        for copy in ["b", "c", "d"] {
            try FileManager.default.copyItem(
                atPath: "\(root.path)/a", toPath: "\(root.path)/\(copy)")
        }
        try fixture.append(users: 1...40, after: 3 * 86_400)

        let words = Said()
        _ = try await fixture.run(
            fixture.options("a", .sameSpace), clock: HastyClock(), said: words)
        let wanted = try fixture.published("a")
        var threaded = fixture.options("b", .sameSpace)
        threaded.threadCount = 2
        _ = try await fixture.run(threaded)
        #expect(JobFixture.differences(wanted, try fixture.published("b")) == [])

        // Stopped again and again, also between training and what follows it.
        var stops = 0
        for call in 0..<400 {
            do {
                _ = try await fixture.run(
                    fixture.options("c", .sameSpace), clock: HastyClock(),
                    cancelAt: 10 + call % 5)
                break
            } catch RefreshError.cancelled { stops += 1 }
        }
        #expect(stops > 3 && words.progress.contains { $0.detail.contains("pairs/s") })
        #expect(JobFixture.differences(wanted, try fixture.published("c")) == [])

        var anew = fixture.options("d", .sameSpace)
        anew.factorPercent = 100
        _ = try await fixture.run(anew)
        let before = try Self.generation(1, "\(root.path)/a")
        let trained = try Self.generation(2, "\(root.path)/d")
        let made = try Self.generation(2, "\(root.path)/a")
        let numbers = try Self.numbers(2, "\(root.path)/a")
        for (kind, place) in [
            ("item", \GenerationFiles.itemFactors), ("category", \.categoryFactors),
        ] {
            let (old, own, met) = (
                try #require(before[keyPath: place]), try #require(trained[keyPath: place]),
                try #require(made[keyPath: place])
            )
            let agreement = try #require(own.agreement(with: old))
            #expect(numbers["refresh.\(kind)_factors_agreement"] == agreement)
            #expect(agreement > 0.5 && agreement < 1, "another night's, and near it")
            let bytes = try met.file().encoded()
            #expect(try own.approached(from: old, share: 0.2).file().encoded() == bytes)
            #expect(try own.file().encoded() != bytes && old.file().encoded() != bytes)
        }
        #expect(try Self.numbers(1, "\(root.path)/a")["refresh.item_factors_agreement"] == nil)
    }

    @Test func `a night without news changes no factor, a new space has its own`() async throws {
        let root = try TemporaryDirectory()
        let fixture = try JobFixture(root: root.path, count: 1200)
        _ = try await fixture.run(fixture.options("a"))
        var night = fixture.options("a", .sameSpace)
        night.refresh.seed = 12
        _ = try await fixture.run(night)
        var renewed = fixture.options("a")
        renewed.refresh.seed = 12
        _ = try await fixture.run(renewed)
        let files = try fixture.published("a")
        for name in ["items", "categories"] {
            let path = "factors/\(name).safetensors"
            let first = try #require(files["generations/1/\(path)"])
            #expect(files["generations/2/\(path)"] == first)
            #expect(files["generations/3/\(path)"] != first)
        }
        #expect(try Self.numbers(3, "\(root.path)/a")["refresh.item_factors_agreement"] == nil)
    }

    private static func generation(_ id: Int64, _ state: String) throws -> GenerationFiles {
        try GenerationFiles(generation: "\(state)/generations/\(id)", on: RealDisk())
    }

    private static func numbers(_ id: Int64, _ state: String) throws -> [String: Double] {
        try GenerationStore(stateDirectory: state, on: .real).verifyGeneration(id).manifest.numbers
    }
}
