import Storage

/// A place where reading ends although the log may go on: many passes then read the same records.
///
/// It names segment and record, not an offset, so that it stays where it is when older segments
/// are deleted or the log grows meanwhile.
package struct LogEnd: Sendable {
    /// The first record that is not read.
    package let place: RecordPlace
    /// Whether everything before it was handed on.
    package private(set) var isReached: Bool
    /// The segment of the last chunk, and the offset of its first record.
    private var segment: Int64
    private var segmentOffset: LogOffset

    /// An end for a reading from the log's start, or from behind `standing`.
    ///
    /// - Parameters:
    ///   - place: the first record that is not read.
    ///   - standing: segment, offset of its first record, and offset of the record that is read
    ///     next; nil at the log's start.
    package init(
        _ place: RecordPlace,
        standing: (segment: Int64, segmentOffset: LogOffset, next: LogOffset)? = nil
    ) {
        self.place = place
        segment = standing?.segment ?? -1
        segmentOffset = standing?.segmentOffset ?? 0
        isReached =
            standing.map {
                RecordPlace(segment: $0.segment, recordIndex: $0.next - $0.segmentOffset) >= place
            } ?? false
    }

    /// Takes away what stands at the end and behind it; chunks come in log order.
    package mutating func cut(_ chunk: inout LogChunk) {
        if chunk.segment != segment {
            segment = chunk.segment
            segmentOffset = chunk.firstOffset
        }
        guard segment >= place.segment else { return }
        let first = chunk.firstOffset - segmentOffset
        let count = LogOffset(chunk.entries.count)
        let kept = segment > place.segment ? 0 : max(0, min(count, place.recordIndex - first))
        isReached = segment > place.segment || first + kept >= place.recordIndex
        chunk.entries.removeLast(Int(count - kept))
    }
}

extension FileIdentity {
    /// Whether the segment of this number still begins as it did; false when there is none.
    ///
    /// Device and inode do not count: a log may be a copy, and a copy may be made anew.
    package func isOf(
        segment: Int64, in directory: String, on disk: any Disk
    ) throws(StorageError) -> Bool {
        let path = directory + "/" + SegmentName.name(segment)
        guard try disk.status(path) != nil else { return false }
        return try hasSameHead(as: disk.open(path, .read))
    }
}
