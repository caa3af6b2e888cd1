import Events
import Storage

extension EmbeddingTable {
    /// What the challenge's validator refuses (reference/evaluation-protocol.md §5).
    package enum Flaw: Sendable, Equatable, CustomStringConvertible {
        case unreadable(reason: String)
        case idsShape([Int])
        case idsType(String)
        case embeddingsShape([Int])
        case embeddingsType(String)
        case tooWide(Int)
        /// Not refused by the validator, but nothing can be learned from it.
        case noColumns
        case rowCounts(ids: Int, embeddings: Int)
        /// The first NaN or infinity, and how many rows have one.
        case notFinite(row: Int, column: Int, rows: Int)
        /// The first user that has several rows, and how many users have.
        case duplicates(user: UserID, users: Int)
        /// The first user without a row, and how many there are.
        case missing(user: UserID, users: Int)
        /// The first row's user that was not asked about, and how many there are.
        case foreign(user: UserID, users: Int)

        package var description: String {
            switch self {
            case .unreadable(let reason): reason
            case .idsShape(let shape): "client ids have shape \(shape); one dimension is wanted"
            case .idsType(let type): "client ids are '\(type)'; little-endian int64 is wanted"
            case .embeddingsShape(let shape):
                "embeddings have shape \(shape); two dimensions are wanted"
            case .embeddingsType(let type):
                "embeddings are '\(type)'; little-endian float16 is wanted"
            case .tooWide(let width):
                "embeddings have \(width) columns; at most \(largestWidth) are taken"
            case .noColumns: "embeddings have no column"
            case .rowCounts(let ids, let embeddings):
                "\(ids) client ids and \(embeddings) embeddings; one for each is wanted"
            case .notFinite(let row, let column, let rows):
                "row \(row), column \(column) is not finite, as are \(rows) rows in all"
            case .duplicates(let user, let users):
                "client \(user) has several rows, as have \(users) in all"
            case .missing(let user, let users):
                "client \(user) has no row, as have \(users) in all; each that is scored needs one"
            case .foreign(let user, let users):
                "client \(user) was not asked about, nor were \(users) in all"
            }
        }
    }

    /// Rows whose bytes are in memory at a time, at most 8 MiB of them.
    var blockRowCount: Int { max(1, (8 << 20) / (2 * width)) }

    /// What the validator finds in the contents: users that are missing, twice there or foreign,
    /// and numbers that are not finite.
    ///
    /// - Parameter users: ascending; nil where the validator's check of the users is turned off.
    /// - Returns: empty when nothing is wrong.
    /// - Throws: what reading throws.
    /// - Complexity: reads the whole file once.
    package func flaws(users: [UserID]?) throws(EvaluationError) -> [Flaw] {
        var flaws = users.map { userFlaws($0) } ?? []
        if let flaw = try finiteFlaw() { flaws.append(flaw) }
        return flaws
    }

    /// Duplicates, missing and foreign users.
    func userFlaws(_ users: [UserID]) -> [Flaw] {
        let sorted = ids.sorted()
        var (twice, missing, foreign): ([UserID], [UserID], [UserID]) = ([], [], [])
        var place = 0
        for (index, id) in sorted.enumerated() {
            if index > 0, sorted[index - 1] == id {
                if twice.last != id { twice.append(id) }
                continue
            }
            while place < users.count, users[place] < id {
                missing.append(users[place])
                place += 1
            }
            if place < users.count, users[place] == id { place += 1 } else { foreign.append(id) }
        }
        missing += users[place...]
        return [
            twice.first.map { .duplicates(user: $0, users: twice.count) },
            missing.first.map { .missing(user: $0, users: missing.count) },
            foreign.first.map { .foreign(user: $0, users: foreign.count) },
        ].compactMap { $0 }
    }

    private func finiteFlaw() throws(EvaluationError) -> Flaw? {
        var first: (row: Int, column: Int)?
        var count = 0
        var start = 0
        while start < rowCount {
            let end = min(rowCount, start + blockRowCount)
            let halfs = try halfs(rows: start..<end)
            for row in 0..<end - start {
                let own = halfs[row * width..<(row + 1) * width]
                // All ones in the exponent: infinity or NaN.
                guard let place = own.firstIndex(where: { $0 & 0x7C00 == 0x7C00 }) else { continue }
                if first == nil { first = (start + row, place - row * width) }
                count += 1
            }
            start = end
        }
        return first.map { .notFinite(row: $0.row, column: $0.column, rows: count) }
    }

    /// Bit patterns of consecutive rows, all columns.
    func halfs(rows: Range<Int>) throws(EvaluationError) -> [UInt16] {
        do throws(StorageError) {
            return Self.halfs(try embeddings.bytes(ofRows: rows))
        } catch {
            throw .storage(error)
        }
    }

    /// Little-endian bytes as bit patterns, four at a time.
    private static func halfs(_ bytes: [UInt8]) -> [UInt16] {
        let bytes = bytes.span
        var halfs = [UInt16](repeating: 0, count: bytes.count / 2)
        for start in stride(from: 0, to: halfs.count, by: 4) {
            var word = bytes.word(at: 2 * start)
            for place in start..<min(start + 4, halfs.count) {
                halfs[place] = UInt16(truncatingIfNeeded: word)
                word >>= 16
            }
        }
        return halfs
    }
}
