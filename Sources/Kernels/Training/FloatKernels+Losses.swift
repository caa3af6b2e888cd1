import CKernels

extension FloatKernels {
    /// `LayerKernels.squaredError`: a row's sum in 16 lanes of Float32, everything above in Double.
    package func squaredError(
        _ prediction: Matrix<Float>, target: Matrix<Float>, keep: Matrix<Float>?,
        weights: Matrix<Float>?, scale: Float
    ) -> Double {
        Self.check(target, prediction.rows, prediction.columns, "squaredError: target")
        Self.checkApart(prediction, target, "squaredError: prediction and target")
        if let keep {
            Self.check(keep, prediction.rows, prediction.columns, "squaredError: keep")
            Self.checkApart(prediction, keep, "squaredError: prediction and keep")
        }
        if let weights {
            Self.check(weights, prediction.rows, 1, "squaredError: weights")
            Self.checkApart(prediction, weights, "squaredError: prediction and weights")
        }
        // SAFETY: shapes and what may not overlap are checked.
        return unsafe kernels_squared_error(
            code, prediction.pointer, target.pointer, keep?.pointer, weights?.pointer, scale,
            prediction.rows, prediction.columns)
    }

    /// `LayerKernels.binaryCrossEntropy`: each 1024 numbers in 16 lanes of Float32, everything
    /// above in Double, numbers in order.
    package func binaryCrossEntropy(
        _ logits: Matrix<Float>, labels: Matrix<Float>, scale: Float
    ) -> Double {
        Self.check(labels, logits.rows, logits.columns, "binaryCrossEntropy: labels")
        Self.checkApart(logits, labels, "binaryCrossEntropy: logits and labels")
        // SAFETY: equal counts, none in common.
        return unsafe kernels_binary_cross_entropy(
            code, logits.pointer, labels.pointer, scale, logits.count)
    }

    /// `LayerKernels.softmaxCrossEntropy`: rows summed in Double.
    package func softmaxCrossEntropy(
        _ logits: Matrix<Float>, labels: [Int32], scale: Float
    ) -> Double {
        precondition(
            labels.count == logits.rows, "softmaxCrossEntropy: \(labels.count) labels")
        Self.check(labels, below: logits.columns, "softmaxCrossEntropy")
        // SAFETY: every label that is not negative is below V, as checked.
        return unsafe labels.withUnsafeBufferPointer {
            unsafe kernels_softmax_cross_entropy(
                code, logits.pointer, $0.baseAddress, scale, logits.rows, logits.columns)
        }
    }

    /// `OptimizerKernels.sumOfSquares`: 16 lanes of Double.
    package func sumOfSquares(_ x: Matrix<Float>) -> Double {
        // SAFETY: `count` numbers of one matrix.
        unsafe kernels_sum_of_squares(code, x.pointer, x.count)
    }

    /// `OptimizerKernels.add(_:to:)`: 16 lanes of Double.
    package func add(_ x: Matrix<Float>, to y: Matrix<Float>) -> Double {
        precondition(x.count == y.count, "add: \(x.count) to \(y.count)")
        Self.checkApart(x, y, "add: matrices")
        // SAFETY: equal counts, none in common.
        return unsafe kernels_add_and_square(code, x.pointer, y.pointer, x.count)
    }

    /// `OptimizerKernels.adam`, the constants formed in Double.
    package func adam(
        weights: Matrix<Float>, gradients: Matrix<Float>, first: Matrix<Float>,
        second: Matrix<Float>, narrowed: Matrix<UInt16>? = nil, step: AdamStep
    ) {
        let all = [weights, gradients, first, second]
        for (index, one) in all.enumerated() {
            precondition(one.count == weights.count, "adam: \(one.count) of \(weights.count)")
            for other in all[(index + 1)...] { Self.checkApart(one, other, "adam: matrices") }
        }
        if let narrowed {
            precondition(narrowed.count == weights.count, "adam: \(narrowed.count) narrowed")
        }
        // SAFETY: equal counts, none in common.
        unsafe kernels_adam(
            code, weights.pointer, gradients.pointer, first.pointer, second.pointer,
            narrowed?.pointer, step.constants, weights.count)
        withExtendedLifetime(narrowed) {}
    }
}

extension AdamStep {
    /// What C wants.
    var constants: kernels_adam {
        let t = Double(number)
        let shrinkage = learningRate * weightDecay
        return kernels_adam(
            beta1: Float(beta1), beta2: Float(beta2), rest1: Float(1 - beta1),
            rest2: Float(1 - beta2),
            rate: Float(learningRate / (1 - Elementary.pow(base: beta1, exponent: t))),
            root: Float((1 - Elementary.pow(base: beta2, exponent: t)).squareRoot()),
            epsilon: Float(epsilon), decay: isDecoupled ? 0 : Float(weightDecay),
            shrinkage: isDecoupled ? Float(shrinkage) : 0, clipping: Float(clipping))
    }
}
