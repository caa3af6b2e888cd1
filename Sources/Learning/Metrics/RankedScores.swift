/// Users' scores of one or several labels in ascending order, so that the AUROC of any resample of
/// the users is one pass over them.
package struct RankedScores: Sendable {
    /// n.
    package let userCount: Int
    /// True labels, and users with at least one.
    package let positiveCount: Int
    package let positiveUserCount: Int
    /// False labels.
    package var negativeCount: Int { entries.count - positiveCount }
    /// Users with at least one false label.
    package let negativeUserCount: Int

    /// Ascending by score: user << 2 | last of its ties << 1 | positive.
    private let entries: [UInt32]

    /// Ranks all labels of all users together (micro-averaging); fails when a score is no number.
    ///
    /// - Parameters:
    ///   - scores: `[n, L]`, larger for what looks positive; infinities are numbers like others.
    ///   - labels: `[n, L]`, true for positives.
    ///   - columnCount: L ≥ 1.
    /// - Complexity: O(n L log n L), and 12 bytes a score while it lasts.
    package init?(scores: [Float], labels: [Bool], columnCount: Int = 1) {
        precondition(
            scores.count == labels.count && columnCount >= 1 && scores.count % columnCount == 0,
            "RankedScores: \(scores.count) scores, \(labels.count) labels, L = \(columnCount)")
        // 2³⁰ entries keep every sum of the pairs below 2⁶³, however users are weighted.
        precondition(scores.count < 1 << 30, "RankedScores: \(scores.count) scores")
        if scores.contains(where: \.isNaN) { return nil }
        var keys = scores.indices.map { UInt64(Self.order(scores[$0])) << 32 | UInt64($0) }
        keys.sort()
        var entries: [UInt32] = []
        entries.reserveCapacity(keys.count)
        for place in keys.indices {
            let index = Int(truncatingIfNeeded: keys[place] & 0xFFFF_FFFF)
            let isLast = place + 1 == keys.count || keys[place] >> 32 != keys[place + 1] >> 32
            entries.append(
                UInt32(index / columnCount) << 2 | (isLast ? 2 : 0) | (labels[index] ? 1 : 0))
        }
        self.entries = entries
        userCount = scores.count / columnCount
        positiveCount = labels.count { $0 }
        var (positives, negatives) = (0, 0)
        for start in stride(from: 0, to: labels.count, by: columnCount) {
            let own = labels[start..<start + columnCount]
            positives += own.contains(true) ? 1 : 0
            negatives += own.contains(false) ? 1 : 0
        }
        positiveUserCount = positives
        negativeUserCount = negatives
    }

    /// The area over all users, each once; nil without both classes.
    package var auroc: Double? { auroc(weights: [UInt16](repeating: 1, count: userCount)) }

    /// The area when user u counts `weights[u]` times: exact, ties half.
    ///
    /// - Parameter weights: `[n]`, adding up to at most n.
    /// - Returns: 0…1; nil when the weighted users lack a class.
    /// - Complexity: O(n L), no allocation.
    package func auroc(weights: [UInt16]) -> Double? {
        precondition(weights.count == userCount, "RankedScores: \(weights.count) weights")
        let weights = weights.span
        // Twice the pairs won; of the present ties, and of all below them.
        var wins: UInt64 = 0
        var (tiedPositives, tiedNegatives): (UInt64, UInt64) = (0, 0)
        var (positives, negatives): (UInt64, UInt64) = (0, 0)
        for entry in entries {
            let weight = UInt64(weights[Int(entry >> 2)])
            let positive = weight & (0 &- UInt64(entry & 1))
            tiedPositives &+= positive
            tiedNegatives &+= weight &- positive
            if entry & 2 != 0 {
                wins &+= tiedPositives &* (2 &* negatives &+ tiedNegatives)
                positives &+= tiedPositives
                negatives &+= tiedNegatives
                tiedPositives = 0
                tiedNegatives = 0
            }
        }
        guard positives > 0, negatives > 0 else { return nil }
        return Double(wins) / (2 * Double(positives) * Double(negatives))
    }

    /// Bits that compare as the numbers do, −0 as 0.
    private static func order(_ score: Float) -> UInt32 {
        let bits = (score == 0 ? 0 : score).bitPattern
        return bits >> 31 == 1 ? ~bits : bits | 1 << 31
    }
}
