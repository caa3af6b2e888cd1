import Kernels

/// What the layers of one pass over a shard share: weights, gradients, draws and memory.
package struct NetworkPass<Scalar: TrainingScalar> {
    /// Of `weights` and `gradients`.
    package let layout: ParameterLayout
    /// `[1, layout.count]`.
    package let weights: Matrix<Scalar>
    /// `[1, layout.count]`, added to; nil when there is no backward pass.
    package let gradients: Matrix<Scalar>?
    /// Nil when nothing is dropped.
    package let dropout: DropoutSource?
    /// Of products.
    package let precision: ProductPrecision
    /// Where activations are kept until the backward pass.
    package let workspace: Workspace<Scalar>

    package init(
        layout: ParameterLayout, weights: Matrix<Scalar>, gradients: Matrix<Scalar>? = nil,
        dropout: DropoutSource? = nil, precision: ProductPrecision = .float32,
        workspace: Workspace<Scalar>
    ) {
        precondition(
            weights.count == layout.count, "NetworkPass: \(weights.count) of \(layout.count)")
        precondition(
            gradients.map { $0.count == layout.count } ?? true,
            "NetworkPass: gradients of another layout")
        self.layout = layout
        self.weights = weights
        self.gradients = gradients
        self.dropout = dropout
        self.precision = precision
        self.workspace = workspace
    }

    /// A tensor's weights.
    package func weight(_ parameter: ParameterLayout.Parameter) -> Matrix<Scalar> {
        layout.view(parameter, of: weights)
    }

    /// A tensor's gradient; traps in a pass without gradients.
    package func gradient(_ parameter: ParameterLayout.Parameter) -> Matrix<Scalar> {
        guard let gradients else { preconditionFailure("NetworkPass: no gradients are wanted") }
        return layout.view(parameter, of: gradients)
    }

    /// Memory of the workspace, with unspecified contents.
    func matrix(_ name: String, rows: Int, columns: Int) -> Matrix<Scalar> {
        workspace.matrix(name, rows: rows, columns: columns)
    }

    /// A copy in the workspace's memory.
    func copy(_ matrix: Matrix<Scalar>, as name: String) -> Matrix<Scalar> {
        let copy = workspace.matrix(name, rows: matrix.rows, columns: matrix.columns)
        copy.copy(from: matrix)
        return copy
    }

    /// The draws of the dropout numbered `site` in its network.
    func mask(_ site: Int, _ probability: Double) -> DropoutMask {
        dropout?.mask(layer: site, probability: probability) ?? .none
    }

    /// Dropout in place; on a gradient it is its own backward pass.
    func drop(_ y: Matrix<Scalar>, _ site: Int, _ probability: Double) {
        guard let dropout, probability > 0 else { return }
        Scalar.dropout(y, dropout.mask(layer: site, probability: probability))
    }

    /// C ← op(A) · op(B), or added to C, in this pass's precision.
    func multiply(
        _ a: Matrix<Scalar>, _ aForm: MatrixForm = .plain, _ b: Matrix<Scalar>,
        _ bForm: MatrixForm = .plain, into c: Matrix<Scalar>, adding: Bool = false
    ) {
        Scalar.multiply(a, aForm, b, bForm, into: c, adding: adding, precision: precision)
    }

    /// The rows of `table` at `indices`, in that order; a negative index gives zeros.
    func gathered(
        _ table: Matrix<Scalar>, _ indices: [Int32], as name: String
    ) -> Matrix<Scalar> {
        let y = workspace.zeros(name, rows: indices.count, columns: table.columns)
        Scalar.addLookup(table, indices: indices, to: y)
        return y
    }

    /// The backward pass of `gathered`: zeros `[rows, C]` with each row of `dy` added at its index.
    func scattered(
        _ dy: Matrix<Scalar>, _ indices: [Int32], rows: Int, as name: String
    ) -> Matrix<Scalar> {
        let dTable = workspace.zeros(name, rows: rows, columns: dy.columns)
        Scalar.addLookupBackward(dy, indices: indices, to: dTable)
        return dTable
    }
}
