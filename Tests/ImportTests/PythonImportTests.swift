import Events
import Foundation
import Import
import Storage
import TestSupport
import Testing

/// Imports whole tables and compares with `Tests/Golden/import_table.py`, which shares no code.
@Suite struct PythonImportTests {
    @Test(
        .enabled { try await Child.run(["python3", "--version"]).status == 0 }, arguments: 0..<4)
    func `writes the very bytes that Python expects`(seed: Int) async throws {
        let table = Self.table(seed: UInt64(seed))
        let folder = try TemporaryDirectory()
        try RealDisk().open(folder.path + "/t.csv", .create).write(table, at: 0)
        _ = try await Child.run([
            "python3", "-B", goldenPath("import_table.py"), folder.path + "/t.csv",
            "--map", "cancellation=remove_from_cart", "--map", "junk=drop",
            "--records", folder.path + "/records", "--dictionary", folder.path + "/dictionary",
        ]).successful()
        var bench = try ImportBench()
        try bench.options.addMapping("cancellation=remove_from_cart")
        try bench.options.addMapping("junk=drop")
        var sink = ArraySink()
        let report = try bench.run(table, into: &sink)
        #expect(report.rejectedCount == 0)
        #expect(report.recordCount > 1_000 && report.droppedCount > 0)
        let records = try RealDisk().bytes(of: folder.path + "/records", limit: 1 << 24)
        #expect(sink.bytes == records)
        let dictionary = try RealDisk().bytes(of: folder.path + "/dictionary", limit: 1 << 24)
        #expect(try Array(bench.text("dictionary.tsv").utf8) == dictionary)
    }

    // python3 Tests/Golden/import_table.py online_retail.csv.lz4 --map cancellation=remove_from_cart
    @Test(.enabled(if: realTable != nil))
    func `imports the real shop file with every row`() throws {
        let path = try #require(realTable)
        var bench = try ImportBench()
        try bench.options.addMapping("cancellation=remove_from_cart")
        var sink = ArraySink()
        let importer = Importer(
            options: bench.options, directory: bench.directory, host: bench.host)
        let report = try importer.run(tableSource(path, on: RealDisk()), into: &sink)
        #expect(report.rowCount == 406_829 && report.rejectedCount == 0)
        #expect(report.writtenCounts == ["product_buy": 397_924, "remove_from_cart": 8_905])
        #expect(report.catalogueUpdateCount == 55_978)
        #expect(report.dictionaryCount == 886 && report.pricePairCount == 8_873)
        #expect(report.priceBucketCount == 63 && report.textVectorCount == 3_885)
        #expect(crc32(sink.bytes) == 2_178_583_727)
        #expect(try crc32(Array(bench.text("dictionary.tsv").utf8)) == 725_568_761)
    }

    @Test(arguments: 0..<20)
    func `accounts for every row of a mangled table`(seed: Int) throws {
        var random = SeededRandom(seed: UInt64(seed), stream: 6)
        var table = Self.table(seed: UInt64(seed))
        let odd = Array("\",\n\r\u{0}x9-é".utf8) + [0xFF]
        for _ in 0..<400 {
            let place = 64 + Int(random.next() % UInt64(table.count - 64))
            table[place] = odd[Int(random.next() % UInt64(odd.count))]
        }
        let bench = try ImportBench()
        var sink = ArraySink()
        let report = try bench.run(table, into: &sink)
        let eventCount = report.writtenCounts.values.reduce(0, +)
        #expect(
            report.rowCount == eventCount + report.catalogueRowCount + report.droppedCount
                + report.rejectedCount)
        #expect(report.rejectedCount > 50 && eventCount > 50)
        #expect(sink.lines.count == eventCount + report.catalogueUpdateCount)
        for line in sink.lines { _ = try RecordParser().parse(Array(line.utf8).span) }
    }

    /// A table with every kind of row, odd ids, quotes, ties and times out of order.
    private static func table(seed: UInt64) -> [UInt8] {
        var random = SeededRandom(seed: seed, stream: 4)
        func below(_ bound: UInt64) -> Int { Int(random.next() % bound) }
        func pick(_ choices: [String]) -> String { choices[below(UInt64(choices.count))] }
        func two(_ number: Int) -> String { number < 10 ? "0\(number)" : "\(number)" }
        let ids = [
            "7", "-7", "007", "85123A", "POST", "é☃", "a\tb", "back\\slash", "x y",
            "4611686018427387904", "4611686018427387903", "9223372036854775808", "-0", "+5",
        ]
        let words = [
            "RED", "mug", "Tee-Light", "crème", "50's", "\"\"big\"\"", "a,b", "☃", "-", "\n",
        ]
        var text = "client_id,timestamp,event_type,sku,category,price,query,name,url\r\n"
        for _ in 0..<1_500 {
            let time =
                "20\(10 + below(3))-\(two(1 + below(12)))-\(two(1 + below(28)))"
                + " \(two(below(24))):\(two(below(60))):00"
            let type = pick(
                EventKind.allCases.map(\.name) + ["cancellation", "product_buy", "junk"])
            let name = (0..<below(4)).map { _ in pick(words) }.joined(separator: " ")
            let vector = (0..<16).map { _ in "\(below(256))" }.joined(separator: " ")
            let query = below(2) == 0 ? name : "[\(vector)]"
            let price = pick(["", "0", "\(below(40)).\(below(100))", "12.3456", "-1.5"])
            text += "\"\(pick(ids))\",\(time),\(type),\"\(pick(ids))\",\(pick(["", "c1", "9"])),"
            text += "\(price),\"\(query)\",\"\(name)\",\"\(pick(ids))\"\(pick(["\n", "\r\n"]))"
        }
        return Array(text.utf8)
    }
}

/// `online_retail.csv.lz4` in the directory of UBPD_DATA, or beside the package in shared/data.
private let realTable: String? = {
    let root = URL(filePath: #filePath).appending(path: "../../..").standardized
    let folder =
        ProcessInfo.processInfo.environment["UBPD_DATA"].map { URL(filePath: $0) }
        ?? root.appending(path: "../shared/data").standardized
    let path = folder.appending(path: "online_retail.csv.lz4").path
    return FileManager.default.isReadableFile(atPath: path) ? path : nil
}()
