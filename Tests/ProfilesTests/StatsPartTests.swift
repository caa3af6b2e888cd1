import Events
import Features
import Profiles
import Testing

@Suite struct StatsPartTests {
    /// Midnight of Wednesday 2022-11-09 UTC.
    private static let start: Int64 = 1_667_952_000

    /// A visit, then an addition, a purchase and a removal at 10, 20 and 30 s; item 1 was bought
    /// three times by everybody and stands in the top list, item 99 is unknown.
    private func state() -> UserState {
        let statistics = FrozenStatistics(
            tables: [.items: [1: KeyStatistic(buy: 3)]], topItems: [1], topCategories: [],
            nameCentroids: [], queryCentroids: [], scalers: FrozenStatistics.empty.scalers)
        let reducer = Reducer(statistics: statistics, options: FoldOptions())
        var state = UserState(firstOffset: 0, options: reducer.options)
        var scratch = FoldScratch()
        let events: [(EventKind, Int64, UInt8?)] = [
            (.pageVisit, 7, nil), (.addToCart, 1, 40), (.productBuy, 1, 60),
            (.removeFromCart, 99, nil),
        ]
        for (index, (kind, key, price)) in events.enumerated() {
            let event = Event(
                user: UserID(rawValue: 1), seconds: Self.start + 10 * Int64(index), kind: kind,
                key: key)
            reducer.admit(
                EnrichedEvent(event, CatalogueEntry(price: price)), at: Int64(index), into: &state,
                &scratch)
        }
        return reducer.settled(state, &scratch)
    }

    // python3, with L = math.log1p and d(s) = 1 / (1 + s / 86400), as_of a day after the last event:
    //   [L(1), 0, L(1), L(1), L(1), d(86430), 0, d(86420), d(86400), d(86410), d(86400),
    //    L(86430 / 86400), L(1), L(4), L(4)] + [L(4)] * 5 + [L(1), 0, 0, 0, L(3), L(1), L(1), 1 / 3,
    //    L(1 / 3), .6, .6, .6, .4, 1, 2 * L(3) / 3, 2 / 3, 0, L(2), 0, 0, L(1), 0,
    //    math.log2(3) - 2 / 3, 0, 0, 0, L(4), 0]
    @Test func `every column of a small user`() {
        let golden: [Double] = [
            0.693_147_181, 0, 0.693_147_181, 0.693_147_181, 0.693_147_181,
            0.499_913_21, 0, 0.499_942_136, 0.5, 0.499_971_066, 0.5, 0.693_320_777,
            0.693_147_181, 1.609_437_912, 1.609_437_912, 1.609_437_912, 1.609_437_912,
            1.609_437_912, 1.609_437_912, 1.609_437_912, 0.693_147_181, 0, 0, 0,
            1.386_294_361, 0.693_147_181, 0.693_147_181, 0.333_333_333, 0.287_682_072,
            0.6, 0.6, 0.6, 0.4, 1, 0.924_196_241, 0.666_666_667, 0, 1.098_612_289, 0,
            0, 0.693_147_181, 0, 0.918_295_834, 0, 0, 0, 1.609_437_912, 0,
        ]
        let values = StatsPart.values(state(), asOf: Self.start + 86_430)
        #expect(values.count == StatsPart.width)
        #expect(golden.count == StatsPart.width)
        for (index, (value, want)) in zip(values, golden).enumerated() {
            #expect(
                abs(Double(value) - want) < 1e-6,
                "\(StatsPart.columns[index]): \(value), not \(want)")
        }
    }

    @Test func `columns have different names, and as many as there are values`() {
        #expect(Set(StatsPart.columns).count == StatsPart.width)
        let state = UserState(firstOffset: 0, options: FoldOptions())
        #expect(StatsPart.values(state, asOf: 0) == Array(repeating: 0, count: StatsPart.width))
    }

    @Test func `only recencies, ages and weeks depend on as_of`() {
        let state = state()
        let now = StatsPart.values(state, asOf: Self.start + 86_430)
        let later = StatsPart.values(state, asOf: Self.start + 400 * 86_400)
        let changed = now.indices.filter { now[$0] != later[$0] }.map { StatsPart.columns[$0] }
        #expect(
            changed.allSatisfy {
                $0.contains("recency") || $0.contains("days since") || $0.contains("weeks")
            }, "\(changed)")
        // Four recencies and that of any event, the age, and five spans of weeks.
        #expect(changed.count == 11)
        // Before the user's first event nothing is negative.
        let before = StatsPart.values(state, asOf: 0)
        #expect(before.allSatisfy { $0 >= 0 && $0.isFinite })
    }
}
