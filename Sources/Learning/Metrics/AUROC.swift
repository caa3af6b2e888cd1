/// Area under the receiver operating characteristic: the probability that a positive scores above
/// a negative, ties counting half.
///
/// Exact, by the rank sum of Mann and Whitney 1947 (doi:10.1214/aoms/1177730491); scikit-learn's
/// `roc_auc_score`.
package enum AUROC {
    /// The area of scores against labels.
    ///
    /// - Parameters:
    ///   - scores: `[n]`, larger for what looks positive; −∞ and ∞ are numbers like others.
    ///   - labels: `[n]`, true for positives.
    /// - Returns: 0…1, or nil when there are no positives, no negatives, or a score is not a number.
    /// - Complexity: O(n log n).
    package static func value(scores: [Float], labels: [Bool]) -> Double? {
        precondition(
            scores.count == labels.count, "AUROC: \(scores.count) scores, \(labels.count) labels")
        let positives = labels.count { $0 }
        let negatives = labels.count - positives
        guard positives > 0, negatives > 0, !scores.contains(where: \.isNaN) else { return nil }
        let ascending = scores.indices.sorted { scores[$0] < scores[$1] }
        // Twice the positives' ranks, which are whole numbers even where ties share a rank.
        var doubledRanks = 0
        var first = 0
        while first < ascending.count {
            var end = first
            var tied = 0
            while end < ascending.count, scores[ascending[end]] == scores[ascending[first]] {
                tied += labels[ascending[end]] ? 1 : 0
                end += 1
            }
            // Ranks first + 1 … end have the mean (first + 1 + end) / 2.
            doubledRanks += tied * (first + 1 + end)
            first = end
        }
        let wins = doubledRanks - positives * (positives + 1)
        return Double(wins) / (2 * Double(positives) * Double(negatives))
    }
}
