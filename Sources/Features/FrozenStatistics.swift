import Events
import Kernels

/// What a key (item, category, name cluster, url, query, query cluster) is worth to everybody.
package struct KeyStatistic: Hashable, Sendable {
    /// Buys, adds and removes of a product key; of urls and queries, events in the first lane.
    package var counts: [3 of Int64]
    /// Entropy over users, bits (`Entropy.published`).
    package var entropy: Double

    package init(buy: Int64 = 0, add: Int64 = 0, remove: Int64 = 0, entropy: Double = 0) {
        counts = [buy, add, remove]
        self.entropy = entropy
    }

    package static func == (left: Self, right: Self) -> Bool {
        left.counts[0] == right.counts[0] && left.counts[1] == right.counts[1]
            && left.counts[2] == right.counts[2] && left.entropy == right.entropy
    }

    /// Feeds the four numbers; arrays of fixed size do not do it themselves.
    package func hash(into hasher: inout Hasher) {
        for lane in 0..<3 { hasher.combine(counts[lane]) }
        hasher.combine(entropy)
    }
}

/// The six tables of key statistics, in the order in which files list them.
package enum KeyTable: String, Sendable, CaseIterable, Codable {
    case items
    case categories
    case nameClusters = "name-clusters"
    case urls
    case queries
    case queryClusters = "query-clusters"
}

/// Everything about the shop that a generation froze: no user's fold reads anything else.
///
/// A key that the fit did not see counts 0 with entropy 0.
package struct FrozenStatistics: Sendable {
    /// By table, then key.
    package var tables: [KeyTable: [Int64: KeyStatistic]]
    /// The 150 most bought items and categories; ties to the smaller id.
    package var topItems: Set<Int64>
    package var topCategories: Set<Int64>
    /// `[k, 16]` each, row-major; empty when there was nothing to cluster.
    package var nameCentroids: [Float]
    package var queryCentroids: [Float]
    /// By `RowTable.rawValue`.
    package var scalers: [RowScalers]

    // The six tables again, one stored property each: the fold reads them for every event.
    private var items: [Int64: KeyStatistic] = [:]
    private var categories: [Int64: KeyStatistic] = [:]
    private var nameClusters: [Int64: KeyStatistic] = [:]
    private var urls: [Int64: KeyStatistic] = [:]
    private var queries: [Int64: KeyStatistic] = [:]
    private var queryClusters: [Int64: KeyStatistic] = [:]

    package init(
        tables: [KeyTable: [Int64: KeyStatistic]], topItems: Set<Int64>,
        topCategories: Set<Int64>, nameCentroids: [Float], queryCentroids: [Float],
        scalers: [RowScalers]
    ) {
        precondition(scalers.count == RowTable.allCases.count, "FrozenStatistics: want 3 scalers")
        self.tables = tables
        self.topItems = topItems
        self.topCategories = topCategories
        self.nameCentroids = nameCentroids
        self.queryCentroids = queryCentroids
        self.scalers = scalers
        items = tables[.items] ?? [:]
        categories = tables[.categories] ?? [:]
        nameClusters = tables[.nameClusters] ?? [:]
        urls = tables[.urls] ?? [:]
        queries = tables[.queries] ?? [:]
        queryClusters = tables[.queryClusters] ?? [:]
    }

    /// Generation 0's: nothing is known, every scaled column is −1.
    package static let empty = FrozenStatistics(
        tables: [:], topItems: [], topCategories: [], nameCentroids: [], queryCentroids: [],
        scalers: RowTable.allCases.map(RowScalers.unfitted))

    /// The statistic of a key; zeros for an unknown or absent one.
    package func statistic(_ table: KeyTable, _ key: Int64?) -> KeyStatistic {
        guard let key else { return KeyStatistic() }
        let found =
            switch table {
            case .items: items[key]
            case .categories: categories[key]
            case .nameClusters: nameClusters[key]
            case .urls: urls[key]
            case .queries: queries[key]
            case .queryClusters: queryClusters[key]
            }
        return found ?? KeyStatistic()
    }

    /// The cluster of an item name; nil without a name or without centroids.
    package func nameCluster(_ name: TextVector?) -> Int64? {
        Self.cluster(name, nameCentroids)
    }

    /// The cluster of a query; nil without a query or without centroids.
    package func queryCluster(_ query: TextVector?) -> Int64? {
        Self.cluster(query, queryCentroids)
    }

    /// The key under which a query is counted: a 64-bit mix of its 16 bytes.
    package static func queryKey(_ query: TextVector) -> Int64 {
        let mixed = query.low &* 0x9E37_79B9_7F4A_7C15 ^ (query.high &+ 0xD1B5_4A32_D192_ED03)
        var z = mixed ^ (mixed >> 32)
        z = z &* 0xD6E8_FEB8_6659_FD93
        z ^= z >> 32
        z = (z ^ query.high) &* 0xD6E8_FEB8_6659_FD93
        return Int64(bitPattern: z ^ (z >> 32))
    }

    private static func cluster(_ vector: TextVector?, _ centroids: [Float]) -> Int64? {
        guard let vector, !centroids.isEmpty else { return nil }
        return Int64(
            nearestCentroid(
                of: (0..<16).map { vector[$0] }.span, centroids: centroids.span,
                count: centroids.count / 16))
    }
}
