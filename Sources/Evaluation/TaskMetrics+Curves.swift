extension TaskMetrics {
    /// Most points of a ROC curve.
    private static let pointLimit = 200
    private static let calibrationParts = 10

    /// What a page draws, of all labels taken together: the ROC curve of their probabilities, and
    /// how often what is said to be likely happens.
    ///
    /// - Parameter positives: `[m]` the users, as added, for whom a label is true.
    /// - Returns: nil without both classes, or when the probabilities were not kept.
    /// - Complexity: O(n m log n m).
    package func curves(positives: [[Int]]) -> EvaluationReport.Curves? {
        precondition(probabilities.isEmpty || addedCount == userCount, "TaskMetrics: users lack")
        guard !probabilities.isEmpty, probabilities.count <= Int(UInt32.max) else { return nil }
        var truths = [Bool](repeating: false, count: probabilities.count)
        for (label, users) in positives.enumerated() {
            for user in users { truths[user * labelCount + label] = true }
        }
        // Probabilities are not negative, so their bits ascend as they do; ties stay in order.
        var keys = probabilities.indices.map {
            UInt64(probabilities[$0].bitPattern) << 32 | UInt64($0)
        }
        keys.sort()
        let count = truths.count { $0 }
        guard count > 0, count < truths.count else { return nil }
        return EvaluationReport.Curves(
            roc: Self.curve(keys, truths, positives: count),
            calibration: Self.calibration(keys, truths))
    }

    private static func value(_ key: UInt64) -> Float {
        Float(bitPattern: UInt32(truncatingIfNeeded: key >> 32))
    }

    private static func index(_ key: UInt64) -> Int { Int(truncatingIfNeeded: key & 0xFFFF_FFFF) }

    /// Rates by threshold from the highest down: a point where a new one is far enough.
    private static func curve(
        _ keys: [UInt64], _ truths: [Bool], positives: Int
    ) -> [[Double]] {
        let step = 2 / Double(pointLimit - 2)
        let negatives = keys.count - positives
        var points: [[Double]] = [[0, 0]]
        var (hits, alarms) = (0, 0)
        for place in keys.indices.reversed() {
            if truths[index(keys[place])] { hits += 1 } else { alarms += 1 }
            // A threshold lies only between different scores.
            if place > 0, keys[place - 1] >> 32 == keys[place] >> 32 { continue }
            let point = [Double(alarms) / Double(negatives), Double(hits) / Double(positives)]
            let last = points[points.count - 1]
            if place == 0 || point[0] - last[0] + point[1] - last[1] >= step {
                points.append(point)
            }
        }
        return points
    }

    /// Mean probability, share of positives and count of ten equal parts by probability.
    private static func calibration(_ keys: [UInt64], _ truths: [Bool]) -> [[Double]] {
        (0..<calibrationParts).compactMap { part in
            let range =
                part * keys.count / calibrationParts..<(part + 1) * keys.count / calibrationParts
            guard !range.isEmpty else { return nil }
            var (sum, hits) = (0.0, 0)
            for key in keys[range] {
                sum += Double(value(key))
                hits += truths[index(key)] ? 1 : 0
            }
            let count = Double(range.count)
            return [sum / count, Double(hits) / count, count]
        }
    }
}
