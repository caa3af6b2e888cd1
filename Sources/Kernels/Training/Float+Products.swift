import CKernels
import COneDNN

/// Products by oneDNN, on the calling thread alone, and the gates of Sources/CKernels/gates.h.
///
/// A product is a pure function of its operands: the same bytes on every thread, wherever the
/// matrices lie, whatever ran before. It is not batch-invariant: a row's last bits may depend on
/// how many rows there are.
extension Float: ProductKernels {
    /// `ProductKernels.multiply`; traps on shapes that do not fit and on overlap.
    package static func multiply(
        _ a: Matrix<Float>, _ aForm: MatrixForm, _ b: Matrix<Float>, _ bForm: MatrixForm,
        into c: Matrix<Float>, adding: Bool, precision: ProductPrecision
    ) {
        let shape = ProductShape(a, aForm, b, bForm, into: c)
        guard !shape.isEmpty(c, adding: adding) else { return }
        switch precision {
        case .float32: shape.multiply(a, b, into: c, adding: adding)
        case .bfloat16 where ProductShape.hasBFloat16:
            BFloat16Product(shape, adding: adding).multiply(a, b, into: c)
        case .bfloat16: shape.multiplyRounded(a, b, into: c, adding: adding)
        }
    }

    /// `multiply` in bfloat16 as processors without its instructions do it.
    ///
    /// The instructions take numbers below the smallest normal Float32 for zero; this does not.
    package static func multiplyRounded(
        _ a: Matrix<Float>, _ aForm: MatrixForm, _ b: Matrix<Float>, _ bForm: MatrixForm,
        into c: Matrix<Float>, adding: Bool
    ) {
        let shape = ProductShape(a, aForm, b, bForm, into: c)
        guard !shape.isEmpty(c, adding: adding) else { return }
        shape.multiplyRounded(a, b, into: c, adding: adding)
    }

    /// How many threads OpenMP may use for the calling thread's products: 1 from its first product
    /// on; 0 when oneDNN was built without OpenMP.
    package static var productThreadLimit: Int { Int(onednn_thread_limit()) }

    /// Packs an operand where that pays: in bfloat16 always, in Float32 a transposed one for many rows.
    package static func prepared(
        _ b: Matrix<Float>, _ bForm: MatrixForm, precision: ProductPrecision, rows: Int,
        memory: (_ count: Int) -> Matrix<Float>
    ) -> PreparedMatrix<Float> {
        guard b.count > 0, PackedOperand.pays(bForm, precision, rows: rows) else {
            return PreparedMatrix(b, bForm, precision: precision)
        }
        return PreparedMatrix(
            b, bForm, precision: precision, narrowed: nil,
            packed: PackedOperand.pack(b, bForm, precision, memory: memory))
    }

    /// The numbers as bfloat16, where the processor multiplies such.
    package static func narrowed(
        _ numbers: Matrix<Float>, precision: ProductPrecision
    ) -> Matrix<UInt16>? {
        guard precision == .bfloat16, ProductShape.hasBFloat16 else { return nil }
        let narrowed = Matrix<UInt16>(rows: numbers.rows, columns: numbers.columns)
        // SAFETY: equal counts.
        unsafe kernels_narrow_bfloat16(
            InstructionLevel.best.code, numbers.pointer, narrowed.pointer, numbers.count)
        withExtendedLifetime((numbers, narrowed)) {}
        return narrowed
    }

    /// `ProductKernels.multiply` by a prepared operand.
    package static func multiply(
        _ a: Matrix<Float>, by b: PreparedMatrix<Float>, into c: Matrix<Float>, adding: Bool
    ) {
        let shape = ProductShape(a, .plain, b.matrix, b.form, into: c)
        guard !shape.isEmpty(c, adding: adding) else { return }
        switch (b.precision, b.packed, b.narrowed) {
        case (.float32, .some(let packed), _):
            shape.multiply(a, packed: packed, into: c, adding: adding)
        case (.bfloat16, .some(let packed), _):
            BFloat16Product(shape, adding: adding).multiply(a, packed: packed, into: c)
        case (.bfloat16, nil, .some(let narrowed)) where ProductShape.hasBFloat16:
            BFloat16Product(shape, adding: adding).multiply(a, narrowed: narrowed, into: c)
        default:
            multiply(
                a, .plain, b.matrix, b.form, into: c, adding: adding, precision: b.precision)
        }
    }
}

/// m, n and k of one product, and how its operands lie; checked against the matrices.
struct ProductShape {
    let m: Int
    let n: Int
    let k: Int
    let aForm: MatrixForm
    let bForm: MatrixForm

    /// Traps on shapes that do not fit, and on an output that overlaps an operand.
    init(
        _ a: Matrix<Float>, _ aForm: MatrixForm, _ b: Matrix<Float>, _ bForm: MatrixForm,
        into c: Matrix<Float>
    ) {
        (m, k) = aForm == .plain ? (a.rows, a.columns) : (a.columns, a.rows)
        let right = bForm == .plain ? (k: b.rows, n: b.columns) : (k: b.columns, n: b.rows)
        n = right.n
        self.aForm = aForm
        self.bForm = bForm
        precondition(
            right.k == k && c.rows == m && c.columns == n,
            "multiply: [\(m), \(k)] · [\(right.k), \(n)] into [\(c.rows), \(c.columns)]")
        precondition(!c.overlaps(a) && !c.overlaps(b), "multiply: the output is an operand too")
    }

    /// Whether the processor multiplies bfloat16 by itself.
    static let hasBFloat16 = onednn_has_bfloat16() != 0

    /// Whether nothing is to be multiplied; a sum of no terms is then already written.
    func isEmpty(_ c: Matrix<Float>, adding: Bool) -> Bool {
        if m > 0, n > 0, k > 0 { return false }
        if !adding { c.fill(0) }
        return true
    }

    /// The product in Float32.
    func multiply(_ a: Matrix<Float>, _ b: Matrix<Float>, into c: Matrix<Float>, adding: Bool) {
        // SAFETY: the shapes are checked in init, and the views are held until the end.
        unsafe multiply(a.pointer, b.pointer, into: c.pointer, adding: adding)
        withExtendedLifetime((a, b, c)) {}
    }

    /// The product of a plain A and an operand packed for this k and n, in Float32.
    ///
    /// Rows are multiplied in pieces (`RowPieces`).
    func multiply(
        _ a: Matrix<Float>, packed: Matrix<Float>, into c: Matrix<Float>, adding: Bool
    ) {
        var row = 0
        while row < m {
            let size = RowPieces.next(m - row, operandCount: k * n)
            // SAFETY: `size` rows of A and of C, and the packed operand, held until the end.
            Self.check(
                unsafe onednn_product(
                    Int32(onednn_float32), 0, Int32(onednn_packed), Int64(size), Int64(n),
                    Int64(k), a.pointer + row * k, packed.pointer, adding ? 1 : 0,
                    c.pointer + row * n))
            row += size
        }
        withExtendedLifetime((a, packed, c)) {}
    }

    /// Traps on a status of oneDNN's that is not success.
    static func check(_ status: Int32) {
        precondition(status == 0, "multiply: oneDNN's status \(status)")
    }

    /// The product of operands rounded to bfloat16, in Float32: what the processor's own
    /// instructions give, but for the order of the sums.
    func multiplyRounded(
        _ a: Matrix<Float>, _ b: Matrix<Float>, into c: Matrix<Float>, adding: Bool
    ) {
        // SAFETY: `rounded` returns a.count and b.count numbers in two places of this thread.
        unsafe multiply(
            Self.rounded(a, place: 0), Self.rounded(b, place: 1), into: c.pointer, adding: adding)
        withExtendedLifetime(c) {}
    }

    /// m · k numbers times k · n numbers into m · n numbers.
    private func multiply(
        _ a: UnsafePointer<Float>, _ b: UnsafePointer<Float>,
        into c: UnsafeMutablePointer<Float>, adding: Bool
    ) {
        // SAFETY: row-major without gaps, as the leading dimensions say.
        Self.check(
            unsafe onednn_sgemm(
                aForm == .plain ? 0 : 1, bForm == .plain ? 0 : 1, Int64(m), Int64(n), Int64(k), a,
                Int64(aForm == .plain ? k : m), b, Int64(bForm == .plain ? n : k), adding ? 1 : 0,
                c, Int64(n)))
    }

    private static func rounded(_ matrix: Matrix<Float>, place: Int32) -> UnsafePointer<Float> {
        // SAFETY: the scratch has room for `count` numbers, and the view is held.
        let raw = unsafe onednn_scratch(place, matrix.count * MemoryLayout<Float>.stride)
        guard let target = unsafe raw else { preconditionFailure("multiply: no memory") }
        let start = unsafe target.bindMemory(to: Float.self, capacity: matrix.count)
        unsafe kernels_round_bfloat16(
            InstructionLevel.best.code, matrix.pointer, start, matrix.count)
        withExtendedLifetime(matrix) {}
        return unsafe UnsafePointer(start)
    }
}
