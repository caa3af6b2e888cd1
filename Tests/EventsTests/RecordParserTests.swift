import EventLog
import Events
import Storage
import Testing

@Suite struct RecordParserTests {
    private let parser = RecordParser()

    private func parse(_ text: String) throws(RecordError) -> Record {
        try parser.parse(Array(text.utf8).span)
    }

    private func event(
        _ kind: EventKind, _ user: Int64, _ seconds: Int64, _ key: Int64,
        _ query: TextVector? = nil, eventID: String? = nil
    ) -> Record {
        let hash = eventID.map { TextHash.eventID(Array($0.utf8).span) } ?? 0
        return .event(
            Event(
                user: UserID(rawValue: user), seconds: seconds, kind: kind, key: key, query: query,
                eventIDHash: hash))
    }

    @Test func `reads the five kinds of event`() throws {
        #expect(
            try parse(#"{"client_id":7,"timestamp":1667952000,"event_type":"page_visit","url":9}"#)
                == event(.pageVisit, 7, 1_667_952_000, 9))
        #expect(
            try parse(#"{"client_id":-7,"timestamp":0,"event_type":"add_to_cart","sku":-9}"#)
                == event(.addToCart, -7, 0, -9))
        #expect(
            try parse(#"{"event_type":"remove_from_cart","sku":"9","timestamp":5,"client_id":"8"}"#)
                == event(.removeFromCart, 8, 5, 9))
        #expect(
            try parse(
                #"{ "sku" : 1 , "client_id":2,"event_type":"product_buy", "timestamp":3 } "#)
                == event(.productBuy, 2, 3, 1))
        #expect(
            try parse(#"{"client_id":1,"timestamp":2,"event_type":"search_query"}"#)
                == event(.searchQuery, 1, 2, 0))
    }

    @Test(arguments: [
        "[0,1,2,3,4,5,6,7,8,9,10,11,12,13,254,255]",
        "[ 0 , 1,2,3,4,5,6,7,8,9,10,11,12,13,254,255 ]",
        #""[0 1 2 3 4 5 6 7 8 9 10 11 12 13 254 255]""#,
        #""[  0, 1, 2, 3, 4, 5, 6, 7,\n 8  9 10 11 12 13 254 255]""#,
    ])
    func `reads a query in each of its forms`(text: String) throws {
        let query = TextVector(Array(0...13) + [254, 255])
        #expect(
            try parse(
                #"{"client_id":1,"timestamp":2,"event_type":"search_query","query":\#(text)}"#)
                == event(.searchQuery, 1, 2, 0, query))
    }

    @Test func `reads catalogue updates, whole and in part`() throws {
        let name = TextVector([UInt8](repeating: 3, count: 16))
        let item = ItemID(rawValue: 4)
        #expect(
            try parse(
                #"{"timestamp":1,"event_type":"product_update","sku":4,"category":-5,"price":99,"#
                    + #""name":[3,3,3,3,3,3,3,3,3,3,3,3,3,3,3,3]}"#)
                == .catalogue(CatalogueUpdate(item: item, category: -5, price: 99, name: name)))
        #expect(
            try parse(#"{"event_type":"product_update","sku":4,"price":null}"#)
                == .catalogue(CatalogueUpdate(item: item)))
    }

    @Test(arguments: ["", " ", "\r", " \t\r\n "])
    func `counts white space as blank`(text: String) throws {
        #expect(try parse(text) == .blank)
    }

    @Test func `reads event ids as texts or as numbers`() throws {
        func record(_ id: String) throws(RecordError) -> Record {
            try parse(
                #"{"client_id":1,"timestamp":2,"event_type":"page_visit","url":3,"event_id":\#(id)}"#
            )
        }
        #expect(try record(#""a-1""#) == event(.pageVisit, 1, 2, 3, eventID: "a-1"))
        #expect(try record(#""\u0061-1""#) == event(.pageVisit, 1, 2, 3, eventID: "a-1"))
        #expect(try record("-12") == event(.pageVisit, 1, 2, 3, eventID: "-12"))
        #expect(try record("null") == event(.pageVisit, 1, 2, 3))
        #expect(try record(#""""#) == event(.pageVisit, 1, 2, 3))
    }

    @Test func `reads dates as UTC`() throws {
        // python3: calendar.timegm((2011, 12, 9, 12, 50, 0)) == 1323435000
        #expect(
            try parse(
                #"{"client_id":1,"timestamp":"2011-12-09 12:50:00","event_type":"product_buy","#
                    + #""sku":3}"#)
                == event(.productBuy, 1, 1_323_435_000, 3))
    }

    /// Fault, and the record that has it.
    @Test(arguments: [
        (RecordError.notJSON(at: 0), "x"),
        (.notJSON(at: 0), "[1]"),
        (.notJSON(at: 1), "{"),
        (.notJSON(at: 2), "{}{}"),
        (.notJSON(at: 5), #"{"a":}"#),
        (.notJSON(at: 5), #"{"a":01}"#),
        (.notJSON(at: 7), #"{"a":1,}"#),
        (.notJSON(at: 6), "{\"a\":\"\u{1}\"}"),
        (.notJSON(at: 6), #"{"a":"\x"}"#),
        (.invalidText(at: 6), #"{"a":"\ud800"}"#),
        (.missingField(.eventType), "{}"),
        (.missingField(.eventType), #"{"event_type":null}"#),
        (.wrongType(.eventType), #"{"event_type":[1,{"a":2}]}"#),
        (
            .unknownEventType(BytePrefix([0x62, 0x75, 0x79].span)),
            #"{"event_type":"buy","client_id":"x"}"#
        ),
        (.missingField(.clientID), #"{"event_type":"page_visit"}"#),
        (.wrongType(.clientID), #"{"event_type":"page_visit","client_id":1.0}"#),
        (.wrongType(.clientID), #"{"event_type":"page_visit","client_id":1e3}"#),
        (.wrongType(.clientID), #"{"event_type":"page_visit","client_id":true}"#),
        (.wrongType(.clientID), #"{"event_type":"page_visit","client_id":"007"}"#),
        (.outOfRange(.clientID), #"{"event_type":"page_visit","client_id":9223372036854775808}"#),
        (.outOfRange(.clientID), #"{"event_type":"page_visit","client_id":"9223372036854775808"}"#),
        (.missingField(.timestamp), #"{"event_type":"page_visit","client_id":1}"#),
        (.wrongType(.timestamp), #"{"event_type":"page_visit","client_id":1,"timestamp":1.5}"#),
        (.missingField(.url), #"{"event_type":"page_visit","client_id":1,"timestamp":1,"sku":2}"#),
        (
            .timestampOutOfRange(seconds: -1, earliest: 0, latest: 4_102_444_799),
            #"{"client_id":1,"timestamp":-1,"event_type":"page_visit","url":2}"#
        ),
        (
            .malformedTimestamp(BytePrefix(Array("2023-02-29 00:00:00".utf8).span)),
            #"{"client_id":1,"timestamp":"2023-02-29 00:00:00","event_type":"page_visit","url":2}"#
        ),
        (.duplicateField(.sku), #"{"event_type":"product_update","sku":1,"sku":1}"#),
        (.outOfRange(.price), #"{"event_type":"product_update","sku":1,"price":100}"#),
        (.wrongType(.price), #"{"event_type":"product_update","sku":1,"price":"5"}"#),
        (.wrongLength(.name, count: 2), #"{"event_type":"product_update","sku":1,"name":[1,2]}"#),
        (.outOfRange(.name), #"{"event_type":"product_update","sku":1,"name":[256]}"#),
        (.wrongType(.name), #"{"event_type":"product_update","sku":1,"name":[1,"2"]}"#),
        (.wrongType(.name), #"{"event_type":"product_update","sku":1,"name":"[1 2"}"#),
        (
            .tooLong(.eventID, byteCount: 65, limit: 64),
            #"{"client_id":1,"timestamp":1,"event_type":"page_visit","url":2,"event_id":""#
                + String(repeating: "x", count: 65) + "\"}"
        ),
    ])
    func `refuses what is no record`(error: RecordError, text: String) {
        #expect(throws: error) { try parse(text) }
        #expect(RecordError.reasonCodes.contains(error.reasonCode))
        #expect(!error.description.isEmpty)
    }

    @Test func `refuses bytes that are not UTF-8, wherever they stand`() {
        for bad: [UInt8] in [
            [0xFF], [0xC0, 0x80], [0xC1, 0xBF], [0xE0, 0x80, 0x80], [0xED, 0xA0, 0x80],
            [0xF0, 0x80, 0x80, 0x80], [0xF4, 0x90, 0x80, 0x80], [0xC3], [0xE2, 0x82],
        ] {
            let bytes = Array(#"{"a":""#.utf8) + bad + Array(#""}"#.utf8)
            #expect(throws: RecordError.invalidText(at: 6)) { try parser.parse(bytes.span) }
        }
    }

    @Test func `bounds how deep values nest`() throws {
        func record(_ depth: Int) -> String {
            let open = String(repeating: "[", count: depth)
            let close = String(repeating: "]", count: depth)
            return #"{"event_type":"product_update","sku":1,"x":\#(open)\#(close)}"#
        }
        #expect(
            try parse(record(RecordParser.depthLimit - 1))
                == .catalogue(CatalogueUpdate(item: ItemID(rawValue: 1))))
        #expect(throws: RecordError.tooDeep(at: 74)) { try parse(record(RecordParser.depthLimit)) }
        #expect(throws: RecordError.tooDeep(at: 74)) { try parse(record(100_000)) }
    }

    @Test func `counts keys that it ignores`() throws {
        var ignoredCount = 5
        let text =
            #"{"client_id":1,"timestamp":2,"event_type":"page_visit","url":3,"sku":"odd","#
            + #""x":[1],"category":null,"shop":"b"}"#
        _ = try parser.parse(Array(text.utf8).span, unknownFieldCount: &ignoredCount)
        #expect(ignoredCount == 8)
    }

    @Test func `keeps to its own range of time`() throws {
        let parser = RecordParser(earliest: 10, latest: 20)
        for seconds in 8...22 {
            let text =
                #"{"client_id":1,"timestamp":\#(seconds),"event_type":"page_visit","url":3}"#
            let record = try? parser.parse(Array(text.utf8).span)
            #expect((record != nil) == (10...20).contains(seconds))
        }
    }
}
