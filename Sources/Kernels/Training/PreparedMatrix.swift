/// The right operand of products, with what they need of it done once for several.
///
/// The recurrent weights meet each wave of a batch, and a layer's weights meet each shard twice:
/// what a product does with its right operand (rounding, packing for the vector unit) is done once.
package struct PreparedMatrix<Scalar: BitwiseCopyable & ExpressibleByIntegerLiteral & Sendable>:
    Sendable
{
    let matrix: Matrix<Scalar>
    let form: MatrixForm
    let precision: ProductPrecision
    /// The operand as bfloat16, of the matrix's shape; nil when products round it themselves.
    let narrowed: Matrix<UInt16>?
    /// The operand in the fast product's own layout; nil when it is used as it is.
    let packed: Matrix<Scalar>?

    /// An operand as it lies, and the same as bfloat16 if somebody keeps it.
    package init(
        _ matrix: Matrix<Scalar>, _ form: MatrixForm, precision: ProductPrecision,
        narrowed: Matrix<UInt16>? = nil
    ) {
        self.init(matrix, form, precision: precision, narrowed: narrowed, packed: nil)
        precondition(
            narrowed.map { $0.rows == matrix.rows && $0.columns == matrix.columns } ?? true,
            "PreparedMatrix: narrowed of another shape")
    }

    init(
        _ matrix: Matrix<Scalar>, _ form: MatrixForm, precision: ProductPrecision,
        narrowed: Matrix<UInt16>?, packed: Matrix<Scalar>?
    ) {
        self.matrix = matrix
        self.form = form
        self.precision = precision
        self.narrowed = narrowed
        self.packed = packed
    }
}

extension ProductKernels {
    /// Keeps the operand as it is.
    package static func prepared(
        _ b: Matrix<Self>, _ bForm: MatrixForm, precision: ProductPrecision, rows: Int,
        memory: (_ count: Int) -> Matrix<Self>
    ) -> PreparedMatrix<Self> {
        PreparedMatrix(b, bForm, precision: precision)
    }

    /// Nothing: products read the numbers themselves.
    package static func narrowed(
        _ numbers: Matrix<Self>, precision: ProductPrecision
    ) -> Matrix<UInt16>? {
        nil
    }

    /// `multiply` by the operand as it is.
    package static func multiply(
        _ a: Matrix<Self>, by b: PreparedMatrix<Self>, into c: Matrix<Self>, adding: Bool
    ) {
        multiply(
            a, .plain, b.matrix, b.form, into: c, adding: adding, precision: b.precision)
    }
}
