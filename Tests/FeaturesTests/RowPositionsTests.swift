import Events
import Features
import Kernels
import Sessions
import TestSupport
import Testing

/// Every position of every kind of row, on one user small enough to work out by hand.
///
/// The user, from midnight of Wednesday 2022-11-09 UTC: visit of url 7 at 0 s, search (components
/// 10) at 60 s, add of item 5 at 100 s, purchase of it at 160 s, removal of the unknown item 6 at
/// 170 s, visit of url 9 on Thursday of the next week at 13:00, and visits much later.
@Suite struct RowPositionsTests {
    private static let midnight: Int64 = 1_667_952_000
    private static let query = text(10)

    private static let statistics = FrozenStatistics(
        tables: [
            .items: [5: KeyStatistic(buy: 10, add: 20, remove: 5, entropy: 1.5)],
            .categories: [3: KeyStatistic(buy: 100, add: 50, remove: 25, entropy: 2.5)],
            .nameClusters: [
                0: KeyStatistic(buy: 1, add: 1, remove: 1, entropy: 9),
                1: KeyStatistic(buy: 7, add: 8, remove: 9, entropy: 0.5),
            ],
            .urls: [7: KeyStatistic(buy: 1000, entropy: 3)],
            .queries: [
                FrozenStatistics.queryKey(query): KeyStatistic(buy: 40, entropy: 0.25)
            ],
            .queryClusters: [0: KeyStatistic(buy: 60, entropy: 0.75)],
        ],
        topItems: [5], topCategories: [4],
        nameCentroids: FrozenStatistics.centroids([0, 255]),
        queryCentroids: FrozenStatistics.centroids([0, 200]),
        scalers: RowTable.allCases.map(FrozenStatistics.livelyScalers))

    private static let fold: FoldHarness = {
        var fold = FoldHarness(FoldOptions(), statistics)
        let known = CatalogueEntry(category: 3, price: 49, name: text(255))
        fold.admit(.pageVisit, at: midnight, key: 7)
        fold.admit(
            EnrichedEvent(event(.searchQuery, at: midnight + 60, key: 0, query: query)))
        fold.admit(EnrichedEvent(event(.addToCart, at: midnight + 100, key: 5), known))
        fold.admit(EnrichedEvent(event(.productBuy, at: midnight + 160, key: 5), known))
        fold.admit(.removeFromCart, at: midnight + 170, key: 6)
        fold.admit(.pageVisit, at: midnight + 8 * 86_400 + 13 * 3600, key: 9)
        fold.settle()
        return fold
    }()

    // 2022-11-09: (hour 0) 0/23·2−1, (Wednesday) 2/6·2−1, 9/31·2−1.
    private static let wednesday = [
        5: -1, 6: -0.333_333_333_333_333_3, 7: -0.419_354_838_709_677_4,
    ]

    /// What does not change over the rows of item 5 (16: 10/20, 36: 100/50, 43: 255/127.5 − 1).
    private static let shop: [Int: Double] = {
        var row: [Int: Double] = [
            16: 0.5, 20: 1, 24: 7, 25: 8, 26: 9, 27: 0.5, 28: 1.5, 29: 10, 30: 20, 31: 5, 36: 2,
            38: 100, 39: 50, 40: 25, 41: 2.5, 42: 0.5,
        ]
        for position in 43...58 { row[position] = 1 }
        return row
    }()

    @Test func `rows stand where they should`() {
        let keys = Self.fold.scratch.keys.prefix(6)
        #expect(
            keys.map(\.kind) == [
                .addToCart, .productBuy, .removeFromCart, .pageVisit, .searchQuery, .pageVisit,
            ])
        #expect(
            keys.map { $0.seconds - Self.midnight } == [100, 160, 170, 2400, 2460, 740_400])
        #expect(
            keys.map(\.key) == [5, 5, 6, 7, FrozenStatistics.queryKey(Self.query), 9])
        #expect(keys.map(\.category) == [3, 3, nil, nil, nil, nil])
        #expect(keys.map(\.price) == [49, 49, nil, nil, nil, nil])
    }

    @Test func `the row of the cart addition`() {
        expectRow(
            0, Self.wednesday, Self.shop,
            [1: 1, 9: 1, 18: 1, 22: 1, 34: 1, 60: 100])
    }

    @Test func `the row of the purchase`() {
        expectRow(
            1, Self.wednesday, Self.shop,
            [
                0: 1, 8: 1, 9: 1, 14: 1, 15: 1, 17: 1, 18: 1, 21: 1, 22: 1, 33: 1, 34: 1, 37: 1,
                59: 60, 60: 160,
            ])
    }

    // Items weigh 2 and 1: log2(3) − 2/3 = 0.9182958340544896 bits. No price: NaN, absent.
    @Test func `the row of the removal of an unknown item`() {
        expectRow(
            2, Self.wednesday,
            [
                2: 1, 10: 1, 11: 0.918_295_834_054_489_6, 15: 1, 17: 1, 18: 1, 19: 1, 42: .nan,
                59: 10, 60: 170,
            ])
    }

    // Closes at 2400 s, after which four rows stand in this week; all products are within 300 s.
    @Test func `the row of the first visit session`() {
        expectRow(
            3, Self.wednesday,
            [3: 1, 8: 1, 9: 1, 10: 3, 11: 1000, 12: 1, 14: 3, 16: 4, 59: 2230, 60: 2400])
    }

    // 10/127.5 − 1 = −0.9215686274509804; the cluster is that of the zeros.
    @Test func `the row of the search session`() {
        var query: [Int: Double] = [:]
        for position in 21...36 { query[position] = -0.921_568_627_450_980_4 }
        expectRow(
            4, Self.wednesday, query,
            [
                4: 1, 8: 1, 9: 1, 12: 40, 13: 60, 14: 1, 15: 0.25, 16: 0.75, 17: 1, 19: 3, 59: 60,
                60: 2460,
            ])
    }

    // Thursday 2022-11-17, 13:40: 13/23·2−1, 3/6·2−1, 17/31·2−1; last week had five rows.
    @Test func `the row of the second visit session`() {
        expectRow(
            5,
            [
                3: 1, 5: 0.130_434_782_608_695_65, 6: 0, 7: 0.096_774_193_548_387_1, 8: 1, 9: 2,
                16: 1, 17: 5, 59: 737_940, 60: 740_400,
            ])
    }

    // numpy 2.4, for the purchase's row under `livelyScalers`:
    //   f = lambda x: np.float16(np.float32(np.clip(2 * x - 1, -1, 1)))
    //   yj = lambda x, l: np.log1p(x) if l == 0 else np.expm1(l * np.log1p(x)) / l
    //   f(yj(x, l) / yj(60, l)) for positions 8, 9, 29, 38 (x = 1, 1, 10, 100; l = 0.25, 0.5, 0.5,
    //   0.25); f(np.log1p(x) / np.log1p(3e6)) for 28 and 59 (x = 1.5, 60); f(2 / 4000) for 36;
    //   f(0.5) for 42
    @Test func `scaled and rounded as numpy does`() {
        let bits = Self.fold.bits(1)
        let expected: [Int: Float] = [
            8: -0.789_062_5, 9: -0.878_417_968_75, 28: -0.876_953_125, 29: -0.319_580_078_125,
            36: -0.999_023_437_5, 38: 1.0, 42: 0.0, 59: -0.448_730_468_75,
        ]
        for (position, value) in expected {
            #expect(float(fromHalf: bits[position]) == value, "position \(position)")
        }
        // Positions that a kind of row does not use are 0, not a scaled 0.
        for position in [61, 62, 63] { #expect(bits[position] == 0) }
        for position in 33...58 { #expect(Self.fold.bits(3)[position] == 0) }
        // An absent price is 0; a text that is absent too.
        #expect(Self.fold.bits(2)[42] == 0)
        #expect(Self.fold.bits(2)[43] == 0)
    }

    @Test func `the mask of used positions and the treatments agree with the page`() {
        for table in RowTable.allCases {
            for position in 0..<RowLayout.width where !RowLayout.isUsed(table, position) {
                #expect(RowLayout.treatment(table, position) == .direct, "\(table) \(position)")
            }
        }
        #expect(!RowLayout.isUsed(.visit, 33) && RowLayout.isUsed(.visit, 32))
        #expect(!RowLayout.isUsed(.search, 37) && RowLayout.isUsed(.search, 36))
        #expect(RowLayout.isUsed(.product, 58) && !RowLayout.isUsed(.product, 62))
    }

    /// Compares raw row `index` with what the dictionaries say, every other position being 0.
    private func expectRow(_ index: Int, _ parts: [Int: Double]...) {
        let raw = Self.fold.raw(index)
        var expected = [Double](repeating: 0, count: RowLayout.width)
        for part in parts { for (position, value) in part { expected[position] = value } }
        for position in raw.indices {
            let isSame =
                expected[position].isNaN
                ? raw[position].isNaN : abs(raw[position] - expected[position]) < 1e-14
            #expect(isSame, "\(position): \(raw[position]), not \(expected[position])")
        }
    }
}
