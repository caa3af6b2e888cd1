import Events
import Kernels
import Storage

extension EmbeddingTable {
    /// Chosen columns of chosen users' rows, in the table's order, as numbers: from memory when they
    /// fit, else from the file.
    package struct Rows: Sendable {
        private let table: EmbeddingTable
        private let columns: [Range<Int>]
        /// Where the rows stand in the table, ascending.
        private let places: [Int]
        /// Whose they are: indices into the list of users.
        package let users: [UInt32]
        /// Columns that are chosen.
        package let width: Int
        /// `[rows, width]` bit patterns; nil when they do not fit.
        private var kept: [UInt16]?

        package var count: Int { users.count }
        /// Whether batches are read from the file.
        package var isStreamed: Bool { kept == nil }

        /// - Parameters:
        ///   - table: with exactly one row for each of `users`; others' rows are passed over.
        ///   - users: ascending.
        ///   - columns: side by side in this order; nil for all.
        ///   - memoryByteLimit: beyond it nothing is kept.
        /// - Throws: `flawedTable`, `noSuchColumns`, or what reading throws.
        package init(
            _ table: EmbeddingTable, of users: [UserID], columns: [Range<Int>]? = nil,
            memoryByteLimit: Int
        ) throws(EvaluationError) {
            let columns = columns ?? [0..<table.width]
            for range in columns where range.lowerBound < 0 || range.upperBound > table.width {
                throw .noSuchColumns(path: table.path, columns: range, width: table.width)
            }
            width = columns.reduce(0) { $0 + $1.count }
            guard width > 0 else { throw .flawedTable(path: table.path, flaws: [.noColumns]) }
            let flaws = table.userFlaws(users).filter {
                if case .foreign = $0 { false } else { true }
            }
            guard flaws.isEmpty else { throw .flawedTable(path: table.path, flaws: flaws) }
            let indices = Dictionary(
                uniqueKeysWithValues: users.enumerated().map { ($1, UInt32($0)) })
            var (places, kept): ([Int], [UInt32]) = ([], [])
            for (row, id) in table.ids.enumerated() {
                guard let index = indices[id] else { continue }
                places.append(row)
                kept.append(index)
            }
            self.table = table
            self.columns = columns
            self.places = places
            self.users = kept
            guard 2 * width * places.count <= memoryByteLimit else { return }
            self.kept = try gathered(Array(places.indices))
        }

        /// Writes rows, by their index among these, ascending, into `x` `[indices, width]`.
        package func read(
            _ indices: ArraySlice<Int>, into x: Matrix<Float>
        ) throws(EvaluationError) {
            guard let kept else {
                Float.widen(try gathered(Array(indices)), into: x)
                return
            }
            var halfs: [UInt16] = []
            halfs.reserveCapacity(indices.count * width)
            for index in indices { halfs += kept[index * width..<(index + 1) * width] }
            Float.widen(halfs, into: x)
        }

        /// The rows' bit patterns from the file, block by block.
        private func gathered(_ indices: [Int]) throws(EvaluationError) -> [UInt16] {
            var halfs: [UInt16] = []
            halfs.reserveCapacity(indices.count * width)
            var next = 0
            while next < indices.count {
                let first = places[indices[next]]
                var end = next + 1
                while end < indices.count, places[indices[end]] - first < table.blockRowCount {
                    end += 1
                }
                let block = try table.halfs(rows: first..<places[indices[end - 1]] + 1)
                for index in indices[next..<end] {
                    let start = (places[index] - first) * table.width
                    for range in columns {
                        halfs += block[start + range.lowerBound..<start + range.upperBound]
                    }
                    try check(halfs[(halfs.count - width)...], row: places[index])
                }
                next = end
            }
            return halfs
        }

        private func check(_ halfs: ArraySlice<UInt16>, row: Int) throws(EvaluationError) {
            var largest: UInt16 = 0
            for half in halfs { largest = max(largest, half & 0x7C00) }
            guard largest == 0x7C00 else { return }
            let place = halfs.firstIndex { $0 & 0x7C00 == 0x7C00 } ?? halfs.startIndex
            let column = columns.joined().dropFirst(place - halfs.startIndex).first ?? 0
            throw .flawedTable(
                path: table.path, flaws: [.notFinite(row: row, column: column, rows: 1)])
        }
    }
}
