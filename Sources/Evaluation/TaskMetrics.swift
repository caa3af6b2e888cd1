import Kernels

/// The challenge's figures of one pass over the users (reference/evaluation-protocol.md §4,
/// `tp/metric_calculators.py`, `tp/metrics.py`), batch by batch.
///
/// torchmetrics' treatment of logits is kept: a batch whose every logit lies in [0, 1] is taken for
/// probabilities and left as it is, any other goes through the sigmoid, in Float32, so that
/// saturated logits tie. Sums are taken in Double, where the organisers' are Float32.
package struct TaskMetrics: Sendable {
    /// Users of a batch by which logits are looked at.
    package static let batchSize = 128
    /// Labels that novelty looks at.
    private static let topCount = 10

    /// n users, m labels.
    package let userCount: Int
    package let labelCount: Int
    /// Users added so far.
    package private(set) var addedCount = 0
    /// `[m, n]` what AUROC ranks.
    private(set) var scores: [Float]
    /// `[n, m]` sigmoids, for curves; empty unless wanted.
    private(set) var probabilities: [Float] = []
    private let keepsProbabilities: Bool
    /// `[m]` of each label, over the sum of the k largest.
    private let popularity: [Double]
    private var entropySum = 0.0
    private var popularitySum = 0.0

    /// - Parameters:
    ///   - userCount: n that will be added.
    ///   - popularity: `[m]`, ≥ 0, of a propensity task; nil for a binary one.
    ///   - keepsProbabilities: for `curves`.
    package init(userCount: Int, popularity: [Double]?, keepsProbabilities: Bool = false) {
        precondition(popularity?.isEmpty != true, "TaskMetrics: no label")
        self.userCount = userCount
        labelCount = popularity?.count ?? 1
        self.keepsProbabilities = keepsProbabilities
        scores = [Float](repeating: 0, count: userCount * labelCount)
        let largest = (popularity ?? []).sorted(by: >).prefix(Self.topCount).reduce(0, +)
        self.popularity = (popularity ?? []).map { largest > 0 ? $0 / largest : 0 }
        if keepsProbabilities { probabilities.reserveCapacity(scores.count) }
    }

    /// Adds the logits `[B, m]` of the next users, a batch of torchmetrics' own.
    package mutating func add(logits: [Float]) {
        var sigmoids = logits
        var span = sigmoids.mutableSpan
        sigmoid(&span, level: .best)
        let isRaw = !logits.contains { $0 < 0 || $0 > 1 }
        add(isRaw ? logits : sigmoids, probabilities: sigmoids)
    }

    /// Adds the probabilities `[B, m]` of the next users.
    package mutating func add(probabilities: [Float]) {
        add(probabilities, probabilities: probabilities)
    }

    private mutating func add(_ ranked: [Float], probabilities: [Float]) {
        precondition(
            ranked.count % labelCount == 0
                && addedCount + ranked.count / labelCount <= userCount,
            "TaskMetrics: \(ranked.count) scores of \(labelCount) labels after \(addedCount) users")
        let rows = ranked.count / labelCount
        for label in 0..<labelCount {
            let start = label * userCount + addedCount
            for row in 0..<rows { scores[start + row] = ranked[row * labelCount + label] }
        }
        if !popularity.isEmpty {
            let span = probabilities.span
            for row in 0..<rows {
                let own = span.extracting(row * labelCount..<(row + 1) * labelCount)
                entropySum += Self.entropy(own)
                popularitySum += topPopularity(own)
            }
        }
        if keepsProbabilities { self.probabilities += probabilities }
        addedCount += rows
    }

    /// −Σ q log₂(q + 1e-9) of q = p / Σ p, bits; 0 where every p is 0.
    private static func entropy(_ p: Span<Float>) -> Double {
        var total = 0.0
        for index in p.indices { total += Double(p[index]) }
        guard total > 0 else { return 0 }
        var sum = 0.0
        for index in p.indices {
            let share = Double(p[index]) / total
            sum -= share * Elementary.log2(share + 1e-9)
        }
        return sum
    }

    /// Σ p · popularity over the k largest p; of equal ones those that come first.
    private func topPopularity(_ p: Span<Float>) -> Double {
        let count = min(Self.topCount, labelCount)
        var top: [(p: Float, label: Int)] = []
        top.reserveCapacity(count + 1)
        for label in p.indices {
            let value = p[label]
            if top.count == count, value <= top[count - 1].p { continue }
            var place = top.count
            while place > 0, top[place - 1].p < value { place -= 1 }
            top.insert((value, label), at: place)
            if top.count > count { top.removeLast() }
        }
        return top.reduce(0) { $0 + Double($1.p) * popularity[$1.label] }
    }

    /// Mean entropy of the users' labels over log₂ m, 0…1; nil for a binary task.
    ///
    /// Where there is one label it is 0, which the organisers' formula leaves undefined.
    package var diversity: Double? {
        guard !popularity.isEmpty else { return nil }
        guard labelCount > 1 else { return 0 }
        return entropySum / ((Double(addedCount) + 1e-9) * Elementary.log2(Double(labelCount)))
    }

    /// (1 − P)¹⁰⁰ of the mean popularity P of what is put first, 0…1; nil for a binary task.
    package var novelty: Double? {
        guard !popularity.isEmpty else { return nil }
        let rest = 1 - popularitySum / (Double(addedCount) + 1e-9)
        return (0..<100).reduce(1) { power, _ in power * rest }
    }
}
