import Kernels

/// A frozen map of one raw column to [−1, 1].
///
///     out = clip(2 (ψ(x) − low) / (high − low) − 1, −1, 1)
///
/// ψ is the identity, log1p, or Yeo-Johnson's transform for x ≥ 0, `((x+1)^λ − 1) / λ`, log1p(x)
/// for λ = 0 (Yeo and Johnson 2000, doi:10.1093/biomet/87.4.954). Standardising after it, as the
/// published code does, is absorbed by the min-max (published-system.md §1.8). A constant column
/// maps to −1. Clipping is new: the batch never met a value outside its own range, a stream does.
package struct Scaler: Hashable, Sendable, Codable {
    package var treatment: RowLayout.Treatment
    /// λ of Yeo-Johnson; 0 under other treatments.
    package var lambda: Double
    /// ψ of the smallest and of the largest raw value seen in the fit.
    package var low: Double
    package var high: Double

    package init(treatment: RowLayout.Treatment, lambda: Double, low: Double, high: Double) {
        self.treatment = treatment
        self.lambda = lambda
        self.low = low
        self.high = high
    }

    /// ψ(x) for x ≥ 0.
    package func transform(_ x: Double) -> Double {
        switch treatment {
        case .direct, .rate: x
        case .logarithm: Elementary.log1p(x)
        case .count: YeoJohnson.transform(x, lambda: lambda)
        }
    }

    /// The scaled value, in [−1, 1] unless the treatment is `direct`; 0 for an absent (NaN) value.
    package func scaled(_ x: Double) -> Double {
        if x.isNaN { return 0 }
        if treatment == .direct { return x }
        guard high > low else { return -1 }
        let value = 2 * (transform(x) - low) / (high - low) - 1
        return min(1, max(-1, value))
    }
}

/// The scalers of one kind of row, with their values for small integers worked out beforehand.
package struct RowScalers: Sendable {
    /// Raw integers below this come from a table.
    private static let tableCount = 512

    package let table: RowTable
    /// `[64]`, by position.
    package let scalers: [Scaler]
    /// `[64, 512]` float16 bits; empty for direct positions.
    private let halves: [[UInt16]]

    /// Scalers of one table: `[64]`, by position.
    package init(table: RowTable, scalers: [Scaler]) {
        precondition(scalers.count == RowLayout.width, "RowScalers: want 64 scalers")
        self.table = table
        self.scalers = scalers
        halves = scalers.map { scaler in
            guard scaler.treatment != .direct else { return [] }
            return (0..<Self.tableCount).map { halfBits(Float(scaler.scaled(Double($0)))) }
        }
    }

    /// Scalers that know no data: every scaled column is −1.
    package static func unfitted(_ table: RowTable) -> RowScalers {
        RowScalers(
            table: table,
            scalers: (0..<RowLayout.width).map {
                Scaler(treatment: RowLayout.treatment(table, $0), lambda: 1, low: 0, high: 0)
            })
    }

    /// Scales a raw row: computed in Float64, rounded to Float32, then to float16.
    ///
    /// - Parameters:
    ///   - values: `[64]`; NaN marks an absent value.
    ///   - bits: `[64]`, float16 bits.
    package func scale(_ values: [Double], into bits: inout [UInt16]) {
        let raw = values.span
        var row = bits.mutableSpan
        for position in 0..<RowLayout.width {
            let x = raw[position]
            let small = halves[position]
            if !small.isEmpty, x >= 0, x < Double(Self.tableCount), x == x.rounded(.towardZero) {
                row[position] = small[Int(x)]
            } else if x == 0 {
                row[position] = small.isEmpty ? 0 : small[0]
            } else {
                row[position] = halfBits(Float(scalers[position].scaled(x)))
            }
        }
    }
}

/// The power transform that makes a column of counts most like a normal one.
package enum YeoJohnson {
    /// ψ(x) for x ≥ 0.
    package static func transform(_ x: Double, lambda: Double) -> Double {
        let logarithm = Elementary.log1p(x)
        return lambda == 0 ? logarithm : Elementary.expm1(lambda * logarithm) / lambda
    }

    /// λ that maximises the log-likelihood, by Brent's method from the bracket (−2, 2).
    ///
    ///     −n/2 ln var(ψ_λ(x)) + (λ − 1) Σ ln(1 + x)
    ///
    /// with the population variance (published-system.md §1.8, scikit-learn's PowerTransformer).
    /// - Parameter histogram: distinct values ≥ 0, ascending, with how often each occurs.
    /// - Returns: 1 for a column without variance.
    package static func fit(_ histogram: [(value: Double, count: Int64)]) -> Double {
        guard histogram.count > 1 else { return 1 }
        let points = histogram.map { (log: Elementary.log1p($0.value), count: Double($0.count)) }
        let total = points.reduce(0) { $0 + $1.count }
        let logSum = points.reduce(0) { $0 + $1.count * $1.log }
        return BrentMinimizer.minimize(from: -2, 2) { lambda in
            var mean = 0.0
            let values = points.map { point in
                let value =
                    lambda == 0 ? point.log : Elementary.expm1(lambda * point.log) / lambda
                mean += point.count * value
                return value
            }
            mean /= total
            var variance = 0.0
            for (value, point) in zip(values, points) {
                variance += point.count * (value - mean) * (value - mean)
            }
            variance /= total
            guard variance > 0, variance.isFinite else { return .infinity }
            return total / 2 * Elementary.ln(variance) - (lambda - 1) * logSum
        }
    }
}

/// Brent's method for the minimum of a function of one variable (Brent 1973, chapter 5).
enum BrentMinimizer {
    /// Searches downhill from the two starting points until three points bracket a minimum, then
    /// narrows it to a relative 1e-10.
    static func minimize(from a: Double, _ b: Double, _ f: (Double) -> Double) -> Double {
        let (low, middle, high) = bracket(a, b, f)
        return narrow(low: low, middle: middle, high: high, f)
    }

    /// Golden-section steps downhill; at most 60.
    private static func bracket(
        _ a: Double, _ b: Double, _ f: (Double) -> Double
    ) -> (Double, Double, Double) {
        let ratio = 1.618_033_988_749_895
        var (left, middle) = (a, b)
        var (fLeft, fMiddle) = (f(left), f(middle))
        if fLeft < fMiddle {
            swap(&left, &middle)
            swap(&fLeft, &fMiddle)
        }
        var right = middle + ratio * (middle - left)
        var fRight = f(right)
        for _ in 0..<60 where fRight < fMiddle {
            left = middle
            middle = right
            fMiddle = fRight
            right = middle + ratio * (middle - left)
            fRight = f(right)
        }
        return (min(left, right), middle, max(left, right))
    }

    private static func narrow(
        low: Double, middle: Double, high: Double, _ f: (Double) -> Double
    ) -> Double {
        let golden = 0.381_966_011_250_105
        var (a, b) = (low, high)
        var (x, w, v) = (middle, middle, middle)
        var fx = f(x)
        var (fw, fv) = (fx, fx)
        var (step, previous) = (0.0, 0.0)
        for _ in 0..<200 {
            let centre = (a + b) / 2
            let tolerance = 1e-10 * abs(x) + 1e-12
            if abs(x - centre) <= 2 * tolerance - (b - a) / 2 { break }
            var useGolden = true
            if abs(previous) > tolerance {
                let r = (x - w) * (fx - fv)
                var q = (x - v) * (fx - fw)
                var p = (x - v) * q - (x - w) * r
                q = 2 * (q - r)
                if q > 0 { p = -p }
                q = abs(q)
                let last = previous
                previous = step
                if abs(p) < abs(q * last / 2), p > q * (a - x), p < q * (b - x) {
                    step = p / q
                    useGolden = false
                    let u = x + step
                    if u - a < 2 * tolerance || b - u < 2 * tolerance {
                        step = x < centre ? tolerance : -tolerance
                    }
                }
            }
            if useGolden {
                previous = x >= centre ? a - x : b - x
                step = golden * previous
            }
            let u = x + (abs(step) >= tolerance ? step : (step > 0 ? tolerance : -tolerance))
            let fu = f(u)
            if fu <= fx {
                if u >= x { a = x } else { b = x }
                (v, fv, w, fw, x, fx) = (w, fw, x, fx, u, fu)
            } else {
                if u < x { a = u } else { b = u }
                if fu <= fw || w == x {
                    (v, fv, w, fw) = (w, fw, u, fu)
                } else if fu <= fv || v == x || v == w {
                    (v, fv) = (u, fu)
                }
            }
        }
        return x
    }
}
