import Events

/// A row on its way from the table to the log, without its texts.
struct ImportedRow {
    var seconds: Int64
    var user: Int64 = 0
    /// Item or url.
    var key: Int64 = 0
    var category: Int64 = 0
    /// Millionths, or the bucket itself; `absentPrice` when there is none.
    var price = Self.absentPrice
    /// Index of the name or query among the texts; -1 when there is none.
    var vector: Int32 = -1
    /// Index among the event ids; -1 when there is none.
    var eventID: Int32 = -1
    /// nil for a row of the catalogue.
    var kind: EventKind?
    var hasCategory = false

    static let absentPrice = Int64.min

    /// Whether the row says something about an item.
    var hasItem: Bool { kind?.isProduct ?? true }
}

/// Why a row of the table is not in the log.
enum RowFault: Error, Equatable {
    case textAfterQuote
    case unclosedQuote
    case fieldCount(Int, want: Int)
    case notUTF8
    case unknownEventType
    case missing(RecordField)
    case malformedTimestamp
    case timestampOutOfRange
    case malformed(RecordField)
    case tooLong(RecordField)

    /// Stable name for the report.
    var reasonCode: String {
        switch self {
        case .textAfterQuote: "text_after_quote"
        case .unclosedQuote: "unclosed_quote"
        case .fieldCount: "field_count"
        case .notUTF8: "not_utf8"
        case .unknownEventType: "unknown_event_type"
        case .missing: "missing_field"
        case .malformedTimestamp: "malformed_timestamp"
        case .timestampOutOfRange: "timestamp_out_of_range"
        case .malformed: "malformed_field"
        case .tooLong: "too_long"
        }
    }

    /// What a person needs beside the name.
    var detail: String {
        switch self {
        case .fieldCount(let count, let want): "\(count) fields, want \(want)"
        case .missing(let field), .malformed(let field), .tooLong(let field): field.key
        default: ""
        }
    }
}
