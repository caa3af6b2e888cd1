extension TaskMetrics {
    /// Areas under the ROC curves of a task's labels.
    package struct Areas: Sendable, Equatable {
        /// Macro mean, 0…1, where a label without positives or without negatives counts 0.0: that
        /// is what torchmetrics returns.
        package var mean: Double
        /// Macro mean over the labels with both classes; nil when none has.
        package var definedMean: Double?
        /// True labels.
        package var positives: Int
    }

    /// AUROC of every label, once all users are added.
    ///
    /// - Parameter positives: `[m]` the users, as added, for whom a label is true, ascending.
    /// - Returns: macro means.
    /// - Complexity: O(n m log positives).
    package func areas(positives: [[Int]]) -> Areas {
        precondition(
            addedCount == userCount && positives.count == labelCount,
            "TaskMetrics: \(addedCount) of \(userCount) users, labels \(positives.count)")
        var (sum, defined) = (0.0, 0)
        for label in 0..<labelCount {
            let start = label * userCount
            guard let area = Self.area(scores[start..<start + userCount], positives[label]) else {
                continue
            }
            sum += area
            defined += 1
        }
        return Areas(
            mean: sum / Double(labelCount),
            definedMean: defined > 0 ? sum / Double(defined) : nil,
            positives: positives.reduce(0) { $0 + $1.count })
    }

    /// `AUROC.value` of one label by looking each user's score up among the positives', of which
    /// there are few: exact, in whole numbers.
    private static func area(_ scores: ArraySlice<Float>, _ positives: [Int]) -> Double? {
        let negatives = scores.count - positives.count
        guard !positives.isEmpty, negatives > 0 else { return nil }
        let first = scores.startIndex
        let sorted = positives.map { scores[first + $0] }.sorted()
        // Twice the pairs (positive, user) that the positive wins; ties count once.
        var wins = 0
        for score in scores {
            wins += 2 * sorted.count - bound(sorted, score, orEqual: false)
            wins -= bound(sorted, score, orEqual: true)
        }
        // Among the positives themselves every pair is won once and lost once.
        wins -= sorted.count * sorted.count
        return Double(wins) / (2 * Double(sorted.count) * Double(negatives))
    }

    /// How many numbers are below `score`, or also equal to it.
    private static func bound(_ sorted: [Float], _ score: Float, orEqual: Bool) -> Int {
        var (low, high) = (0, sorted.count)
        while low < high {
            let middle = (low + high) / 2
            if orEqual ? sorted[middle] <= score : sorted[middle] < score {
                low = middle + 1
            } else {
                high = middle
            }
        }
        return low
    }
}
