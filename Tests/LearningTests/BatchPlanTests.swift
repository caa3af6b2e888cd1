import Learning
import Storage
import Testing

@Suite struct BatchPlanTests {
    /// Lengths as in a shop: most users have a few rows, some have hundreds.
    private let lengths: [UInt16] = {
        var random = SeededRandom(seed: 3, stream: 0)
        return (0..<5003).map { _ in
            let draw = random.nextUnit()
            return UInt16(1 + 400 * draw * draw * draw * draw)
        }
    }()

    private func plan(_ seed: UInt64 = 1, _ epoch: Int = 0, windowCount: Int = 20) -> BatchPlan {
        BatchPlan(
            lengths: lengths, sizes: .init(batchCount: 64, windowCount: windowCount), seed: seed,
            epoch: epoch)
    }

    private func batches(_ plan: BatchPlan) -> [[Int]] { (0..<plan.count).map(plan.batch) }

    /// Rows a padded batch would add, over all rows.
    private func padding(_ plan: BatchPlan) -> Double {
        let added = batches(plan).reduce(0) { sum, batch in
            let rows = batch.map { Int(lengths[$0]) }
            return sum + (rows.max() ?? 0) * rows.count - rows.reduce(0, +)
        }
        return Double(added) / Double(lengths.reduce(0) { $0 + Int($1) })
    }

    @Test(arguments: [1, 20, 1000])
    func `every example comes once an epoch, in full batches but the last of a window`(
        windowCount: Int
    ) {
        let plan = plan(windowCount: windowCount)
        #expect(batches(plan).flatMap(\.self).sorted() == Array(lengths.indices))
        #expect(plan.count == (5003 + 63) / 64)
        #expect(batches(plan).filter { $0.count != 64 }.map(\.count) == [5003 % 64])
    }

    @Test func `is a function of seed, epoch and lengths`() {
        #expect(plan(1, 4) == plan(1, 4))
        #expect(plan(1, 4) != plan(1, 5))
        #expect(plan(1, 4) != plan(2, 4))
    }

    @Test func `batches hold sequences of similar length, and other ones each epoch`() {
        let unsorted = padding(plan(windowCount: 1))
        let bucketed = padding(plan())
        #expect(unsorted > 2, "a batch of any length mostly pads")
        #expect(bucketed < 0.25)
        let first = Set(batches(plan(1, 0)).map { $0.sorted() })
        let second = Set(batches(plan(1, 1)).map { $0.sorted() })
        #expect(first.isDisjoint(with: second))
        // Short and long batches alternate by chance.
        let means = batches(plan()).map { batch in batch.reduce(0) { $0 + Int(lengths[$1]) } }
        let rises = zip(means, means.dropFirst()).count { $0 < $1 }
        #expect((25...53).contains(rises))
    }

    // Decision 12: a step on a batch of short sequences alone undoes what long ones taught.
    @Test func `each batch has short and long sequences, unless it is asked for buckets`() {
        let shuffled = BatchPlan(
            lengths: lengths, sizes: .init(batchCount: 64), seed: 1, epoch: 0)
        let mean = lengths.reduce(0) { $0 + Int($1) } / lengths.count
        func isMixed(_ batch: [Int]) -> Bool {
            let rows = batch.reduce(0) { $0 + Int(lengths[$1]) } / batch.count
            return rows > mean / 2 && rows < 2 * mean
        }
        #expect(batches(shuffled).allSatisfy(isMixed))
        #expect(batches(plan()).count(where: isMixed) < plan().count / 2)
    }

    @Test(arguments: [1, 2, 4, 9]) func `deals a batch to shards of about equal rows`(
        shardCount: Int
    ) {
        for batch in batches(plan()).prefix(20) {
            let shards = BatchPlan.deal(batch, shardCount: shardCount) { Int(lengths[$0]) }
            #expect(shards.count == shardCount)
            #expect(shards.flatMap(\.self).sorted() == batch.sorted())
            let loads = shards.map { $0.reduce(0) { $0 + Int(lengths[$1]) } }
            let longest = batch.map { Int(lengths[$0]) }.max() ?? 0
            #expect((loads.max() ?? 0) - (loads.min() ?? 0) <= longest)
            for shard in shards {
                let rows = shard.map { lengths[$0] }
                #expect(rows == rows.sorted(by: >))
            }
        }
        #expect(BatchPlan.deal([7], shardCount: 3) { _ in 1 } == [[7], [], []])
    }

    @Test func `validates all examples once, by length`() {
        let plan = BatchPlan(sorting: lengths, batchCount: 100)
        let order = batches(plan).flatMap(\.self)
        #expect(order.sorted() == Array(lengths.indices))
        #expect(order.map { lengths[$0] } == lengths.sorted())
    }

    @Test func `no examples make no batch`() {
        let plan = BatchPlan(
            lengths: [], sizes: .init(batchCount: 3, windowCount: 2), seed: 1, epoch: 0)
        #expect(plan.count == 0)
    }
}
