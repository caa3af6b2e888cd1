import Features
import Kernels

/// Runs of rows of many users, of different lengths, arranged in waves.
///
/// Users are ordered by length, longest first, so that wave t holds the users with more than t
/// rows as a prefix: no padding, no work on absent rows.
struct RaggedRows: Sendable {
    /// `[rows, 64]` float16 bits, user by user.
    private var halves: [UInt16] = []
    /// `[rows, 7]` what ESA reads of them, user by user; empty when nobody asks for it.
    private var tokens: [Int32] = []
    private var firstRows: [Int] = []
    private var rowCounts: [Int] = []

    /// Users with rows, by wave order; after `arrange`.
    private(set) var order: [Int] = []
    /// `[rows, 64]` and `[rows, 7]`, wave by wave; after `arrange`.
    private(set) var waveHalves: [UInt16] = []
    private(set) var waveTokens: [Int32] = []
    /// Users of each wave.
    private(set) var waveCounts: [Int] = []

    /// Rows of all users.
    var rowCount: Int { halves.count / RowLayout.width }

    mutating func removeAll() {
        halves.removeAll(keepingCapacity: true)
        tokens.removeAll(keepingCapacity: true)
        firstRows.removeAll(keepingCapacity: true)
        rowCounts.removeAll(keepingCapacity: true)
    }

    /// Adds a user with the rows of a range, which the window or those that left it hold.
    mutating func addUser(
        _ range: Range<Int64>, _ departed: DepartedRows, _ window: RowWindow,
        vocabulary: RowVocabulary?
    ) {
        firstRows.append(rowCount)
        rowCounts.append(range.count)
        // What has departed ends right before the window's oldest row.
        let firstDeparted = window.firstIndex - Int64(departed.count)
        precondition(range.isEmpty || range.lowerBound >= firstDeparted, "rows are lost")
        for index in range {
            let key: RowKey
            if index < window.firstIndex {
                let place = Int(index - firstDeparted)
                let start = place * RowLayout.width
                halves.append(contentsOf: departed.halves[start..<start + RowLayout.width])
                key = departed.keys[place]
            } else {
                halves.append(contentsOf: window.row(index))
                key = window.key(index)
            }
            if let vocabulary {
                tokens += ESAEncoder.indices(RowToken(key, vocabulary: vocabulary))
            }
        }
    }

    /// Puts the rows into waves.
    mutating func arrange() {
        order = rowCounts.indices.filter { rowCounts[$0] > 0 }
            .sorted {
                rowCounts[$0] != rowCounts[$1] ? rowCounts[$0] > rowCounts[$1] : $0 < $1
            }
        waveHalves.removeAll(keepingCapacity: true)
        waveTokens.removeAll(keepingCapacity: true)
        waveCounts.removeAll(keepingCapacity: true)
        guard let longest = order.first else { return }
        var active = order.count
        for step in 0..<rowCounts[longest] {
            while rowCounts[order[active - 1]] <= step { active -= 1 }
            waveCounts.append(active)
            for index in order[..<active] {
                let row = firstRows[index] + step
                let start = row * RowLayout.width
                waveHalves.append(contentsOf: halves[start..<start + RowLayout.width])
                if !tokens.isEmpty {
                    let first = row * ESAEncoder.fields.count
                    waveTokens.append(contentsOf: tokens[first..<first + ESAEncoder.fields.count])
                }
            }
        }
    }
}
