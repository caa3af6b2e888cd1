import Storage

/// Why the log could not be read or written; nothing of the failing call has taken effect.
///
/// What a reader can survive is no error but a `LogNotice` or a `Damage`.
package enum EventLogError: Error, Equatable, CustomStringConvertible {
    /// A file operation failed while writing.
    case storage(StorageError)
    /// Another process holds the directory's writer lock.
    case writerPresent(directory: String)
    /// The writer was closed, or failed before and may not go on in the same segment.
    case writerClosed(directory: String)
    /// A record given to the writer holds a newline or is longer than readers accept.
    case recordRefused(byteCount: Int, reason: String)
    /// A cursor that no log can have.
    case cursorInvalid(Cursor)
    /// liblz4 refused to compress.
    case compression(reason: String)

    package var description: String {
        switch self {
        case .storage(let error): "event log: \(error)"
        case .writerPresent(let directory):
            "\(directory): another writer holds `\(SegmentName.lockName)`; stop it first, "
                + "or write to another directory"
        case .writerClosed(let directory):
            "\(directory): this writer is closed; open a new one, which starts a new segment"
        case .recordRefused(let byteCount, let reason):
            "a record of \(byteCount) bytes was not written: \(reason)"
        case .cursorInvalid(let cursor):
            "the cursor \(cursor) is none of a log's; the state that holds it is damaged: "
                + "restore it, or remove it and let the daemon read the log again"
        case .compression(let reason): "LZ4: \(reason)"
        }
    }
}

/// Names in a log directory: `<20-digit sequence>.ndjson.lz4`.
package enum SegmentName {
    /// What a segment's name ends with.
    package static let suffix = ".ndjson.lz4"
    /// The file whose advisory lock a writer holds.
    package static let lockName = "writer.lock"

    /// The highest sequence number a segment can have: a reader and a writer count on from there.
    package static let highest: Int64 = 1 << 62

    /// The name of segment `sequence` ≥ 0.
    package static func name(_ sequence: Int64) -> String {
        let digits = String(sequence)
        return String(repeating: "0", count: 20 - digits.count) + digits + suffix
    }

    /// The sequence number in a segment's name; nil for any other name, and above `highest`.
    package static func sequence(_ name: String) -> Int64? {
        guard name.utf8.count == 20 + suffix.utf8.count, name.hasSuffix(suffix) else { return nil }
        let digits = name.utf8.prefix(20)
        guard digits.allSatisfy({ $0 >= UInt8(ascii: "0") && $0 <= UInt8(ascii: "9") }) else {
            return nil
        }
        guard let sequence = Int64(name.prefix(20)), sequence <= highest else { return nil }
        return sequence
    }
}
