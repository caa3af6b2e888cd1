/// Some columns of some users' numbers, which are not copied.
package struct UserColumns: Sendable {
    /// `[*, width]`, row-major.
    package let values: [Float]
    package let width: Int
    /// Which columns.
    package let columns: Range<Int>
    /// Which rows, one a user.
    package var rows: [Int]

    /// - Parameters:
    ///   - values: `[n, width]`, row-major.
    ///   - width: ≥ 1.
    ///   - columns: inside of `0..<width`; nil for all.
    package init(_ values: [Float], width: Int, columns: Range<Int>? = nil) {
        let columns = columns ?? 0..<width
        precondition(
            width >= 1 && values.count % width == 0 && columns.lowerBound >= 0
                && columns.upperBound <= width,
            "UserColumns: \(values.count) values of width \(width), columns \(columns)")
        self.values = values
        self.width = width
        self.columns = columns
        rows = Array(0..<values.count / width)
    }

    /// The same columns of other rows.
    package func rows(_ rows: [Int]) -> UserColumns {
        var others = self
        others.rows = rows
        return others
    }

    /// Where a row's columns lie.
    func range(_ row: Int) -> Range<Int> {
        row * width + columns.lowerBound..<row * width + columns.upperBound
    }

    /// The first value that is not finite, as a row and a column of the part; nil when all are.
    package var firstNotFinite: (row: Int, column: Int)? {
        for row in rows {
            for (column, place) in range(row).enumerated() where !values[place].isFinite {
                return (row, column)
            }
        }
        return nil
    }
}

/// Means and spreads of columns, frozen from some users.
struct ColumnScale: Sendable {
    /// Where the columns with a spread stand.
    let kept: [Int]
    /// Of the kept columns.
    let means: [Double]
    let deviations: [Double]

    /// A column has no spread when its deviation is below `smallest` × its root mean square.
    init(_ table: UserColumns, smallest: Double) {
        let width = table.columns.count
        let count = Double(max(1, table.rows.count))
        var sums = [Double](repeating: 0, count: width)
        for row in table.rows {
            for (column, place) in table.range(row).enumerated() {
                sums[column] += Double(table.values[place])
            }
        }
        let all = sums.map { $0 / count }
        var squares = [Double](repeating: 0, count: width)
        for row in table.rows {
            for (column, place) in table.range(row).enumerated() {
                let difference = Double(table.values[place]) - all[column]
                squares[column] += difference * difference
            }
        }
        let variances = squares.map { $0 / count }
        let kept = (0..<width).filter { column in
            let size = variances[column] + all[column] * all[column]
            return variances[column] > smallest * smallest * size
        }
        self.kept = kept
        means = kept.map { all[$0] }
        deviations = kept.map { variances[$0].squareRoot() }
    }
}

/// Columns with mean 0 and variance 1, eight users side by side: `[⌈n/8⌉, K]` vectors.
///
/// So sums over users and sums over columns both run eight at a time, in one fixed order.
struct StandardizedColumns: Sendable {
    let rowCount: Int
    /// K, the kept columns.
    let columnCount: Int
    let lanes: [SIMD8<Float>]

    init(_ table: UserColumns, _ scale: ColumnScale) {
        rowCount = table.rows.count
        columnCount = scale.kept.count
        let inverse = scale.deviations.map { 1 / $0 }
        var lanes = [SIMD8<Float>](
            repeating: SIMD8(repeating: 0), count: (rowCount + 7) / 8 * columnCount)
        for (place, row) in table.rows.enumerated() {
            let start = table.range(row).lowerBound
            let block = place / 8 * columnCount
            for column in 0..<columnCount {
                let value = Double(table.values[start + scale.kept[column]])
                lanes[block + column][place % 8] = Float(
                    (value - scale.means[column]) * inverse[column])
            }
        }
        self.lanes = lanes
    }

    /// Blocks of eight users; the last is filled up with zeros.
    var blockCount: Int { (rowCount + 7) / 8 }
}
