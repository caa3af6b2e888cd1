import Kernels

/// Which item of a category a user picks: one of k candidates drawn by popularity, with odds
/// `o_i = exp((θ·δ_i − ((price_i − wanted) / w)²) / 2)`, δ_i = ψ_i − φ_c (docs/simulation.md).
///
/// `P(i) = k p_i o_i E[1 / (o_i + S)]`, S the sum of k − 1 other candidates' odds, and with
/// φ(t) = E[exp(−o t)] the expectation is `∫ exp(−o_i t) φ(t)ᵏ⁻¹ dt`. The integral is the sum over
/// t = 2^q, times ln 2: the trapezoidal rule in ln t, whose relative error for each 1 / a is at most
/// 2 |Γ(1 + 2πi / ln 2)| ≈ 10⁻⁵.
struct OracleChoice: Sendable {
    /// A category's items, four to an element; those that fill the last one have popularity 0.
    struct Shelf: Sendable {
        /// Places of the items in the catalogue.
        let items: Range<Int>
        /// p_i in the window, on average over its days.
        let popularity: [SIMD4<Double>]
        /// δ_i, and price buckets.
        let offsets: [SIMD8<Double>]
        let prices: [Double]
    }

    /// k and w.
    let candidateCount: Int
    let priceWidth: Double

    private var odds: [SIMD4<Double>] = []
    private var powers: [SIMD4<Double>] = []
    private var sums: [SIMD4<Double>] = []

    init(_ forecast: OracleForecast) {
        candidateCount = forecast.model.candidateCount
        priceWidth = forecast.model.priceWidth
    }

    private static let ln2 = 0.693_147_180_559_945_3
    /// The first t; what lies below it is summed in closed form.
    private static let firstNode = 0x1p-5
    /// Nodes between two fresh exponentials, as squaring doubles the error: 2²⁴ ulp are 2 · 10⁻⁹.
    private static let runLength = 24
    private static let runCount = 3
    /// Where φ is below this, what is left of an integral is below 10⁻⁹ p_i.
    private static let enough = 1e-5

    /// P(i) of each item of a shelf, appended to nothing: `chances` is overwritten, `[items]`.
    mutating func chances(
        _ shelf: Shelf, taste: SIMD8<Double>, wanted: Double, into chances: inout [Double]
    ) {
        chances.removeAll(keepingCapacity: true)
        prepare(shelf, taste: taste, wanted: wanted)
        beginSums(shelf.popularity)
        integrate(shelf.popularity)
        let scale = Self.ln2 * Double(candidateCount)
        for place in 0..<shelf.items.count {
            let (index, lane) = (place / 4, place % 4)
            chances.append(
                scale * shelf.popularity[index][lane] * odds[index][lane] * sums[index][lane])
        }
    }

    /// Odds relative to the greatest; room for the rest.
    private mutating func prepare(_ shelf: Shelf, taste: SIMD8<Double>, wanted: Double) {
        let count = shelf.popularity.count
        odds.removeAll(keepingCapacity: true)
        odds.append(contentsOf: repeatElement(SIMD4(repeating: -.infinity), count: count))
        var greatest = -Double.infinity
        for place in 0..<shelf.items.count where shelf.popularity[place / 4][place % 4] > 0 {
            let gap = (shelf.prices[place] - wanted) / priceWidth
            let exponent = 0.5 * ((taste * shelf.offsets[place]).sum() - gap * gap)
            odds[place / 4][place % 4] = exponent
            greatest = max(greatest, exponent)
        }
        for index in odds.indices {
            for lane in 0..<4 {
                let exponent = odds[index][lane]
                odds[index][lane] =
                    exponent == -.infinity ? 0 : Elementary.exp(exponent - greatest)
            }
        }
        powers = odds
        sums = odds
    }

    /// Σ over the nodes below the first of t E[exp(−a t)], a = o_i + S, to the third order: its error
    /// is below 10⁻⁸ of the whole.
    private mutating func beginSums(_ popularity: [SIMD4<Double>]) {
        var (m1, m2, m3) = (0.0, 0.0, 0.0)
        for (p, o) in zip(popularity, odds) {
            let first = p * o
            let second = first * o
            m1 += first.sum()
            m2 += second.sum()
            m3 += (second * o).sum()
        }
        // Moments of S, a sum of n independent odds.
        let n = Double(candidateCount - 1)
        let s1 = n * m1
        let s2 = n * m2 + n * (n - 1) * m1 * m1
        let s3 = n * m3 + 3 * n * (n - 1) * m2 * m1 + n * (n - 1) * (n - 2) * m1 * m1 * m1
        let t = Self.firstNode
        for index in odds.indices {
            let o = odds[index]
            let first = o + s1
            let second = o * o + o * (2 * s1) + s2
            let third = o * o * o + o * o * (3 * s1) + o * (3 * s2) + s3
            // Σ 2^q, 4^q, … over q < 0 are 1, 1 / 3, 1 / 7, 1 / 15.
            sums[index] =
                t * (1 - first * (t / 3) + second * (t * t / 14) - third * (t * t * t / 90))
        }
    }

    /// exp(−x) for 0 ≤ x ≤ 2⁻⁵, to 10⁻¹⁹: its series to the eighth order.
    private static func expOfSmall(_ x: SIMD4<Double>) -> SIMD4<Double> {
        var sum = SIMD4<Double>(repeating: 1)
        for order in stride(from: 8.0, through: 1, by: -1) { sum = 1 - sum * x * (1 / order) }
        return sum
    }

    /// Adds `Σ t exp(−o_i t) φ(t)ᵏ⁻¹` over the nodes to `sums`.
    private mutating func integrate(_ popularity: [SIMD4<Double>]) {
        var t = Self.firstNode
        for run in 0..<Self.runCount {
            for index in odds.indices {
                if run == 0 {
                    powers[index] = Self.expOfSmall(odds[index] * t)
                    continue
                }
                for lane in 0..<4 { powers[index][lane] = Elementary.exp(-odds[index][lane] * t) }
            }
            for _ in 0..<Self.runLength {
                var total = SIMD4<Double>(repeating: 0)
                for index in powers.indices { total += popularity[index] * powers[index] }
                let phi = total.sum()
                var weight = t
                for _ in 1..<candidateCount { weight *= phi }
                for index in powers.indices {
                    let power = powers[index]
                    sums[index] += power * weight
                    powers[index] = power * power
                }
                if phi < Self.enough { return }
                t *= 2
            }
        }
    }
}
