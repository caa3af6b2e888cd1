import CKernels
import COneDNN

/// A product by the processor's bfloat16 instructions: rounds the operands into memory of the
/// thread, and multiplies.
///
/// oneDNN makes code for each shape. Ragged batches have any number of rows, so these are brought
/// to few: rows of A are multiplied in pieces of 256, 128, … 8, the last filled up with zeros; the
/// summed dimension of a weight gradient is filled up with zeros to a multiple of 64.
struct BFloat16Product {
    private let shape: ProductShape
    private let adding: Bool
    /// The summed dimension as it is multiplied.
    private let k: Int

    /// The least rows of A in a piece.
    private static let leastRows = 8
    private static let mostRows = 256
    private static let summedUnit = 64

    init(_ shape: ProductShape, adding: Bool) {
        self.shape = shape
        self.adding = adding
        let isTall = shape.aForm == .transposed && shape.bForm == .plain
        k = isTall ? Self.rounded(up: shape.k, to: Self.summedUnit) : shape.k
    }

    /// The operand as `multiply(_:packed:into:)` reads it.
    static func packed(_ b: Matrix<Float>, _ form: MatrixForm) -> Matrix<Float> {
        let (k, n) = form == .plain ? (b.rows, b.columns) : (b.columns, b.rows)
        var byteCount = 0
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

    func multiply(_ a: Matrix<Float>, packed: Matrix<Float>, into c: Matrix<Float>) {
        // SAFETY: packed by `packed` for this shape's n and k.
        unsafe packed.pointer.withMemoryRebound(to: UInt16.self, capacity: packed.count * 2) {
            unsafe multiply(a, Int32(onednn_packed), $0, into: c)
        }
        withExtendedLifetime(packed) {}
    }

    func multiply(_ a: Matrix<Float>, _ b: Matrix<Float>, into c: Matrix<Float>) {
        // SAFETY: k · n numbers, those past the operand zero.
        unsafe multiply(
            a, Int32(shape.bForm == .plain ? onednn_plain : onednn_transposed),
            Self.narrowed(b, count: shape.bForm == .plain ? k * shape.n : b.count, place: 1),
            into: c)
    }

    private func multiply(
        _ a: Matrix<Float>, _ bForm: Int32, _ b: UnsafePointer<UInt16>, into c: Matrix<Float>
    ) {
        let (m, n) = (shape.m, shape.n)
        // SAFETY: all pointers are into memory of the sizes that the shape gives; A is filled up
        // to whole pieces, the last of which goes through scratch memory of its size.
        if shape.aForm == .transposed {
            let rows = unsafe Self.narrowed(a, count: k * m, place: 0)
            unsafe piece(rows, bForm, b, rows: m, into: c.pointer)
        } else {
            let filled = Self.rounded(up: m, to: Self.leastRows)
            let rows = unsafe Self.narrowed(a, count: filled * k, place: 0)
            var row = 0
            while m - row >= Self.leastRows {
                let highestBit = Int.bitWidth - 1 - (m - row).leadingZeroBitCount
                let size = min(Self.mostRows, 1 << highestBit)
                unsafe piece(rows + row * k, bForm, b, rows: size, into: c.pointer + row * n)
                row += size
            }
            if row < m {
                unsafe lastPiece(
                    rows + row * k, bForm, b, into: c.pointer + row * n, count: (m - row) * n)
            }
        }
        withExtendedLifetime(c) {}
    }

    private func lastPiece(
        _ a: UnsafePointer<UInt16>, _ bForm: Int32, _ b: UnsafePointer<UInt16>,
        into c: UnsafeMutablePointer<Float>, count: Int
    ) {
        // SAFETY: the scratch has room for a whole piece, of which `count` numbers are C's.
        let room = Self.leastRows * shape.n
        let result = unsafe Self.scratch(2, of: Float.self, count: room)
        if adding {
            unsafe result.update(from: c, count: count)
            unsafe (result + count).update(repeating: 0, count: room - count)
        }
        unsafe piece(a, bForm, b, rows: Self.leastRows, into: result)
        unsafe c.update(from: result, count: count)
    }

    private func piece(
        _ a: UnsafePointer<UInt16>, _ bForm: Int32, _ b: UnsafePointer<UInt16>, rows: Int,
        into c: UnsafeMutablePointer<Float>
    ) {
        // SAFETY: the callers' pointers hold rows · k, k · n and rows · n numbers.
        Self.check(
            unsafe onednn_bfloat16_product(
                shape.aForm == .plain ? 0 : 1, bForm, Int64(rows), Int64(shape.n), Int64(k), a, b,
                adding ? 1 : 0, c))
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
