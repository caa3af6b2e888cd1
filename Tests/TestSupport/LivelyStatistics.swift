import Features

extension FrozenStatistics {
    /// Made-up statistics of keys `0..<keyCount` under which every column of a row varies.
    package static func lively(
        keyCount: Int64, topItems: Set<Int64>, topCategories: Set<Int64>
    ) -> FrozenStatistics {
        var tables: [KeyTable: [Int64: KeyStatistic]] = [:]
        for table in KeyTable.allCases {
            for key in 0..<keyCount {
                tables[table, default: [:]][key] = KeyStatistic(
                    buy: key * 3, add: key * 5, remove: key, entropy: Double(key) / 7)
            }
        }
        return FrozenStatistics(
            tables: tables, topItems: topItems, topCategories: topCategories,
            nameCentroids: centroids([0, 90, 180, 255]), queryCentroids: centroids([20, 128, 240]),
            scalers: RowTable.allCases.map(livelyScalers))
    }

    /// `[n, 16]`: centroids whose 16 components are equal.
    package static func centroids(_ components: [Float]) -> [Float] {
        components.flatMap { Array(repeating: $0, count: 16) }
    }

    /// Scalers that stretch every column, for one kind of row.
    package static func livelyScalers(_ table: RowTable) -> RowScalers {
        RowScalers(
            table: table,
            scalers: (0..<RowLayout.width).map { position in
                var scaler = Scaler(
                    treatment: RowLayout.treatment(table, position), lambda: 0, low: 0, high: 1)
                switch scaler.treatment {
                case .direct: break
                case .count:
                    scaler.lambda = Double(position % 5) / 4 - 0.5
                    scaler.high = scaler.transform(60)
                case .rate: scaler.high = position == RowLayout.price ? 1 : 4000
                case .logarithm: scaler.high = scaler.transform(3_000_000)
                }
                return scaler
            })
    }
}
