import Kernels
import Learning
import TestSupport
import Testing

/// What a trainer relies on: shards of a batch add up, and a run is a function of its arguments.
@Suite struct ShardTests {
    @Test func `shards add up to the batch, in Double`() {
        addUp(Double.self, tolerance: 1e-13)
    }

    @Test func `shards add up to the batch, in Float`() {
        addUp(Float.self, tolerance: 2e-6)
    }

    @Test func `a shard without examples adds nothing`() {
        addNothing(Double.self)
        addNothing(Float.self)
    }

    @Test func `a run repeats its bits, whatever the workspace held`() {
        repeats(ParityNetworks.sra(Float.self))
        repeats(ParityNetworks.mtl(Float.self))
        repeats(GoldenNetworks.sra(Float.self, target: .fip), GoldenNetworks.examples)
        repeats(
            GoldenNetworks.mtl(Float.self, encoderWidths: [8, 8, 6, 8, 8]),
            GoldenNetworks.examples)
        repeats(GoldenNetworks.esa(Float.self), GoldenNetworks.examples)
    }

    @Test func `evaluation gives training's losses and needs no gradients`() {
        let network = ParityNetworks.mtl(Float.self)
        let shard = network.shard(ParityNetworks.batch(0, of: network))
        let weights = network.goldenWeights
        let training = network.means(
            [shard], weights: weights, gradients: network.zeroGradients)
        #expect(network.means([shard], weights: weights) == training)
    }

    @Test func `bfloat16 products change the loss, but not by much`() {
        let network = GoldenNetworks.esa(Float.self)
        let shard = network.shard(GoldenNetworks.examples)
        let losses = ProductPrecision.allCases.map { precision in
            network.run(
                shard, weights: network.goldenWeights, gradients: nil,
                batchCounts: network.counts(shard), dropout: nil, precision: precision,
                workspace: Workspace())
        }
        #expect(losses[0] != losses[1])
        #expect(relativeDistance(losses[1], losses[0]) < 1e-2)
    }

    @Test func `dropout changes the loss, and its draws are its seed's`() {
        var configuration = MTLConfiguration.propensity
        configuration.encoderWidths = [16, 16]
        let network = MTLNetwork<Float>(configuration)
        let shard = network.shard(ParityNetworks.batch(0, of: network))
        let weights = network.layout.initialWeights(seed: 1)
        let losses = [
            nil, DropoutSource(seed: 1, step: 1, shard: 0),
            DropoutSource(seed: 1, step: 2, shard: 0),
            DropoutSource(seed: 1, step: 1, shard: 1),
            DropoutSource(seed: 2, step: 1, shard: 0),
        ].map { network.means([shard], weights: weights, dropout: $0) }
        #expect(Set(losses).count == 5)
        let again = network.means(
            [shard], weights: weights, dropout: DropoutSource(seed: 1, step: 1, shard: 0))
        #expect(again == losses[1])
    }

    private func addNothing<S: TrainingScalar>(_: S.Type) {
        addNothing(GoldenNetworks.sra(S.self, target: .sra))
        addNothing(GoldenNetworks.sra(S.self, target: .fip))
        addNothing(GoldenNetworks.mtl(S.self, encoderWidths: [8, 8, 6, 8, 8]))
        addNothing(GoldenNetworks.esa(S.self))
    }

    private func addNothing<N: TrainableNetwork>(_ network: N) {
        let weights = network.goldenWeights
        func run(_ shards: [N.Shard]) -> (losses: [Double], gradients: [Double]) {
            let gradients = network.zeroGradients
            let losses = network.means(shards, weights: weights, gradients: gradients)
            return (losses, doubles(gradients))
        }
        let whole = network.shard(GoldenNetworks.examples)
        let empty = network.shard([])
        #expect(network.counts(empty) == network.terms.map { _ in 0 })
        #expect(run([whole, empty]) == run([whole]), "\(N.self)")
        let nothing = network.run(
            empty, weights: weights, gradients: network.zeroGradients,
            batchCounts: network.counts(empty), dropout: nil, precision: .float32,
            workspace: Workspace())
        #expect(nothing == network.terms.map { _ in 0 })
    }

    private func addUp<S: TrainingScalar>(_: S.Type, tolerance: Double) {
        let examples = GoldenNetworks.examples
        addUp(GoldenNetworks.sra(S.self, target: .sra), examples, tolerance)
        addUp(GoldenNetworks.sra(S.self, target: .fip), examples, tolerance)
        addUp(GoldenNetworks.mtl(S.self), examples, tolerance)
        addUp(GoldenNetworks.esa(S.self), examples, tolerance)
    }

    private func addUp<N: TrainableNetwork>(
        _ network: N, _ examples: [TrainingExample], _ tolerance: Double
    ) {
        let weights = network.goldenWeights
        func run(shardCount: Int) -> (losses: [Double], gradients: [Double]) {
            let shards = (0..<shardCount).map { shard in
                let chosen = examples.indices.filter { $0 % shardCount == shard }
                return network.shard(chosen.map { examples[$0] })
            }
            let gradients = network.zeroGradients
            let losses = network.means(shards, weights: weights, gradients: gradients)
            return (losses, doubles(gradients))
        }
        let whole = run(shardCount: 1)
        for shardCount in [2, 4] {
            let parts = run(shardCount: shardCount)
            #expect(relativeDistance(parts.losses, whole.losses) < tolerance)
            let distance = relativeDistance(parts.gradients, whole.gradients)
            #expect(distance < tolerance, "\(N.self), \(shardCount) shards: \(distance)")
        }
    }

    private func repeats<N: TrainableNetwork<Float>>(
        _ network: N, _ examples: [TrainingExample]? = nil
    ) {
        let weights = network.goldenWeights
        let dropout = DropoutSource(seed: 3, step: 1, shard: 0)
        func run(_ examples: [TrainingExample], _ workspace: Workspace<Float>) -> [UInt32] {
            let shard = network.shard(examples)
            let gradients = network.zeroGradients
            _ = network.run(
                shard, weights: weights, gradients: gradients,
                batchCounts: network.counts(shard), dropout: dropout, precision: .float32,
                workspace: workspace)
            return gradients.values.map(\.bitPattern)
        }
        let batch = examples ?? ParityNetworks.batch(0, of: network)
        let used = Workspace<Float>()
        _ = run(batch + batch, used)
        #expect(run(batch, used) == run(batch, Workspace()), "\(N.self)")
        // A batch of other users must differ, or the comparison above shows nothing.
        #expect(run(Array(batch.dropLast()), used) != run(batch, used), "\(N.self)")
    }
}
