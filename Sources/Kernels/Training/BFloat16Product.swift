import CKernels
import COneDNN

/// A product by the processor's bfloat16 instructions: rounds operands into memory of the thread,
/// and multiplies.
///
/// Rows of A are multiplied in pieces (`RowPieces`); a weight gradient is summed over pieces of 1024
/// rows, the last filled up with zeros to a multiple of 64, or of 16 where that costs much. The
/// memory a product needs is then bounded as well.
struct BFloat16Product {
    private let shape: ProductShape
    private let adding: Bool

    private static let mostSummed = 1024

    init(_ shape: ProductShape, adding: Bool) {
        self.shape = shape
        self.adding = adding
    }

    /// C ← A · packed, or added; A is plain.
    func multiply(_ a: Matrix<Float>, packed: Matrix<Float>, into c: Matrix<Float>) {
        // SAFETY: packed by `packed` for this shape's n and k; held until the end.
        unsafe packed.pointer.withMemoryRebound(to: UInt16.self, capacity: packed.count * 2) {
            unsafe multiplyRows(of: a, Int32(onednn_packed), $0, into: c)
        }
        withExtendedLifetime(packed) {}
    }

    /// C ← A · op(B), or added; A is plain, B narrowed already.
    func multiply(_ a: Matrix<Float>, narrowed b: Matrix<UInt16>, into c: Matrix<Float>) {
        // SAFETY: b has the shape's k · n numbers, and is held until the end.
        unsafe multiplyRows(of: a, bForm, b.pointer, into: c)
        withExtendedLifetime(b) {}
    }

    /// C ← op(A) · op(B), or added.
    func multiply(_ a: Matrix<Float>, _ b: Matrix<Float>, into c: Matrix<Float>) {
        if shape.aForm == .transposed, shape.bForm == .plain {
            return multiplyTall(a, b, into: c)
        }
        // SAFETY: each operand as a whole, in a place of its own of the thread's memory.
        let right = unsafe Self.narrowed(b, place: 1)
        if shape.aForm == .plain {
            unsafe multiplyRows(of: a, bForm, right, into: c)
        } else {
            let left = unsafe Self.narrowed(a, place: 0)
            unsafe piece(
                left, bForm, right, rows: shape.m, summed: shape.k, adding: adding, c.pointer)
        }
        withExtendedLifetime(c) {}
    }

    private var bForm: Int32 {
        Int32(shape.bForm == .plain ? onednn_plain : onednn_transposed)
    }

    /// Aᵀ · B, summed over pieces of their rows.
    private func multiplyTall(_ a: Matrix<Float>, _ b: Matrix<Float>, into c: Matrix<Float>) {
        // Rows of zeros change nothing: a large product's fewer of them are worth more code.
        let unit = shape.m * shape.n >= RowPieces.largeCount ? 16 : 64
        for start in stride(from: 0, to: shape.k, by: Self.mostSummed) {
            let rows = start..<min(start + Self.mostSummed, shape.k)
            let filled = Self.rounded(up: rows.count, to: unit)
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
        while row < shape.m {
            let size = RowPieces.next(shape.m - row, operandCount: shape.k * shape.n)
            // SAFETY: `size` rows of A, and as many of C.
            unsafe piece(
                Self.narrowed(a.rows(row..<row + size), place: 0), bForm, b, rows: size,
                summed: shape.k, adding: adding, c.pointer + row * shape.n)
            row += size
        }
        withExtendedLifetime(c) {}
    }

    private func piece(
        _ a: UnsafePointer<UInt16>, _ bForm: Int32, _ b: UnsafePointer<UInt16>, rows: Int,
        summed: Int, adding: Bool, _ c: UnsafeMutablePointer<Float>
    ) {
        // SAFETY: the callers' pointers hold rows · summed, summed · n and rows · n numbers.
        ProductShape.check(
            unsafe onednn_product(
                Int32(onednn_bfloat16), shape.aForm == .plain ? 0 : 1, bForm, Int64(rows),
                Int64(shape.n), Int64(summed), a, b, adding ? 1 : 0, c))
    }

    /// The numbers of `matrix` rounded to bfloat16, then zeros up to `count`; this thread's memory
    /// number `place`, 0 or 1.
    static func narrowed(
        _ matrix: Matrix<Float>, count: Int? = nil, place: Int32
    ) -> UnsafePointer<UInt16> {
        let count = count ?? matrix.count
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

    private static func rounded(up count: Int, to unit: Int) -> Int {
        (count + unit - 1) / unit * unit
    }
}
