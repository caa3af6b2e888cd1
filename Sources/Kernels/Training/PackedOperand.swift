import COneDNN

/// A right operand in oneDNN's own layout for it.
enum PackedOperand {
    /// Rows from which a Float32 operand is packed: what some hundred rows gain by it is its cost.
    static let leastFloat32Rows = 512

    /// Whether packing pays, for left operands of so many rows together.
    ///
    /// oneDNN's `sgemm` packs a transposed operand anew for each product (1536 × 512 on AVX-512: 100
    /// GF/s by 256 rows, 65 by 32; packed 110), but reads a plain one about as fast as a packed one.
    static func pays(_ form: MatrixForm, _ precision: ProductPrecision, rows: Int) -> Bool {
        switch precision {
        case .float32: hasFloat32 && form == .transposed && rows >= leastFloat32Rows
        case .bfloat16: ProductShape.hasBFloat16
        }
    }

    /// Packs into the memory that `memory` gives for so many numbers.
    static func pack(
        _ b: Matrix<Float>, _ form: MatrixForm, _ precision: ProductPrecision,
        memory: (_ count: Int) -> Matrix<Float>
    ) -> Matrix<Float> {
        let (k, n) = form == .plain ? (b.rows, b.columns) : (b.columns, b.rows)
        let type = Int32(precision == .float32 ? onednn_float32 : onednn_bfloat16)
        var byteCount = 0
        // SAFETY: the function writes the one number.
        ProductShape.check(unsafe onednn_packed_size(type, Int64(n), Int64(k), &byteCount))
        let stride = MemoryLayout<Float>.stride
        let packed = memory((byteCount + stride - 1) / stride)
        precondition(packed.count * stride >= byteCount, "prepared: \(packed.count) numbers")
        precondition(!packed.overlaps(b), "prepared: the operand's own memory")
        // SAFETY: the address is only looked at.
        let address = unsafe UInt(bitPattern: packed.pointer)
        precondition(address % 64 == 0, "prepared: not from a cache line's beginning")
        // SAFETY: b.count numbers are read, and the bytes that were asked for are written.
        let numbers =
            unsafe precision == .float32
            ? UnsafeRawPointer(b.pointer) : UnsafeRawPointer(BFloat16Product.narrowed(b, place: 1))
        ProductShape.check(
            unsafe onednn_pack(
                type, form == .plain ? 0 : 1, Int64(n), Int64(k), numbers, packed.pointer))
        withExtendedLifetime((b, packed)) {}
        return packed
    }

    /// Whether Float32 has a layout of its own.
    private static let hasFloat32 = onednn_has_packed_float32() != 0
}

/// How many rows of a left operand are multiplied at once.
///
/// oneDNN makes code for each shape, and ragged batches have any number of rows, so these are
/// brought to few: pieces of 256, 128, … 8, and fewer than 8 as they are. A right operand that is
/// more than a corner of a core's cache is read as seldom as can be instead: 256, then a multiple
/// of 8 (5001 × 256 by 88 rows in bfloat16: 1.6 ms, in three pieces 2.4). In bfloat16 a row's result
/// does not depend on its piece.
enum RowPieces {
    private static let least = 8
    private static let most = 256
    /// Numbers from which an operand counts as large.
    static let largeCount = 1 << 16

    /// Rows of the next piece, when there are `rows` > 0.
    static func next(_ rows: Int, operandCount: Int) -> Int {
        if rows >= most { return most }
        if rows < least { return rows }
        if operandCount >= largeCount { return rows / least * least }
        return 1 << (Int.bitWidth - 1 - rows.leadingZeroBitCount)
    }
}
