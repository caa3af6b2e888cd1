import Kernels
import Learning
import TestSupport
import Testing

/// The heads alone: gradients against differences, and against the whole network's.
@Suite struct HeadNetworkTests {
    private static let draws: [DropoutSource?] = [nil, DropoutSource(seed: 7, step: 3, shard: 1)]

    private func configuration(_ taskWeights: [Double]) -> MTLConfiguration {
        var configuration = MTLConfiguration.propensity
        configuration.inputWidth = 5
        configuration.encoderWidths = [4]
        configuration.forwardWidth = 6
        configuration.residualWidth = 7
        configuration.latentWidth = 3
        configuration.headWidths = [5, 4]
        configuration.categoryCount = 3
        configuration.itemCount = 2
        configuration.taskWeights = taskWeights
        return configuration
    }

    private func labels(_ tasks: [Int]) -> [Matrix<Double>] {
        tasks.map { task in
            let columns = [1, 3, 2][task]
            return Matrix(
                (0..<6 * columns).map { $0 % 3 == 1 ? 1 : 0 }, rows: 6, columns: columns)
        }
    }

    @Test(arguments: draws) func `gradients are the loss's differences`(dropout: DropoutSource?) {
        let network = HeadNetwork<Double>(configuration([0.3, 0, 0.7]))
        let latents = Matrix<Double>(
            (0..<18).map { Double($0 * 7919 % 1009) / 504.5 - 1 }, rows: 6, columns: 3)
        let shard = HeadNetwork<Double>.Shard(latents: latents, labels: labels([0, 2]))
        let weights = network.goldenWeights
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

    @Test(arguments: draws) func `gradients are those of the whole network on the same z`(
        dropout: DropoutSource?
    ) throws {
        for taskWeights in [[0.3, 0.35, 0.35], [0, 0.5, 0.5], [1, 0, 0]] {
            let configuration = configuration(taskWeights)
            let whole = MTLNetwork<Double>(configuration)
            let weights = whole.goldenWeights
            let rows = [2, 5, 1, 3, 3, 4].map { length in
                (0..<length * 5).map { Double(($0 + 31 * length) * 7919 % 1009) / 504.5 - 1 }
            }
            let shard = MTLNetwork<Double>.Shard(
                input: RowSequences(rows, width: 5), labels: labels([0, 1, 2]))
            let gradients = whole.zeroGradients
            let means = whole.means(
                [shard], weights: weights, gradients: gradients, dropout: dropout)
            let trace = whole.forward(
                shard.input,
                NetworkPass(
                    layout: whole.layout, weights: weights, dropout: dropout,
                    workspace: Workspace()))
            let heads = HeadNetwork<Double>(configuration)
            #expect(heads.tasks == taskWeights.indices.filter { taskWeights[$0] > 0 })
            let own = HeadNetwork<Double>.Shard(
                latents: Matrix(trace.latents.values, rows: 6, columns: 3),
                labels: labels(heads.tasks))
            let headWeights = heads.zeroGradients
            var places: [(own: ParameterLayout.Entry, whole: ParameterLayout.Entry)] = []
            for entry in heads.layout.entries {
                let same = try #require(whole.layout.entries.first { $0.name == entry.name })
                #expect(same.shape == entry.shape && same.initial == entry.initial)
                for index in 0..<entry.count {
                    headWeights[entry.start + index] = weights[same.start + index]
                }
                places.append((own: entry, whole: same))
            }
            #expect(places.count == 6 * heads.tasks.count)
            let headGradients = heads.zeroGradients
            let headMeans = heads.means(
                [own], weights: headWeights, gradients: headGradients, dropout: dropout)
            for (place, task) in heads.tasks.enumerated() {
                #expect(abs(headMeans[place] - means[task]) < 1e-14)
            }
            for (entry, same) in places {
                let found = headGradients.part(at: entry.start, rows: 1, columns: entry.count)
                let wanted = gradients.part(at: same.start, rows: 1, columns: same.count)
                #expect(relativeDistance(found.values, wanted.values) < 1e-13, "\(entry.name)")
                #expect(found.values.contains { $0 != 0 }, "\(entry.name)")
            }
        }
    }

    @Test func `lays out latent vectors and labels in the order of the examples`() {
        let network = HeadNetwork<Double>(configuration([1, 0.5, 0]))
        let shard = network.shard([
            TrainingExample(
                rows: [], labels: TaskLabels(churned: true, categories: [], items: [1]),
                latents: [1, 2, 3]),
            TrainingExample(
                rows: [], labels: TaskLabels(churned: false, categories: [0, 2], items: []),
                latents: [4, 5, 6]),
        ])
        #expect(shard.latents.values == [1, 2, 3, 4, 5, 6])
        #expect(shard.labels.map(\.values) == [[1, 0], [0, 0, 0, 1, 0, 1]])
        #expect(network.counts(shard) == [2, 6])
    }
}
