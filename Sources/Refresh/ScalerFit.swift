import Events
import Features

/// Collects the raw values of every scaled column and fits the scalers (docs/rows.md §5).
///
/// Only `count` columns keep a histogram. A count of the user's takes at most as many values as the
/// busiest user has events; a count of the shop's at most √(2 · events), since so many different
/// ones already add up to all of them.
struct ScalerFit: FitObserver {
    /// One column: a histogram for power transforms, else the extremes.
    private struct Column: Sendable {
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

    mutating func observe(_ scratch: FoldScratch, _ tally: inout KeyTally) {
        add(scratch.keys, scratch.raw)
    }

    /// Adds what another one has collected, of other rows.
    mutating func merge(_ other: ScalerFit) {
        for column in columns.indices {
            columns[column].histogram.merge(other.columns[column].histogram, uniquingKeysWith: +)
            columns[column].low = min(columns[column].low, other.columns[column].low)
            columns[column].high = max(columns[column].high, other.columns[column].high)
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
