import Features
import Kernels

/// The rows of several users in wave order, and whose they are.
package struct RowSequences<Scalar: TrainingScalar>: Sendable {
    /// Sequences longest first; equal lengths in the order given.
    package let batch: RaggedBatch
    /// `[R, D]` in wave order.
    package let rows: Matrix<Scalar>
    /// Which of the given sequences each of the batch's is, `[B]`.
    package let order: [Int]

    /// Lays out sequences of numbers; traps unless each has whole rows, and at least one.
    ///
    /// - Parameters:
    ///   - sequences: `[T_u, D]` each, oldest row first.
    ///   - width: D.
    package init(_ sequences: [[Scalar]], width: Int) {
        let ordered = OrderedRows(sequences, width: width)
        (batch, order) = (ordered.batch, ordered.order)
        rows = Matrix(ordered.numbers, rows: batch.rowCount, columns: width)
    }

    /// Lays out sequences of binary16 rows.
    ///
    /// - Parameters:
    ///   - halfs: `[T_u, D]` bit patterns each, oldest row first.
    ///   - width: D.
    package init(halfs: [[UInt16]], width: Int) {
        self.init(OrderedRows(halfs, width: width), width: width)
    }

    init(_ ordered: OrderedRows<UInt16>, width: Int) {
        (batch, order) = (ordered.batch, ordered.order)
        rows = Matrix(rows: batch.rowCount, columns: width)
        Scalar.widen(ordered.numbers, into: rows)
    }
}

/// Rows of several users in wave order, as they come.
struct OrderedRows<Element> {
    let batch: RaggedBatch
    /// Which of the given sequences each of the batch's is, `[B]`.
    let order: [Int]
    /// `[R, D]` in wave order.
    let numbers: [Element]

    init(_ sequences: [[Element]], width: Int) {
        (batch, order) = RaggedBatch.sorting(
            sequences.map { sequence in
                precondition(
                    sequence.count.isMultiple(of: width), "OrderedRows: \(sequence.count) numbers")
                return sequence.count / width
            })
        var numbers: [Element] = []
        numbers.reserveCapacity(batch.rowCount * width)
        for step in 0..<batch.waveCount {
            for place in 0..<batch.wave(step).count {
                numbers += sequences[order[place]][step * width..<(step + 1) * width]
            }
        }
        self.numbers = numbers
    }
}

extension RaggedBatch {
    /// The layout of sequences of these lengths, longest first and equal ones in their order, and
    /// which of them each of its sequences is.
    static func sorting(_ lengths: [Int]) -> (batch: RaggedBatch, order: [Int]) {
        let order = lengths.indices.sorted { (lengths[$1], $0) < (lengths[$0], $1) }
        return (RaggedBatch(lengths: order.map { lengths[$0] }), order)
    }
}

/// Which positions of a row count in a reconstruction's loss (DESIGN: "masked out").
enum RowMask {
    /// 0 and 1 for each number of some rows: whether the row's kind uses the position.
    ///
    /// Of an empty-future row these are the one-hots that tell it from other rows; of END what it
    /// says; of a row of no kind, the positions that all kinds share.
    ///
    /// - Parameter rows: `[R, 64]` binary16 bit patterns.
    /// - Returns: `[R, 64]` binary16 bit patterns.
    static func keep(_ rows: [UInt16]) -> [UInt16] {
        var keep: [UInt16] = []
        keep.reserveCapacity(rows.count)
        for start in stride(from: 0, to: rows.count, by: RowLayout.width) {
            keep += positions(ofRowAt: start, in: rows)
        }
        return keep
    }

    /// The one row of a future without rows: its own one-hot, else zeros.
    static let emptyFutureRow = halfs { $0 == RowLayout.emptyFuture }

    private static func positions(ofRowAt start: Int, in rows: [UInt16]) -> [UInt16] {
        func isSet(_ position: Int) -> Bool { rows[start + position] == one }
        if isSet(RowLayout.emptyFuture) { return emptyFuture }
        if isSet(RowLayout.end) { return end }
        if isSet(0) || isSet(1) || isSet(2) { return product }
        if isSet(3) { return visit }
        return isSet(4) ? search : common
    }

    private static let one = halfBits(1)
    private static let product = halfs { RowLayout.isUsed(.product, $0) }
    private static let visit = halfs { RowLayout.isUsed(.visit, $0) }
    private static let search = halfs { RowLayout.isUsed(.search, $0) }
    private static let common = halfs { position in
        RowTable.allCases.allSatisfy { RowLayout.isUsed($0, position) }
    }
    private static let end = halfs(RowLayout.isUsedByEnd)
    private static let emptyFuture = halfs {
        $0 < RowLayout.hour || $0 == RowLayout.emptyFuture
    }

    private static func halfs(_ isKept: (Int) -> Bool) -> [UInt16] {
        (0..<RowLayout.width).map { isKept($0) ? one : 0 }
    }
}
