import Kernels
import Storage

/// One stretch of BPR's steps, dealt into cells that touch no common row.
///
/// Users are dealt into S shards once, items anew for each stretch, so that every two items meet.
/// The cell (user shard a, item shard b) holds the steps whose user is in a and whose items, liked
/// and sampled, are both in b. In round r the cells (a, a + r mod S) run side by side: they share
/// no row, so their order does not matter (Gemulla et al. 2011, doi:10.1145/2020408.2020426).
struct BPRStretch {
    /// S.
    let shardCount: Int
    /// `[steps, 3]`, cell by cell: (user, liked, sampled).
    let triples: [Int32]
    /// Where each cell begins, and the end; S² + 1 numbers.
    private let starts: [Int]

    /// Draws the steps: a pure function of the arguments.
    ///
    /// A positive is drawn by weight among all pairs, its negative by popularity among the pairs of
    /// the same item shard; whether the user likes that one too is looked up by the update.
    init(
        interactions: BPRInteractions, stepCount: Int, shardCount: Int, seed: UInt64, index: Int
    ) {
        self.shardCount = shardCount
        let shards = UInt64(shardCount)
        let salt = SeededRandom.mix(seed ^ SeededRandom.mix(UInt64(index)))
        let itemShards = (0..<interactions.itemCount).map {
            UInt8(truncatingIfNeeded: SeededRandom.mix(salt ^ UInt64($0)) % shards)
        }
        let pools = Self.pools(interactions, itemShards, shardCount)
        var random = SeededRandom(seed: seed, stream: UInt64(index))
        var cells: [UInt16] = []
        var drawn: [Int32] = []
        var counts = [Int](repeating: 0, count: shardCount * shardCount + 1)
        cells.reserveCapacity(stepCount)
        drawn.reserveCapacity(3 * stepCount)
        for _ in 0..<stepCount {
            let pair = interactions.drawPair(&random)
            let user = interactions.users[pair]
            let liked = interactions.pairs.items[pair]
            let itemShard = Int(itemShards[Int(liked)])
            let pool = pools.starts[itemShard]..<pools.starts[itemShard + 1]
            let place = pool.lowerBound + BPRInteractions.scaled(random.next(), to: pool.count)
            let cell = Int(user) % shardCount * shardCount + itemShard
            cells.append(UInt16(cell))
            counts[cell + 1] += 1
            drawn.append(user)
            drawn.append(liked)
            drawn.append(pools.items[place])
        }
        for cell in 1..<counts.count { counts[cell] += counts[cell - 1] }
        starts = counts
        triples = Self.sorted(drawn, cells, counts)
    }

    /// The steps of the cell (user shard, item shard).
    func cell(_ userShard: Int, _ itemShard: Int) -> Range<Int> {
        let cell = userShard * shardCount + itemShard
        return starts[cell]..<starts[cell + 1]
    }

    /// The items of all pairs, by item shard: drawing one uniformly draws by popularity.
    private static func pools(
        _ interactions: BPRInteractions, _ itemShards: [UInt8], _ shardCount: Int
    ) -> (starts: [Int], items: [Int32]) {
        let items = interactions.pairs.items
        var starts = [Int](repeating: 0, count: shardCount + 1)
        for item in items { starts[Int(itemShards[Int(item)]) + 1] += 1 }
        for shard in 0..<shardCount { starts[shard + 1] += starts[shard] }
        var places = starts
        var pooled = [Int32](repeating: 0, count: items.count)
        for item in items {
            let shard = Int(itemShards[Int(item)])
            pooled[places[shard]] = item
            places[shard] += 1
        }
        return (starts, pooled)
    }

    /// The steps in the order of their cells, each cell's in the order in which they were drawn.
    private static func sorted(
        _ drawn: [Int32], _ cells: [UInt16], _ starts: [Int]
    ) -> [Int32] {
        var sorted = [Int32](repeating: 0, count: drawn.count)
        var places = starts
        for step in cells.indices {
            let place = places[Int(cells[step])]
            places[Int(cells[step])] += 1
            for column in 0..<3 { sorted[3 * place + column] = drawn[3 * step + column] }
        }
        return sorted
    }
}
