import Foundation
import Kernels
import Learning
import Storage

/// Forward and backward of one GRU layer over one batch, by our layer: each thread takes every
/// n-th sequence, and the threads' gradients are added.
struct GRUTraining {
    /// The work; also what a peer is asked to do.
    struct Work: Codable, Hashable {
        var form: String
        var precision: String
        var hidden: Int
        var inputs = 64
        var threads: Int
        /// Rows of each sequence, longest first.
        var lengths: [Int]

        var events: Int { lengths.reduce(0, +) }

        /// Multiplications and additions of one pass: two products forward; those of two weight
        /// gradients and of the states' gradient backward.
        var operations: Double {
            Double(events) * Double(2 * 3 * hidden) * Double(2 * inputs + 3 * hidden)
        }
    }

    /// One thread's part.
    // Sendable because one task at a time runs it.
    private final class Share: @unchecked Sendable {
        let batch: RaggedBatch
        let inputs: Matrix<Float>
        let dStates: Matrix<Float>
        let gradients: Matrix<Float>
        let workspace = Workspace<Float>()

        init(lengths: [Int], inputWidth: Int, hiddenWidth: Int, parameters: Int) {
            batch = RaggedBatch(lengths: lengths)
            inputs = GRUTraining.numbers(batch.rowCount, inputWidth)
            dStates = GRUTraining.numbers(batch.rowCount, hiddenWidth)
            gradients = Matrix(rows: 1, columns: parameters)
        }
    }

    private let layout: ParameterLayout
    private let layer: GRULayer
    private let weights: Matrix<Float>
    private let shares: [Share]
    private let precision: ProductPrecision

    init(_ work: Work) {
        var layout = ParameterLayout()
        layer = GRULayer("gru", inputWidth: work.inputs, hiddenWidth: work.hidden, in: &layout)
        self.layout = layout
        weights = layout.initialWeights(seed: 1)
        precision = ProductPrecision(rawValue: work.precision) ?? .float32
        shares = (0..<work.threads).map { thread in
            let lengths = stride(from: thread, to: work.lengths.count, by: work.threads)
            return Share(
                lengths: lengths.map { work.lengths[$0] }, inputWidth: work.inputs,
                hiddenWidth: work.hidden, parameters: layout.count)
        }
    }

    /// One pass; returns the gradient's size, which no correct pass leaves 0.
    func run() async -> Double {
        await withTaskGroup(of: Void.self) { group in
            for share in shares.dropFirst() { group.addTask { run(share) } }
            run(shares[0])
        }
        for share in shares.dropFirst() {
            Float.add(share.gradients, scale: 1, to: shares[0].gradients)
        }
        return Float.sumOfSquares(shares[0].gradients)
    }

    private func run(_ share: Share) {
        share.gradients.fill(0)
        let pass = layer.forward(
            .perRow(share.inputs), batch: share.batch, weights: weights, layout: layout,
            precision: precision, workspace: share.workspace)
        layer.backward(
            pass, dStates: share.dStates, dLast: nil, dInputs: nil, weights: weights,
            gradients: share.gradients, layout: layout, workspace: share.workspace)
    }

    private static func numbers(_ rows: Int, _ columns: Int) -> Matrix<Float> {
        var random = SeededRandom(seed: 1, stream: UInt64(columns))
        return Matrix(
            (0..<rows * columns).map { _ in Float(random.nextUnit()) }, rows: rows,
            columns: columns)
    }

    /// B sequences of 64 rows.
    static func equalLengths(_ count: Int) -> [Int] { Array(repeating: 64, count: count) }

    /// B lengths of mean 11 with a heavy tail, longest first.
    ///
    /// The quantiles of a lognormal distribution with σ = 1.2, whose logarithms have the mean
    /// ln 11 − σ²/2; the median is 5, the longest of 256 has 171.
    static func raggedLengths(_ count: Int) -> [Int] {
        let (sigma, mean) = (1.2, 11.0)
        return (0..<count).map { index in
            let p = 1 - (Double(index) + 0.5) / Double(count)
            let length = exp(log(mean) - sigma * sigma / 2 + sigma * normalQuantile(p))
            return max(1, Int(length.rounded()))
        }
    }

    /// Φ⁻¹ by bisection.
    private static func normalQuantile(_ p: Double) -> Double {
        var (low, high) = (-10.0, 10.0)
        for _ in 0..<60 {
            let middle = (low + high) / 2
            if erfc(-middle / 2.0.squareRoot()) / 2 < p { low = middle } else { high = middle }
        }
        return low
    }
}
