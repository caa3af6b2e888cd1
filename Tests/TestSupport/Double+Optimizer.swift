import Glibc
import Kernels

/// The naive twin of `Float`'s optimiser passes: the equations of `OptimizerKernels`.
extension Double: OptimizerKernels {
    package static func sumOfSquares(_ x: Matrix<Double>) -> Double {
        (0..<x.count).reduce(0) { $0 + x[$1] * x[$1] }
    }

    package static func add(_ x: Matrix<Double>, to y: Matrix<Double>) -> Double {
        for i in 0..<x.count { y[i] += x[i] }
        return sumOfSquares(y)
    }

    package static func adam(
        weights: Matrix<Double>, gradients: Matrix<Double>, first: Matrix<Double>,
        second: Matrix<Double>, narrowed: Matrix<UInt16>?, step: AdamStep
    ) {
        let t = Double(step.number)
        for i in 0..<weights.count {
            var w = weights[i]
            var g = step.clipping * gradients[i]
            if step.isDecoupled {
                w -= step.learningRate * step.weightDecay * w
            } else {
                g += step.weightDecay * w
            }
            first[i] = step.beta1 * first[i] + (1 - step.beta1) * g
            second[i] = step.beta2 * second[i] + (1 - step.beta2) * g * g
            let rate = step.learningRate / (1 - Glibc.pow(step.beta1, t))
            let root = second[i].squareRoot() / (1 - Glibc.pow(step.beta2, t)).squareRoot()
            weights[i] = w - rate * first[i] / (root + step.epsilon)
        }
    }
}
