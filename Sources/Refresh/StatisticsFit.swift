import Events
import Features

/// Gathers, over a log, the key statistics that a generation freezes (docs/rows.md §5).
///
/// A user's events are tallied by the user first (`KeyObserver`); a tally is added when its user's last event is
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
