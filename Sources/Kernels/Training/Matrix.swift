/// A view of numbers in rows, row-major and without gaps, into memory that several views share.
///
/// What training computes on: weights, gradients and activations are views into a few large
/// storages, so that an optimiser runs over all weights at once and a wave of a ragged batch is a
/// range of rows. Copying a view copies no numbers, and writing through it changes them for every
/// view of the same storage (docs/decisions/0008-training-memory.md).
package struct Matrix<Scalar: BitwiseCopyable & ExpressibleByIntegerLiteral & Sendable>: Sendable {
    /// R ≥ 0.
    package let rows: Int
    /// C ≥ 0.
    package let columns: Int
    private let storage: MatrixStorage<Scalar>
    private let start: Int

    /// Zeros of their own, `[rows, columns]`, at a cache line's beginning.
    package init(rows: Int, columns: Int) {
        precondition(rows >= 0 && columns >= 0, "Matrix: [\(rows), \(columns)]")
        self.init(
            storage: MatrixStorage(count: rows * columns), start: 0, rows: rows, columns: columns)
    }

    /// A copy of `values`; traps when they do not fill `[rows, columns]`.
    package init(_ values: [Scalar], rows: Int, columns: Int) {
        self.init(rows: rows, columns: columns)
        precondition(values.count == rows * columns, "Matrix: \(values.count) values")
        for index in values.indices { self[index] = values[index] }
    }

    private init(storage: MatrixStorage<Scalar>, start: Int, rows: Int, columns: Int) {
        self.storage = storage
        self.start = start
        self.rows = rows
        self.columns = columns
    }

    /// R · C.
    package var count: Int { rows * columns }

    /// The same numbers as `[rows, columns]`; their product must stay.
    package func reshaped(rows: Int, columns: Int) -> Self {
        precondition(
            rows >= 0 && columns >= 0 && rows * columns == count,
            "Matrix: [\(self.rows), \(self.columns)] as [\(rows), \(columns)]")
        return Self(storage: storage, start: start, rows: rows, columns: columns)
    }

    /// A view of consecutive rows.
    package func rows(_ range: Range<Int>) -> Self {
        precondition(
            range.lowerBound >= 0 && range.upperBound <= rows, "Matrix: rows \(range) of \(rows)")
        return Self(
            storage: storage, start: start + range.lowerBound * columns, rows: range.count,
            columns: columns)
    }

    /// A view of `rows · columns` numbers that begin at the `index`-th, in rows of `columns`.
    package func part(at index: Int, rows: Int, columns: Int) -> Self {
        precondition(
            index >= 0 && rows >= 0 && columns >= 0 && index + rows * columns <= count,
            "Matrix: [\(rows), \(columns)] at \(index) of \(count)")
        return Self(storage: storage, start: start + index, rows: rows, columns: columns)
    }

    /// The number at (row, column), bounds checked.
    package subscript(row: Int, column: Int) -> Scalar {
        get {
            precondition(column >= 0 && column < columns, "Matrix: column \(column) of \(columns)")
            return self[row * columns + column]
        }
        nonmutating set {
            precondition(column >= 0 && column < columns, "Matrix: column \(column) of \(columns)")
            self[row * columns + column] = newValue
        }
    }

    /// The `index`-th number in row-major order, bounds checked.
    package subscript(index: Int) -> Scalar {
        get {
            precondition(index >= 0 && index < count, "Matrix: \(index) of \(count)")
            // SAFETY: inside this view, which is inside the storage it keeps alive.
            return unsafe storage.start[start + index]
        }
        nonmutating set {
            precondition(index >= 0 && index < count, "Matrix: \(index) of \(count)")
            // SAFETY: as above; threads write to views that do not overlap.
            unsafe storage.start[start + index] = newValue
        }
    }

    /// Sets every number.
    package func fill(_ value: Scalar) {
        guard count > 0 else { return }
        // SAFETY: `count` numbers of this view.
        let raw = unsafe UnsafeMutableRawPointer(pointer)
        let stride = MemoryLayout<Scalar>.stride
        if unsafe withUnsafeBytes(of: value, { unsafe $0.allSatisfy { $0 == 0 } }) {
            // One write of each byte, where the copies below read them as well.
            unsafe raw.initializeMemory(as: UInt8.self, repeating: 0, count: count * stride)
            return
        }
        unsafe pointer.pointee = value
        // Doubled by copies of bytes: generic code that is not specialised sets them one by one.
        // SAFETY: what is copied ends where its copy begins.
        var done = 1
        while done < count {
            let some = min(done, count - done)
            unsafe (raw + done * stride).copyMemory(from: raw, byteCount: some * stride)
            done += some
        }
    }

    /// Copies the numbers of a view of equal count; overlapping views are allowed.
    package func copy(from other: Self) {
        precondition(other.count == count, "Matrix: \(other.count) numbers into \(count)")
        // SAFETY: both have `count` numbers; copies of memory may overlap.
        unsafe UnsafeMutableRawPointer(pointer).copyMemory(
            from: other.pointer, byteCount: count * MemoryLayout<Scalar>.stride)
        withExtendedLifetime(other) {}
    }

    /// The numbers, row-major.
    package var values: [Scalar] {
        // SAFETY: `count` numbers of this view, copied while the storage is held.
        unsafe Array(UnsafeBufferPointer(start: pointer, count: count))
    }

    /// Where the view begins; valid while the view, or another of its storage, lives.
    var pointer: UnsafeMutablePointer<Scalar> {
        // SAFETY: `start` is inside the storage; used only while the view is held.
        unsafe storage.start + start
    }

    /// Whether a number belongs to both views.
    func overlaps(_ other: Self) -> Bool {
        storage === other.storage && start < other.start + other.count
            && other.start < start + count
    }
}

/// The memory behind matrices.
///
/// A trainer's shards have storages of their own, and weights are written between two batches.
@safe
// Sendable because the address never changes, and whoever shares the numbers between threads gives
// each of them views that no other writes to.
final class MatrixStorage<Scalar: BitwiseCopyable & ExpressibleByIntegerLiteral>:
    @unchecked Sendable
{
    fileprivate let start: UnsafeMutablePointer<Scalar>

    init(count: Int) {
        // SAFETY: fresh memory for `count` numbers, set before anything reads it, freed in deinit.
        // Bytes of zero are the number 0, and are set much faster than numbers in generic code.
        let byteCount = max(count, 1) * MemoryLayout<Scalar>.stride
        let raw = UnsafeMutableRawPointer.allocate(byteCount: byteCount, alignment: 64)
        unsafe raw.initializeMemory(as: UInt8.self, repeating: 0, count: byteCount)
        unsafe start = raw.bindMemory(to: Scalar.self, capacity: max(count, 1))
    }

    deinit {
        // SAFETY: allocated in init; numbers need no deinitialisation.
        unsafe UnsafeMutableRawPointer(start).deallocate()
    }
}
