import CKernels
import COneDNN

/// A product by the processor's bfloat16 instructions: rounds operands into memory of the thread,
/// and multiplies.
///
/// oneDNN makes code for each shape. Ragged batches have any number of rows, so these are brought
/// to few: rows of A are multiplied in pieces of 256, 128, … 8, the last filled up with zeros; a
/// weight gradient is summed over pieces of 1024 rows, the last filled up to a multiple of 64. The
/// memory a product needs is then bounded as well.
struct BFloat16Product {
    private let shape: ProductShape
    private let adding: Bool

    /// Rows of A in a piece.
    private static let leastRows = 8
    private static let mostRows = 256
    /// Rows of both operands that are summed over at once.
    private static let summedUnit = 64
    private static let mostSummed = 1024

    init(_ shape: ProductShape, adding: Bool) {
        self.shape = shape
        self.adding = adding
    }

    /// The operand as `multiply(_:packed:into:)` reads it.
    static func packed(_ b: Matrix<Float>, _ form: MatrixForm) -> Matrix<Float> {
        let (k, n) = form == .plain ? (b.rows, b.columns) : (b.columns, b.rows)
        var byteCount = 0
        // SAFETY: the function writes the one number.
        check(unsafe onednn_packed_size(Int64(n), Int64(k), &byteCount))
        let stride = MemoryLayout<Float>.stride
        let packed = Matrix<Float>(rows: 1, columns: (byteCount + stride - 1) / stride)
        // SAFETY: `narrowed` gives b.count numbers, and `packed` has the bytes that were asked for.
        check(
            unsafe onednn_pack(
                form == .plain ? 0 : 1, Int64(n), Int64(k), narrowed(b, count: b.count, place: 1),
                packed.pointer))
        withExtendedLifetime(packed) {}
        return packed
    }

    /// C ← A · packed, or added; A is plain.
    func multiply(_ a: Matrix<Float>, packed: Matrix<Float>, into c: Matrix<Float>) {
        // SAFETY: packed by `packed` for this shape's n and k; held until the end.
        unsafe packed.pointer.withMemoryRebound(to: UInt16.self, capacity: packed.count * 2) {
            unsafe multiplyRows(of: a, Int32(onednn_packed), $0, into: c)
        }
        withExtendedLifetime(packed) {}
    }

    /// C ← op(A) · op(B), or added.
    func multiply(_ a: Matrix<Float>, _ b: Matrix<Float>, into c: Matrix<Float>) {
        if shape.aForm == .transposed, shape.bForm == .plain {
            return multiplyTall(a, b, into: c)
        }
        let form = Int32(shape.bForm == .plain ? onednn_plain : onednn_transposed)
        // SAFETY: each operand as a whole, in a place of its own of the thread's memory.
        let right = unsafe Self.narrowed(b, count: b.count, place: 1)
        if shape.aForm == .plain {
            unsafe multiplyRows(of: a, form, right, into: c)
        } else {
            let left = unsafe Self.narrowed(a, count: a.count, place: 0)
            unsafe piece(
                left, form, right, rows: shape.m, summed: shape.k, adding: adding, c.pointer)
        }
        withExtendedLifetime(c) {}
    }

    /// Aᵀ · B, summed over pieces of their rows.
    private func multiplyTall(_ a: Matrix<Float>, _ b: Matrix<Float>, into c: Matrix<Float>) {
        for start in stride(from: 0, to: shape.k, by: Self.mostSummed) {
            let rows = start..<min(start + Self.mostSummed, shape.k)
            let filled = Self.rounded(up: rows.count, to: Self.summedUnit)
            // SAFETY: `filled` rows of each operand, those past its own zero.
            unsafe piece(
                Self.narrowed(a.rows(rows), count: filled * shape.m, place: 0),
                Int32(onednn_plain),
                Self.narrowed(b.rows(rows), count: filled * shape.n, place: 1), rows: shape.m,
                summed: filled, adding: adding || start > 0, c.pointer)
        }
        withExtendedLifetime(c) {}
    }

    private func multiplyRows(
        of a: Matrix<Float>, _ bForm: Int32, _ b: UnsafePointer<UInt16>, into c: Matrix<Float>
    ) {
        var row = 0
        while shape.m - row >= Self.leastRows {
            let highestBit = Int.bitWidth - 1 - (shape.m - row).leadingZeroBitCount
            let size = min(Self.mostRows, 1 << highestBit)
            // SAFETY: `size` rows of A, and as many of C.
            unsafe piece(
                Self.narrowed(a.rows(row..<row + size), count: size * shape.k, place: 0), bForm,
                b, rows: size, summed: shape.k, adding: adding, c.pointer + row * shape.n)
            row += size
        }
        if row < shape.m {
            unsafe lastRows(
                of: a.rows(row..<shape.m), bForm, b, into: c.rows(row..<shape.m))
        }
        withExtendedLifetime(c) {}
    }

    /// Fewer rows than a piece has: filled up with zeros, and only theirs written back.
    private func lastRows(
        of a: Matrix<Float>, _ bForm: Int32, _ b: UnsafePointer<UInt16>, into c: Matrix<Float>
    ) {
        let room = Self.leastRows * shape.n
        // SAFETY: the scratch has room for a whole piece, of which c.count numbers are C's.
        let result = unsafe Self.scratch(2, of: Float.self, count: room)
        if adding {
            unsafe result.update(from: c.pointer, count: c.count)
            unsafe (result + c.count).update(repeating: 0, count: room - c.count)
        }
        unsafe piece(
            Self.narrowed(a, count: Self.leastRows * shape.k, place: 0), bForm, b,
            rows: Self.leastRows, summed: shape.k, adding: adding, result)
        unsafe c.pointer.update(from: result, count: c.count)
        withExtendedLifetime(c) {}
    }

    private func piece(
        _ a: UnsafePointer<UInt16>, _ bForm: Int32, _ b: UnsafePointer<UInt16>, rows: Int,
        summed: Int, adding: Bool, _ c: UnsafeMutablePointer<Float>
    ) {
        // SAFETY: the callers' pointers hold rows · summed, summed · n and rows · n numbers.
        Self.check(
            unsafe onednn_bfloat16_product(
                shape.aForm == .plain ? 0 : 1, bForm, Int64(rows), Int64(shape.n), Int64(summed),
                a, b, adding ? 1 : 0, c))
    }

    /// The numbers of `matrix` rounded to bfloat16, then zeros up to `count`; this thread's memory.
    private static func narrowed(
        _ matrix: Matrix<Float>, count: Int, place: Int32
    ) -> UnsafePointer<UInt16> {
        // SAFETY: room for `count` ≥ matrix.count numbers.
        let start = unsafe scratch(place, of: UInt16.self, count: count)
        unsafe kernels_narrow_bfloat16(
            InstructionLevel.best.code, matrix.pointer, start, matrix.count)
        unsafe (start + matrix.count).update(repeating: 0, count: count - matrix.count)
        withExtendedLifetime(matrix) {}
        return unsafe UnsafePointer(start)
    }

    private static func scratch<Number: BitwiseCopyable>(
        _ place: Int32, of type: Number.Type, count: Int
    ) -> UnsafeMutablePointer<Number> {
        // SAFETY: as many bytes as the numbers take, aligned to 64; read only once written.
        let raw = unsafe onednn_scratch(place, count * MemoryLayout<Number>.stride)
        guard let start = unsafe raw else { preconditionFailure("multiply: no memory") }
        return unsafe start.bindMemory(to: type, capacity: count)
    }

    private static func check(_ status: Int32) {
        precondition(status == 0, "multiply: oneDNN's status \(status)")
    }

    private static func rounded(up count: Int, to unit: Int) -> Int {
        (count + unit - 1) / unit * unit
    }
}
