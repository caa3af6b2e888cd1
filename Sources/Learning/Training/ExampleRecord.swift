import Events
import Features
import Storage

/// The bytes of one user's example in a file of examples.
///
/// 16-bit words, little-endian: four of the user id, rows, future rows, END bucket and flags,
/// counts of the two label lists, then rows, END's row if there is one, future rows, seven words a
/// token, one a label; at the end four words of the FNV-1a hash of all before.
struct ExampleRecord {
    /// Words before the rows.
    private static let headWordCount = 8
    private static let hashWordCount = 4
    private static let tokenWordCount = 7
    private static let tokenFlag: UInt16 = 1
    private static let labelFlag: UInt16 = 2
    private static let churnFlag: UInt16 = 4
    private static let endFlag: UInt16 = 8
    /// The fewest bytes of a record: one row and nothing else.
    static let leastByteCount = 2 * (headWordCount + RowLayout.width + hashWordCount)
    /// Rows, past or future, that a record can count.
    static let rowLimit = Int(UInt16.max)
    /// The most bytes of a record.
    static let mostByteCount =
        2
        * (headWordCount + rowLimit * (2 * RowLayout.width + tokenWordCount) + RowLayout.width
            + 512)

    var user: UserID
    var example: TrainingExample

    /// The record, and the hash it ends with; traps on an example that breaks its own rules.
    func encoded() -> (bytes: [UInt8], hash: UInt64) {
        let rows = example.rows.count / RowLayout.width
        let future = example.futureRows.count / RowLayout.width
        precondition(
            rows > 0 && max(rows, future) <= Self.rowLimit
                && example.rows.count + example.futureRows.count == (rows + future)
                    * RowLayout.width
                && (example.tokens.isEmpty || example.tokens.count == rows)
                && (example.endRow.isEmpty || example.endRow.count == RowLayout.width),
            "ExampleRecord: \(rows) rows, \(future) of the future, \(example.tokens.count) tokens")
        let labels = example.labels
        var flags: UInt16 = UInt16(example.endBucket) << 8
        if !example.tokens.isEmpty { flags |= Self.tokenFlag }
        if !example.endRow.isEmpty { flags |= Self.endFlag }
        if labels != nil { flags |= Self.labelFlag }
        if labels?.churned == true { flags |= Self.churnFlag }
        let id = UInt64(bitPattern: user.rawValue)
        var words: [UInt16] = (0..<4).map { UInt16(truncatingIfNeeded: id >> (16 * UInt64($0))) }
        let categories = labels?.categories ?? []
        let items = labels?.items ?? []
        precondition(max(categories.count, items.count) < 256, "ExampleRecord: labels")
        words += [
            UInt16(rows), UInt16(future), flags, UInt16(categories.count | items.count << 8),
        ]
        words += example.rows
        words += example.endRow
        words += example.futureRows
        for token in example.tokens { words += token.words }
        words += (categories + items).map(UInt16.init)
        var bytes: [UInt8] = []
        bytes.reserveCapacity(2 * words.count + 8)
        bytes.append(littleEndian: words.span)
        let hash = StableHash64.hash(bytes.span)
        bytes.append(littleEndian: hash)
        return (bytes, hash)
    }

    /// Reads a record; the text says what is wrong with one that no `encoded` made.
    init(decoding bytes: [UInt8]) throws(LearningRecordFlaw) {
        guard bytes.count >= Self.leastByteCount else { throw .init("too few bytes") }
        let hashPlace = bytes.count - 2 * Self.hashWordCount
        let hash = StableHash64.hash(bytes.span.extracting(0..<hashPlace))
        guard bytes.span.word(at: hashPlace) == hash else { throw .init("the checksum is wrong") }
        var reader = ByteReader(bytes)
        do throws(ByteReader.Failure) {
            let user = UserID(rawValue: Int64(bitPattern: try reader.word()))
            let head = try reader.halves(4)
            let rows = try reader.halves(Int(head[0]) * RowLayout.width)
            let end = try reader.halves(head[2] & Self.endFlag == 0 ? 0 : RowLayout.width)
            let future = try reader.halves(Int(head[1]) * RowLayout.width)
            var tokens: [RowToken] = []
            if head[2] & Self.tokenFlag != 0 {
                let words = try reader.halves(Int(head[0]) * Self.tokenWordCount)
                tokens = stride(from: 0, to: words.count, by: Self.tokenWordCount).map {
                    RowToken(words: words[$0..<$0 + Self.tokenWordCount])
                }
            }
            let categories = try reader.halves(Int(head[3] & 0xFF))
            let items = try reader.halves(Int(head[3] >> 8))
            guard reader.index == hashPlace, head[0] > 0 else {
                throw .malformed(at: reader.index, what: "the counts do not fit the record")
            }
            let labels = TaskLabels(
                churned: head[2] & Self.churnFlag != 0,
                categories: categories.map { UInt8(truncatingIfNeeded: $0) },
                items: items.map { UInt8(truncatingIfNeeded: $0) })
            self.user = user
            example = TrainingExample(
                rows: rows, endRow: end, futureRows: future, tokens: tokens,
                endBucket: UInt8(head[2] >> 8),
                labels: head[2] & Self.labelFlag == 0 ? nil : labels)
        } catch {
            throw .init(error.description)
        }
    }

    init(user: UserID, example: TrainingExample) {
        self.user = user
        self.example = example
    }
}

/// What is wrong with a record's bytes.
struct LearningRecordFlaw: Error {
    let reason: String

    init(_ reason: String) { self.reason = reason }
}

extension RowToken {
    /// The seven fields as 16-bit words; traps on a field that no vocabulary gives.
    fileprivate var words: [UInt16] {
        [type, category, price, item, url, weekday, gap].map {
            UInt16(bitPattern: Int16($0))
        }
    }

    fileprivate init(words: ArraySlice<UInt16>) {
        let fields = words.map { Int32(Int16(bitPattern: $0)) }
        self.init(
            type: fields[0], category: fields[1], price: fields[2], item: fields[3],
            url: fields[4], weekday: fields[5], gap: fields[6])
    }
}
