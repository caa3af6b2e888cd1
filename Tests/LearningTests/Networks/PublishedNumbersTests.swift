import Glibc
import Kernels
import Learning
import TestSupport
import Testing

/// The numbers that the published repository's own functions gave in float64, for parameters
/// 0.1 sin(0.37 i + 0.11 k) and five rows cos(0.13 t + 0.07 j), j < 59 (reference §11).
@Suite struct PublishedNumbersTests {
    @Test func `SRA gives them in Double`() { reconstruct(Double.self, relative: 1e-9) }
    @Test func `FIP gives them in Double`() { predict(Double.self, relative: 1e-9) }
    @Test func `MTL gives them in Double`() { tasks(Double.self, relative: 1e-9) }
    @Test func `MTL of 32 gives them in Double`() { shortTasks(Double.self, relative: 1e-9) }
    @Test func `SRA gives them in Float`() { reconstruct(Float.self, relative: 1e-5) }
    @Test func `FIP gives them in Float`() { predict(Float.self, relative: 1e-5) }
    @Test func `MTL gives them in Float`() { tasks(Float.self, relative: 1e-5) }
    @Test func `MTL of 32 gives them in Float`() { shortTasks(Float.self, relative: 1e-5) }

    private func reconstruct<S: TrainingScalar>(_: S.Type, relative: Double) {
        var configuration = SRAConfiguration.sra
        configuration.inputWidth = 59
        let network = SRANetwork<S>(configuration)
        let weights = network.formulaWeights(amplitude: 0.1, step: 0.37, raisesNorms: false)
        let rows = RowSequences<S>([publishedRows()], width: 59)
        let shard = SRANetwork<S>.Shard(input: rows, target: rows)
        let trace = network.forward(shard, pass(network, weights))
        let z = trace.latents.values
        expect(
            z, near: [1.285_997_606, 1.356_337_946, 1.137_972_872, 0.678_777_177],
            relative: relative)
        expect([z.reduce(0, +)], near: [1.279_072_157_86], relative: relative)
        let rebuilt = trace.reconstruction
        expect(
            rebuilt.rows(0..<1).values,
            near: [0.693_366_325, 0.815_170_293, 0.766_903_627, 0.558_537_813],
            relative: relative)
        expect(
            rebuilt.rows(4..<5).values,
            near: [1.007_741_778, 1.214_906_261, 1.164_506_304, 0.866_980_329],
            relative: relative)
        expect(network.means([shard], weights: weights), near: [60.284_623_954], relative: relative)
    }

    private func predict<S: TrainingScalar>(_: S.Type, relative: Double) {
        var configuration = SRAConfiguration.fip
        configuration.inputWidth = 59
        let network = SRANetwork<S>(configuration)
        // The published order is encoder, latent, decoder, output; ours has the decoder second.
        let published = [0, 1, 2, 3, 6, 7, 8, 9, 4, 5, 10, 11]
        let weights = network.formulaWeights(
            amplitude: 0.1, step: 0.37, raisesNorms: false, rank: { published[$0] })
        let input = RowSequences<S>([publishedRows()], width: 59)
        // The published default row: visit, then zeros, and padding from position 20.
        let future: [S] = (0..<59).map { $0 == 3 ? 1 : $0 < 20 ? 0 : -1 }
        let target = RowSequences<S>([future], width: 59)
        let weighted = SRANetwork<S>.Shard(
            input: input, target: target, weights: Matrix([0.8], rows: 1, columns: 1))
        let trace = network.forward(weighted, pass(network, weights))
        expect(
            trace.latents.values,
            near: [0.964_330_593, 1.294_627_792, 1.348_204_124, 1.114_713_11],
            relative: relative)
        expect(
            trace.reconstruction.values,
            near: [0.553_067_147, 0.728_753_307, 0.753_283_695, 0.620_696_053],
            relative: relative)
        expect(
            network.means([weighted], weights: weights), near: [42.116_760_039],
            relative: relative)
        let unweighted = SRANetwork<S>.Shard(input: input, target: target)
        expect(
            network.means([unweighted], weights: weights), near: [52.645_950_050],
            relative: relative)
    }

    private func tasks<S: TrainingScalar>(_: S.Type, relative: Double) {
        let found = taskNumbers(S.self, latentWidth: 128)
        expect(
            found.latents,
            near: [0.968_289_474, -0.781_346_478, 0.475_965_184, -0.349_216_557],
            relative: relative)
        expect([found.latents.reduce(0, +)], near: [-0.469_757_740], relative: relative)
        expect(found.logits[0], near: [0.590_663_033], relative: relative)
        expect(
            found.logits[1], near: [0.477_835_578, 0.336_006_008, 0.112_289_875],
            relative: relative)
        expect(
            found.logits[2], near: [0.442_029_216, 0.353_108_376, 0.180_041_299],
            relative: relative)
        expect(
            found.losses, near: [0.440_806_427, 0.717_275_634, 0.713_647_360, 0.633_064_976],
            relative: relative)
    }

    private func shortTasks<S: TrainingScalar>(_: S.Type, relative: Double) {
        let found = taskNumbers(S.self, latentWidth: 32)
        expect(
            found.latents,
            near: [0.968_289_474, -0.781_346_478, 0.475_965_184, -0.349_216_557],
            relative: relative)
        expect([found.latents.reduce(0, +)], near: [0.517_119_774], relative: relative)
        expect(found.logits[0], near: [0.588_154_433], relative: relative)
        expect(
            found.logits[1], near: [0.481_155_530, 0.340_151_182, 0.116_352_979],
            relative: relative)
        expect(
            found.logits[2], near: [0.450_438_987, 0.359_594_612, 0.183_184_299],
            relative: relative)
        expect(found.losses.suffix(1), near: [0.633_613_767], relative: relative)
    }

    /// z, the three tasks' logits; their mean losses and the total, for a churned user with
    /// category 3 and no item.
    private func taskNumbers<S: TrainingScalar>(
        _: S.Type, latentWidth: Int
    ) -> (latents: [S], logits: [[S]], losses: [Double]) {
        var configuration = MTLConfiguration.mtl
        configuration.inputWidth = 59
        configuration.latentWidth = latentWidth
        let network = MTLNetwork<S>(configuration)
        let weights = network.formulaWeights(amplitude: 0.1, step: 0.37, raisesNorms: false)
        let input = RowSequences<S>([publishedRows()], width: 59)
        let category = Matrix<S>(rows: 1, columns: 100)
        category[3] = 1
        let shard = MTLNetwork<S>.Shard(
            input: input,
            labels: [
                Matrix([1], rows: 1, columns: 1), category, Matrix(rows: 1, columns: 100),
            ])
        let trace = network.forward(input, pass(network, weights))
        let (latents, logits) = (trace.latents.values, trace.logits.map(\.values))
        let means = network.means([shard], weights: weights)
        return (latents, logits, means + [network.loss(means)])
    }

    private func publishedRows<S: TrainingScalar>() -> [S] {
        (0..<5 * 59).map { S(cos(0.13 * Double($0 / 59) + 0.07 * Double($0 % 59))) }
    }

    private func pass<N: TrainableNetwork>(
        _ network: N, _ weights: Matrix<N.Scalar>
    ) -> NetworkPass<N.Scalar> {
        NetworkPass(layout: network.layout, weights: weights, workspace: Workspace())
    }
}
