import Storage

/// The segment that is being read.
final class OpenSegment {
    let sequence: Int64
    let file: any DiskFile
    private(set) var identity: FileIdentity
    /// The leading bytes that the identity's hash covers: they tell a shorter file, too.
    private var head: [UInt8] = []
    private(set) var scanner: LZ4FrameScanner
    /// Whether the file is taken as complete.
    var isComplete = false
    /// Whether it was said that the frame at the cursor was cut.
    var isNotedShort = false
    /// Size when it last ended before more could be decoded.
    var starvedByteCount: Int64 = -1
    /// Size when it was last looked at, and since when it has had that.
    var quietByteCount: Int64 = -1
    var quietSinceNanoseconds: UInt64 = 0
    /// The frame that was re-entered, and how many of its decoded bytes were read before.
    private var dropped: (framePosition: Int64, decodedOffset: Int64)

    /// Gets ready to go on at `cursor` in `file`.
    init(sequence: Int64, file: any DiskFile, at cursor: Cursor) throws(StorageError) {
        self.sequence = sequence
        self.file = file
        scanner = LZ4FrameScanner(file: file, framePosition: cursor.framePosition)
        dropped = (cursor.framePosition, cursor.decodedOffset)
        // What the cursor's head covered was read, too, be it of the frame that is re-entered.
        let readByteCount = max(cursor.framePosition, Int64(cursor.identity.headByteCount))
        identity = try FileIdentity.of(
            file, readByteCount: min(readByteCount, file.status().byteCount))
        head = try Self.head(of: file, byteCount: identity.headByteCount)
    }

    /// The place after the scanner's last step.
    var place: RecordSplitter.Place {
        RecordSplitter.Place(
            framePosition: scanner.framePosition, decodedEnd: scanner.decodedOffset)
    }

    /// The part of the last step that was not read before; damage counts as one byte.
    func afterDropped() -> Range<Int> {
        let range = scanner.outputRange
        let isBytes = !range.isEmpty
        guard scanner.framePosition == dropped.framePosition else {
            return isBytes ? range : 0..<1
        }
        let missing = scanner.decodedOffset - dropped.decodedOffset
        if missing <= 0 { return 0..<0 }
        return isBytes
            ? max(range.lowerBound, range.upperBound - Int(missing))..<range.upperBound
            : 0..<1
    }

    /// Takes the file's identity again while its head is still growing.
    func refreshIdentity() throws(StorageError) {
        let readByteCount = scanner.window.position
        guard identity.headByteCount < min(readByteCount, Int64(FileIdentity.longestHead)) else {
            return
        }
        identity = try FileIdentity.of(file, readByteCount: readByteCount)
        head = try Self.head(of: file, byteCount: identity.headByteCount)
    }

    /// Whether the file, which may have become shorter, begins as it did.
    func hasSameHead() throws(StorageError) -> Bool {
        head.starts(with: try Self.head(of: file, byteCount: head.count))
    }

    private static func head(
        of file: any DiskFile, byteCount: Int
    ) throws(StorageError)
        -> [UInt8]
    {
        var head: [UInt8] = []
        while head.count < byteCount {
            let count = try file.read(byteCount - head.count, at: Int64(head.count), into: &head)
            if count == 0 { break }
        }
        return head
    }

    /// Forgets bytes that were read ahead, were cut off since, and may have been written anew.
    ///
    /// So it does with all that was read ahead of a young file, whose head does not tell yet
    /// whether it is still the same.
    func forgetStale(byteCount: Int64) {
        let isYoung = scanner.window.position < Int64(FileIdentity.longestHead)
        if isYoung || byteCount < scanner.window.end { scanner.window.forget() }
    }

    /// Whether the frame that was re-entered has, so far, fewer bytes than were read of it before.
    var isShort: Bool {
        scanner.framePosition == dropped.framePosition
            && scanner.decodedOffset < dropped.decodedOffset
    }
}
