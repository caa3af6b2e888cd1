import EventLog
import Storage

/// Turns the bytes of records into `Record`s (DESIGN §3's table; docs/import.md shows lines).
///
/// A record is one JSON object. Keys may come in any order, with white space and escapes; a key
/// that its event type does not use is checked as JSON, ignored and counted. A key that is read may
/// stand there once. `null` counts as absent, and so does an empty `event_id`. Records of the form
/// that `RecordWriter` writes take a fast path; both paths give the same result for every input.
package struct RecordParser: Sendable {
    /// Objects and arrays that may be open at once, the record's own included.
    package static let depthLimit = 32
    /// Bytes of an `event_id`.
    package static let eventIDByteLimit = 64

    /// Bounds of event time, seconds since 1970 UTC, both inclusive.
    package let earliest: Int64
    package let latest: Int64

    /// Accepts event times from `earliest` to `latest`; the default ends with 2099.
    package init(earliest: Int64 = 0, latest: Int64 = 4_102_444_799) {
        precondition(earliest <= latest, "RecordParser: \(earliest)…\(latest) s is empty")
        self.earliest = earliest
        self.latest = latest
    }

    /// Parses one record, without its newline; allocates only for escapes and for faults.
    package func parse(_ bytes: Span<UInt8>) throws(RecordError) -> Record {
        var unknownFieldCount = 0
        return try parse(bytes, unknownFieldCount: &unknownFieldCount)
    }

    /// Parses one record, without its newline.
    ///
    /// `unknownFieldCount` is raised by the keys that were ignored; a throw leaves it unchanged.
    @inline(__always)
    package func parse(
        _ bytes: Span<UInt8>, unknownFieldCount: inout Int
    ) throws(RecordError) -> Record {
        if let event = parseFast(bytes) { return .event(event) }
        return try parseGeneral(bytes, unknownFieldCount: &unknownFieldCount)
    }

    /// Parses one record by the general path alone: what the fast path is tested against.
    package func parseGeneral(
        _ bytes: Span<UInt8>, unknownFieldCount: inout Int
    ) throws(RecordError) -> Record {
        var position = 0
        bytes.skipSpace(&position)
        if position == bytes.count { return .blank }
        var fields = RecordFields()
        try fields.scan(bytes, &position)
        bytes.skipSpace(&position)
        guard position == bytes.count else { throw .notJSON(at: position) }
        let record = try fields.record(bytes, earliest: earliest, latest: latest)
        unknownFieldCount += fields.ignoredCount
        return record
    }

    /// Parses a chunk; no entry's fault affects another.
    package func parse(_ chunk: LogChunk) -> ParsedChunk {
        var parsed = ParsedChunk()
        parse(chunk, into: &parsed)
        return parsed
    }

    /// Parses a chunk into `parsed`, whose old content goes and whose storage is used again.
    package func parse(_ chunk: LogChunk, into parsed: inout ParsedChunk) {
        parsed.removeAll()
        parsed.entries.reserveCapacity(chunk.entries.count)
        let bytes = chunk.bytes.span
        for entry in chunk.entries {
            if entry.damage != nil {
                parsed.refuse(.damaged)
                continue
            }
            let record = bytes.extracting(entry.start..<entry.start + entry.byteCount)
            if let event = parseFast(record) {
                parsed.entries.append(.record(.event(event)))
                continue
            }
            do throws(RecordError) {
                var ignoredCount = 0
                let value = try parseGeneral(record, unknownFieldCount: &ignoredCount)
                parsed.append(value, ignoredCount: ignoredCount)
            } catch {
                parsed.refuse(error)
            }
        }
    }
}

/// What a `LogChunk` says, entry by entry.
package struct ParsedChunk: Sendable {
    /// What became of one entry of the chunk; holds no reference, so arrays of it copy flatly.
    package enum Entry: Hashable, Sendable {
        case record(Record)
        case refused(RecordError)
    }

    /// As many as the chunk has, in its order: entry i is the record at `chunk.firstOffset` + i.
    package fileprivate(set) var entries: [Entry] = []
    /// Entries that were refused.
    package fileprivate(set) var refusedCount = 0
    /// Keys that were ignored, in the records that were accepted.
    package fileprivate(set) var unknownFieldCount = 0

    /// Entries with ignored keys, ascending, and how many each has.
    private var ignored: [(index: Int, count: Int)] = []

    /// Keys that were ignored in the entries of `range`: O(entries that have any).
    package func unknownFieldCount(in range: Range<Int>) -> Int {
        ignored.reduce(0) { range.contains($1.index) ? $0 + $1.count : $0 }
    }

    /// An empty one, to parse into.
    package init() {}

    fileprivate mutating func append(_ record: Record, ignoredCount: Int) {
        if ignoredCount > 0 { ignored.append((index: entries.count, count: ignoredCount)) }
        unknownFieldCount += ignoredCount
        entries.append(.record(record))
    }

    fileprivate mutating func refuse(_ error: RecordError) {
        entries.append(.refused(error))
        refusedCount += 1
    }

    fileprivate mutating func removeAll() {
        entries.removeAll(keepingCapacity: true)
        refusedCount = 0
        unknownFieldCount = 0
        ignored.removeAll(keepingCapacity: true)
    }
}
