import Events
import Features
import Learning
import Testing

@Suite struct LabelTests {
    private let window = LabelWindow(cutSeconds: 1_000_000)
    private let targets = TargetLists(categories: [40, 7], items: [5, 900, 6])

    private func labels(_ events: [(EventKind, Int64, Int64, Int64?)]) -> TaskLabels {
        var record = PurchaseRecord()
        for (kind, seconds, item, category) in events {
            record.add(
                EnrichedEvent(
                    Event(user: UserID(rawValue: 1), seconds: seconds, kind: kind, key: item),
                    CatalogueEntry(category: category)), window, targets)
        }
        return record.labels
    }

    @Test func `count purchases from the cut on, for two weeks, half-open`() {
        let nothing = TaskLabels(churned: true, categories: [], items: [])
        let end: Int64 = 1_000_000 + 14 * 86_400
        #expect(labels([]) == nothing)
        #expect(labels([(.productBuy, 999_999, 5, 7), (.productBuy, end, 5, 7)]) == nothing)
        #expect(labels([(.addToCart, 1_000_000, 5, 7)]) == nothing)
        let bought = TaskLabels(churned: false, categories: [1], items: [0])
        #expect(labels([(.productBuy, 1_000_000, 5, 7)]) == bought)
        #expect(labels([(.productBuy, end - 1, 5, 7)]) == bought)
        #expect(window.future == 1_000_000..<1_000_000 + 28 * 86_400)
    }

    @Test func `say once what was bought more than once, and not what is on no list`() {
        #expect(
            labels([
                (.productBuy, 1_000_001, 6, 40), (.productBuy, 1_000_002, 6, 40),
                (.productBuy, 1_000_003, 900, nil), (.productBuy, 1_000_004, 77, 78),
            ]) == TaskLabels(churned: false, categories: [0], items: [1, 2]))
        #expect(
            labels([(.productBuy, 1_000_001, 77, 78)])
                == TaskLabels(churned: false, categories: [], items: []))
    }

    @Test func `target lists hold the most bought, ties to the smaller id`() {
        var statistics = FrozenStatistics.empty
        var tables: [KeyTable: [Int64: KeyStatistic]] = [:]
        tables[.items] = [:]
        for item in 0..<300 as Range<Int64> {
            tables[.items]?[item] = KeyStatistic(buy: item / 2, add: 1000, remove: 0)
        }
        tables[.categories] = [
            3: KeyStatistic(buy: 2), 1: KeyStatistic(buy: 2), 2: KeyStatistic(buy: 9),
            4: KeyStatistic(add: 50),
        ]
        statistics.tables = tables
        let lists = TargetLists(statistics)
        #expect(lists.categories == [2, 1, 3])
        #expect(lists.items.count == 100 && lists.items.prefix(4) == [298, 299, 296, 297])
        #expect(lists.place(ofItem: 297) == 3 && lists.place(ofItem: 0) == nil)
        #expect(lists.place(ofCategory: 1) == 1 && lists.place(ofCategory: 4) == nil)
    }

    @Test func `a vocabulary numbers the most frequent, 0 for the rest`() {
        var statistics = FrozenStatistics.empty
        var items: [Int64: KeyStatistic] = [:]
        for item in 0..<6000 as Range<Int64> {
            items[item] = KeyStatistic(buy: 1, add: item, remove: 1)
        }
        statistics.tables = [.items: items, .urls: [9: KeyStatistic(buy: 4)]]
        let vocabulary = RowVocabulary(statistics)
        #expect(vocabulary.items.count == 5000)
        #expect(vocabulary.item(5999) == 1 && vocabulary.item(1000) == 5000)
        #expect(vocabulary.item(999) == 0 && vocabulary.item(-1) == 0)
        #expect(vocabulary.url(9) == 1 && vocabulary.category(9) == 0)
    }

    @Test func `times fall into classes twice as long as the ones before`() {
        for (seconds, bucket) in [
            (-5, 0), (0, 0), (1, 1), (2, 2), (3, 2), (4, 3), (3600, 12), (1 << 30, 31),
            (.max, 31),
        ] as [(Int64, UInt8)] {
            #expect(LogBuckets.index(seconds: seconds) == bucket)
        }
    }

    @Test func `holds out a tenth of the users, half for early stopping, half for the gate`() {
        let holdOut = HoldOut()
        var counts: [HoldOut.Part: Int] = [:]
        for id in 0..<100_000 as Range<Int64> {
            counts[holdOut.part(of: UserID(rawValue: id)), default: 0] += 1
        }
        // Binomial: ± 5 standard deviations.
        #expect(abs((counts[.earlyStopping] ?? 0) - 5000) < 345)
        #expect(abs((counts[.gate] ?? 0) - 5000) < 345)
        // Constant for ever: a gate must not meet users whom an older encoder was trained on.
        let parts = (0..<40).map { holdOut.part(of: UserID(rawValue: $0)) }
        #expect(parts.enumerated().filter { $1 != .training }.map(\.offset) == HeldUsers.first)
        // A smaller share holds out fewer of the same users.
        let fewer = HoldOut(share: 0.02)
        for id in 0..<5000 as Range<Int64> {
            let user = UserID(rawValue: id)
            if fewer.part(of: user) != .training { #expect(holdOut.part(of: user) != .training) }
        }
    }
}

/// Users 0…39 who are held out, by SplitMix64's finalizer written again in Python.
private enum HeldUsers {
    static let first = [17, 37]
}
