import Events
import Simulation
import Storage
import TestSupport
import Testing

/// What stands in the log of a simulated shop.
@Suite struct ShopLogTests {
    @Test func `equal options give equal bytes, whatever the clock and the chunks`() throws {
        let first = try SimulatedShop(smallShop())
        var options = smallShop()
        options.chunkUserCount = 37
        let second = try SimulatedShop(options, clockSeconds: 1_000)
        let isSame = first.files == second.files
        #expect(isSame)
        #expect(first.files.count > 10)
    }

    @Test func `another seed gives another shop and other users`() throws {
        let first = try SimulatedShop(smallShop()).files
        let second = try SimulatedShop(smallShop(seed: 8)).files
        #expect(Set(first.keys) == Set(second.keys))
        // The lock is empty, and the shares of categories follow from their number alone.
        for (path, bytes) in first
        where !path.hasSuffix("writer.lock") && !path.hasSuffix("category_share.npy") {
            let isSame = second[path] == bytes
            #expect(!isSame, "\(path) is the same")
        }
    }

    @Test func `every record parses, in time order, on the grid, as many as reported`() throws {
        let shop = try SimulatedShop(smallShop())
        let records = try shop.records()
        #expect(records.count == shop.report.recordCount)
        let events = try shop.events()
        #expect(events.count == shop.report.eventCount)
        #expect(zip(events, events.dropFirst()).allSatisfy { $0.seconds <= $1.seconds })
        #expect(events.allSatisfy { $0.seconds % 5 == 0 })
        #expect(Set(events.map(\.user)).count == 2000)
        for kind in EventKind.allCases {
            #expect(events.count { $0.kind == kind } == shop.report.eventCounts[kind.name])
        }
        #expect(events.allSatisfy { ($0.kind == .searchQuery) == ($0.query != nil) })
    }

    @Test func `the catalogue comes first, knows every item, and changes later`() throws {
        let records = try SimulatedShop(smallShop()).records()
        var catalogue = Catalogue()
        var updateCount = 0
        var hasBegun = false
        for record in records {
            switch record {
            case .catalogue(let update):
                catalogue.apply(update)
                if hasBegun { updateCount += 1 }
                if catalogue[update.item]?.name == nil { Issue.record("\(update) has no name") }
            case .event(let event):
                hasBegun = true
                guard event.kind.isProduct else { continue }
                let entry = catalogue[ItemID(rawValue: event.key)]
                #expect(entry?.category != nil && entry?.price != nil && entry?.name != nil)
            case .blank: Issue.record("a blank line")
            }
        }
        #expect(updateCount > 50)
    }

    @Test func `only what is in the cart is removed, and most purchases follow an addition`()
        throws
    {
        let events = try SimulatedShop(smallShop(users: 20_000)).events()
        var carts: [UserID: [Int64: Int]] = [:]
        var counts = (removals: 0, purchases: 0, followed: 0)
        for event in events {
            let held = carts[event.user]?[event.key] ?? 0
            switch event.kind {
            case .addToCart: carts[event.user, default: [:]][event.key] = held + 1
            case .removeFromCart:
                counts.removals += 1
                #expect(held > 0, "user \(event.user) removes \(event.key)")
                carts[event.user]?[event.key] = held - 1
            case .productBuy:
                counts.purchases += 1
                if held > 0 {
                    counts.followed += 1
                    carts[event.user]?[event.key] = held - 1
                }
            case .pageVisit, .searchQuery: break
            }
        }
        #expect(counts.removals > 300 && counts.purchases > 300)
        #expect(Double(counts.followed) > 0.9 * Double(counts.purchases))
        #expect(counts.followed < counts.purchases)
    }

    @Test func `evenings are busier than nights, and weekdays differ`() throws {
        let events = try SimulatedShop(smallShop(users: 20_000)).events()
        var hours = [Int](repeating: 0, count: 24)
        for event in events { hours[Int(event.seconds / 3600 % 24)] += 1 }
        #expect(hours[20] > 10 * hours[3])
    }

    @Test func `late events are later in the log than their time, and nothing else changes`()
        throws
    {
        let inTime = try SimulatedShop(smallShop()).events()
        var options = smallShop()
        options.lateShare = 0.1
        let mixed = try SimulatedShop(options).events()
        let isLate = zip(mixed, mixed.dropFirst()).map { $0.seconds > $1.seconds }
        let share = Double(isLate.count { $0 }) / Double(mixed.count)
        #expect(share > 0.05 && share < 0.11)
        #expect(Set(inTime) == Set(mixed) && inTime.count == mixed.count)
    }

    @Test func `urls, categories and queries tell of the items behind them`() throws {
        let shop = try SimulatedShop(smallShop(users: 5000))
        let table = try shop.integers("urls")
        var itemOfUrl: [Int64: Int64] = [:]
        for row in stride(from: 0, to: table.count, by: 2) {
            #expect(itemOfUrl.updateValue(table[row + 1], forKey: table[row]) == nil)
        }
        // Before an addition the user most often has opened a page of that item.
        var last: [UserID: Int64] = [:]
        var counts = (additions: 0, opened: 0)
        for event in try shop.events() {
            if event.kind == .pageVisit {
                let item = try #require(itemOfUrl[event.key], "url \(event.key) is unknown")
                last[event.user] = item
            } else if event.kind == .addToCart {
                counts.additions += 1
                if last[event.user] == event.key { counts.opened += 1 }
            }
        }
        #expect(counts.additions > 200)
        #expect(Double(counts.opened) > 0.6 * Double(counts.additions))
    }
}
