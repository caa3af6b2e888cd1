import EventLog
import Events
import Import
import Storage
import TestSupport
import Testing

@Suite struct ImporterTests {
    private let header = "client_id,timestamp,event_type,sku,category,price,query,name,url\n"

    @Test func `writes what is new of an item before the event that tells it`() throws {
        let (report, lines) = try ImportBench().run(
            header + """
                1,2010-12-01 08:26:00,product_buy,10,5,1.00,,,
                2,2010-12-01 08:26:00,add_to_cart,10,5,1.00,,,
                1,2010-12-01 08:27:00,product_buy,10,,2.00,,,
                1,1291192080,page_visit,,,,,,77
                1,2010-12-01 08:28:01,search_query,,,,[1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16],,
                ,2010-12-01 08:28:02,product_update,11,6,,,,
                3,2010-12-01 08:28:03,remove_from_cart,11,,,,,

                """)
        #expect(
            lines == [
                #"{"timestamp":1291191960,"event_type":"product_update","sku":10,"category":5,"price":0}"#,
                #"{"client_id":1,"timestamp":1291191960,"event_type":"product_buy","sku":10}"#,
                #"{"client_id":2,"timestamp":1291191960,"event_type":"add_to_cart","sku":10}"#,
                #"{"timestamp":1291192020,"event_type":"product_update","sku":10,"price":50}"#,
                #"{"client_id":1,"timestamp":1291192020,"event_type":"product_buy","sku":10}"#,
                #"{"client_id":1,"timestamp":1291192080,"event_type":"page_visit","url":77}"#,
                #"{"client_id":1,"timestamp":1291192081,"event_type":"search_query","query":[1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16]}"#,
                #"{"timestamp":1291192082,"event_type":"product_update","sku":11,"category":6}"#,
                #"{"client_id":3,"timestamp":1291192083,"event_type":"remove_from_cart","sku":11}"#,
            ])
        #expect(report.rowCount == 7)
        #expect(report.recordCount == 9)
        #expect(report.catalogueUpdateCount == 3 && report.catalogueRowCount == 1)
        #expect(report.pricePairCount == 2 && report.priceBucketCount == 2)
        #expect(report.wasSorted && report.rejectedCount == 0)
    }

    @Test func `sorts by time and keeps the order of ties`() throws {
        let (report, lines) = try ImportBench().run(
            header + "1,9,page_visit,,,,,,1\n1,5,page_visit,,,,,,2\n1,9,page_visit,,,,,,3\n"
                + "1,5,page_visit,,,,,,4\n")
        #expect(!report.wasSorted)
        #expect(
            lines.map { $0.suffix(2).prefix(1) } == ["2", "4", "1", "3"])
    }

    @Test func `puts every row that it refuses aside, with the reason`() throws {
        let bench = try ImportBench()
        let (report, lines) = try bench.run(
            header + """
                1,5,page_visit,,,,,,2
                1,5,cancellation,3,,,,,
                ,5,page_visit,,,,,,2
                1,5,page_visit,,,,,,
                1,,page_visit,,,,,,2
                1,2010-02-30 00:00:00,page_visit,,,,,,2
                1,-5,page_visit,,,,,,2
                1,5,product_buy,3,,1e3,,,
                1,5,product_buy
                1,5,"page"_visit,,,,,,2

                1,5,page_visit,,,,,"two
                lines",

                """)
        #expect(lines.count == 1)
        #expect(report.rowCount == 11 && report.blankLineCount == 1)
        #expect(
            report.rejectedCounts == [
                "unknown_event_type": 1, "missing_field": 4, "malformed_timestamp": 1,
                "timestamp_out_of_range": 1, "malformed_field": 1, "field_count": 1,
                "text_after_quote": 1,
            ])
        #expect(report.unknownEventNames == ["cancellation"])
        let rejects = try bench.text("rejects.csv").split(
            separator: "\r\n", omittingEmptySubsequences: true)
        #expect(rejects.first == "line,reason,detail,row")
        #expect(rejects.count == 11)
        #expect(rejects[7] == #"9,malformed_field,"price","1,5,product_buy,3,,1e3,,,""#)
        #expect(rejects[6] == #"8,timestamp_out_of_range,"","1,-5,page_visit,,,,,,2""#)
        #expect(
            rejects[10] == "13,missing_field,\"url\",\"1,5,page_visit,,,,,\"\"two\nlines\"\",\"")
    }

    @Test func `refuses rows that are not UTF-8`() throws {
        let bench = try ImportBench()
        var sink = ArraySink()
        let row = Array(header.utf8) + Array("1,5,product_buy,caf".utf8) + [0xE9]
        let report = try bench.run(row + Array(",,,,,\n".utf8), into: &sink)
        #expect(report.rejectedCounts == ["not_utf8": 1])
    }

    @Test func `maps event names and columns`() throws {
        var bench = try ImportBench()
        try bench.options.addMapping("cancellation=remove_from_cart")
        try bench.options.addMapping("a=b=drop")
        try bench.options.addColumn("client_id=Customer ID")
        try bench.options.addColumn("sku=StockCode")
        let (report, lines) = try bench.run(
            "Customer ID,timestamp,event_type,StockCode,Country\n"
                + "1,5,cancellation,3,UK\n1,5,a=b,3,UK\n")
        #expect(
            lines == [#"{"client_id":1,"timestamp":5,"event_type":"remove_from_cart","sku":3}"#])
        #expect(report.droppedCount == 1)
        #expect(report.ignoredColumns == ["Country"])
    }

    @Test(arguments: ["x", "=drop", "x=", "x=buy", "x=productBuy"])
    func `refuses mappings it does not understand`(text: String) {
        var options = ImportOptions()
        #expect(throws: ImportError.self) { try options.addMapping(text) }
    }

    @Test(arguments: [
        "", "\n", "client_id,timestamp\n", "timestamp,event_type,timestamp\n",
        "timestamp,\"event\"_type\n",
    ])
    func `refuses tables without a proper header`(table: String) throws {
        let bench = try ImportBench()
        #expect(throws: ImportError.self) { try bench.run(table) }
        #expect(throws: ImportError.self) {
            var bench = bench
            try bench.options.addColumn("sku=Item")
            _ = try bench.run("timestamp,event_type,sku\n")
        }
    }

    @Test func `keeps the texts of ids, over several imports`() throws {
        let bench = try ImportBench()
        let first = try bench.run(header + "bob,5,product_buy,85123A,gifts,,,,\n")
        #expect(first.report.hashedIDCounts == ["user": 1, "item": 1, "category": 1])
        let second = try bench.run(header + "bob,6,page_visit,,,,,,/home\n7,6,page_visit,,,,,,8\n")
        #expect(second.report.hashedIDCounts == ["url": 1])
        #expect(second.report.dictionaryCount == 4)
        let dictionary = try IDDictionary.load(from: bench.directory, on: bench.disk)
        // Tests/Golden/import_table.py: 2**62 + text_hash(b"85123A") // 4
        #expect(dictionary.text(of: 8_298_125_765_353_285_447, .item) == "85123A")
        #expect(first.lines.last?.hasSuffix(#""sku":8298125765353285447}"#) == true)
        #expect(dictionary.id(of: "/home", .url) != nil)
    }

    @Test func `stops when two ids of a kind collide`() throws {
        let bench = try ImportBench()
        let table =
            header + "1,5,product_buy,85123A,,,,,\n1,5,product_buy,8298125765353285447,,,,,\n"
        #expect(
            throws: ImportError.dictionary(
                .collision(
                    kind: .item, id: 8_298_125_765_353_285_447, first: "85123A",
                    second: "8298125765353285447"))
        ) { try bench.run(table) }
    }

    @Test func `bounds the rows it holds`() throws {
        var bench = try ImportBench()
        bench.options.rowLimit = 1
        let row = "1,5,page_visit,,,,,,2\n"
        #expect(try bench.run(header + row).lines.count == 1)
        #expect(throws: ImportError.tooManyRows(limit: 1)) { try bench.run(header + row + row) }
    }

    @Test func `leaves texts and prices out when told so`() throws {
        var bench = try ImportBench()
        bench.options.textVectors = .drop
        bench.options.prices = .drop
        let row = "1,5,product_buy,3,,1.5,,RED MUG,\n"
        #expect(try bench.run(header + row).lines.count == 1)
        bench.options.prices = .buckets
        #expect(try bench.run(header + row).report.rejectedCounts == ["malformed_field": 1])
        let (_, lines) = try bench.run(header + "1,5,product_buy,3,,99,,RED MUG,\n")
        #expect(lines.first?.hasSuffix(#""sku":3,"price":99}"#) == true)
    }

    @Test func `fills a log that reads back whole`() throws {
        let bench = try ImportBench()
        var table = header
        for index in 0..<5_000 {
            table +=
                "u\(index % 97),\(index),product_buy,\(index % 11)X,c,\(index % 7).5,,MUG \(index),\n"
        }
        try bench.disk.open("/t.csv", .create).write(Array(table.utf8), at: 0)
        var sink = LogSink(try SegmentWriter(host: bench.host, directory: bench.directory))
        let importer = Importer(
            options: bench.options, directory: bench.directory, host: bench.host)
        let report = try importer.run(FileSource("/t.csv", on: bench.disk), into: &sink)
        let reader = try LogReader(host: bench.host, directory: bench.directory)
        var counts = (events: 0, updates: 0)
        while let chunk = try reader.next() {
            let parsed = RecordParser().parse(chunk)
            #expect(parsed.refusedCount == 0 && parsed.unknownFieldCount == 0)
            for entry in parsed.entries {
                if case .record(.event) = entry { counts.events += 1 }
                if case .record(.catalogue) = entry { counts.updates += 1 }
            }
        }
        #expect(counts == (5_000, report.catalogueUpdateCount))
        #expect(report.catalogueUpdateCount == 5_000)
    }

    @Test func `reports as JSON and as text`() throws {
        let (report, _) = try ImportBench().run(header + "1,5,\"a\"\"b\t\",,,,,,2\n")
        #expect(report.json.contains(#""rejected":1,"#))
        #expect(report.json.contains(#""unknown_event_names":["a\"b\u0009"]"#))
        #expect(report.description.contains("rows rejected: 1"))
    }
}
