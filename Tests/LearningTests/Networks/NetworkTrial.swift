import Glibc
import Kernels
import Learning
import Storage
import TestSupport
import Testing

extension TrainableNetwork {
    /// Each term's mean over the batch that the shards make up; adds gradients of Σ λ · mean.
    func means(
        _ shards: [Shard], weights: Matrix<Scalar>, gradients: Matrix<Scalar>? = nil,
        dropout: DropoutSource? = nil
    ) -> [Double] {
        let counts = sum(shards.map { self.counts($0) })
        let workspace = Workspace<Scalar>()
        let sums = sum(
            shards.map {
                run(
                    $0, weights: weights, gradients: gradients, batchCounts: counts,
                    dropout: dropout, precision: .float32, workspace: workspace)
            })
        return zip(sums, counts).map { $0 / $1 }
    }

    /// Σ λ · mean.
    func loss(_ means: [Double]) -> Double {
        zip(terms, means).reduce(0) { $0 + $1.0.weight * $1.1 }
    }

    /// Tensor k, row-major index i: amplitude · sin(step · i + 0.11 k), and 1 more in norms'
    /// weights if asked; `rank` gives the k of a layout's tensor.
    func formulaWeights(
        amplitude: Double, step: Double, raisesNorms: Bool, rank: (Int) -> Int = { $0 }
    ) -> Matrix<Scalar> {
        let weights = Matrix<Scalar>(rows: 1, columns: layout.count)
        for (place, entry) in layout.entries.enumerated() {
            let one = raisesNorms && entry.initial == .ones ? 1.0 : 0
            for i in 0..<entry.count {
                let value = amplitude * sin(step * Double(i) + 0.11 * Double(rank(place)))
                weights[entry.start + i] = Scalar(value + one)
            }
        }
        return weights
    }

    /// The formula of Tests/Golden/make_network_goldens.py.
    var goldenWeights: Matrix<Scalar> {
        formulaWeights(amplitude: 0.4, step: 1.37, raisesNorms: true)
    }

    /// A flat storage of zeros.
    var zeroGradients: Matrix<Scalar> { Matrix(rows: 1, columns: layout.count) }

    private func sum(_ lists: [[Double]]) -> [Double] {
        lists.dropFirst().reduce(lists[0]) { sums, list in zip(sums, list).map { $0 + $1 } }
    }
}

/// ‖a − b‖ / ‖b‖.
func relativeDistance(_ a: [Double], _ b: [Double]) -> Double {
    let difference = zip(a, b).reduce(0) { $0 + ($1.0 - $1.1) * ($1.0 - $1.1) }
    let norm = b.reduce(0) { $0 + $1 * $1 }
    return norm > 0 ? (difference / norm).squareRoot() : difference.squareRoot()
}

/// Numbers of a matrix in Double.
func doubles<Scalar: TrainingScalar>(_ matrix: Matrix<Scalar>) -> [Double] {
    matrix.values.map { Double($0) }
}

/// Numbers near those of a page that gives nine decimals.
func expect<Scalar: TrainingScalar>(
    _ values: some Sequence<Scalar>, near published: [Double], relative: Double,
    sourceLocation: SourceLocation = #_sourceLocation
) {
    for (value, want) in zip(values, published) {
        let distance = abs(Double(value) - want)
        #expect(
            distance <= relative * abs(want) + 5e-10, "\(value), not \(want)",
            sourceLocation: sourceLocation)
    }
}
