import Kernels
import Storage
import TestSupport
import Testing

@Suite struct ProductTests {
    /// m, n, k: the least, odd ones around the pieces' sizes, tall and flat ones.
    static let shapes = [
        (1, 1, 1), (1, 5, 3), (2, 1, 9), (3, 2, 1), (5, 7, 11), (7, 16, 17), (8, 8, 8),
        (9, 33, 15), (12, 48, 65), (15, 100, 2), (31, 17, 64), (64, 96, 32), (100, 30, 70),
        (257, 19, 33), (300, 200, 24), (24, 16, 513), (1, 384, 128), (523, 8, 7), (6, 3, 1024),
        (5, 9, 2111), (45, 300, 256),
    ]
    static let forms: [(MatrixForm, MatrixForm)] = [
        (.plain, .plain), (.plain, .transposed), (.transposed, .plain),
        (.transposed, .transposed),
    ]

    /// Operands and an old C for a shape, each at its own place in a larger storage.
    struct Operands {
        let a: Matrix<Float>
        let b: Matrix<Float>
        let c: Matrix<Float>

        init(
            _ shape: (Int, Int, Int), _ forms: (MatrixForm, MatrixForm), shift: Int = 0
        ) {
            let (m, n, k) = shape
            let a = forms.0 == .plain ? (m, k) : (k, m)
            let b = forms.1 == .plain ? (k, n) : (n, k)
            self.a = Self.placed(matrix(a.0, a.1, seed: 1), shift: shift)
            self.b = Self.placed(matrix(b.0, b.1, seed: 2), shift: 3 * shift)
            c = Self.placed(matrix(m, n, seed: 3), shift: 7 * shift)
        }

        /// A copy that begins `shift` numbers after a cache line's beginning.
        static func placed(_ matrix: Matrix<Float>, shift: Int) -> Matrix<Float> {
            let room = Matrix<Float>(rows: 1, columns: matrix.count + shift)
            let view = room.part(at: shift, rows: matrix.rows, columns: matrix.columns)
            view.copy(from: matrix)
            return view
        }
    }

    @Test(arguments: shapes, ProductPrecision.allCases)
    func `is the product in Double`(shape: (Int, Int, Int), precision: ProductPrecision) {
        for forms in Self.forms {
            for adding in [false, true] {
                let operands = Operands(shape, forms, shift: adding ? 1 : 0)
                let exact = widened(operands.c)
                let isRounded = precision == .bfloat16
                Double.multiply(
                    widened(isRounded ? rounded(operands.a) : operands.a), forms.0,
                    widened(isRounded ? rounded(operands.b) : operands.b), forms.1,
                    into: exact, adding: adding, precision: precision)
                Float.multiply(
                    operands.a, forms.0, operands.b, forms.1, into: operands.c, adding: adding,
                    precision: precision)
                // Sums of k + 1 numbers below 1 in size, in some order.
                let bound = Double(shape.2 + 1) * Double(Float.ulpOfOne)
                #expect(worst(operands.c, exact) <= bound, "\(forms), adding \(adding)")
            }
        }
    }

    @Test(arguments: shapes, ProductPrecision.allCases)
    func `by a prepared operand is the same product`(
        shape: (Int, Int, Int), precision: ProductPrecision
    ) {
        for form in [MatrixForm.plain, .transposed] {
            for adding in [false, true] {
                let operands = Operands(shape, (.plain, form))
                let exact = widened(operands.c)
                let prepared = prepared(operands.b, form, precision)
                let isRounded = precision == .bfloat16
                Double.multiply(
                    widened(isRounded ? rounded(operands.a) : operands.a), .plain,
                    widened(isRounded ? rounded(operands.b) : operands.b), form,
                    into: exact, adding: adding, precision: precision)
                Float.multiply(operands.a, by: prepared, into: operands.c, adding: adding)
                let bound = Double(shape.2 + 1) * Double(Float.ulpOfOne)
                #expect(worst(operands.c, exact) <= bound, "\(form), adding \(adding)")
            }
        }
    }

    @Test func `a prepared operand is that of its moment`() {
        let a = matrix(9, 16, seed: 1)
        let b = matrix(16, 32, seed: 2)
        let (before, after) = (
            Matrix<Float>(rows: 9, columns: 32), Matrix<Float>(rows: 9, columns: 32)
        )
        Float.multiply(
            a, by: prepared(b, .plain, .bfloat16), into: before, adding: false)
        b.fill(0)
        Float.multiply(
            a, by: prepared(b, .plain, .bfloat16), into: after, adding: false)
        #expect(before.values.contains { $0 != 0 })
        #expect(after.values.allSatisfy { $0 == 0 })
    }

    @Test(arguments: ProductPrecision.allCases)
    func `is the same bytes on any thread, at any alignment and after any other product`(
        precision: ProductPrecision
    ) async {
        @Sendable func results(shift: Int) -> [[UInt32]] {
            Self.shapes.flatMap { shape in
                Self.forms.map { forms in
                    let operands = Operands(shape, forms, shift: shift)
                    Float.multiply(
                        operands.a, forms.0, operands.b, forms.1, into: operands.c,
                        adding: shift % 2 == 0, precision: precision)
                    return operands.c.values.bits
                }
            }
        }
        // Other shifts add to C or do not, so only even ones are compared with each other.
        let expected = results(shift: 0)
        for shift in [2, 4, 6, 16] {
            let isSame = results(shift: shift) == expected
            #expect(isSame, "shifted by \(shift) numbers")
        }
        let others = await withTaskGroup(of: Bool.self) { group in
            for shift in 0..<8 { group.addTask { results(shift: 2 * shift) == expected } }
            return await group.reduce(into: []) { $0.append($1) }
        }
        #expect(others == Array(repeating: true, count: 8))
    }

    @Test func `runs on the calling thread alone`() async {
        // Threads that have not multiplied yet are among these.
        let limits = await withTaskGroup(of: Int.self) { group in
            for _ in 0..<8 {
                group.addTask {
                    let operands = Operands((300, 300, 300), (.plain, .plain))
                    Float.multiply(
                        operands.a, .plain, operands.b, .plain, into: operands.c, adding: false,
                        precision: .float32)
                    return Float.productThreadLimit
                }
            }
            return await group.reduce(into: []) { $0.append($1) }
        }
        #expect(limits == Array(repeating: 1, count: 8))
    }

    /// An operand packed for many rows, in memory of its own.
    private func prepared(
        _ b: Matrix<Float>, _ form: MatrixForm, _ precision: ProductPrecision
    ) -> PreparedMatrix<Float> {
        Float.prepared(b, form, precision: precision, rows: 1 << 20) {
            Matrix(rows: 1, columns: $0)
        }
    }

    @Test(arguments: shapes)
    func `by an operand that is kept as bfloat16 is the same bytes`(shape: (Int, Int, Int)) {
        for form in [MatrixForm.plain, .transposed] {
            for adding in [false, true] {
                let operands = Operands(shape, (.plain, form))
                let want = Matrix<Float>(rows: shape.0, columns: shape.1)
                want.copy(from: operands.c)
                Float.multiply(
                    operands.a, .plain, operands.b, form, into: want, adding: adding,
                    precision: .bfloat16)
                let kept = PreparedMatrix(
                    operands.b, form, precision: .bfloat16,
                    narrowed: Float.narrowed(operands.b, precision: .bfloat16))
                Float.multiply(operands.a, by: kept, into: operands.c, adding: adding)
                #expect(operands.c.values.bits == want.values.bits, "\(form), adding \(adding)")
            }
        }
    }

    /// Rows are multiplied in pieces, which a wave's height decides.
    @Test(arguments: [(768, 256), (5001, 16), (100, 30)])
    func `in bfloat16 a row is the same bytes however many there are`(shape: (Int, Int)) {
        let (n, k) = shape
        let (a, b) = (matrix(300, k, seed: 1), matrix(n, k, seed: 2))
        let operand = prepared(b, .transposed, .bfloat16)
        let all = Matrix<Float>(rows: 300, columns: n)
        Float.multiply(a, by: operand, into: all, adding: false)
        for rows in [1, 5, 8, 13, 45, 92, 131, 263] {
            let some = Matrix<Float>(rows: rows, columns: n)
            Float.multiply(a.rows(0..<rows), by: operand, into: some, adding: false)
            let isSame = some.values.bits == all.rows(0..<rows).values.bits
            #expect(isSame, "\(rows) rows")
        }
    }

    @Test func `writes a sum of no terms`() {
        let (a, b) = (Matrix<Float>(rows: 2, columns: 0), Matrix<Float>(rows: 0, columns: 3))
        let c = matrix(2, 3, seed: 1)
        let old = c.values
        for precision in ProductPrecision.allCases {
            Float.multiply(
                a, .plain, b, .plain, into: c, adding: true, precision: precision)
            #expect(c.values == old)
        }
        Float.multiply(a, .plain, b, .plain, into: c, adding: false, precision: .float32)
        #expect(c.values.allSatisfy { $0 == 0 })
        let none = Matrix<Float>(rows: 0, columns: 3)
        Float.multiply(
            Matrix<Float>(rows: 0, columns: 2), .plain, matrix(2, 3, seed: 2), .plain,
            into: none, adding: false, precision: .bfloat16)
    }

    @Test func `traps on shapes that do not fit`() async {
        await #expect(processExitsWith: .failure) {
            let square = Matrix<Float>(rows: 2, columns: 2)
            Float.multiply(
                square, .plain, Matrix<Float>(rows: 3, columns: 2), .plain,
                into: Matrix<Float>(rows: 2, columns: 2), adding: false, precision: .float32)
        }
    }

    @Test func `traps on an output that is an operand`() async {
        await #expect(processExitsWith: .failure) {
            let room = Matrix<Float>(rows: 3, columns: 2)
            Float.multiply(
                room.rows(0..<2), .plain, Matrix<Float>(rows: 2, columns: 2), .plain,
                into: room.rows(1..<3), adding: false, precision: .bfloat16)
        }
    }
}
