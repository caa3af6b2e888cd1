import Storage

/// Reads a log's records in order, from any cursor, while it grows (DESIGN §3, docs/event-log.md).
///
/// Records and their offsets are a pure function of the log's bytes: neither the chunk bounds, nor
/// where reading was resumed, nor how the files grew enters them. What happens to the files is
/// survived and said in `notices`. Used by one thread at a time; `Follower` waits for it.
package final class LogReader {
    package let options: LogReaderOptions
    /// Where reading goes on after the last chunk.
    package internal(set) var cursor: Cursor
    /// What was survived, oldest first, at most `options.noticeCount`.
    package private(set) var notices: [LogNotice] = []
    /// Notices so far, those that left included.
    package private(set) var noticeCount = 0
    /// What is in the way now, so that nothing new can be read; nil while all is well.
    package internal(set) var obstacle: LogNotice?
    /// Whether the last `next()` found nothing more to read in the highest segment.
    package internal(set) var isAtEnd = false

    let host: Host
    var listing: SegmentListing
    var segment: OpenSegment?
    var splitter: RecordSplitter
    /// Decoded bytes of the last step that the splitter has not taken yet.
    var unread = 0..<0
    /// The highest segment that was read to its end; the next one is looked for above it.
    var finished: Int64
    /// The segment read before this one, and its size when it was taken as complete.
    var left: (sequence: Int64, file: any DiskFile, byteCount: Int64)?
    /// Whether the cursor's segment has lost its name and none is above it.
    var isAwaiting = false
    /// When a gap was first seen.
    var missingSinceNanoseconds: UInt64?

    /// Gets ready to read the log in `directory`, which may be missing as yet, from `cursor` on.
    ///
    /// - Throws: `cursorInvalid` for a cursor that no log has; nothing is opened yet.
    package init(
        host: Host, directory: String, cursor: Cursor = .start,
        options: LogReaderOptions = LogReaderOptions()
    ) throws(EventLogError) {
        guard
            cursor.segment >= -1, cursor.framePosition >= 0, cursor.decodedOffset >= 0,
            cursor.recordCount >= 0, cursor.segment <= SegmentName.highest
        else { throw .cursorInvalid(cursor) }
        self.host = host
        self.cursor = cursor
        self.options = options
        listing = SegmentListing(
            host: host, directory: directory, intervalMilliseconds: options.listMilliseconds)
        splitter = RecordSplitter(options: options)
        finished = max(cursor.segment - 1, -1)
    }

    /// The next run of whole records of one segment; nil when nothing more is readable now.
    ///
    /// What cannot be read now (permissions, a failing disk) is an `obstacle`, tried again by the
    /// next call; nothing is lost or read twice by it. It is no notice: it ends with its cause.
    package func next() throws(EventLogError) -> LogChunk? {
        do throws(StorageError) {
            let chunk = try read()
            obstacle = absence
            return chunk
        } catch {
            close()
            isAtEnd = false
            obstacle = .unreadable(path: listing.directory, reason: error.description)
            return nil
        }
    }

    /// Compressed bytes from where reading stands to the end of the log as last listed.
    ///
    /// A half-written tail that was read up to its end does not count.
    package func lag() -> Int64 {
        do throws(StorageError) {
            let place = segment?.sequence ?? max(finished, cursor.segment)
            let later = try listing.byteCount(after: place)
            guard let segment else { return later }
            let size = try segment.file.status().byteCount
            let read = max(segment.scanner.window.position, segment.starvedByteCount)
            return later + max(0, size - read)
        } catch {
            return 0
        }
    }

    /// Makes the next `next()` list the directory where it would have trusted its last listing.
    package func lookAgain() { listing.lookAgain() }

    /// Forgets the notices that were read.
    package func clearNotices() { notices = [] }

    /// What is missing where the log should be.
    private var absence: LogNotice? {
        if listing.isMissing { return .directoryMissing(path: listing.directory) }
        guard isAwaiting else { return nil }
        return .awaited(segment: cursor.segment, path: listing.directory)
    }

    private func read() throws(StorageError) -> LogChunk? {
        isAtEnd = false
        isAwaiting = false
        try checkOpen()
        while true {
            if segment == nil { segment = try openNext() }
            guard let segment else { return nil }
            if !unread.isEmpty && split(segment) { return try take(segment) }
            if splitter.isFull { return try take(segment) }
            switch try segment.scanner.step(isComplete: segment.isComplete) {
            case .bytes:
                unread = segment.afterDropped()
            case .damage(let damage):
                if !segment.afterDropped().isEmpty { splitter.add(damage, after: segment.place) }
            case .starved:
                if let chunk = try take(segment) { return chunk }
                // Bytes without a record in them are read, too: what replaces them is told by them.
                try segment.refreshIdentity()
                guard try goOn(segment) else { return nil }
            case .finished:
                noteIfShort(segment)
                splitter.finish()
                let chunk = try take(segment)
                finished = segment.sequence
                left = (finished, segment.file, segment.scanner.window.position)
                close()
                if let chunk { return chunk }
            }
        }
    }

    /// Cuts the unread bytes into records; true when a chunk is full.
    private func split(_ segment: OpenSegment) -> Bool {
        let scanner = segment.scanner
        return splitter.add(
            scanner.output, &unread, end: segment.place, block: scanner.blockPosition)
    }

    private func take(_ segment: OpenSegment) throws(StorageError) -> LogChunk? {
        guard let taken = splitter.take() else { return nil }
        try segment.refreshIdentity()
        let chunk = LogChunk(
            bytes: taken.bytes, entries: taken.entries, segment: segment.sequence,
            identity: segment.identity, firstOffset: cursor.recordCount)
        cursor = chunk.cursor(after: chunk.entries.count - 1)
        return chunk
    }

    /// Stops reading the open segment; what was not handed out is read again when it is resumed.
    func close() {
        segment = nil
        unread = 0..<0
        splitter = RecordSplitter(options: options)
    }

    /// Says once that the frame at the cursor was cut; what is appended is read from there on.
    func noteIfShort(_ segment: OpenSegment) {
        guard segment.isShort, !segment.isNotedShort else { return }
        segment.isNotedShort = true
        let end = segment.scanner.window.position
        note(.truncated(segment: segment.sequence, readByteCount: end, byteCount: end))
    }

    func note(_ notice: LogNotice) {
        noticeCount += 1
        notices.append(notice)
        if notices.count > options.noticeCount { notices.removeFirst() }
    }
}
