import CKernels

/// The loops of training and inference between the products, in Float32, at one instruction level.
///
/// Results are the same bytes at every level. Element i of a sum belongs to lane i mod 16, each lane
/// is one chain over ascending i, absent elements count as 0, and lanes are added by one tree: those
/// 8 apart, then 4, 2, 1. Where a sum is said to be one chain, or to ascend, it is not split.
///
/// A caller's matrices live as long as the call, so the pointers given to C do too.
package struct FloatKernels: Sendable {
    /// The vector instructions in use; they do not change results.
    package let level: InstructionLevel
    let code: Int32

    /// The loops at a level that this machine supports.
    package init(level: InstructionLevel) {
        self.level = level
        code = level.checkedCode
    }

    /// Those that `Float` computes with.
    package static let best = FloatKernels(level: .best)

    /// Traps unless `matrix` is `[rows, columns]`.
    static func check(
        _ matrix: Matrix<Float>, _ rows: Int, _ columns: Int, _ name: @autoclosure () -> String
    ) {
        precondition(
            matrix.rows == rows && matrix.columns == columns,
            "\(name()) is [\(matrix.rows), \(matrix.columns)], want [\(rows), \(columns)]")
    }

    /// Traps when two matrices share a number.
    static func checkApart(
        _ one: Matrix<Float>, _ other: Matrix<Float>, _ name: @autoclosure () -> String
    ) {
        precondition(!one.overlaps(other), "\(name()) overlap")
    }

    /// Traps unless two matrices of equal count are the same numbers, or share none.
    static func checkSameOrApart(
        _ one: Matrix<Float>, _ other: Matrix<Float>, _ name: @autoclosure () -> String
    ) {
        precondition(one.count == other.count, "\(name()): \(one.count) and \(other.count)")
        // SAFETY: the addresses are compared, not read.
        let isSame = unsafe one.pointer == other.pointer
        precondition(isSame || !one.overlaps(other), "\(name()) overlap in part")
    }
}
