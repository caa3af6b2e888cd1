import Features
import Foundation
import Learning

/// What row counts alone say of churn: a logistic regression on log(1 + rows), of all rows and of
/// each row type, by Newton's method on the penalised likelihood.
struct CountBaseline {
    /// The bias, all rows, then buy, add, remove, visit and search rows, then the recency.
    private static let width = 3 + RowToken.rowTypes
    /// λ of the ridge, which keeps columns without rows harmless.
    private static let ridge = 1e-3

    private let seesRecency: Bool
    private var weights = [Double](repeating: 0, count: width)

    /// Fits to users' counts and whether they bought nothing; `seesRecency` lets it see the
    /// logarithm of the time since the last event as well, which no row tells.
    init(_ truth: TaskTruth, seesRecency: Bool) {
        self.seesRecency = seesRecency
        let churned = truth.churned
        let features = churned.indices.map { Self.features(truth, $0, seesRecency) }
        for _ in 0..<25 {
            var gradient = weights.map { -Self.ridge * $0 }
            var hessian = [Double](repeating: 0, count: Self.width * Self.width)
            for i in 0..<Self.width { hessian[i * Self.width + i] = Self.ridge }
            for (x, isChurn) in zip(features, churned) {
                let p = Self.sigmoid(Self.dot(weights, x))
                let error = (isChurn ? 1 : 0) - p
                let curvature = max(p * (1 - p), 1e-9)
                for i in 0..<Self.width {
                    gradient[i] += error * x[i]
                    for j in 0..<Self.width {
                        hessian[i * Self.width + j] += curvature * x[i] * x[j]
                    }
                }
            }
            let step = Self.solve(hessian, gradient)
            for i in weights.indices { weights[i] += step[i] }
            if step.allSatisfy({ abs($0) < 1e-8 }) { break }
        }
    }

    /// P(churn) of each user.
    func probabilities(_ truth: TaskTruth) -> [Float] {
        truth.counts.indices.map {
            Float(Self.sigmoid(Self.dot(weights, Self.features(truth, $0, seesRecency))))
        }
    }

    /// Rows of each type, `[5]`.
    static func counts(_ example: TrainingExample) -> [Int] {
        var counts = [Int](repeating: 0, count: RowToken.rowTypes)
        for token in example.tokens { counts[Int(token.type)] += 1 }
        return counts
    }

    private static func features(
        _ truth: TaskTruth, _ user: Int, _ seesRecency: Bool
    ) -> [Double] {
        let counts = truth.counts[user]
        return [1, log1p(Double(counts.reduce(0, +)))] + counts.map { log1p(Double($0)) }
            + [seesRecency ? Double(truth.endBuckets[user]) / 10 : 0]
    }

    private static func sigmoid(_ x: Double) -> Double { 1 / (1 + exp(-x)) }

    private static func dot(_ x: [Double], _ y: [Double]) -> Double {
        zip(x, y).reduce(0) { $0 + $1.0 * $1.1 }
    }

    /// Solves A x = b of a positive definite A by Gauss's elimination.
    private static func solve(_ matrix: [Double], _ right: [Double]) -> [Double] {
        var (a, b) = (matrix, right)
        for pivot in 0..<width {
            for row in pivot + 1..<width {
                let factor = a[row * width + pivot] / a[pivot * width + pivot]
                for column in pivot..<width {
                    a[row * width + column] -= factor * a[pivot * width + column]
                }
                b[row] -= factor * b[pivot]
            }
        }
        var x = [Double](repeating: 0, count: width)
        for row in (0..<width).reversed() {
            var sum = b[row]
            for column in row + 1..<width { sum -= a[row * width + column] * x[column] }
            x[row] = sum / a[row * width + row]
        }
        return x
    }
}
