/// Weights in the order a kernel reads them, as binary32 and, where that is exact, as binary16 too.
///
/// A row by itself waits for the memory that weights come from, so half as many bytes are most of
/// its time; a widened number is the number, so both formats give the same bytes.
struct PackedWeights: Sendable {
    /// nil where binary16 serves any number of rows.
    private let floats: AlignedBuffer<Float>?
    private let halfs: AlignedBuffer<UInt16>?
    /// Rows from which on widening costs more than the memory.
    private let wideRows: Int

    /// Makes `count` zeros, lets `fill` write them, and narrows them if that is exact.
    ///
    /// - Parameters:
    ///   - count: of weights, padding included.
    ///   - wideRows: rows from which on the kernel is given binary32; nil never.
    ///   - fill: writes them.
    init(count: Int, wideRows: Int?, fill: (inout MutableSpan<Float>) -> Void) {
        let packed = AlignedBuffer<Float>(count: count, fill: fill)
        halfs = packed.halfs()
        floats = halfs == nil || wideRows != nil ? packed : nil
        self.wideRows = wideRows ?? .max
    }

    /// Calls `body` with the weights for so many rows, and 1 if they are binary16, else 0.
    func withWeights(rows: Int, _ body: (Int32, UnsafeRawPointer?) -> Void) {
        // SAFETY: `self` holds both until the call has returned.
        if let halfs, rows < wideRows {
            unsafe body(1, UnsafeRawPointer(halfs.start))
        } else if let floats {
            unsafe body(0, UnsafeRawPointer(floats.start))
        }
        withExtendedLifetime(self) {}
    }
}
