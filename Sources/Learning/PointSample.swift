import Storage

/// At most so many of a set of points of 16 bytes, chosen by a seeded hash of the point.
///
/// Those of the smallest hashes are kept: the sample is a function of the seed and of the set of
/// points, not of their order or of how often each came; and a sample's sample is itself.
package struct PointSample: Sendable {
    private struct Point: Hashable, Sendable {
        let high: UInt64
        let low: UInt64
    }

    private let limit: Int
    private let seed: UInt64
    private var kept: Set<Point> = []
    /// Points of a greater rank have no place any more.
    private var largestRank = UInt64.max

    /// - Parameters:
    ///   - limit: ≥ 1, points that the sample may have; twice as many are held while it is made.
    ///   - seed: of the hash.
    package init(limit: Int, seed: UInt64) {
        precondition(limit >= 1, "PointSample: limit \(limit)")
        self.limit = limit
        self.seed = seed
    }

    /// Offers a point: its first and its last eight bytes as big-endian words.
    package mutating func insert(high: UInt64, low: UInt64) {
        guard Self.rank(high, low, seed) <= largestRank else { return }
        kept.insert(Point(high: high, low: low))
        if kept.count >= 2 * limit { shrink() }
    }

    /// `[n, 16]`, n ≤ limit, ascending.
    package var points: [UInt8] {
        var copy = self
        if copy.kept.count > limit { copy.shrink() }
        let sorted = copy.kept.sorted { ($0.high, $0.low) < ($1.high, $1.low) }
        var bytes: [UInt8] = []
        bytes.reserveCapacity(16 * sorted.count)
        for point in sorted {
            for word in [point.high, point.low] {
                for shift in stride(from: UInt64(0), to: 64, by: 8) {
                    bytes.append(UInt8(truncatingIfNeeded: word >> (56 - shift)))
                }
            }
        }
        return bytes
    }

    /// What points are chosen by, the smallest first; equal ranks in the order of the points.
    static func rank(_ high: UInt64, _ low: UInt64, _ seed: UInt64) -> UInt64 {
        SeededRandom.mix(SeededRandom.mix(high ^ SeededRandom.mix(seed)) ^ low)
    }

    private mutating func shrink() {
        var ranked = kept.map { (rank: Self.rank($0.high, $0.low, seed), point: $0) }
        ranked.sort {
            ($0.rank, $0.point.high, $0.point.low) < ($1.rank, $1.point.high, $1.point.low)
        }
        largestRank = ranked[limit - 1].rank
        kept = Set(ranked.prefix(limit).map(\.point))
    }
}
