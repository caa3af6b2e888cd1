import EventLog
import Import
import Storage
import TestSupport
import Testing

@Suite struct LZ4TableTests {
    private let table = Array(
        ("client_id,timestamp,event_type,url\n"
            + (0..<20_000).map { "\($0 % 13),\($0),page_visit,\($0 &* 7_919 % 1_000)\n" }.joined())
            .utf8)

    private func frame(_ bytes: [UInt8], linked: Bool) throws -> [UInt8] {
        let encoder = LZ4FrameEncoder(options: .init(blocksAreLinked: linked))
        var output: [UInt8] = []
        try encoder.begin(into: &output)
        try encoder.update(bytes, 0..<bytes.count, into: &output)
        try encoder.end(into: &output)
        return output
    }

    @Test(arguments: [false, true])
    func `reads what the plain table says`(linked: Bool) throws {
        let bench = try ImportBench()
        var plain = ArraySink()
        var packed = ArraySink()
        let skippable: [UInt8] = [0x50, 0x2A, 0x4D, 0x18, 3, 0, 0, 0, 1, 2, 3]
        let half = table.count / 2
        let first = try frame(Array(table[..<half]), linked: linked)
        let second = try frame(Array(table[half...]), linked: linked)
        let report = try bench.run(table, into: &plain)
        #expect(report.rowCount == 20_000)
        _ = try bench.run(first + skippable + second, into: &packed)
        #expect(packed.bytes == plain.bytes)
    }

    @Test func `refuses a file that is cut off, wherever it is`() throws {
        let whole = try frame(Array(table[..<3_000]), linked: false)
        var sink = ArraySink()
        let bench = try ImportBench()
        for end in 0..<whole.count {
            #expect(throws: ImportError.self, "\(end) of \(whole.count) bytes") {
                try bench.run(Array(whole[..<end]), into: &sink)
            }
        }
        #expect(sink.bytes.isEmpty)
    }

    @Test func `refuses a file with a wrong byte, wherever it is`() throws {
        let whole = try frame(Array(table[..<3_000]), linked: false)
        var sink = ArraySink()
        let bench = try ImportBench()
        for place in stride(from: 0, to: whole.count, by: 7) {
            var damaged = whole
            damaged[place] ^= 0x10
            #expect(throws: ImportError.self, "byte \(place) of \(whole.count)") {
                try bench.run(damaged, into: &sink)
            }
        }
        #expect(sink.bytes.isEmpty)
    }
}
