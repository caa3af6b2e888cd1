import Features
import Kernels
import Learning
import Storage
import TestSupport
import Testing

/// Fifty steps of training against PyTorch's, from the same weights and batches.
///
/// Tests/Golden/make_parity_goldens.py. The tolerance is relative, of each step's loss.
@Suite struct TrainingParityTests {
    @Test func `SRA follows PyTorch in Double`() throws {
        try follow("sra.small", ParityNetworks.sra(Double.self), .sra, tolerance: 1e-12)
    }

    @Test func `MTL follows PyTorch in Double`() throws {
        try follow("mtl.small", ParityNetworks.mtl(Double.self), .mtl, tolerance: 1e-12)
    }

    @Test func `SRA follows PyTorch in Float, small and as published`() throws {
        try follow("sra.small", ParityNetworks.sra(Float.self), .sra, tolerance: 1e-5)
        try follow("sra.published", SRANetwork<Float>(.sra), .sra, tolerance: 1e-5)
    }

    @Test func `MTL follows PyTorch in Float, small and as published`() throws {
        try follow("mtl.small", ParityNetworks.mtl(Float.self), .mtl, tolerance: 1e-4)
        try follow("mtl.published", MTLNetwork<Float>(.mtl), .mtl, tolerance: 1e-4)
    }

    private func follow<N: TrainableNetwork>(
        _ name: String, _ network: N, _ recipe: TrainingRecipe, tolerance: Double
    ) throws {
        let golden = try goldenLosses(name)
        #expect(golden.count == 50)
        let initial = network.layout.initialWeights(seed: 5).values
        let weights = Matrix(
            initial.map { N.Scalar($0) }, rows: 1, columns: network.layout.count)
        let (first, second) = (network.zeroGradients, network.zeroGradients)
        let gradients = network.zeroGradients
        var worst = 0.0
        for (index, want) in golden.enumerated() {
            gradients.fill(0)
            let shard = network.shard(ParityNetworks.batch(index, of: network))
            let loss = network.loss(
                network.means([shard], weights: weights, gradients: gradients))
            worst = max(worst, abs(loss - want) / want)
            let norm = N.Scalar.sumOfSquares(gradients).squareRoot()
            var step = AdamStep(number: index + 1, learningRate: recipe.learningRate)
            step.weightDecay = recipe.weightDecay
            step.isDecoupled = recipe.isDecoupled
            // torch.nn.utils.clip_grad_norm_.
            step.clipping = min(1, recipe.largestGradientNorm / (norm + 1e-6))
            N.Scalar.adam(
                weights: weights, gradients: gradients, first: first, second: second, step: step)
        }
        #expect(worst < tolerance, "\(name): \(worst)")
    }

    private func goldenLosses(_ name: String) throws -> [Double] {
        let text = try RealDisk().text(of: goldenPath("parity_losses.txt"), limit: 1 << 20)
        let line = try #require(text.split(separator: "\n").first { $0.hasPrefix(name + " ") })
        return line.split(separator: " ").dropFirst().compactMap { Double($0) }
    }
}

/// The small networks and the batches of Tests/Golden/make_parity_goldens.py.
enum ParityNetworks {
    static func sra<S: TrainingScalar>(_: S.Type) -> SRANetwork<S> {
        var configuration = SRAConfiguration.sra
        configuration.hiddenWidth = 24
        configuration.latentWidth = 12
        return SRANetwork(configuration)
    }

    static func mtl<S: TrainingScalar>(_: S.Type) -> MTLNetwork<S> {
        var configuration = MTLConfiguration.mtl
        configuration.encoderWidths = [16]
        configuration.forwardWidth = 24
        configuration.residualWidth = 32
        configuration.latentWidth = 12
        configuration.headWidths = [20, 18]
        configuration.categoryCount = 7
        configuration.itemCount = 5
        return MTLNetwork(configuration)
    }

    /// Sixteen users of 1 to 12 rows; with labels as wide as the network's lists, if it has any.
    static func batch(_ step: Int, of network: some TrainableNetwork) -> [TrainingExample] {
        let widths = network.layout.entries.reduce(into: [String: Int]()) {
            $0[$1.name] = $1.shape[0]
        }
        return (0..<16).map { user in
            var random = SeededRandom(seed: 1, stream: UInt64(step * 16 + user))
            let length = 1 + Int(random.nextUnit() * 12)
            var rows: [UInt16] = []
            var kinds: [Int] = []
            for _ in 0..<length {
                kinds.append(Int(random.nextUnit() * 5))
                rows += row(kinds[kinds.count - 1], &random)
            }
            let categories = (0..<(widths["category.6.bias"] ?? 0)).filter {
                (kinds[0] + $0) % 5 == 0
            }
            let items = (0..<(widths["item.6.bias"] ?? 0)).filter { (length + $0) % 4 == 0 }
            return TrainingExample(
                rows: rows,
                labels: TaskLabels(
                    churned: kinds[0] < 2, categories: categories.map { UInt8($0) },
                    items: items.map { UInt8($0) }))
        }
    }

    private static func row(_ kind: Int, _ random: inout SeededRandom) -> [UInt16] {
        (0..<RowLayout.width).map { position in
            let draw = random.nextUnit()
            return switch position {
            case 0..<5: halfBits(position == kind ? 1 : 0)
            case 61...: 0
            default: halfBits(Float(2 * draw - 1))
            }
        }
    }
}
