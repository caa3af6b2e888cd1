import Storage

/// Which examples make which batch of an epoch: a pure function of seed, epoch and lengths.
///
/// Examples are shuffled and cut into batches, each example once an epoch. In windows of several
/// batches they are sorted by length inside a window first, and the batches shuffled again; then
/// sequences of a batch are of similar length, which spares those who pad, and costs what is
/// learned (docs/decisions/0012-batches.md).
package struct BatchPlan: Sendable, Equatable {
    /// Sizes that a plan is made with.
    package struct Sizes: Sendable, Hashable {
        /// Examples of a batch, ≥ 1; the last one may have fewer.
        package var batchCount: Int
        /// Batches of a window, ≥ 1: 1, the default, is no bucketing at all.
        package var windowCount: Int

        package init(batchCount: Int, windowCount: Int = 1) {
            precondition(
                batchCount > 0 && windowCount > 0, "BatchPlan: \(batchCount) by \(windowCount)")
            self.batchCount = batchCount
            self.windowCount = windowCount
        }
    }

    // Users are counted in 32 bits, so that a plan takes 4 bytes a user.
    private let order: [UInt32]
    private let batches: [Range<Int>]

    /// The plan of one epoch.
    ///
    /// - Parameters:
    ///   - lengths: rows of each example, by its place.
    ///   - sizes: of batches and windows.
    ///   - seed: of the training.
    ///   - epoch: from 0.
    package init(lengths: [UInt16], sizes: Sizes, seed: UInt64, epoch: Int) {
        var random = SeededRandom(seed: seed, stream: UInt64(epoch))
        var order = (0..<lengths.count).map(UInt32.init)
        order.shuffle(with: &random)
        var batches: [Range<Int>] = []
        let windowLength = sizes.batchCount * sizes.windowCount
        for start in stride(from: 0, to: order.count, by: windowLength) {
            let window = start..<min(order.count, start + windowLength)
            Self.sortByLength(&order, window, lengths)
            batches += Self.cut(window, by: sizes.batchCount)
        }
        batches.shuffle(with: &random)
        self.order = order
        self.batches = batches
    }

    /// The plan of a validation: all examples by length, in batches.
    package init(sorting lengths: [UInt16], batchCount: Int) {
        var order = (0..<lengths.count).map(UInt32.init)
        Self.sortByLength(&order, 0..<order.count, lengths)
        self.order = order
        batches = Self.cut(0..<order.count, by: batchCount)
    }

    /// Batches of the epoch.
    package var count: Int { batches.count }

    /// Places of a batch's examples.
    package func batch(_ index: Int) -> [Int] { order[batches[index]].map(Int.init) }

    /// Deals a batch to shards so that each has about as many rows; longest first in each.
    ///
    /// The next longest goes to the shard with the fewest rows (Graham 1969), ties to the first.
    /// - Parameters:
    ///   - places: a batch.
    ///   - shardCount: how many there are; some stay empty when the batch has fewer examples.
    ///   - rowCount: rows of the example at a place.
    /// - Returns: the places of each shard.
    package static func deal(
        _ places: [Int], shardCount: Int, rowCount: (Int) -> Int
    ) -> [[Int]] {
        precondition(shardCount > 0, "BatchPlan: no shards")
        let sorted = places.enumerated()
            .map { (rows: rowCount($1), rank: $0, place: $1) }
            .sorted { $0.rows != $1.rows ? $0.rows > $1.rows : $0.rank < $1.rank }
        var shards = [[Int]](repeating: [], count: shardCount)
        var loads = [Int](repeating: 0, count: shardCount)
        for (rows, _, place) in sorted {
            var lightest = 0
            for shard in 1..<shardCount where loads[shard] < loads[lightest] { lightest = shard }
            shards[lightest].append(place)
            loads[lightest] += rows
        }
        return shards
    }

    private static func cut(_ range: Range<Int>, by count: Int) -> [Range<Int>] {
        stride(from: range.lowerBound, to: range.upperBound, by: count).map {
            $0..<min(range.upperBound, $0 + count)
        }
    }

    /// Sorts a range by length, equal lengths in the order they had.
    private static func sortByLength(
        _ order: inout [UInt32], _ range: Range<Int>, _ lengths: [UInt16]
    ) {
        // Length, then place in the window, in one number: the sort need not be stable.
        let keys = range.map { UInt64(lengths[Int(order[$0])]) << 32 | UInt64($0) }.sorted()
        let sorted = keys.map { order[Int($0 & 0xFFFF_FFFF)] }
        order.replaceSubrange(range, with: sorted)
    }
}
