/// Sequences of different lengths side by side, without padding: which row is whose.
///
/// Sequences are ordered by length, longest first. Wave t holds the t-th row of each sequence that
/// has one, in that order; the rows of wave 0 come first, then those of wave 1, and so on. So each
/// step of a recurrence is one contiguous range of rows, and its sequences are a prefix of those of
/// the step before.
package struct RaggedBatch: Sendable, Equatable {
    /// T_u > 0, not ascending.
    package let lengths: [Int]
    /// First row of wave t, and at the end R; `lengths[0] + 1` numbers.
    package let waveStarts: [Int]

    /// Lays out sequences; traps unless lengths are positive and do not ascend.
    package init(lengths: [Int]) {
        precondition(lengths.allSatisfy { $0 > 0 }, "RaggedBatch: an empty sequence")
        precondition(
            zip(lengths, lengths.dropFirst()).allSatisfy { $0 >= $1 }, "RaggedBatch: not sorted")
        self.lengths = lengths
        var starts = [0]
        var active = lengths.count
        for step in 0..<(lengths.first ?? 0) {
            while active > 0, lengths[active - 1] <= step { active -= 1 }
            starts.append((starts.last ?? 0) + active)
        }
        waveStarts = starts
    }

    /// B, the number of sequences.
    package var count: Int { lengths.count }
    /// R, the rows of all sequences.
    package var rowCount: Int { waveStarts.last ?? 0 }
    /// The longest sequence's length.
    package var waveCount: Int { waveStarts.count - 1 }

    /// The rows of wave `step`, 0 ≤ step < waveCount; row i of them belongs to sequence i.
    package func wave(_ step: Int) -> Range<Int> { waveStarts[step]..<waveStarts[step + 1] }

    /// The row of sequence `sequence` at `step` < its length.
    package func row(of sequence: Int, at step: Int) -> Int { waveStarts[step] + sequence }

    /// The last row of each sequence, in order.
    package var lastRows: [Int] { lengths.indices.map { row(of: $0, at: lengths[$0] - 1) } }
}
