import Features
import Kernels

/// A batch's examples, read and laid out in shards.
struct PreparedBatch<Network: TrainableNetwork>: Sendable {
    /// Place of each shard that has examples, and the shard.
    private let shards: [(index: Int, shard: Network.Shard)]
    /// `[terms]` over all shards.
    let counts: [Double]
    /// Rows of all examples.
    let rowCount: Int

    /// Reads examples; throws `unfitExample` for one that the network cannot read.
    init(
        _ places: [Int], of source: any ExampleSource, for network: Network, shardCount: Int,
        name: String
    ) throws(LearningError) {
        let dealt = BatchPlan.deal(places, shardCount: shardCount, rowCount: source.rowCount)
        var shards: [(index: Int, shard: Network.Shard)] = []
        var counts = [Double](repeating: 0, count: network.terms.count)
        for (index, places) in dealt.enumerated() where !places.isEmpty {
            let examples = try source.examples(places)
            for (place, example) in zip(places, examples) {
                guard let reason = network.flaw(of: example) else { continue }
                throw .unfitExample(
                    network: name, example: place, user: source.owner(place), reason: reason)
            }
            let shard = network.shard(examples)
            for (term, count) in network.counts(shard).enumerated() { counts[term] += count }
            shards.append((index: index, shard: shard))
        }
        self.shards = shards
        self.counts = counts
        rowCount = places.reduce(0) { $0 + source.rowCount($1) }
    }

    /// What is to be computed, with each shard's gradient, or none for evaluation.
    func tasks(_ gradients: [Matrix<Network.Scalar>]?) -> [ShardTask<Network>] {
        shards.map {
            ShardTask(index: $0.index, shard: $0.shard, gradients: gradients?[$0.index])
        }
    }
}
