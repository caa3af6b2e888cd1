import Events
import Storage

/// Rows of text → `ImportedRow`s, collecting ids, prices and vectors on the way.
struct RowTranslator {
    private let options: ImportOptions
    private let columnCount: Int
    /// Column index by `RecordField.rawValue`; -1 when the table has no such column.
    private let indices: [Int]
    private(set) var dictionary: IDDictionary
    private(set) var buckets = PriceBuckets()
    /// Vectors of the distinct texts; nil for one that has no word.
    private(set) var vectors: [TextVector?] = []
    private var vectorIndices: [String: Int32] = [:]
    private(set) var eventIDs: [String] = []

    /// Finds the columns by the table's header.
    init(header: CSVRow, options: ImportOptions, dictionary: IDDictionary) throws(ImportError) {
        self.options = options
        self.dictionary = dictionary
        columnCount = header.count
        let names = (0..<header.count).map(header.string)
        if header.fault != nil { throw .badHeader(reason: "the header has a misplaced quote") }
        if Set(names).count != names.count {
            throw .badHeader(reason: "the header \(names) names a column twice")
        }
        var indices: [Int] = []
        for field in RecordField.allCases {
            let index = names.firstIndex(of: options.column(field))
            let isNeeded = field == .timestamp || field == .eventType
            if index == nil, isNeeded || options.columns[field] != nil {
                throw .missingColumn(
                    field: field.key, column: options.column(field), columns: names)
            }
            indices.append(index ?? -1)
        }
        self.indices = indices
    }

    /// Columns that no field reads.
    func ignoredColumns(of header: CSVRow) -> [String] {
        (0..<header.count).filter { !indices.contains($0) }.map(header.string)
    }

    /// The event name of a row, for a report about names that are not known.
    func eventName(of row: CSVRow) -> String { row.string(indices[field: .eventType]) }

    /// The row, or nil when its event name is mapped to `drop`.
    mutating func translate(_ row: CSVRow) throws(TranslationError) -> ImportedRow? {
        try check(row)
        guard let mapping = options.mappings[eventName(of: row)] else {
            throw .row(.unknownEventType)
        }
        var result = ImportedRow(seconds: 0)
        switch mapping {
        case .drop: return nil
        case .productUpdate: break
        case .event(let kind): result.kind = kind
        }
        result.seconds = try seconds(row)
        if result.kind != nil { result.eventID = try eventID(row) }
        if result.kind != nil { result.user = try requiredID(row, .clientID, .user) }
        if result.hasItem {
            try readItem(row, &result)
        } else if result.kind == .pageVisit {
            result.key = try requiredID(row, .url, .url)
        } else {
            result.vector = try vector(row, .query)
        }
        return result
    }

    /// No more rows: prices may be asked for.
    mutating func finish() {
        buckets.fix()
        vectorIndices = [:]
    }

    /// The bucket of a row's price; nil when it has none.
    func price(of row: ImportedRow) -> UInt8? {
        if row.price == ImportedRow.absentPrice { return nil }
        return options.prices == .buckets
            ? UInt8(truncatingIfNeeded: row.price) : buckets.bucket(of: row.price)
    }
}

/// What keeps a row out of the log, or stops the import.
enum TranslationError: Error {
    case row(RowFault)
    case dictionary(DictionaryError)
}

/// Fields.
extension RowTranslator {
    private func check(_ row: CSVRow) throws(TranslationError) {
        switch row.fault {
        case .textAfterQuote: throw .row(.textAfterQuote)
        case .unclosedQuote: throw .row(.unclosedQuote)
        case nil: break
        }
        guard row.count == columnCount else {
            throw .row(.fieldCount(row.count, want: columnCount))
        }
        guard row.isUTF8 else { throw .row(.notUTF8) }
    }

    /// Where a field lies in the row's text; nil when it is empty or has no column.
    private func range(_ row: CSVRow, _ field: RecordField) -> Range<Int>? {
        let index = indices[field: field]
        guard index >= 0 else { return nil }
        let range = row.range(index)
        return range.isEmpty ? nil : range
    }

    private func seconds(_ row: CSVRow) throws(TranslationError) -> Int64 {
        guard let range = range(row, .timestamp) else { throw .row(.missing(.timestamp)) }
        let text = row.text.span.extracting(range)
        guard let seconds = DecimalText.value(text) ?? CalendarTime.seconds(text) else {
            throw .row(.malformedTimestamp)
        }
        guard seconds >= options.earliest, seconds <= options.latest else {
            throw .row(.timestampOutOfRange)
        }
        return seconds
    }

    private mutating func requiredID(
        _ row: CSVRow, _ field: RecordField, _ kind: IDKind
    ) throws(TranslationError) -> Int64 {
        guard let range = range(row, field) else { throw .row(.missing(field)) }
        return try id(row, range, field, kind)
    }

    private mutating func id(
        _ row: CSVRow, _ range: Range<Int>, _ field: RecordField, _ kind: IDKind
    ) throws(TranslationError) -> Int64 {
        do throws(DictionaryError) {
            return try dictionary.enter(row.text.span.extracting(range), kind)
        } catch .textTooLong {
            throw .row(.tooLong(field))
        } catch {
            throw .dictionary(error)
        }
    }

    private mutating func readItem(
        _ row: CSVRow, _ result: inout ImportedRow
    ) throws(TranslationError) {
        // What may be refused comes before what is remembered.
        if options.prices != .drop, let range = range(row, .price) {
            result.price = try price(row.text.span.extracting(range))
        }
        result.key = try requiredID(row, .sku, .item)
        if let range = range(row, .category) {
            result.category = try id(row, range, .category, .category)
            result.hasCategory = true
        }
        result.vector = try vector(row, .name)
        if options.prices == .quantiles, result.price != ImportedRow.absentPrice {
            buckets.note(item: result.key, price: result.price)
        }
    }

    private func price(_ text: Span<UInt8>) throws(TranslationError) -> Int64 {
        if options.prices == .quantiles {
            guard let price = PriceBuckets.millionths(text) else { throw .row(.malformed(.price)) }
            return price
        }
        guard let bucket = DecimalText.value(text), bucket >= 0, bucket <= 99 else {
            throw .row(.malformed(.price))
        }
        return bucket
    }

    private mutating func vector(
        _ row: CSVRow, _ field: RecordField
    ) throws(TranslationError) -> Int32 {
        guard let range = range(row, field) else { return -1 }
        let text = row.string(indices[field: field])
        if let known = vectorIndices[text] { return known }
        let bytes = row.text.span.extracting(range)
        var vector = TextVector(parsing: bytes)
        if vector == nil, options.textVectors == .hash { vector = WordVector.vector(bytes) }
        let index = Int32(vectors.count)
        vectors.append(vector)
        vectorIndices[text] = index
        return index
    }

    private mutating func eventID(_ row: CSVRow) throws(TranslationError) -> Int32 {
        guard let range = range(row, .eventID) else { return -1 }
        guard range.count <= RecordParser.eventIDByteLimit else {
            throw .row(.tooLong(.eventID))
        }
        eventIDs.append(row.string(indices[field: .eventID]))
        return Int32(eventIDs.count - 1)
    }
}

extension [Int] {
    fileprivate subscript(field field: RecordField) -> Int { self[Int(field.rawValue)] }
}

extension CSVRow {
    /// Whether all fields are UTF-8; most are ASCII, which is seen eight bytes at a time.
    fileprivate var isUTF8: Bool {
        var high: UInt64 = 0
        let bytes = raw.span
        for offset in stride(from: 0, to: bytes.count, by: 8) { high |= bytes.word(at: offset) }
        return high & 0x8080_8080_8080_8080 == 0 || String(validating: raw, as: UTF8.self) != nil
    }
}
