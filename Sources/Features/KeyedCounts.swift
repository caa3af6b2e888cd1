import Kernels

/// A user's counts by key, bounded: one lane of counts per event type, and an entropy over keys.
///
/// The entropy is kept as two sums, `H = log2 T − S/T` with `T = Σ n` and `S = Σ n log2 n` over the
/// keys' weights n, so that adding one costs O(1) (published-system.md §10.2). When a new key
/// finds the table full, the key with the smallest weight leaves, then the smallest count, then
/// the smallest key; it leaves the sums too.
package struct KeyedCounts: Hashable, Sendable {
    /// Lanes of every table; a table uses as many as it has event types.
    package static let laneCount = 3

    /// In order of first appearance, but for evictions.
    package private(set) var keys: [Int64] = []
    /// `[keys, 3]`, row-major.
    package private(set) var counts: [UInt32] = []
    /// `[keys]`: what the key adds to the entropy.
    package private(set) var weights: [UInt32] = []
    /// T: sum of the weights.
    package private(set) var weightTotal: Int64 = 0
    /// S: sum of n log2 n over the weights.
    package private(set) var weightLogSum: Double = 0

    package init() {}

    /// Restores a stored table; `counts` is `[keys, 3]`, `weights` `[keys]`.
    package init(keys: [Int64], counts: [UInt32], weights: [UInt32], weightLogSum: Double) {
        precondition(counts.count == keys.count * Self.laneCount && weights.count == keys.count)
        self.keys = keys
        self.counts = counts
        self.weights = weights
        self.weightLogSum = weightLogSum
        weightTotal = weights.reduce(0) { $0 + Int64($1) }
    }

    /// Adds `count` to a lane of `key` and `weight` to its part in the entropy.
    ///
    /// - Returns: the key's index, valid until the next `add`.
    /// - Complexity: O(keys); `limit` ≥ 1 bounds them.
    @discardableResult
    package mutating func add(
        _ key: Int64, lane: Int, count: UInt32, weight: UInt32, limit: Int
    ) -> Int {
        let index = find(key) ?? insert(key, limit: limit)
        counts[index * Self.laneCount + lane] &+= count
        if weight > 0 {
            let old = weights[index]
            weights[index] = old &+ weight
            weightTotal += Int64(weight)
            weightLogSum += Entropy.term(weights[index]) - Entropy.term(old)
        }
        return index
    }

    /// The count of `key` in `lane`; 0 for a key that is not there.
    package func count(of key: Int64, lane: Int) -> UInt32 {
        guard let index = find(key) else { return 0 }
        return counts[index * Self.laneCount + lane]
    }

    /// The count in `lane` of the key at `index`.
    package func count(at index: Int, lane: Int) -> UInt32 {
        counts[index * Self.laneCount + lane]
    }

    /// Entropy of the weights over keys, bits ≥ 0.
    package var entropy: Double {
        guard keys.count > 1, weightTotal > 0 else { return 0 }
        let total = Double(weightTotal)
        return max(0, Elementary.log2(total) - weightLogSum / total)
    }

    /// Bytes on the heap.
    package var byteCount: Int {
        keys.capacity * 8 + counts.capacity * 4 + weights.capacity * 4
    }

    private func find(_ key: Int64) -> Int? {
        let span = keys.span
        for index in span.indices where span[index] == key { return index }
        return nil
    }

    private mutating func insert(_ key: Int64, limit: Int) -> Int {
        guard keys.count >= limit else {
            keys.append(key)
            for _ in 0..<Self.laneCount { counts.append(0) }
            weights.append(0)
            return keys.count - 1
        }
        let index = smallestIndex()
        weightTotal -= Int64(weights[index])
        weightLogSum -= Entropy.term(weights[index])
        keys[index] = key
        for lane in 0..<Self.laneCount { counts[index * Self.laneCount + lane] = 0 }
        weights[index] = 0
        return index
    }

    private func smallestIndex() -> Int {
        var best = 0
        for index in keys.indices.dropFirst() where isSmaller(index, than: best) { best = index }
        return best
    }

    private func isSmaller(_ left: Int, than right: Int) -> Bool {
        if weights[left] != weights[right] { return weights[left] < weights[right] }
        let leftSum = countSum(left)
        let rightSum = countSum(right)
        return leftSum != rightSum ? leftSum < rightSum : keys[left] < keys[right]
    }

    private func countSum(_ index: Int) -> UInt64 {
        (0..<Self.laneCount).reduce(0) { $0 + UInt64(counts[index * Self.laneCount + $1]) }
    }
}
