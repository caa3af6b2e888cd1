import Kernels
import Learning
import TestSupport
import Testing

/// Where frameworks differ, ours is PyTorch (2.15, float64).
@Suite struct FrameworkDifferenceTests {
    @Test func `GELU is the exact one, not tanh's`() {
        gelu(Double.self, relative: 1e-14)
        gelu(Float.self, relative: 1e-6)
    }

    // torch.nn.functional.gelu; its tanh form gives -0.00363739 … 0.84119199, 1.95459769.
    private func gelu<S: TrainingScalar>(_: S.Type, relative: Double) {
        let y = Matrix<S>(rows: 1, columns: 5)
        S.gelu(Matrix([-3, -1, 0.5, 1, 2], rows: 1, columns: 5), into: y)
        near(
            y,
            [
                -0.004_049_694_094_890_31, -0.158_655_253_931_457_02, 0.345_731_230_637_006_56,
                0.841_344_746_068_543, 1.954_499_736_103_641_6,
            ], relative)
    }

    @Test func `a layer norm's epsilon is inside the root`() {
        norm(Double.self, relative: 1e-12)
        norm(Float.self, relative: 1e-5)
    }

    // layer_norm([0, 0.002, 0.004]); ε outside the root would give 1.217.
    private func norm<S: TrainingScalar>(_: S.Type, relative: Double) {
        var layout = ParameterLayout()
        let layer = LayerNormLayer("norm", width: 3, in: &layout)
        let weights = Matrix<S>([1, 1, 1, 0, 0, 0], rows: 1, columns: 6)
        let pass = NetworkPass(layout: layout, weights: weights, workspace: Workspace())
        let y = layer.forward(Matrix([0, 0.002, 0.004], rows: 1, columns: 3), pass)
        near(y.rows(0..<1), [-0.561_951_486_949_016_4, 0, 0.561_951_486_949_016_4], relative)
    }

    @Test func `Adam corrects its bias, and adds epsilon after the root`() {
        optimiser(Double.self, relative: 1e-14)
        optimiser(Float.self, relative: 1e-6)
    }

    // w = [1, -2], lr 0.01; gradients [1e-3, 5], [0, -1], [-2e-3, 1e-9].
    private func optimiser<S: TrainingScalar>(_: S.Type, relative: Double) {
        let goldens: [(decay: Double, isDecoupled: Bool, weights: [Double])] = [
            (0, false, [0.986_699_930_613_593_1, -2.019_060_507_113_242]),
            (0.1, false, [0.970_025_535_790_893_7, -2.018_057_452_595_24]),
            (0.1, true, [0.983_729_619_901_453_5, -2.013_041_404_852_524_7]),
        ]
        for golden in goldens {
            let weights = Matrix<S>([1, -2], rows: 1, columns: 2)
            let (first, second) = (
                Matrix<S>(rows: 1, columns: 2), Matrix<S>(rows: 1, columns: 2)
            )
            for (index, gradient) in [[1e-3, 5], [0, -1], [-2e-3, 1e-9]].enumerated() {
                var step = AdamStep(number: index + 1, learningRate: 0.01)
                step.weightDecay = golden.decay
                step.isDecoupled = golden.isDecoupled
                S.adam(
                    weights: weights,
                    gradients: Matrix(gradient.map { S($0) }, rows: 1, columns: 2),
                    first: first, second: second, step: step)
            }
            near(weights, golden.weights, relative)
        }
    }

    @Test func `a mean is over a user's own rows, not over the longest user's`() {
        means(Double.self)
        means(Float.self)
    }

    private func means<S: TrainingScalar>(_: S.Type) {
        let sequences = RowSequences<S>([[5, 7], [1, 2, 3, 4, 8, 6]], width: 2)
        #expect(sequences.order == [1, 0])
        let means = Matrix<S>(rows: 2, columns: 2)
        S.meanRows(sequences.rows, batch: sequences.batch, into: means)
        #expect(means.values == [4, 4, 5, 7])
    }

    private func near<S: TrainingScalar>(
        _ values: Matrix<S>, _ golden: [Double], _ relative: Double
    ) {
        for (value, want) in zip(doubles(values), golden) {
            #expect(abs(value - want) <= relative * abs(want), "\(S.self): \(value), not \(want)")
        }
        #expect(values.count == golden.count)
    }
}
