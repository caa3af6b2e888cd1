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
    private static let firstNode = 0x1p-10
    /// Nodes between two fresh exponentials, as squaring doubles relative errors.
    private static let runLength = 16
    private static let runCount = 4
    /// Where φ is below this, what is left of an integral is below 10⁻⁹ p_i.
    private static let enough = 1e-5

    /// P(i) of each item of a shelf, appended to nothing: `chances` is overwritten, `[items]`.
    mutating func chances(
        _ shelf: Shelf, taste: SIMD8<Double>, wanted: Double, into chances: inout [Double]
    ) {
        chances.removeAll(keepingCapacity: true)
        prepare(shelf, taste: taste, wanted: wanted)
        let others = Double(candidateCount - 1)
        var (mean, square) = (0.0, 0.0)
        for (p, o) in zip(shelf.popularity, odds) {
            mean += (p * o).sum()
            square += (p * o * o).sum()
        }
        // Σ over q < 0 of t (1 − a t + a² t² / 2), with the moments of a = o_i + S.
        let t0 = Self.firstNode
        let rest = others * square + others * (others - 1) * mean * mean
        for index in odds.indices {
            let o = odds[index]
            let first = o + others * mean
            let second = o * o + o * (2 * others * mean) + rest
            sums[index] = t0 * (1 - first * (t0 / 3) + second * (t0 * t0 / 14))
        }
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

    /// Adds `Σ t exp(−o_i t) φ(t)ᵏ⁻¹` over the nodes to `sums`.
    private mutating func integrate(_ popularity: [SIMD4<Double>]) {
        var t = Self.firstNode
        for _ in 0..<Self.runCount {
            for index in odds.indices {
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
