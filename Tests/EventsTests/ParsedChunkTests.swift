import EventLog
import Events
import Testing

@Suite struct ParsedChunkTests {
    /// A chunk of these lines; the second is damage when `damages`.
    private func chunk(_ lines: [String], damages: Bool = false) -> LogChunk {
        var bytes: [UInt8] = []
        var entries: [LogChunk.Entry] = []
        for (index, line) in lines.enumerated() {
            let damage = Damage(position: 4, byteCount: 9, reason: "checksum")
            entries.append(
                LogChunk.Entry(
                    start: bytes.count, byteCount: line.utf8.count, framePosition: 0,
                    decodedEnd: Int64(bytes.count + line.utf8.count + 1),
                    damage: damages && index == 1 ? damage : nil))
            bytes += Array(line.utf8) + [0x0A]
        }
        return LogChunk(
            bytes: bytes, entries: entries, segment: 0,
            identity: FileIdentity(device: 0, inode: 0, headHash: 0), firstOffset: 40)
    }

    private let good = #"{"client_id":1,"timestamp":2,"event_type":"page_visit","url":3}"#
    private let visit = Record.event(
        Event(user: UserID(rawValue: 1), seconds: 2, kind: .pageVisit, key: 3))

    @Test func `has one entry for each record, whatever became of it`() {
        let update = #"{"event_type":"product_update","sku":4,"colour":"red"}"#
        let parsed = RecordParser().parse(
            chunk([good, "", "{", update, #"{"event_type":"sale","colour":"red"}"#, good]))
        #expect(
            parsed.entries == [
                .record(visit), .record(.blank), .refused(.notJSON(at: 1)),
                .record(.catalogue(CatalogueUpdate(item: ItemID(rawValue: 4)))),
                .refused(.unknownEventType(BytePrefix(Array("sale".utf8).span))), .record(visit),
            ])
        #expect(parsed.refusedCount == 2)
        #expect(parsed.unknownFieldCount == 1)
    }

    @Test func `refuses damage without looking at its bytes`() {
        let parsed = RecordParser().parse(chunk([good, good, good], damages: true))
        #expect(parsed.entries == [.record(visit), .refused(.damaged), .record(visit)])
    }

    @Test func `never lets one record see the next`() {
        let cut = String(good.dropLast())
        let parsed = RecordParser().parse(chunk([cut, "}", good]))
        #expect(
            parsed.entries == [
                .refused(.notJSON(at: cut.utf8.count)), .refused(.notJSON(at: 0)), .record(visit),
            ])
    }

    @Test func `starts afresh when its storage is used again`() {
        var parsed = ParsedChunk()
        RecordParser().parse(chunk(["{", "{"]), into: &parsed)
        RecordParser().parse(chunk([good]), into: &parsed)
        #expect(parsed.entries == [.record(visit)])
        #expect(parsed.refusedCount == 0)
    }
}
