import Kernels
import Storage

/// Frozen item factors, and how a user's vector is folded in against them.
///
/// A user's vector is not trained but found: it maximises what training maximises for that user,
/// with the items as they are. The penalty is training's own regularisation plus 1 / (η · epochs ·
/// n), since a user with n pairs has taken η · epochs · n of gradient, and stopping early pulls
/// towards 0 as such a penalty does (Goodfellow et al. 2016, §7.8). Negatives are 128 items at
/// equal steps of cumulated popularity: no chance is involved.
package struct BPRFactors: Sendable {
    /// Sampled items that stand for the distribution of negatives.
    package static let negativeCount = 128
    /// Gradient steps of a fold-in.
    package static let foldInRounds = 30

    /// `[I]` external ids, ascending.
    package let ids: [Int64]
    /// `[I, W]` rows: K factors, bias, zeros.
    private let items: [Float]
    /// Pairs of each item, `[I]`.
    let popularity: [Int32]
    let options: BPROptions
    /// What a user's product events count for when the user's vector is folded in, as in training.
    package let weights: BPRWeights
    /// Indices of the sampled items, ascending, how often each was drawn, and their factors.
    private let negatives: [Int]
    private let draws: [Float]
    private let sample: BPRSample
    let level: InstructionLevel

    /// Freezes trained items.
    ///
    /// - Parameters:
    ///   - ids: external ids, ascending, `[I]`.
    ///   - items: `[I, W]`.
    ///   - popularity: pairs of each item, `[I]`.
    ///   - options: what they were trained with.
    ///   - weights: what made pairs of events.
    ///   - level: a supported level; it changes no result.
    package init(
        ids: [Int64], items: Matrix<Float>, popularity: [Int32], options: BPROptions,
        weights: BPRWeights, level: InstructionLevel = .best
    ) {
        precondition(ids.count == items.rows && popularity.count == items.rows, "BPRFactors")
        precondition(
            items.columns == BPRKernels.rowWidth(factorCount: options.factorCount), "BPRFactors: W")
        precondition(zip(ids, ids.dropFirst()).allSatisfy { $0 < $1 }, "BPRFactors: ids")
        self.ids = ids
        self.items = items.values
        self.popularity = popularity
        self.options = options
        self.weights = weights
        self.level = level
        var draws: [Int: Float] = [:]
        for item in Self.quantiles(of: popularity) { draws[item, default: 0] += 1 }
        let negatives = draws.keys.sorted()
        self.negatives = negatives
        self.draws = negatives.map { draws[$0] ?? 0 }
        sample = BPRSample(
            rows: Self.rows(negatives, of: items.values, width: items.columns),
            factorCount: options.factorCount, level: level)
    }

    /// W.
    package var rowWidth: Int { BPRKernels.rowWidth(factorCount: options.factorCount) }

    /// The index of an id; nil for an item without factors.
    package func index(of id: Int64) -> Int? {
        let index = ids.partitioningIndex { $0 >= id }
        return index < ids.count && ids[index] == id ? index : nil
    }

    /// A user's vector against the frozen items.
    ///
    /// - Parameter liked: distinct indices of items; order does not matter.
    /// - Returns: `[W]`; nil without items, or when none is left to compare with.
    package func foldIn(_ liked: [Int]) -> [Float]? {
        let own = liked.sorted()
        let counts = zip(negatives, draws).map { item, count in
            let place = own.partitioningIndex { $0 >= item }
            return place < own.count && own[place] == item ? 0 : count
        }
        guard !own.isEmpty, counts.contains(where: { $0 > 0 }) else { return nil }
        let gradient = Double(options.rate) * Double(options.epochCount) * Double(own.count)
        return sample.foldIn(
            liked: Self.rows(own, of: items, width: rowWidth), counts: counts,
            penalty: Float(Double(options.regularization) + 1 / gradient),
            rounds: Self.foldInRounds)
    }

    /// w · h with the item's bias, of items in their order.
    ///
    /// - Parameters:
    ///   - vector: `[W]` from `foldIn`.
    ///   - indices: of the items.
    /// - Returns: one for each index.
    package func scores(_ vector: [Float], items indices: [Int]) -> [Float] {
        precondition(vector.count == rowWidth, "BPRFactors: vector of \(vector.count)")
        return BPRKernels.scores(
            vector, items: items, indices: indices.map { Int32($0) }, level: level)
    }

    /// `[I, W]`.
    var values: [Float] { items }

    private static func rows(_ indices: [Int], of items: [Float], width: Int) -> [Float] {
        indices.flatMap { items[$0 * width..<($0 + 1) * width] }
    }

    /// Items at equal steps of cumulated popularity, most popular first, ties by index.
    static func quantiles(of popularity: [Int32]) -> [Int] {
        let total = popularity.reduce(0) { $0 + Int($1) }
        guard total > 0 else { return [] }
        let order = popularity.indices.sorted {
            (popularity[$1], $0) < (popularity[$0], $1)
        }
        var found: [Int] = []
        var passed = 0
        var place = 0
        for step in 0..<negativeCount {
            // The middle of the step-th of equal parts, in integers.
            let target = (2 * step + 1) * total / (2 * negativeCount)
            while passed + Int(popularity[order[place]]) <= target {
                passed += Int(popularity[order[place]])
                place += 1
            }
            found.append(order[place])
        }
        return found
    }
}

extension RandomAccessCollection {
    /// The first index from which on `isAfter` holds; the collection is partitioned by it.
    func partitioningIndex(_ isAfter: (Element) -> Bool) -> Index {
        var low = startIndex
        var count = self.count
        while count > 0 {
            let half = count / 2
            let middle = index(low, offsetBy: half)
            if isAfter(self[middle]) {
                count = half
            } else {
                low = index(after: middle)
                count -= half + 1
            }
        }
        return low
    }
}
