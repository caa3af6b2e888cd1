import Features
import Kernels
import Learning
import Storage
import TestSupport

/// Least squares by the simplest network there is: ŷ = w · x + b, loss Σ (ŷ − y)² / n.
///
/// x is the first three numbers of an example's last row, y the fourth.
struct LinearToy: TrainableNetwork {
    typealias Scalar = Float

    struct Shard: Sendable {
        var inputs: Matrix<Float>
        var targets: [Float]
    }

    let layout: ParameterLayout
    let terms: [LossTerm]
    /// p of the inputs' dropout.
    var dropout = 0.0

    init(dropout: Double = 0) {
        var layout = ParameterLayout()
        _ = layout.add("linear.weight", [1, 3], .uniform(bound: 0.5))
        _ = layout.add("linear.bias", [1], .zeros)
        self.layout = layout
        terms = [LossTerm(name: "error", weight: 1)]
        self.dropout = dropout
    }

    func shard(_ examples: [TrainingExample]) -> Shard {
        let inputs = Matrix<Float>(rows: examples.count, columns: 3)
        var targets: [Float] = []
        for (row, example) in examples.enumerated() {
            let start = example.rows.count - RowLayout.width
            let numbers = (0..<4).map { Float(Float16(bitPattern: example.rows[start + $0])) }
            for column in 0..<3 { inputs[row, column] = numbers[column] }
            targets.append(numbers[3])
        }
        return Shard(inputs: inputs, targets: targets)
    }

    func counts(_ shard: Shard) -> [Double] { [Double(shard.targets.count)] }

    func run(_ shard: Shard, batchCounts: [Double], _ pass: NetworkPass<Float>) -> [Double] {
        let weights = pass.weights
        let inputs = pass.workspace.matrix("inputs", rows: shard.targets.count, columns: 3)
        inputs.copy(from: shard.inputs)
        if let source = pass.dropout {
            Float.dropout(inputs, source.mask(layer: 0, probability: dropout))
        }
        var sum = 0.0
        for (row, target) in shard.targets.enumerated() {
            var value = weights[3]
            for column in 0..<3 { value += weights[column] * inputs[row, column] }
            let difference = value - target
            sum += Double(difference * difference)
            guard let gradients = pass.gradients else { continue }
            let slope = 2 * difference / Float(batchCounts[0])
            for column in 0..<3 { gradients[column] += slope * inputs[row, column] }
            gradients[3] += slope
        }
        return [sum]
    }

    /// y = 2 x₀ − x₁ + x₂ / 2 + 1/4, all exact in binary16.
    static func example(_ index: Int, slope: Float = 2) -> TrainingExample {
        var random = SeededRandom(seed: 77, stream: UInt64(index))
        let x = (0..<3).map { _ in Float(Int(random.nextUnit() * 17) - 8) / 8 }
        let length = 1 + Int(random.nextUnit() * 6)
        var rows = [UInt16](repeating: 0, count: length * RowLayout.width)
        let last = rows.count - RowLayout.width
        for column in 0..<3 { rows[last + column] = Float16(x[column]).bitPattern }
        rows[last + 3] = Float16(slope * x[0] - x[1] + x[2] / 2 + 0.25).bitPattern
        return TrainingExample(rows: rows)
    }
}

/// Examples in memory.
struct MemorySource: ExampleSource {
    var all: [TrainingExample]
    let fingerprint: UInt64 = 5

    var count: Int { all.count }

    func rowCount(_ index: Int) -> Int { all[index].rows.count / RowLayout.width }

    func examples(_ indices: [Int]) throws(LearningError) -> [TrainingExample] {
        indices.map { all[$0] }
    }
}
