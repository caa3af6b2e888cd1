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
        self.init(sequences, width: width) { $0 }
    }

    /// Lays out sequences of binary16 rows.
    ///
    /// - Parameters:
    ///   - halfs: `[T_u, D]` bit patterns each, oldest row first.
    ///   - width: D.
    package init(halfs: [[UInt16]], width: Int) {
        self.init(halfs, width: width) { Scalar(float(fromHalf: $0)) }
    }

    private init<Element>(
        _ sequences: [[Element]], width: Int, number: (Element) -> Scalar
    ) {
        (batch, order) = Self.sorted(
            sequences.map { sequence in
                precondition(
                    sequence.count.isMultiple(of: width), "RowSequences: \(sequence.count) numbers")
                return sequence.count / width
            })
        rows = Matrix(rows: batch.rowCount, columns: width)
        for (place, index) in order.enumerated() {
            for step in 0..<batch.lengths[place] {
                let row = batch.row(of: place, at: step)
                for column in 0..<width {
                    rows[row, column] = number(sequences[index][step * width + column])
                }
            }
        }
    }

    /// The layout of sequences of these lengths, and which sequence each of its is.
    static func sorted(_ lengths: [Int]) -> (batch: RaggedBatch, order: [Int]) {
        let order = lengths.indices.sorted { (lengths[$1], $0) < (lengths[$0], $1) }
        return (RaggedBatch(lengths: order.map { lengths[$0] }), order)
    }
}

/// Which positions of a row count in a reconstruction's loss (DESIGN: "masked out").
package enum RowMask {
    /// Whether each of the 64 positions is one that the row's kind uses.
    ///
    /// Of an empty-future row these are the one-hots that tell it from other rows; of a row of no
    /// kind, those that all kinds share.
    package static func keep(_ row: ArraySlice<UInt16>) -> [Bool] {
        func isSet(_ position: Int) -> Bool { row[row.startIndex + position] == oneHalf }
        if isSet(RowLayout.emptyFuture) { return emptyFuture }
        if (0..<3).contains(where: isSet) { return product }
        if isSet(3) { return visit }
        return isSet(4) ? search : common
    }

    /// The one row of a future without rows: its own one-hot, else zeros.
    package static let emptyFutureRow: [UInt16] = (0..<RowLayout.width).map {
        $0 == RowLayout.emptyFuture ? oneHalf : 0
    }

    private static let oneHalf = halfBits(1)
    private static let product = used(by: .product)
    private static let visit = used(by: .visit)
    private static let search = used(by: .search)
    private static let common = zip(zip(product, visit), search).map { $0.0 && $0.1 && $1 }
    private static let emptyFuture = (0..<RowLayout.width).map {
        $0 < RowLayout.hour || $0 == RowLayout.emptyFuture
    }

    private static func used(by table: RowTable) -> [Bool] {
        (0..<RowLayout.width).map { RowLayout.isUsed(table, $0) }
    }
}
