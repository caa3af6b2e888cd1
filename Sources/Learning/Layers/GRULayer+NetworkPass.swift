import Kernels

extension GRULayer {
    /// `forward` with a network's pass.
    func forward<Scalar>(
        _ inputs: Inputs<Scalar>, batch: RaggedBatch, initial: Matrix<Scalar>? = nil,
        _ pass: NetworkPass<Scalar>
    ) -> Pass<Scalar> {
        forward(
            inputs, batch: batch, initial: initial, weights: pass.weights, layout: pass.layout,
            precision: pass.precision, workspace: pass.workspace)
    }

    /// `[B, H]` the last hidden state of each sequence, in memory of this layer's own.
    func last<Scalar>(
        _ trace: Pass<Scalar>, _ pass: NetworkPass<Scalar>
    ) -> Matrix<Scalar> {
        let last = pass.matrix("\(prefix).last", rows: trace.batch.count, columns: hiddenWidth)
        trace.copyLast(into: last)
        return last
    }

    /// `backward` with a network's pass, which has gradients.
    func backward<Scalar>(
        _ trace: Pass<Scalar>, dStates: Matrix<Scalar>? = nil, dLast: Matrix<Scalar>? = nil,
        dInitial: Matrix<Scalar>? = nil, dInputs: Matrix<Scalar>? = nil,
        _ pass: NetworkPass<Scalar>
    ) {
        guard let gradients = pass.flatGradients else {
            preconditionFailure("GRULayer: \(prefix): no gradients are wanted")
        }
        // Zeroed if they are stale: each is added to for every block of waves.
        for parameter in [weightIH, weightHH, biasIH, biasHH] { _ = pass.gradient(parameter) }
        backward(
            trace, dStates: dStates, dLast: dLast, dInitial: dInitial, dInputs: dInputs,
            weights: pass.weights, gradients: gradients, layout: pass.layout,
            workspace: pass.workspace)
    }
}
