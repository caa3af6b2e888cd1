import Kernels
import Learning
import TestSupport
import Testing

/// Losses and gradients against PyTorch's autograd (Tests/Golden/make_network_goldens.py).
///
/// The batch is ragged and not sorted, so padded means, masks and packed sequences on PyTorch's side
/// must come to what our waves come to. `tolerance` is of ‖ours − theirs‖ / ‖theirs‖, tensor by
/// tensor.
@Suite struct NetworkGoldenTests {
    @Test func `Double has PyTorch's losses and gradients`() throws {
        try compareAll(Double.self, tolerance: 1e-11)
    }

    @Test func `Float has PyTorch's losses and gradients`() throws {
        try compareAll(Float.self, tolerance: 1e-5)
    }

    private func compareAll<S: TrainingScalar>(_: S.Type, tolerance: Double) throws {
        let goldens = try NetworkGoldens()
        let compare = Comparison(goldens: goldens, tolerance: tolerance)
        compare.check("sra", GoldenNetworks.sra(S.self, target: .sra))
        compare.check("fip", GoldenNetworks.sra(S.self, target: .fip))
        compare.check("mtl", GoldenNetworks.mtl(S.self))
        compare.check(
            "stack", GoldenNetworks.mtl(S.self, encoderWidths: [8, 8, 6, 8, 8]))
        compare.check(
            "churn", GoldenNetworks.mtl(S.self, latentWidth: 3, taskWeights: [1, 0, 0]))
        compare.check("esa", GoldenNetworks.esa(S.self))
        var unmasked = SRAConfiguration.sra
        unmasked.masksUnusedPositions = false
        let network = GoldenNetworks.sra(S.self, target: unmasked)
        let loss = network.means(
            [network.shard(GoldenNetworks.examples)], weights: network.goldenWeights)
        #expect(relativeDistance(loss, goldens.values("sra.unmasked")) < tolerance)
        #expect(goldens.values("sra.unmasked") != goldens.values("sra.losses"))
    }
}

private struct Comparison {
    let goldens: NetworkGoldens
    let tolerance: Double

    func check<N: TrainableNetwork>(_ name: String, _ network: N) {
        let weights = network.goldenWeights
        let gradients = network.zeroGradients
        let losses = network.means(
            [network.shard(GoldenNetworks.examples)], weights: weights, gradients: gradients)
        near("\(name).losses", losses)
        let entries = network.layout.entries
        #expect(Set(entries.map(\.name)) == goldens.gradientNames(name), "\(name)")
        for entry in entries {
            let golden = "\(name).gradients.\(entry.name)"
            #expect(goldens.shape(golden) == entry.shape, "\(golden)")
            near(
                golden,
                doubles(gradients.part(at: entry.start, rows: 1, columns: entry.count)))
        }
    }

    private func near(_ name: String, _ values: [Double]) {
        let golden = goldens.values(name)
        #expect(values.count == golden.count && !golden.isEmpty, "\(name)")
        let distance = relativeDistance(values, golden)
        #expect(distance < tolerance, "\(name): \(distance)")
    }
}
