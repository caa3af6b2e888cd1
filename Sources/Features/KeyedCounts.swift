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

    /// One key's, in 24 bytes: most users have one or two, and each list is memory of its own.
    package struct Entry: Hashable, Sendable {
        package private(set) var key: Int64
        /// What the key adds to the entropy.
        package fileprivate(set) var weight: UInt32
        private var first: UInt32
        private var second: UInt32
        private var third: UInt32

        /// An entry that adds nothing yet.
        fileprivate init(key: Int64) {
            self.init(key: key, counts: (0, 0, 0), weight: 0)
        }

        /// Restores a stored entry.
        package init(key: Int64, counts: (UInt32, UInt32, UInt32), weight: UInt32) {
            self.key = key
            (first, second, third) = counts
            self.weight = weight
        }

        /// The count in `lane`, 0…2.
        package fileprivate(set) subscript(lane: Int) -> UInt32 {
            get {
                switch lane {
                case 0: first
                case 1: second
                default: third
                }
            }
            set {
                switch lane {
                case 0: first = newValue
                case 1: second = newValue
                default: third = newValue
                }
            }
        }

        /// What decides who leaves: the smallest does.
        fileprivate var rank: (weight: UInt32, sum: UInt64, key: Int64) {
            (weight, UInt64(first) + UInt64(second) + UInt64(third), key)
        }
    }

    /// In order of the keys' first appearance, but for evictions.
    package private(set) var entries: [Entry] = []
    /// T: sum of the weights.
    package private(set) var weightTotal: Int64 = 0
    /// S: sum of n log2 n over the weights.
    package private(set) var weightLogSum: Double = 0

    package init() {}

    /// Restores a stored table.
    package init(entries: [Entry], weightLogSum: Double) {
        self.entries = entries
        self.weightLogSum = weightLogSum
        weightTotal = entries.reduce(0) { $0 + Int64($1.weight) }
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
        entries[index][lane] &+= count
        if weight > 0 {
            let old = entries[index].weight
            let new = old &+ weight
            entries[index].weight = new
            weightTotal += Int64(weight)
            weightLogSum += Entropy.term(new) - Entropy.term(old)
        }
        return index
    }

    /// The count of `key` in `lane`; 0 for a key that is not there.
    package func count(of key: Int64, lane: Int) -> UInt32 {
        find(key).map { entries[$0][lane] } ?? 0
    }

    /// The count in `lane` of the key at `index`.
    package func count(at index: Int, lane: Int) -> UInt32 { entries[index][lane] }

    /// Entropy of the weights over keys, bits ≥ 0.
    package var entropy: Double {
        guard entries.count > 1, weightTotal > 0 else { return 0 }
        let total = Double(weightTotal)
        return max(0, Elementary.log2(total) - weightLogSum / total)
    }

    /// Bytes on the heap.
    package var byteCount: Int { entries.capacity * MemoryLayout<Entry>.stride }

    private func find(_ key: Int64) -> Int? {
        let span = entries.span
        for index in span.indices where span[index].key == key { return index }
        return nil
    }

    private mutating func insert(_ key: Int64, limit: Int) -> Int {
        guard entries.count >= limit else {
            entries.append(Entry(key: key))
            return entries.count - 1
        }
        let index = smallestIndex()
        weightTotal -= Int64(entries[index].weight)
        weightLogSum -= Entropy.term(entries[index].weight)
        entries[index] = Entry(key: key)
        return index
    }

    private func smallestIndex() -> Int {
        var best = 0
        for index in entries.indices.dropFirst() where entries[index].rank < entries[best].rank {
            best = index
        }
        return best
    }
}
