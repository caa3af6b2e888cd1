import Kernels

/// One `nn.GRU` layer over a ragged batch, forward and backward; no work on padding.
///
/// Inputs and states are in wave order (`RaggedBatch`), so a step is one product over a range of
/// rows. Weights have PyTorch's names, shapes, gate order (r, z, n) and initial values U(±1/√H).
package struct GRULayer: Sendable {
    /// D, the width of an input.
    package let inputWidth: Int
    /// H, the width of a state.
    package let hiddenWidth: Int
    /// Begins the names of its tensors, and of its memory in a workspace.
    package let prefix: String

    let weightIH: ParameterLayout.Parameter
    let weightHH: ParameterLayout.Parameter
    let biasIH: ParameterLayout.Parameter
    let biasHH: ParameterLayout.Parameter

    /// Adds `prefix.weight_ih_l0` `[3H, D]`, `prefix.weight_hh_l0` `[3H, H]`, `prefix.bias_ih_l0`
    /// and `prefix.bias_hh_l0` `[3H]` to a network's layout, in `state_dict`'s order.
    package init(
        _ prefix: String, inputWidth: Int, hiddenWidth: Int, in layout: inout ParameterLayout
    ) {
        self.prefix = prefix
        self.inputWidth = inputWidth
        self.hiddenWidth = hiddenWidth
        let initial = ParameterLayout.InitialValues.uniform(
            bound: 1 / Double(hiddenWidth).squareRoot())
        let gates = 3 * hiddenWidth
        weightIH = layout.add("\(prefix).weight_ih_l0", [gates, inputWidth], initial)
        weightHH = layout.add("\(prefix).weight_hh_l0", [gates, hiddenWidth], initial)
        biasIH = layout.add("\(prefix).bias_ih_l0", [gates], initial)
        biasHH = layout.add("\(prefix).bias_hh_l0", [gates], initial)
    }

    /// What a GRU reads at each step.
    package enum Inputs<Scalar: TrainingScalar>: Sendable {
        /// `[R, D]`, a row a step, in wave order.
        case perRow(Matrix<Scalar>)
        /// `[B, D]`, a row a sequence, which reads it at each of its steps (projected once).
        case perSequence(Matrix<Scalar>)

        /// R or B.
        var rows: Int {
            switch self {
            case .perRow(let inputs), .perSequence(let inputs): inputs.rows
            }
        }
    }

    /// A forward pass: its states, and what the backward pass needs.
    ///
    /// Valid until the workspace is used for this layer again; inputs and weights must not change
    /// before `backward`.
    package struct Pass<Scalar: TrainingScalar>: Sendable {
        /// `[R, H]` the state after each row, in wave order.
        package let states: Matrix<Scalar>
        package let batch: RaggedBatch
        let layer: GRULayer
        let inputs: Inputs<Scalar>
        let initial: Matrix<Scalar>?
        let gates: Matrix<Scalar>
        let precision: ProductPrecision

        /// Copies the last state of each sequence, in the batch's order, into `[B, H]`.
        package func copyLast(into last: Matrix<Scalar>) {
            for (sequence, row) in batch.lastRows.enumerated() {
                last.rows(sequence..<sequence + 1).copy(from: states.rows(row..<row + 1))
            }
        }
    }

    /// Runs every sequence from `initial`, or from zeros.
    ///
    /// - Parameters:
    ///   - inputs: `[R, D]` or `[B, D]`.
    ///   - batch: which rows are whose.
    ///   - initial: `[B, H]` the state before the first row of each sequence; nil for zeros.
    ///   - weights: `[1, layout.count]` of the layout this layer was added to.
    ///   - layout: that layout.
    ///   - precision: of products.
    ///   - workspace: keeps the pass; names begin with `prefix`.
    /// - Returns: the pass.
    package func forward<Scalar: TrainingScalar>(
        _ inputs: Inputs<Scalar>, batch: RaggedBatch, initial: Matrix<Scalar>? = nil,
        weights: Matrix<Scalar>, layout: ParameterLayout, precision: ProductPrecision,
        workspace: Workspace<Scalar>
    ) -> Pass<Scalar> {
        let pass = Pass(
            states: workspace.matrix(
                prefix + ".states", rows: batch.rowCount, columns: hiddenWidth),
            batch: batch, layer: self, inputs: inputs, initial: initial,
            gates: workspace.matrix(
                prefix + ".gates", rows: batch.rowCount, columns: 4 * hiddenWidth),
            precision: precision)
        GRUForward(pass, weights: weights, layout: layout, workspace: workspace).run()
        return pass
    }

    /// The backward pass of `forward`; of `dStates` and `dLast` at least one is given.
    ///
    /// - Parameters:
    ///   - pass: from `forward`.
    ///   - dStates: `[R, H]` ∂L/∂states, in wave order; nil for zeros.
    ///   - dLast: `[B, H]` ∂L/∂ each sequence's last state; nil for zeros.
    ///   - dInitial: `[B, H]` ∂L/∂initial, overwritten; nil when nobody wants it.
    ///   - dInputs: of the inputs' shape, ∂L/∂inputs, overwritten; nil when nobody wants it.
    ///   - weights: as in `forward`.
    ///   - gradients: `[1, layout.count]`, added to.
    ///   - layout: as in `forward`.
    ///   - workspace: as in `forward`.
    package func backward<Scalar: TrainingScalar>(
        _ pass: Pass<Scalar>, dStates: Matrix<Scalar>?, dLast: Matrix<Scalar>?,
        dInitial: Matrix<Scalar>? = nil, dInputs: Matrix<Scalar>?, weights: Matrix<Scalar>,
        gradients: Matrix<Scalar>, layout: ParameterLayout, workspace: Workspace<Scalar>
    ) {
        precondition(dStates != nil || dLast != nil, "GRULayer: a backward pass of nothing")
        GRUBackward(
            pass, dInputs: dInputs, weights: weights, gradients: gradients, layout: layout,
            workspace: workspace
        ).run(dStates: dStates, dLast: dLast, dInitial: dInitial)
    }
}
