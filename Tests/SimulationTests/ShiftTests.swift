import Events
import Simulation
import Storage
import TestSupport
import Testing

/// What `--shift` does at the middle, and that it does nothing before.
@Suite struct ShiftTests {
    private let plain: SimulatedShop
    private let shifted: SimulatedShop
    private let middle: Int64

    init() throws {
        plain = try SimulatedShop(smallShop(users: 20_000))
        shifted = try SimulatedShop(smallShop(users: 20_000, shift: true))
        middle = plain.options.startSeconds + 14 * 86_400
    }

    /// The records up to the first event of the second half or the shift's own updates.
    private func firstHalf(_ shop: SimulatedShop) throws -> [Record] {
        let records = try shop.records()
        let last = try #require(
            records.lastIndex { record in
                if case .event(let event) = record { event.seconds < middle } else { false }
            })
        return Array(records[...last])
    }

    @Test func `nothing changes before the middle`() throws {
        let first = try firstHalf(plain)
        #expect(try firstHalf(shifted) == first)
        #expect(first.count > 10_000)
    }

    @Test func `prices and categories move at the middle`() throws {
        let (before, after) = (try updates(shifted, 13), try updates(shifted, 14))
        #expect(after > 10 * max(1, before) && after > 200)
        #expect(try updates(plain, 14) < 50)
        let (moved, still) = (try distance(shifted), try distance(plain))
        #expect(moved > 1.5 * still)
    }

    @Test func `favourites change at the middle, and only with a shift`() throws {
        #expect(try favouriteChanges(plain, 14) < 250)
        #expect(try favouriteChanges(shifted, 14) > 7000)
        #expect(try shifted.array("category_share").header.shape[1] == 2)
        #expect(try plain.array("category_share").header.shape[1] == 1)
    }

    private func favouriteChanges(_ shop: SimulatedShop, _ day: Int64) throws -> Int {
        let table = try shop.integers("favourites")
        let arrivals = try arrivalDays(shop)
        return stride(from: 0, to: table.count, by: 4).count { row in
            table[row + 1] == day && arrivals[table[row]] != day
        }
    }

    private func arrivalDays(_ shop: SimulatedShop) throws -> [Int64: Int64] {
        let traits = try shop.array("users")
        let ids = try shop.integers("client_ids")
        let values = try traits.doubles(rows: 0..<ids.count)
        let days = ids.indices.map { Int64(values[$0 * traits.rowElementCount]) }
        return Dictionary(uniqueKeysWithValues: zip(ids, days))
    }

    /// Catalogue updates between the first event of a day and the last of the day before.
    private func updates(_ shop: SimulatedShop, _ day: Int64) throws -> Int {
        let midnight = shop.options.startSeconds + day * 86_400
        var count = 0
        var isBefore = true
        var seen = 0
        for record in try shop.records() {
            switch record {
            case .event(let event):
                if event.seconds >= midnight, isBefore {
                    isBefore = false
                    seen = count
                }
                count = 0
            case .catalogue: count += 1
            case .blank: break
            }
        }
        return seen
    }

    /// Total variation between the categories of the first and of the second half's product events.
    private func distance(_ shop: SimulatedShop) throws -> Double {
        var catalogue = Catalogue()
        var halves: [[Int64: Double]] = [[:], [:]]
        var totals = [0.0, 0.0]
        for record in try shop.records() {
            switch record {
            case .catalogue(let update): catalogue.apply(update)
            case .event(let event):
                guard event.kind.isProduct else { continue }
                let category = try #require(catalogue[ItemID(rawValue: event.key)]?.category)
                let half = event.seconds < middle ? 0 : 1
                halves[half][category, default: 0] += 1
                totals[half] += 1
            case .blank: break
            }
        }
        return Set(halves[0].keys).union(halves[1].keys).sorted().reduce(0) { sum, category in
            let first = (halves[0][category] ?? 0) / totals[0]
            let second = (halves[1][category] ?? 0) / totals[1]
            return sum + (first - second).magnitude / 2
        }
    }
}
