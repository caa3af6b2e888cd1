/// Sequence number of a record in the log, from 0, blank lines and refused records included.
package typealias LogOffset = Int64

/// Everything needed to go on reading after a record (DESIGN §3).
package struct Cursor: Hashable, Sendable, Codable {
    /// Sequence number of the segment, as its name says.
    package var segment: Int64
    /// Which file that was.
    package var identity: FileIdentity
    /// Byte position, in the compressed file, of the frame to re-enter.
    package var framePosition: Int64
    /// Decoded bytes of that frame already consumed.
    package var decodedOffset: Int64
    /// The next record's offset: how many records lie before the cursor.
    package var recordCount: LogOffset

    /// Names a place in a log by all its parts.
    package init(
        segment: Int64, identity: FileIdentity, framePosition: Int64, decodedOffset: Int64,
        recordCount: LogOffset
    ) {
        self.segment = segment
        self.identity = identity
        self.framePosition = framePosition
        self.decodedOffset = decodedOffset
        self.recordCount = recordCount
    }

    /// The start of a log: before the first record of its first segment.
    package static let start = Cursor(
        segment: -1, identity: FileIdentity(device: 0, inode: 0, headHash: 0), framePosition: 0,
        decodedOffset: 0, recordCount: 0)
}

/// What tells one segment file from another under the same name.
package struct FileIdentity: Hashable, Sendable, Codable {
    package var device: UInt64
    package var inode: UInt64
    /// Hash of the first frame's leading bytes; 0 while the file is empty.
    package var headHash: UInt64

    /// Names a file by all its parts.
    package init(device: UInt64, inode: UInt64, headHash: UInt64) {
        self.device = device
        self.inode = inode
        self.headHash = headHash
    }
}

/// A run of decoded log bytes cut into records: what the follower hands on.
///
/// Records are in log order; each ends with a newline in the log, the last record of a sealed log
/// maybe without one. A chunk holds whole records only, of one segment only.
package struct LogChunk: Sendable {
    /// One record's place in `bytes`, the newline excluded, and how to resume after it.
    package struct Entry: Sendable {
        package var start: Int
        package var byteCount: Int
        /// Position of the frame in which the record ends.
        package var framePosition: Int64
        /// Decoded bytes of that frame up to and including the record's newline.
        package var decodedEnd: Int64
        /// Set when these bytes are not a record but damage that was skipped.
        package var damage: Damage?

        /// Describes one record, or one damage.
        package init(
            start: Int, byteCount: Int, framePosition: Int64, decodedEnd: Int64,
            damage: Damage? = nil
        ) {
            self.start = start
            self.byteCount = byteCount
            self.framePosition = framePosition
            self.decodedEnd = decodedEnd
            self.damage = damage
        }
    }

    package var bytes: [UInt8]
    package var entries: [Entry]
    package var segment: Int64
    package var identity: FileIdentity
    /// Offset of the first entry's record.
    package var firstOffset: LogOffset

    /// Puts entries and the bytes they point into together.
    package init(
        bytes: [UInt8], entries: [Entry], segment: Int64, identity: FileIdentity,
        firstOffset: LogOffset
    ) {
        self.bytes = bytes
        self.entries = entries
        self.segment = segment
        self.identity = identity
        self.firstOffset = firstOffset
    }

    /// Where reading goes on after entry `index` has been applied.
    package func cursor(after index: Int) -> Cursor {
        let entry = entries[index]
        return Cursor(
            segment: segment, identity: identity, framePosition: entry.framePosition,
            decodedOffset: entry.decodedEnd, recordCount: firstOffset + LogOffset(index) + 1)
    }
}

/// Compressed bytes that could not be read, set aside as one refused record.
package struct Damage: Hashable, Sendable {
    /// Byte range in the compressed file.
    package var position: Int64
    package var byteCount: Int64
    package var reason: String

    /// Describes damage at a byte position of the compressed file.
    package init(position: Int64, byteCount: Int64, reason: String) {
        self.position = position
        self.byteCount = byteCount
        self.reason = reason
    }
}
