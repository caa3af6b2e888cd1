import Events
import Simulation
import Storage
import TestSupport
import Testing

/// The published figures, at a size that a test can afford.
@Suite struct CalibrationTests {
    @Test func `a shop of half a percent of the published size has its figures`() throws {
        let shop = try SimulatedShop(SimulationOptions(userCount: 100_000, dayCount: 141, seed: 3))
        for figure in shop.report.calibration.figures {
            #expect(figure.holds, "\(figure.name): \(figure.simulated) for \(figure.published)")
        }
        #expect(shop.report.calibration.figures.count { $0.tolerance != nil } >= 13)
    }

    @Test func `its counts are those of the log`() throws {
        let shop = try SimulatedShop(smallShop(users: 4000, days: 60))
        let events = try shop.events()
        var counts: [UserID: Int] = [:]
        for event in events { counts[event.user, default: 0] += 1 }
        let sorted = counts.values.sorted()
        func figure(_ name: String) throws -> Double {
            try #require(shop.report.calibration.figures.first { $0.name == name }).simulated
        }
        #expect(try figure("events per user, mean") == Double(events.count) / 4000)
        #expect(try figure("events per user, median") == Double(sorted[2000]))
        #expect(try figure("events per user, p99") == Double(sorted[3960]))
        #expect(try figure("events per user, maximum") == Double(sorted[3999]))
        let urls = Set(events.filter { $0.kind == .pageVisit }.map(\.key))
        #expect(try figure("urls seen per user") == Double(urls.count) / 4000)
        #expect(shop.report.visitsPerSession == ratio(events, isCapped: false, users: 4000))
        // Users with equal numbers of events at the edge are told apart in another order.
        let top = try figure("visits per session, most active 1 in 18.9")
        #expect((top / ratio(events, isCapped: true, users: 211) - 1).magnitude < 0.02)
    }

    /// Visits over visit sessions of the users with the most events: by the rule of at most 2400 s
    /// from the first visit, or of no gap above 2400 s.
    private func ratio(_ events: [Event], isCapped: Bool, users: Int) -> Double {
        let byUser = Dictionary(grouping: events, by: \.user)
        var (visits, sessions) = (0, 0)
        for events in byUser.values.sorted(by: { $0.count > $1.count }).prefix(users) {
            var start = Int64.min / 2
            for event in events where event.kind == .pageVisit {
                visits += 1
                if event.seconds - start > 2400 { sessions += 1 }
                if event.seconds - start > 2400 || !isCapped { start = event.seconds }
            }
        }
        return Double(visits) / Double(sessions)
    }
}
