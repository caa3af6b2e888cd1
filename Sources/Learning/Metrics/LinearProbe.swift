import Kernels

/// How much of a label a linear model finds in columns: logistic regression with an L2 penalty.
///
/// Minimises Σ ln(1 + e^(−y z)) + λ/2 |w|² with z = w·x + b, y = ±1 and b free: scikit-learn's
/// `LogisticRegression` with C = 1/λ. Columns are standardised by the fitting users' means and
/// deviations; one that is the same for all of them is left out.
package struct LinearProbe: Sendable {
    /// λ.
    package let penalty: Double
    /// b, in standardised columns.
    package let intercept: Double
    /// w of the kept columns, standardised.
    package let coefficients: [Double]
    /// Which of the columns those are.
    package var keptColumns: [Int] { scale.kept }
    /// Steps the solver took.
    package let stepCount: Int

    private let scale: ColumnScale

    /// Deviations below this share of a column's root mean square are rounding.
    private static let smallestSpread = 1e-6

    /// Fits users' labels; fails without both classes, or when no column has a spread.
    ///
    /// - Parameters:
    ///   - table: `[n, K]`, finite.
    ///   - labels: `[n]`, in the order of the table's rows.
    ///   - penalty: λ > 0.
    ///   - tolerance: stops when no entry of the gradient of the mean loss is larger.
    package init?(
        _ table: UserColumns, labels: [Bool], penalty: Double, tolerance: Double = 1e-5
    ) {
        precondition(table.rows.count == labels.count && penalty > 0, "LinearProbe")
        guard labels.contains(true), labels.contains(false) else { return nil }
        let scale = ColumnScale(table, smallest: Self.smallestSpread)
        guard !scale.kept.isEmpty else { return nil }
        let loss = LogisticLoss(
            columns: StandardizedColumns(table, scale), labels: labels, penalty: penalty)
        let solution = LimitedMemoryBFGS(tolerance: tolerance).minimum(of: loss)
        self.scale = scale
        self.penalty = penalty
        coefficients = Array(solution.point.dropLast())
        intercept = solution.point.last ?? 0
        stepCount = solution.stepCount
    }

    /// Fits with the penalty under which three quarters of the users tell most of the last one.
    ///
    /// The choice keeps a wide part from looking worse than a narrow one only because few users
    /// are there to fit it. Every fourth row is told of; then all are fitted.
    ///
    /// - Parameters:
    ///   - table: `[n, K]`, finite.
    ///   - labels: `[n]`, in the order of the table's rows.
    ///   - penalties: λ > 0 each; ties in the quarter's loss go to the earlier one.
    /// - Returns: nil when `init(_:labels:penalty:tolerance:)` fails.
    package static func best(
        _ table: UserColumns, labels: [Bool], penalties: [Double] = [1000, 100, 10, 1]
    ) -> LinearProbe? {
        precondition(!penalties.isEmpty, "LinearProbe: no penalty")
        let told = labels.indices.filter { $0 % 4 == 3 }
        let fitted = labels.indices.filter { $0 % 4 != 3 }
        var best = (penalty: penalties[0], loss: Double.infinity)
        for penalty in penalties where penalties.count > 1 {
            guard
                let probe = LinearProbe(
                    table.rows(fitted.map { table.rows[$0] }), labels: fitted.map { labels[$0] },
                    penalty: penalty)
            else { break }
            let scores = probe.scores(table.rows(told.map { table.rows[$0] }))
            let loss = zip(told, scores).reduce(0) { sum, pair in
                sum + LogisticLoss.loss(labels[pair.0] ? Double(pair.1) : -Double(pair.1))
            }
            if loss < best.loss { best = (penalty, loss) }
        }
        return LinearProbe(table, labels: labels, penalty: best.penalty)
    }

    /// The logits z of users, in the order of the table's rows.
    package func scores(_ table: UserColumns) -> [Float] {
        table.rows.map { row in
            let start = table.range(row).lowerBound
            var sum = intercept
            for (place, column) in scale.kept.enumerated() {
                let value = Double(table.values[start + column])
                sum +=
                    coefficients[place] * ((value - scale.means[place]) / scale.deviations[place])
            }
            return Float(sum)
        }
    }
}

/// The mean penalised logistic loss of standardised columns, as a function of (w, b).
struct LogisticLoss: SmoothFunction {
    let columns: StandardizedColumns
    /// `[⌈n/8⌉]`: 1 for true labels, −1 for false ones, 0 beyond the end.
    private let signs: [SIMD8<Double>]
    private let penalty: Double

    init(columns: StandardizedColumns, labels: [Bool], penalty: Double) {
        self.columns = columns
        self.penalty = penalty
        var signs = [SIMD8<Double>](repeating: SIMD8(repeating: 0), count: columns.blockCount)
        for (row, label) in labels.enumerated() { signs[row / 8][row % 8] = label ? 1 : -1 }
        self.signs = signs
    }

    /// K + 1.
    var dimension: Int { columns.columnCount + 1 }

    func value(at point: [Double], gradient: inout [Double]) -> Double {
        let count = columns.columnCount
        let lanes = columns.lanes.span
        let point = point.span
        var sums = [SIMD8<Double>](repeating: SIMD8(repeating: 0), count: count)
        var total = 0.0
        var slopes = SIMD8<Double>(repeating: 0)
        for block in 0..<columns.blockCount {
            let start = block * count
            var logits = SIMD8<Double>(repeating: point[count])
            for column in 0..<count {
                logits += SIMD8<Double>(lanes[start + column]) * point[column]
            }
            let sign = signs[block]
            var slope = SIMD8<Double>(repeating: 0)
            for lane in 0..<8 where sign[lane] != 0 {
                let margin = sign[lane] * logits[lane]
                total += Self.loss(margin)
                slope[lane] = -sign[lane] * Self.sigmoid(-margin)
            }
            slopes += slope
            for column in 0..<count {
                sums[column] += SIMD8<Double>(lanes[start + column]) * slope
            }
        }
        let scale = 1 / Double(columns.rowCount)
        for column in 0..<count {
            gradient[column] = (sums[column].sum() + penalty * point[column]) * scale
            total += penalty / 2 * point[column] * point[column]
        }
        gradient[count] = slopes.sum() * scale
        return total * scale
    }

    /// ln(1 + e^(−m)), without overflow.
    static func loss(_ margin: Double) -> Double {
        margin > 0
            ? Elementary.log1p(Elementary.exp(-margin))
            : Elementary.log1p(Elementary.exp(margin)) - margin
    }

    private static func sigmoid(_ x: Double) -> Double {
        guard x < 0 else { return 1 / (1 + Elementary.exp(-x)) }
        let power = Elementary.exp(x)
        return power / (1 + power)
    }
}
