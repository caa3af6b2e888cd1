import Kernels

/// Shannon entropies, in bits.
package enum Entropy {
    /// The published code's entropy of a distribution given by counts (published-system.md §1.4).
    ///
    /// `p = n / (T + 1e-9)`, at most 0.999999; `H = −Σ p log2(p + 1e-9)`. A single key therefore
    /// gives 1.4412516e-6 and not 0. Counts are ≥ 0 and summed in the given order.
    package static func published(_ counts: [Int64]) -> Double {
        let total = Double(counts.reduce(0, +)) + 1e-9
        var sum = 0.0
        for count in counts where count > 0 {
            let p = min(Double(count) / total, 0.999999)
            sum -= p * Elementary.log2(p + 1e-9)
        }
        return sum
    }

    /// `published` of counts of which some are equal: `times` keys have `count` each.
    ///
    /// Every term is computed once and multiplied, and terms are summed in the given order, so that
    /// the result does not depend on the order in which equal counts were met.
    package static func published(histogram: [(count: Int64, times: Int64)]) -> Double {
        let total = Double(histogram.reduce(Int64(0)) { $0 + $1.count * $1.times }) + 1e-9
        var sum = 0.0
        for (count, times) in histogram where count > 0 {
            let p = min(Double(count) / total, 0.999999)
            sum -= Double(times) * (p * Elementary.log2(p + 1e-9))
        }
        return sum
    }

    /// n log2 n, with 0 for n = 0.
    static func term(_ n: UInt32) -> Double {
        if n < UInt32(terms.count) { return terms[Int(n)] }
        return Double(n) * Elementary.log2(Double(n))
    }

    private static let terms: [Double] = (0..<1024).map { n in
        n == 0 ? 0 : Double(n) * Elementary.log2(Double(n))
    }
}
