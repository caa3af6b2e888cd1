import Kernels
import Learning
import TestSupport
import Testing

/// Every weight's gradient against central differences in Double, 1e-6 of the tensor's norm.
///
/// Of fourth order, so that the step may be long: a stack's gradients are small beside its loss.
@Suite struct GradientTests {
    private static let lengths = [2, 5, 1, 3, 3]

    @Test func `SRA's gradients are its loss's differences`() {
        let network = sra(.sra)
        let rows = sequences(Self.lengths, width: 5, phase: 0)
        compare(network, .init(input: rows, target: rows))
    }

    @Test func `FIP's gradients are its loss's differences, with masks and weights`() {
        let network = sra(.fip)
        let input = sequences(Self.lengths, width: 5, phase: 0)
        let target = sequences([1, 2, 4, 1, 2], width: 5, phase: 2)
        let keep = Matrix<Double>(rows: 10, columns: 5)
        for index in 0..<keep.count { keep[index] = index % 3 == 0 ? 0 : 1 }
        let weights = Matrix([1, 1, 0.8, 1, 0.8, 1, 1, 1, 1, 1], rows: 10, columns: 1)
        compare(network, .init(input: input, target: target, keep: keep, weights: weights))
    }

    @Test(arguments: [nil, DropoutSource(seed: 7, step: 3, shard: 0)])
    func `MTL's gradients are its loss's differences`(dropout: DropoutSource?) {
        let network = mtl([4])
        compare(network, taskShard(), dropout: dropout)
    }

    @Test(arguments: [nil, DropoutSource(seed: 7, step: 3, shard: 0)])
    func `a stack's gradients are its loss's differences`(dropout: DropoutSource?) {
        let network = mtl([4, 4, 3, 4, 4])
        #expect(network.encoder.skips(to: 4) == [0, 1])
        #expect(network.encoder.skips(to: 3) == [0, 1])
        #expect(network.encoder.skips(to: 2) == [])
        compare(network, taskShard(), dropout: dropout)
    }

    @Test func `ESA's gradients are its loss's differences`() {
        var configuration = ESAConfiguration(categoryCount: 6)
        configuration.embeddingWidth = 3
        configuration.hiddenWidth = 4
        configuration.priceCount = 5
        configuration.itemCount = 11
        configuration.urlCount = 8
        configuration.gapCount = 10
        let network = ESANetwork<Double>(configuration)
        compare(network, network.shard(GoldenNetworks.examples))
    }

    private func compare<N: TrainableNetwork<Double>>(
        _ network: N, _ shard: N.Shard, dropout: DropoutSource? = nil
    ) {
        let weights = network.goldenWeights
        for entry in network.layout.entries where entry.name == "transformer.linear1.bias" {
            // ReLUs well on or well off: no difference steps over their kink.
            for i in 0..<entry.count { weights[entry.start + i] = i % 3 == 0 ? -4 : 4 }
        }
        let gradients = network.zeroGradients
        _ = network.means([shard], weights: weights, gradients: gradients, dropout: dropout)
        let step = 1e-3
        func loss(_ index: Int, _ value: Double) -> Double {
            let kept = weights[index]
            weights[index] = value
            defer { weights[index] = kept }
            return network.loss(network.means([shard], weights: weights, dropout: dropout))
        }
        for entry in network.layout.entries {
            let differences = (entry.start..<entry.start + entry.count).map { index in
                let value = weights[index]
                let near = loss(index, value + step) - loss(index, value - step)
                let far = loss(index, value + 2 * step) - loss(index, value - 2 * step)
                return (8 * near - far) / (12 * step)
            }
            let found = gradients.part(at: entry.start, rows: 1, columns: entry.count).values
            let distance = relativeDistance(found, differences)
            #expect(distance < 1e-6, "\(entry.name): \(distance)")
            #expect(found.contains { $0 != 0 }, "\(entry.name)")
        }
    }

    private func sra(_ target: SRAConfiguration) -> SRANetwork<Double> {
        var configuration = target
        configuration.inputWidth = 5
        configuration.hiddenWidth = 4
        configuration.latentWidth = 3
        return SRANetwork(configuration)
    }

    private func mtl(_ encoderWidths: [Int]) -> MTLNetwork<Double> {
        var configuration = MTLConfiguration.propensity
        configuration.inputWidth = 5
        configuration.encoderWidths = encoderWidths
        configuration.forwardWidth = 6
        configuration.residualWidth = 7
        configuration.latentWidth = 3
        configuration.headWidths = [5, 4]
        configuration.categoryCount = 3
        configuration.itemCount = 2
        configuration.taskWeights = [0.3, 0.35, 0.35]
        return MTLNetwork(configuration)
    }

    private func taskShard() -> MTLNetwork<Double>.Shard {
        let labels = [1, 3, 2].map { columns in
            Matrix<Double>(
                (0..<5 * columns).map { $0 % 3 == 1 ? 1 : 0 }, rows: 5, columns: columns)
        }
        return .init(input: sequences(Self.lengths, width: 5, phase: 0), labels: labels)
    }

    /// Rows in (−1, 1), all different.
    private func sequences(
        _ lengths: [Int], width: Int, phase: Int
    ) -> RowSequences<Double> {
        var draws = (phase * 1000)...
        return RowSequences(
            lengths.map { length in
                let first = draws.lowerBound
                draws = (first + length * width)...
                return (first..<first + length * width).map { index in
                    Double(index * 7919 % 1009) / 504.5 - 1
                }
            }, width: width)
    }
}
