/// The right operand of several products, laid out for them once.
///
/// The recurrent weights meet each wave of a batch: what a product does with its right operand
/// (rounding, packing for the vector unit) is done once for all of them.
package struct PreparedMatrix<Scalar: BitwiseCopyable & ExpressibleByIntegerLiteral & Sendable>:
    Sendable
{
    let matrix: Matrix<Scalar>
    let form: MatrixForm
    let precision: ProductPrecision
    /// The operand in the fast product's own layout; nil when it is used as it is.
    let packed: Matrix<Float>?

    init(
        _ matrix: Matrix<Scalar>, _ form: MatrixForm, precision: ProductPrecision,
        packed: Matrix<Float>?
    ) {
        self.matrix = matrix
        self.form = form
        self.precision = precision
        self.packed = packed
    }

    /// k and n of op(B) `[k, n]`.
    var shape: (k: Int, n: Int) {
        form == .plain ? (matrix.rows, matrix.columns) : (matrix.columns, matrix.rows)
    }
}

extension ProductKernels {
    /// Keeps the operand as it is.
    package static func prepared(
        _ b: Matrix<Self>, _ bForm: MatrixForm, precision: ProductPrecision
    ) -> PreparedMatrix<Self> {
        PreparedMatrix(b, bForm, precision: precision, packed: nil)
    }

    /// `multiply` by the operand as it is.
    package static func multiply(
        _ a: Matrix<Self>, by b: PreparedMatrix<Self>, into c: Matrix<Self>, adding: Bool
    ) {
        multiply(
            a, .plain, b.matrix, b.form, into: c, adding: adding, precision: b.precision)
    }
}
