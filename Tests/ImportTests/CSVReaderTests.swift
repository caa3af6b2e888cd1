import Import
import Testing

@Suite struct CSVReaderTests {
    /// Hands out at most `step` bytes at a time.
    private struct Bytes: ByteSource {
        let bytes: [UInt8]
        let step: Int
        var position = 0
        var progress: (done: Int64, total: Int64?) { (Int64(position), nil) }

        mutating func read(_ count: Int, into buffer: inout [UInt8]) throws(ImportError) -> Int {
            let end = min(bytes.count, position + min(count, step))
            buffer += bytes[position..<end]
            defer { position = end }
            return end - position
        }
    }

    private struct Row: Equatable {
        var line: Int
        var fields: [String]
    }

    private func rows(_ text: String, step: Int = 1 << 20) throws -> [Row] {
        var reader = try CSVReader(Bytes(bytes: Array(text.utf8), step: step))
        var row = CSVRow()
        var rows: [Row] = []
        while try reader.next(&row) {
            let fields = row.fault.map { ["\($0)"] } ?? (0..<row.count).map(row.string)
            rows.append(Row(line: row.line, fields: fields))
        }
        return rows
    }

    @Test(arguments: [1, 2, 3, 7, 1_000])
    func `reads RFC 4180, whatever the pieces it comes in`(step: Int) throws {
        let text =
            "\u{FEFF}a,b,c\r\n1,,\"x, \"\"y\"\"\"\n\n\"two\r\nlines\",\"\",3\r\n4,5\r6,a\"b\n,,"
        #expect(
            try rows(text, step: step) == [
                Row(line: 1, fields: ["a", "b", "c"]),
                Row(line: 2, fields: ["1", "", "x, \"y\""]),
                Row(line: 3, fields: [""]),
                Row(line: 4, fields: ["two\r\nlines", "", "3"]),
                Row(line: 6, fields: ["4", "5\r6", "a\"b"]),
                Row(line: 7, fields: ["", "", ""]),
            ])
    }

    @Test(arguments: [1, 1_000])
    func `goes on after a row that is none`(step: Int) throws {
        #expect(
            try rows("a\n\"b\"c,d\ne\n\"f", step: step) == [
                Row(line: 1, fields: ["a"]),
                Row(line: 2, fields: ["textAfterQuote"]),
                Row(line: 3, fields: ["e"]),
                Row(line: 4, fields: ["unclosedQuote"]),
            ])
    }

    @Test(arguments: ["", "\u{FEFF}"])
    func `finds no row in an empty file`(text: String) throws {
        #expect(try rows(text, step: 1) == [])
    }

    @Test func `stops where a row never ends`() throws {
        let text = "a\nb\n\"" + String(repeating: "x\n", count: 500)
        var reader = try CSVReader(Bytes(bytes: Array(text.utf8), step: 100), rowByteLimit: 300)
        var row = CSVRow()
        #expect(try reader.next(&row))
        #expect(try reader.next(&row))
        #expect(throws: ImportError.rowTooLong(line: 3, limit: 300)) { try reader.next(&row) }
    }
}
