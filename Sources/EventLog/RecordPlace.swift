/// Where a record stands: its segment, and its number there, from 0.
///
/// Other than an offset it stays the same when older segments are deleted, so it names a record
/// for every fold of what is left of the log. Damages and blank lines are numbered like records.
package struct RecordPlace: Hashable, Comparable, Sendable, CustomStringConvertible {
    package var segment: Int64
    package var recordIndex: Int64

    /// Names the record `recordIndex` of segment `segment`.
    package init(segment: Int64, recordIndex: Int64) {
        self.segment = segment
        self.recordIndex = recordIndex
    }

    /// Reads `segment/record`, as `description` writes it; nil for anything else.
    package init?(_ text: String) {
        let parts = text.split(separator: "/", omittingEmptySubsequences: false)
        guard parts.count == 2, let segment = Int64(parts[0]), let record = Int64(parts[1]),
            segment >= 0, record >= 0, "\(segment)/\(record)" == text
        else { return nil }
        self.init(segment: segment, recordIndex: record)
    }

    package var description: String { "\(segment)/\(recordIndex)" }

    /// The place behind this one in the same segment.
    package var next: RecordPlace {
        RecordPlace(segment: segment, recordIndex: recordIndex + 1)
    }

    package static func < (left: Self, right: Self) -> Bool {
        (left.segment, left.recordIndex) < (right.segment, right.recordIndex)
    }
}
