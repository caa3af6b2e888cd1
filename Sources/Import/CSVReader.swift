/// One row of a table, its fields unquoted.
package struct CSVRow: Sendable {
    /// Line of the file on which it starts, from 1.
    package fileprivate(set) var line = 0
    /// The row as it stands in the file, without its line end.
    package fileprivate(set) var raw: [UInt8] = []
    /// Why it is no row; its fields mean nothing then.
    package fileprivate(set) var fault: Fault?
    /// All fields, one after the other.
    package fileprivate(set) var text: [UInt8] = []
    fileprivate var ends: [Int] = []

    /// What a row can suffer from.
    package enum Fault: Sendable {
        case textAfterQuote
        case unclosedQuote
    }

    /// An empty row, to read into.
    package init() {}

    /// Fields.
    package var count: Int { ends.count }

    /// Whether the line holds nothing.
    package var isBlank: Bool { ends.count == 1 && text.isEmpty && raw.isEmpty }

    /// Where field `index` lies in `text`.
    package func range(_ index: Int) -> Range<Int> {
        (index == 0 ? 0 : ends[index - 1])..<ends[index]
    }

    /// Field `index` as a text, wrong UTF-8 replaced.
    package func string(_ index: Int) -> String {
        String(decoding: text[range(index)], as: UTF8.self)
    }

    fileprivate mutating func start(line: Int) {
        self.line = line
        fault = nil
        text.removeAll(keepingCapacity: true)
        ends.removeAll(keepingCapacity: true)
    }
}

/// Cuts a stream of bytes into rows (RFC 4180): commas, quotes, doubled quotes and line ends in
/// quotes; lines end in LF or CRLF, the last one maybe in neither.
///
/// A quote inside an unquoted field is an ordinary character. A byte order mark is passed over.
package struct CSVReader<Source: ByteSource> {
    /// Bytes that one row may have.
    package let rowByteLimit: Int
    package private(set) var source: Source
    private var buffer: [UInt8] = []
    private var position = 0
    private var line = 1
    private var isAtEnd = false

    /// Reads `source` from its start; holds little more than one row.
    package init(_ source: Source, rowByteLimit: Int = 1 << 20) throws(ImportError) {
        self.source = source
        self.rowByteLimit = rowByteLimit
        while buffer.count < 3, !isAtEnd { try refill() }
        if buffer.starts(with: [0xEF, 0xBB, 0xBF]) { position = 3 }
    }

    /// Reads the next row into `row`, whose storage is used again; false at the end.
    package mutating func next(_ row: inout CSVRow) throws(ImportError) -> Bool {
        while true {
            if position == buffer.count {
                if isAtEnd { return false }
                try refill()
                continue
            }
            if let end = scan(&row) {
                take(end, &row)
                return true
            }
            guard buffer.count - position <= rowByteLimit else {
                throw .rowTooLong(line: line, limit: rowByteLimit)
            }
            try refill()
        }
    }

    private mutating func refill() throws(ImportError) {
        if position > 0 {
            buffer.removeSubrange(..<position)
            position = 0
        }
        if try source.read(256 << 10, into: &buffer) == 0 { isAtEnd = true }
    }

    /// Where the row at `position` and its line end stop; nil when more bytes are needed.
    private func scan(_ row: inout CSVRow) -> (row: Int, line: Int)? {
        let bytes = buffer.span
        row.start(line: line)
        var index = position
        while true {
            let isQuoted = index < bytes.count && bytes[index] == UInt8(ascii: "\"")
            if isQuoted {
                guard let next = scanQuoted(bytes, index, &row) else { return nil }
                index = next
            }
            guard let end = scanPlain(bytes, index, isQuoted, &row) else { return nil }
            row.ends.append(row.text.count)
            if end == bytes.count { return (end, end) }
            if bytes[end] == 0x0A { return (end, end + 1) }
            if bytes[end] == 0x0D { return (end, end + 2) }
            index = end + 1
        }
    }

    /// Reads a field, or what wrongly follows its closing quote, up to a comma or a line end.
    private func scanPlain(
        _ bytes: Span<UInt8>, _ start: Int, _ wasQuoted: Bool, _ row: inout CSVRow
    ) -> Int? {
        var index = start
        while index < bytes.count {
            let byte = bytes[index]
            if byte == UInt8(ascii: ",") || byte == 0x0A { return index }
            if byte == 0x0D {
                if index + 1 == bytes.count && !isAtEnd { return nil }
                if index + 1 < bytes.count && bytes[index + 1] == 0x0A { return index }
            }
            if wasQuoted { row.fault = .textAfterQuote }
            row.text.append(byte)
            index += 1
        }
        return isAtEnd ? index : nil
    }

    /// Reads a quoted field and returns the position after its closing quote.
    private func scanQuoted(_ bytes: Span<UInt8>, _ start: Int, _ row: inout CSVRow) -> Int? {
        var index = start + 1
        while index < bytes.count {
            let byte = bytes[index]
            if byte == UInt8(ascii: "\"") {
                if index + 1 == bytes.count && !isAtEnd { return nil }
                guard index + 1 < bytes.count, bytes[index + 1] == UInt8(ascii: "\"") else {
                    return index + 1
                }
                index += 1
            }
            row.text.append(byte)
            index += 1
        }
        guard isAtEnd else { return nil }
        row.fault = .unclosedQuote
        return index
    }

    private mutating func take(_ end: (row: Int, line: Int), _ row: inout CSVRow) {
        row.raw.removeAll(keepingCapacity: true)
        row.raw += buffer[position..<end.row]
        for index in position..<end.line where buffer[index] == 0x0A { line += 1 }
        position = end.line
    }
}
