import Events
import Features
import Kernels
import Learning
import Sessions

/// Gathers, over a log, what a generation freezes (docs/rows.md §5).
///
/// The log is folded twice by the same reducer that serves live: the first pass counts keys and
/// collects texts to cluster, the second, which knows the clusters, collects the raw columns that
/// the scalers are fitted to.
struct StatisticsFit {
    /// Counts of one key, and its weight by user for the entropy.
    private struct KeyCount {
        var lanes: [3 of Int64] = [0, 0, 0]
        var users: [UserID: Int64] = [:]
    }

    /// Items and categories in the top lists.
    static let topCount = 150
    /// Centroids wanted of names and of queries.
    static let clusterCount = 100

    private var counts: [KeyTable: [Int64: KeyCount]] = [:]
    private var queryTexts: [Int64: TextVector] = [:]

    /// Counts what a fold has just done: its events, and the sessions it closed by their first key.
    mutating func add(_ scratch: FoldScratch, _ user: UserID, _ statistics: FrozenStatistics) {
        for event in scratch.folded {
            add(
                event, nameCluster: statistics.nameCluster(event.name),
                queryCluster: statistics.queryCluster(event.event.query))
        }
        for row in scratch.keys {
            switch row.kind {
            case .pageVisit:
                addSession(.urls, key: row.key, user: user)
            case .searchQuery:
                guard let query = queryTexts[row.key] else { continue }
                addSession(.queries, key: row.key, user: user)
                if let cluster = statistics.queryCluster(query) {
                    addSession(.queryClusters, key: cluster, user: user)
                }
            case .addToCart, .removeFromCart, .productBuy: continue
            }
        }
    }

    /// Counts one folded event; sessions are counted by `addSession`.
    private mutating func add(
        _ event: EnrichedEvent, nameCluster: Int64?, queryCluster: Int64?
    ) {
        let user = event.event.user
        switch event.event.kind {
        case .pageVisit:
            count(.urls, event.event.key, lane: 0, user: nil)
        case .searchQuery:
            guard let query = event.event.query else { return }
            let key = FrozenStatistics.queryKey(query)
            queryTexts[key] = query
            count(.queries, key, lane: 0, user: nil)
            if let queryCluster { count(.queryClusters, queryCluster, lane: 0, user: nil) }
        case .addToCart, .removeFromCart, .productBuy:
            let lane =
                event.event.kind == .productBuy ? 0 : event.event.kind == .addToCart ? 1 : 2
            count(.items, event.event.key, lane: lane, user: user)
            if let category = event.category {
                count(.categories, category, lane: lane, user: user)
            }
            if let nameCluster { count(.nameClusters, nameCluster, lane: lane, user: user) }
        }
    }

    /// Counts one closed session under its first key.
    private mutating func addSession(_ table: KeyTable, key: Int64, user: UserID) {
        counts[table, default: [:]][key, default: KeyCount()].users[user, default: 0] += 1
    }

    /// The key tables.
    func tables() -> [KeyTable: [Int64: KeyStatistic]] {
        counts.mapValues { table in
            table.mapValues { count in
                let weights = count.users.sorted { $0.key < $1.key }.map(\.value)
                return KeyStatistic(
                    buy: count.lanes[0], add: count.lanes[1], remove: count.lanes[2],
                    entropy: Entropy.published(weights))
            }
        }
    }

    /// The most bought keys of a table, ties to the smaller id.
    func top(_ table: KeyTable) -> Set<Int64> {
        let bought = (counts[table] ?? [:]).filter { $0.value.lanes[0] > 0 }
        let ranked = bought.sorted {
            $0.value.lanes[0] != $1.value.lanes[0]
                ? $0.value.lanes[0] > $1.value.lanes[0] : $0.key < $1.key
        }
        return Set(ranked.prefix(Self.topCount).map(\.key))
    }

    private mutating func count(_ table: KeyTable, _ key: Int64, lane: Int, user: UserID?) {
        counts[table, default: [:]][key, default: KeyCount()].lanes[lane] += 1
        if let user {
            counts[table, default: [:]][key, default: KeyCount()].users[user, default: 0] += 1
        }
    }
}

/// Collects the raw values of every scaled column and fits the scalers.
struct ScalerFit {
    /// One column: a histogram for power transforms, else the extremes.
    private struct Column {
        var histogram: [Double: Int64] = [:]
        var low = Double.infinity
        var high = -Double.infinity
    }

    private var columns = [Column](
        repeating: Column(), count: RowTable.allCases.count * RowLayout.width)

    /// Adds raw rows, `[rows, 64]`; NaN marks an absent value, which does not count.
    mutating func add(_ keys: [RowKey], _ raw: [Double]) {
        for (index, key) in keys.enumerated() {
            let table = RowTable(key.kind)
            for position in 0..<RowLayout.width {
                let treatment = RowLayout.treatment(table, position)
                let value = raw[index * RowLayout.width + position]
                guard treatment != .direct, !value.isNaN else { continue }
                let column = table.rawValue * RowLayout.width + position
                if treatment == .count { columns[column].histogram[value, default: 0] += 1 }
                columns[column].low = min(columns[column].low, value)
                columns[column].high = max(columns[column].high, value)
            }
        }
    }

    /// The scalers of every kind of row, by `RowTable.rawValue`.
    func scalers() -> [RowScalers] {
        RowTable.allCases.map { table in
            RowScalers(
                table: table,
                scalers: (0..<RowLayout.width).map { scaler(table, $0) })
        }
    }

    private func scaler(_ table: RowTable, _ position: Int) -> Scaler {
        let treatment = RowLayout.treatment(table, position)
        let column = columns[table.rawValue * RowLayout.width + position]
        guard treatment != .direct, column.low <= column.high else {
            return Scaler(treatment: treatment, lambda: 0, low: 0, high: 0)
        }
        let histogram = column.histogram.sorted { $0.key < $1.key }
            .map { (value: $0.key, count: $0.value) }
        let lambda = treatment == .count ? YeoJohnson.fit(histogram) : 0
        var scaler = Scaler(treatment: treatment, lambda: lambda, low: 0, high: 0)
        scaler.low = scaler.transform(column.low)
        scaler.high = scaler.transform(column.high)
        return scaler
    }
}
