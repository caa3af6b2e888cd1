/// Float's layers and optimiser passes: `FloatKernels` at the fastest level.
extension Float: LayerKernels {
    /// `FloatKernels.widen` at the fastest level.
    package static func widen(_ halfs: [UInt16], into y: Matrix<Float>) {
        FloatKernels.best.widen(halfs, into: y)
    }

    /// `FloatKernels.addBias` at the fastest level.
    package static func addBias(_ bias: Matrix<Float>, to y: Matrix<Float>) {
        FloatKernels.best.addBias(bias, to: y)
    }

    /// `FloatKernels.addColumnSums` at the fastest level.
    package static func addColumnSums(_ dy: Matrix<Float>, to dBias: Matrix<Float>) {
        FloatKernels.best.addColumnSums(dy, to: dBias)
    }

    /// `FloatKernels.add` at the fastest level.
    package static func add(_ x: Matrix<Float>, scale: Float, to y: Matrix<Float>) {
        FloatKernels.best.add(x, scale: scale, to: y)
    }

    /// `FloatKernels.relu` at the fastest level.
    package static func relu(_ y: Matrix<Float>) {
        FloatKernels.best.relu(y)
    }

    /// `FloatKernels.reluBackward` at the fastest level.
    package static func reluBackward(y: Matrix<Float>, dy: Matrix<Float>) {
        FloatKernels.best.reluBackward(y: y, dy: dy)
    }

    /// `FloatKernels.gelu` at the fastest level.
    package static func gelu(_ x: Matrix<Float>, into y: Matrix<Float>) {
        FloatKernels.best.gelu(x, into: y)
    }

    /// `FloatKernels.geluBackward` at the fastest level.
    package static func geluBackward(x: Matrix<Float>, dy: Matrix<Float>) {
        FloatKernels.best.geluBackward(x: x, dy: dy)
    }

    /// `FloatKernels.dropout` at the fastest level.
    package static func dropout(_ y: Matrix<Float>, _ mask: DropoutMask) {
        FloatKernels.best.dropout(y, mask)
    }

    /// `FloatKernels.layerNorm` at the fastest level.
    package static func layerNorm(
        _ x: Matrix<Float>, weight: Matrix<Float>, bias: Matrix<Float>, epsilon: Float,
        into y: Matrix<Float>, saved: Matrix<Float>
    ) {
        FloatKernels.best.layerNorm(
            x, weight: weight, bias: bias, epsilon: epsilon, into: y, saved: saved)
    }

    /// `FloatKernels.layerNormBackward` at the fastest level.
    package static func layerNormBackward(
        dy: Matrix<Float>, x: Matrix<Float>, weight: Matrix<Float>, saved: Matrix<Float>,
        dx: Matrix<Float>, dWeight: Matrix<Float>, dBias: Matrix<Float>
    ) {
        FloatKernels.best.layerNormBackward(
            dy: dy, x: x, weight: weight, saved: saved, dx: dx, dWeight: dWeight, dBias: dBias)
    }

    /// `FloatKernels.attention` at the fastest level.
    package static func attention(
        qkv: Matrix<Float>, batch: RaggedBatch, heads: Int, mask: DropoutMask,
        into out: Matrix<Float>, probabilities: Matrix<Float>
    ) {
        FloatKernels.best.attention(
            qkv: qkv, batch: batch, heads: heads, mask: mask, into: out,
            probabilities: probabilities)
    }

    /// `FloatKernels.attentionBackward` at the fastest level.
    package static func attentionBackward(
        dOut: Matrix<Float>, qkv: Matrix<Float>, batch: RaggedBatch, heads: Int, mask: DropoutMask,
        probabilities: Matrix<Float>, into dqkv: Matrix<Float>
    ) {
        FloatKernels.best.attentionBackward(
            dOut: dOut, qkv: qkv, batch: batch, heads: heads, mask: mask,
            probabilities: probabilities, into: dqkv)
    }

    /// `FloatKernels.meanRows` at the fastest level.
    package static func meanRows(
        _ rows: Matrix<Float>, batch: RaggedBatch, into means: Matrix<Float>
    ) {
        FloatKernels.best.meanRows(rows, batch: batch, into: means)
    }

    /// `FloatKernels.meanRowsBackward` at the fastest level.
    package static func meanRowsBackward(
        _ dMeans: Matrix<Float>, batch: RaggedBatch, into dRows: Matrix<Float>
    ) {
        FloatKernels.best.meanRowsBackward(dMeans, batch: batch, into: dRows)
    }

    /// `FloatKernels.addLookup` at the fastest level.
    package static func addLookup(_ table: Matrix<Float>, indices: [Int32], to y: Matrix<Float>) {
        FloatKernels.best.addLookup(table, indices: indices, to: y)
    }

    /// `FloatKernels.addLookupBackward` at the fastest level.
    package static func addLookupBackward(
        _ dy: Matrix<Float>, indices: [Int32], to dTable: Matrix<Float>
    ) {
        FloatKernels.best.addLookupBackward(dy, indices: indices, to: dTable)
    }

    /// `FloatKernels.squaredError` at the fastest level.
    package static func squaredError(
        _ prediction: Matrix<Float>, target: Matrix<Float>, keep: Matrix<Float>?,
        weights: Matrix<Float>?, scale: Float
    ) -> Double {
        FloatKernels.best.squaredError(
            prediction, target: target, keep: keep, weights: weights, scale: scale)
    }

    /// `FloatKernels.binaryCrossEntropy` at the fastest level.
    package static func binaryCrossEntropy(
        _ logits: Matrix<Float>, labels: Matrix<Float>, scale: Float
    ) -> Double {
        FloatKernels.best.binaryCrossEntropy(logits, labels: labels, scale: scale)
    }

    /// `FloatKernels.softmaxCrossEntropy` at the fastest level.
    package static func softmaxCrossEntropy(
        _ logits: Matrix<Float>, labels: [Int32], scale: Float
    ) -> Double {
        FloatKernels.best.softmaxCrossEntropy(logits, labels: labels, scale: scale)
    }
}

extension Float: OptimizerKernels {
    /// `FloatKernels.sumOfSquares` at the fastest level.
    package static func sumOfSquares(_ x: Matrix<Float>) -> Double {
        FloatKernels.best.sumOfSquares(x)
    }

    /// `FloatKernels.add(_:to:)` at the fastest level.
    package static func add(_ x: Matrix<Float>, to y: Matrix<Float>) -> Double {
        FloatKernels.best.add(x, to: y)
    }

    /// `FloatKernels.adam` at the fastest level.
    package static func adam(
        weights: Matrix<Float>, gradients: Matrix<Float>, first: Matrix<Float>,
        second: Matrix<Float>, narrowed: Matrix<UInt16>?, step: AdamStep
    ) {
        FloatKernels.best.adam(
            weights: weights, gradients: gradients, first: first, second: second,
            narrowed: narrowed, step: step)
    }
}
