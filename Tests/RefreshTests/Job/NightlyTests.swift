import Refresh
import Storage
import TestSupport
import Testing

/// `ubpd refresh --nightly`: what is made is decided by the age of the live space.
@Suite(.serialized) struct NightlyTests {
    private func nightly(_ fixture: JobFixture, afterDays days: Int64) -> RefreshJobOptions {
        var options = fixture.options("a", .sameSpace)
        options.renewAfterDays = days
        return options
    }

    @Test func `keeps a young space and renews an old one`() async throws {
        let root = try TemporaryDirectory()
        let fixture = try JobFixture(root: root.path)
        let first = try await fixture.run(fixture.options("a"))
        try fixture.append(users: 1...40, after: 3 * 86_400)
        let kept = try await fixture.run(nightly(fixture, afterDays: 4))
        #expect(kept.kind == .sameSpace && kept.generation == 2 && kept.space == 1)
        let said = Said()
        let days = (kept.nowSeconds - first.nowSeconds) / 86_400
        try #require(days == 3)
        let renewed = try await fixture.run(nightly(fixture, afterDays: days), said: said)
        #expect(renewed.kind == .newSpace && renewed.generation == 3 && renewed.space == 2)
        #expect(said.lines.contains { $0.contains("3 days old or more") })
    }

    @Test func `goes on with what was begun, whatever it is`() async throws {
        let root = try TemporaryDirectory()
        let fixture = try JobFixture(root: root.path)
        _ = try await fixture.run(fixture.options("a"))
        await #expect(throws: RefreshError.self) {
            try await fixture.run(nightly(fixture, afterDays: 0), cancelAt: 8)
        }
        let said = Said()
        let report = try await fixture.run(nightly(fixture, afterDays: 365), said: said)
        #expect(report.kind == .newSpace && report.space == 2)
        #expect(said.lines.contains { $0.contains("going on") })
    }

    @Test func `makes no first space by itself`() async throws {
        let root = try TemporaryDirectory()
        let fixture = try JobFixture(root: root.path, count: 300)
        let error = await #expect(throws: RefreshError.self) {
            try await fixture.run(nightly(fixture, afterDays: 28))
        }
        #expect(error?.description.contains("refresh --encoders") == true)
    }
}
