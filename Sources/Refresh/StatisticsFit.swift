import Events
import Features

/// Gathers, over a log, the key statistics that a generation freezes (docs/rows.md §5).
///
/// A user's events are tallied by the user first; a tally is added when its user's last event is
/// folded. What is kept of the users is how many have a key so often, so that sums do not depend
/// on the order of users.
struct StatisticsFit {
    /// Counts of one key, and its weights by user for the entropy.
    private struct KeyCount {
        var lanes: [3 of Int64] = [0, 0, 0]
        /// Users with weight 1: of most keys all there are.
        var singleCount: Int64 = 0
        /// Of users with a greater weight, ascending.
        var others: [(count: Int64, times: Int64)] = []

        mutating func add(_ user: [4 of Int64], weight: Int64) {
            for lane in 0..<3 { lanes[lane] += user[lane] }
            guard weight > 1 else {
                singleCount += weight
                return
            }
            var (low, high) = (0, others.count)
            while low < high {
                let middle = (low + high) / 2
                if others[middle].count < weight { low = middle + 1 } else { high = middle }
            }
            if low < others.count, others[low].count == weight {
                others[low].times += 1
            } else {
                others.insert((count: weight, times: 1), at: low)
            }
        }

        var statistic: KeyStatistic {
            KeyStatistic(
                buy: lanes[0], add: lanes[1], remove: lanes[2],
                entropy: Entropy.published(
                    histogram: [(count: 1, times: singleCount)] + others))
        }
    }

    /// Items and categories in the top lists.
    static let topCount = 150
    /// Centroids wanted of names and of queries.
    static let clusterCount = 100

    /// By `KeyTable.place`.
    private var counts = [[Int64: KeyCount]](repeating: [:], count: KeyTable.allCases.count)
    /// The cluster of each query that was folded, by its key; nil without centroids.
    private var clusters: [Int64: Int64?] = [:]

    /// Tallies what a fold has just done: its events, and the sessions it closed by their first
    /// key.
    mutating func tally(
        _ scratch: FoldScratch, _ statistics: FrozenStatistics, into tally: inout KeyTally
    ) {
        for event in scratch.folded { self.tally(event, statistics, into: &tally) }
        for row in scratch.keys {
            switch row.kind {
            case .pageVisit:
                tally.add(.urls, row.key, lane: KeyTally.sessionLane)
            case .searchQuery:
                // A session whose first search had no query has key 0.
                guard let known = clusters[row.key] else { continue }
                tally.add(.queries, row.key, lane: KeyTally.sessionLane)
                if let cluster = known {
                    tally.add(.queryClusters, cluster, lane: KeyTally.sessionLane)
                }
            case .addToCart, .removeFromCart, .productBuy: continue
            }
        }
    }

    private mutating func tally(
        _ event: EnrichedEvent, _ statistics: FrozenStatistics, into tally: inout KeyTally
    ) {
        switch event.event.kind {
        case .pageVisit:
            tally.add(.urls, event.event.key, lane: 0)
        case .searchQuery:
            guard let query = event.event.query else { return }
            let key = FrozenStatistics.queryKey(query)
            let cluster: Int64?
            if let known = clusters[key] {
                cluster = known
            } else {
                cluster = statistics.queryCluster(query)
                clusters.updateValue(cluster, forKey: key)
            }
            tally.add(.queries, key, lane: 0)
            if let cluster { tally.add(.queryClusters, cluster, lane: 0) }
        case .addToCart, .removeFromCart, .productBuy:
            let lane =
                event.event.kind == .productBuy ? 0 : event.event.kind == .addToCart ? 1 : 2
            tally.add(.items, event.event.key, lane: lane)
            if let category = event.category { tally.add(.categories, category, lane: lane) }
            if let cluster = statistics.nameCluster(event.name) {
                tally.add(.nameClusters, cluster, lane: lane)
            }
        }
    }

    /// Adds everything that one user did; once a user, in any order of users.
    mutating func add(_ tally: inout KeyTally) {
        tally.readOut { table, key, lanes in
            let events = lanes[0] + lanes[1] + lanes[2]
            let weight =
                switch table {
                case .items, .categories, .nameClusters: events
                case .urls, .queries, .queryClusters: lanes[KeyTally.sessionLane]
                }
            counts[Int(table.place)][key, default: KeyCount()].add(lanes, weight: weight)
        }
    }

    /// The key tables; one without keys is absent.
    func tables() -> [KeyTable: [Int64: KeyStatistic]] {
        var tables: [KeyTable: [Int64: KeyStatistic]] = [:]
        for table in KeyTable.allCases where !counts[Int(table.place)].isEmpty {
            tables[table] = counts[Int(table.place)].mapValues(\.statistic)
        }
        return tables
    }

    /// The most bought keys of a table, ties to the smaller id.
    func top(_ table: KeyTable) -> Set<Int64> {
        let bought = counts[Int(table.place)].filter { $0.value.lanes[0] > 0 }
        let ranked = bought.sorted {
            $0.value.lanes[0] != $1.value.lanes[0]
                ? $0.value.lanes[0] > $1.value.lanes[0] : $0.key < $1.key
        }
        return Set(ranked.prefix(Self.topCount).map(\.key))
    }
}
