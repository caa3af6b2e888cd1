import Storage

/// By how much one model's AUROC differs from another's on the same users, with bounds.
///
/// The percentile bootstrap (Efron 1979, doi:10.1214/aos/1176344552) over users: each resample
/// draws n of n users with replacement and judges both models on it, so that what makes a resample
/// hard or easy cancels. Resample r is a function of (seed, r) alone.
package struct PairedBootstrap: Sendable, Hashable {
    /// Resamples, ≥ 1.
    package var resampleCount = 1000
    package var seed: UInt64 = 0
    /// Share of resamples below the lower bound, and above the upper one; 0…0.5.
    package var tail = 0.025

    /// 1000 resamples and bounds at 2.5 % and 97.5 %.
    package init() {}

    /// Two areas, and the change from one to the other.
    package struct Change: Sendable, Hashable {
        /// AUROC over all users, 0…1.
        package var candidate: Double
        package var live: Double
        /// Bounds of candidate − live, −1…1.
        package var lower: Double
        package var upper: Double

        /// Candidate − live over all users.
        package var value: Double { candidate - live }
    }

    /// The change from `live` to `candidate`, which rank the same users and labels.
    ///
    /// - Returns: nil when the users, or most of their resamples, lack positives or negatives.
    /// - Complexity: O(resamples · scores).
    package func change(candidate: RankedScores, live: RankedScores) -> Change? {
        let userCount = candidate.userCount
        precondition(
            userCount == live.userCount && candidate.positiveCount == live.positiveCount
                && candidate.negativeCount == live.negativeCount && userCount <= Int(UInt16.max),
            "PairedBootstrap: \(userCount) and \(live.userCount) users, or other labels")
        guard let all = candidate.auroc, let before = live.auroc else { return nil }
        var changes: [Double] = []
        changes.reserveCapacity(resampleCount)
        var weights = [UInt16](repeating: 0, count: userCount)
        for resample in 0..<resampleCount {
            draw(resample, &weights)
            guard let new = candidate.auroc(weights: weights),
                let old = live.auroc(weights: weights)
            else { continue }
            changes.append(new - old)
        }
        guard changes.count * 2 > resampleCount else { return nil }
        changes.sort()
        return Change(
            candidate: all, live: before, lower: Self.quantile(changes, tail),
            upper: Self.quantile(changes, 1 - tail))
    }

    /// How often each user is drawn in a resample; the weights add up to n.
    private func draw(_ resample: Int, _ weights: inout [UInt16]) {
        for user in weights.indices { weights[user] = 0 }
        var random = SeededRandom(seed: seed, stream: UInt64(resample))
        let count = UInt64(weights.count)
        for _ in weights.indices {
            // The high word of draw × n: uniform to within n / 2⁶⁴.
            weights[Int(random.next().multipliedFullWidth(by: count).high)] += 1
        }
    }

    /// numpy's default quantile of ascending numbers: linear between the two nearest.
    private static func quantile(_ sorted: [Double], _ share: Double) -> Double {
        let place = share * Double(sorted.count - 1)
        let below = Int(place)
        let above = min(below + 1, sorted.count - 1)
        return sorted[below] + (place - Double(below)) * (sorted[above] - sorted[below])
    }
}
