import Kernels

/// What the layers of one pass over a shard share: weights, gradients, draws and memory.
package struct NetworkPass<Scalar: TrainingScalar> {
    /// Of `weights` and `gradients`.
    package let layout: ParameterLayout
    /// `[1, layout.count]`.
    package let weights: Matrix<Scalar>
    /// The same as bfloat16, kept by who writes them; nil when products round them themselves.
    package let narrowed: Matrix<UInt16>?
    /// `[1, layout.count]`, as they are; nil when there is no backward pass.
    let flatGradients: Matrix<Scalar>?
    /// Nil when nothing is dropped.
    package let dropout: DropoutSource?
    /// Of products.
    package let precision: ProductPrecision
    /// Where activations are kept until the backward pass.
    package let workspace: Workspace<Scalar>
    /// The tensors whose gradients still hold an earlier pass's; nil when they are to be added to.
    private let stale: StaleTensors?

    /// - Parameters:
    ///   - layout: of weights and gradients.
    ///   - weights: `[1, layout.count]`.
    ///   - narrowed: `Scalar.narrowed(weights, precision:)`, or nil.
    ///   - gradients: `[1, layout.count]`, or nil.
    ///   - overwriting: whether what gradients hold is overwritten; when the network's pass is done,
    ///     `endGradients` sets to zero what it did not write.
    ///   - dropout: draws, or nil.
    ///   - precision: of products.
    ///   - workspace: of the calling thread.
    package init(
        layout: ParameterLayout, weights: Matrix<Scalar>, narrowed: Matrix<UInt16>? = nil,
        gradients: Matrix<Scalar>? = nil, overwriting: Bool = false,
        dropout: DropoutSource? = nil, precision: ProductPrecision = .float32,
        workspace: Workspace<Scalar>
    ) {
        precondition(
            weights.count == layout.count, "NetworkPass: \(weights.count) of \(layout.count)")
        precondition(
            gradients.map { $0.count == layout.count } ?? true,
            "NetworkPass: gradients of another layout")
        precondition(
            narrowed.map { $0.count == layout.count } ?? true,
            "NetworkPass: narrowed of another layout")
        self.layout = layout
        self.weights = weights
        self.narrowed = narrowed
        stale =
            overwriting && gradients != nil ? StaleTensors(count: layout.entries.count) : nil
        flatGradients = gradients
        self.dropout = dropout
        self.precision = precision
        self.workspace = workspace
    }

    /// A tensor's weights.
    package func weight(_ parameter: ParameterLayout.Parameter) -> Matrix<Scalar> {
        layout.view(parameter, of: weights)
    }

    /// Whether there is a backward pass.
    package var wantsGradients: Bool { flatGradients != nil }

    /// `[1, layout.count]`, to be added to: none of it holds an earlier pass's any more; nil when
    /// there is no backward pass.
    package var gradients: Matrix<Scalar>? {
        endGradients()
        return flatGradients
    }

    /// A tensor's gradient, to be added to; traps in a pass without gradients.
    package func gradient(_ parameter: ParameterLayout.Parameter) -> Matrix<Scalar> {
        let gradient = gradientView(parameter)
        if stale?.take(parameter) == true { gradient.fill(0) }
        return gradient
    }

    /// Adds Aᵀ · B to a tensor's gradient; the first product of a pass that overwrites is written.
    func addProduct(
        _ a: Matrix<Scalar>, _ b: Matrix<Scalar>, toGradient parameter: ParameterLayout.Parameter
    ) {
        let isFirst = stale?.take(parameter) == true
        Scalar.multiply(
            a, .transposed, b, .plain, into: gradientView(parameter), adding: !isFirst,
            precision: precision)
    }

    /// Sets to zero the gradients of tensors that a pass which overwrites did not come to.
    package func endGradients() {
        guard let stale else { return }
        for parameter in stale.rest where stale.take(parameter) {
            gradientView(parameter).fill(0)
        }
    }

    private func gradientView(_ parameter: ParameterLayout.Parameter) -> Matrix<Scalar> {
        guard let flatGradients else {
            preconditionFailure("NetworkPass: no gradients are wanted")
        }
        return layout.view(parameter, of: flatGradients)
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

    /// C ← A · op(W) of a tensor's weights W, in this pass's precision.
    func multiply(
        _ a: Matrix<Scalar>, by parameter: ParameterLayout.Parameter, _ form: MatrixForm,
        into c: Matrix<Scalar>
    ) {
        let operand = PreparedMatrix(
            weight(parameter), form, precision: precision,
            narrowed: narrowed.map { layout.view(parameter, of: $0) })
        Scalar.multiply(a, by: operand, into: c, adding: false)
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

/// Which tensors' gradients a pass has yet to overwrite.
///
/// A gradient need not be zeroed before the product that is the first to be added to it: that product
/// is written instead, which saves two of three passes over the memory of a large layer.
private final class StaleTensors {
    private var isStale: [Bool]

    init(count: Int) { isStale = Array(repeating: true, count: count) }

    /// Whether the tensor's gradient was stale; it no longer is.
    func take(_ parameter: ParameterLayout.Parameter) -> Bool {
        defer { isStale[parameter.index] = false }
        return isStale[parameter.index]
    }

    /// The tensors that are stale, in the layout's order.
    var rest: [ParameterLayout.Parameter] {
        isStale.indices.filter { isStale[$0] }.map { ParameterLayout.Parameter(index: $0) }
    }
}
