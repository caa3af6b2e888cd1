import Features
import Kernels
import Learning
import Testing

/// The published sizes (reference §3–§5); the numbers of parameters are those of the repository.
@Suite struct PresetTests {
    @Test func `have the published numbers of parameters`() {
        for var configuration in [SRAConfiguration.sra, .fip] {
            configuration.inputWidth = 59
            #expect(SRANetwork<Double>(configuration).layout.count == 587_963)
        }
        for (preset, count) in [
            (MTLConfiguration.mtl, 998_601), (.propensity, 998_601), (.churn, 838_761),
        ] {
            var configuration = preset
            configuration.inputWidth = 59
            #expect(MTLNetwork<Double>(configuration).layout.count == count)
        }
    }

    @Test func `read rows of the product's width`() {
        #expect(SRAConfiguration.sra.inputWidth == RowLayout.width)
        #expect(SRAConfiguration.fip.target == .futureRows(emptyWeight: 0.8))
        #expect(MTLConfiguration.churn.latentWidth == 32)
        #expect(MTLConfiguration.churn.taskWeights == [1, 0, 0])
        #expect(MTLConfiguration.propensity.taskWeights == [0, 0.5, 0.5])
    }

    @Test func `give shorter target lists shorter heads`() {
        var configuration = MTLConfiguration.mtl
        configuration.categoryCount = 12
        configuration.itemCount = 1
        let network = MTLNetwork<Double>(configuration)
        let shapes = network.layout.entries.filter { $0.name.hasSuffix(".6.weight") }.map(\.shape)
        #expect(shapes == [[1, 256], [12, 256], [1, 256]])
    }

    @Test func `a task without weight learns nothing`() {
        let network = GoldenNetworks.mtl(Double.self, taskWeights: [0, 0.5, 0.5])
        let gradients = network.zeroGradients
        let shard = network.shard(GoldenNetworks.examples)
        let means = network.means([shard], weights: network.goldenWeights, gradients: gradients)
        #expect(means[0] > 0)
        for entry in network.layout.entries {
            let values = gradients.part(at: entry.start, rows: 1, columns: entry.count).values
            #expect(values.allSatisfy { $0 == 0 } == entry.name.hasPrefix("churn."))
        }
    }
}
