import Storage

/// A field of a record that this package reads; the names are those of the data.
package enum RecordField: UInt8, Sendable, CaseIterable, CustomStringConvertible {
    case clientID
    case timestamp
    case eventType
    case sku
    case url
    case query
    case category
    case price
    case name
    case eventID

    /// The key in the record.
    package var key: String {
        switch self {
        case .clientID: "client_id"
        case .timestamp: "timestamp"
        case .eventType: "event_type"
        case .sku: "sku"
        case .url: "url"
        case .query: "query"
        case .category: "category"
        case .price: "price"
        case .name: "name"
        case .eventID: "event_id"
        }
    }

    package var description: String { key }
}

/// The first bytes of a text that was refused, kept in place so that an error never allocates.
package struct BytePrefix: Hashable, Sendable, CustomStringConvertible {
    package let low: UInt64
    package let high: UInt64
    /// Bytes of the whole text, which may be more than the sixteen kept.
    package let byteCount: Int32

    /// Keeps the first sixteen bytes of `text`.
    package init(_ text: Span<UInt8>) {
        low = text.word(at: 0)
        high = text.word(at: 8)
        byteCount = Int32(clamping: text.count)
    }

    /// The kept bytes; control characters, DEL and bytes above ASCII are written `\xNN`.
    package var description: String {
        var text = ""
        for index in 0..<min(Int(byteCount), 16) {
            let byte = UInt8(
                truncatingIfNeeded: (index < 8 ? low : high) >> UInt64(8 * (index & 7)))
            if byte >= 0x20 && byte < 0x7F && byte != 0x5C {
                text.unicodeScalars.append(Unicode.Scalar(byte))
            } else {
                let digits = String(byte, radix: 16, uppercase: true)
                text += "\\x" + (byte < 16 ? "0" : "") + digits
            }
        }
        return byteCount > 16 ? text + "…" : text
    }
}

/// Why a record was refused; nothing else of the log is affected (DESIGN §3).
///
/// Byte positions count from the record's first byte. When a record has several faults, the one
/// reported is: its syntax, then its event type, then its fields in the order of `RecordField`.
package enum RecordError: Error, Hashable, Sendable {
    /// Not one JSON object (RFC 8259); also raw control characters and NUL bytes.
    case notJSON(at: Int)
    /// Not UTF-8 (Unicode 16, table 3-7), or an escaped surrogate without its partner.
    case invalidText(at: Int)
    /// Objects and arrays nested beyond `RecordParser.depthLimit`.
    case tooDeep(at: Int)
    /// A field this package reads stands there twice.
    case duplicateField(RecordField)
    case missingField(RecordField)
    /// Another JSON type than the field has; also fractions, exponents and `"007"`.
    case wrongType(RecordField)
    /// An integer beyond its field's range: int64 for ids, 0…99 for prices, 0…255 in vectors.
    case outOfRange(RecordField)
    /// A vector that has not sixteen components.
    case wrongLength(RecordField, count: Int)
    /// A text beyond its field's limit, in bytes.
    case tooLong(RecordField, byteCount: Int, limit: Int)
    /// Not `YYYY-MM-DD hh:mm:ss`, or no such day or time.
    case malformedTimestamp(BytePrefix)
    case timestampOutOfRange(seconds: Int64, earliest: Int64, latest: Int64)
    case unknownEventType(BytePrefix)
    /// Compressed bytes that could not be read; `LogChunk.Entry.damage` tells which.
    case damaged
}

extension RecordError {
    /// A short stable name for quarantine files and metrics; never changes once released.
    package var reasonCode: String {
        switch self {
        case .notJSON: "not_json"
        case .invalidText: "invalid_text"
        case .tooDeep: "too_deep"
        case .duplicateField: "duplicate_field"
        case .missingField: "missing_field"
        case .wrongType: "wrong_type"
        case .outOfRange: "out_of_range"
        case .wrongLength: "wrong_length"
        case .tooLong: "too_long"
        case .malformedTimestamp: "malformed_timestamp"
        case .timestampOutOfRange: "timestamp_out_of_range"
        case .unknownEventType: "unknown_event_type"
        case .damaged: "damaged"
        }
    }

    /// Every reason code, in the order of the cases, for metrics that start at zero.
    package static let reasonCodes = [
        "not_json", "invalid_text", "too_deep", "duplicate_field", "missing_field", "wrong_type",
        "out_of_range", "wrong_length", "too_long", "malformed_timestamp",
        "timestamp_out_of_range", "unknown_event_type", "damaged",
    ]
}

extension RecordError: CustomStringConvertible {
    package var description: String {
        switch self {
        case .notJSON(let position):
            "byte \(position): not a JSON object on one line; check the producer's encoder"
        case .invalidText(let position):
            "byte \(position): not UTF-8; check the producer's encoding"
        case .tooDeep(let position):
            "byte \(position): nested deeper than \(RecordParser.depthLimit); flatten the record"
        case .duplicateField(let field):
            "`\(field)` stands there twice; write it once"
        case .missingField(let field):
            "`\(field)` is missing; this event type needs it"
        case .wrongType(let field):
            "`\(field)` has the wrong type, want \(field.expectation)"
        case .outOfRange(let field):
            "`\(field)` is out of range, want \(field.expectation)"
        case .wrongLength(let field, let count):
            "`\(field)` has \(count) components, want 16"
        case .tooLong(let field, let byteCount, let limit):
            "`\(field)` has \(byteCount) bytes, the limit is \(limit)"
        case .malformedTimestamp(let text):
            "`timestamp` is \"\(text)\", want seconds or an existing \"YYYY-MM-DD hh:mm:ss\""
        case .timestampOutOfRange(let seconds, let earliest, let latest):
            "`timestamp` \(seconds) s is outside \(earliest)…\(latest) s; "
                + "check the producer's clock, or move `events.earliest` or `events.latest`"
        case .unknownEventType(let text):
            "unknown `event_type` \"\(text)\"; docs/import.md lists the six"
        case .damaged:
            "these bytes of the segment could not be decoded; see the quarantine"
        }
    }
}

extension RecordField {
    /// What a value of the field looks like, for messages.
    fileprivate var expectation: String {
        switch self {
        case .clientID, .sku, .url, .category: "an int64, as a number or a decimal string"
        case .timestamp: "integer seconds or \"YYYY-MM-DD hh:mm:ss\" UTC"
        case .eventType: "a string"
        case .query, .name: "16 integers 0…255"
        case .price: "an integer 0…99"
        case .eventID: "a string of at most \(RecordParser.eventIDByteLimit) bytes or an int64"
        }
    }
}
