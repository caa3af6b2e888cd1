import Glibc
import Kernels

/// The losses, one number at a time; part of `Double`'s `LayerKernels`.
extension Double {
    package static func squaredError(
        _ prediction: Matrix<Double>, target: Matrix<Double>, keep: Matrix<Double>?,
        weights: Matrix<Double>?, scale: Double
    ) -> Double {
        check(target, [prediction.rows, prediction.columns], "squaredError: target")
        var sum = 0.0
        for i in 0..<prediction.rows {
            let weight = weights.map { $0[i, 0] } ?? 1
            for c in 0..<prediction.columns {
                let factor = weight * (keep.map { $0[i, c] } ?? 1)
                let difference = prediction[i, c] - target[i, c]
                sum += factor * difference * difference
                prediction[i, c] = 2 * scale * factor * difference
            }
        }
        return sum
    }

    package static func binaryCrossEntropy(
        _ logits: Matrix<Double>, labels: Matrix<Double>, scale: Double
    ) -> Double {
        check(labels, [logits.rows, logits.columns], "binaryCrossEntropy: labels")
        var sum = 0.0
        for i in 0..<logits.count {
            let x = logits[i]
            sum += max(x, 0) - x * labels[i] + Glibc.log1p(Glibc.exp(-x.magnitude))
            logits[i] = scale * (1 / (1 + Glibc.exp(-x)) - labels[i])
        }
        return sum
    }

    package static func softmaxCrossEntropy(
        _ logits: Matrix<Double>, labels: [Int32], scale: Double
    ) -> Double {
        precondition(labels.count == logits.rows, "softmaxCrossEntropy: \(labels.count) labels")
        var sum = 0.0
        for (i, label) in labels.enumerated() {
            let row = (0..<logits.columns).map { logits[i, $0] }
            let most = row.max() ?? 0
            let total = row.reduce(0) { $0 + Glibc.exp($1 - most) }
            if label >= 0 { sum += most + Glibc.log(total) - row[Int(label)] }
            for c in 0..<logits.columns {
                let probability = Glibc.exp(row[c] - most) / total
                logits[i, c] = label < 0 ? 0 : scale * (probability - (c == Int(label) ? 1 : 0))
            }
        }
        return sum
    }
}
