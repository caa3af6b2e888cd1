import Storage

extension LogReader {
    /// Opens the cursor's segment, or the next one; nil when there is none to read now.
    func openNext() throws(StorageError) -> OpenSegment? {
        if cursor.segment > finished { return try resume() }
        guard let next = try listing.first(after: finished) else {
            isAtEnd = true
            return nil
        }
        if finished >= 0 && next > finished + 1 {
            guard isOverdue() else { return nil }
            note(.gap(after: finished, next: next))
        }
        missingSinceNanoseconds = nil
        guard let file = try listing.open(next) else {
            try listing.list()
            return nil
        }
        if cursor.segment == finished, cursor.segment >= 0, try isSame(file) {
            note(.renamed(segment: cursor.segment, newSegment: next))
            return try enter(next, file, at: cursor)
        }
        return try enter(next, file, at: start(of: next))
    }

    /// Looks whether the open file is still what was read: before anything new of it is read.
    func checkOpen() throws(StorageError) {
        checkLeft()
        guard let segment else { return }
        let status = try segment.file.status()
        let read = segment.scanner.window.position
        if status.byteCount < read {
            // Another content that is shorter is no cut: it is read from its start.
            guard try segment.hasSameHead() else {
                note(.replaced(segment: segment.sequence, inodeReused: true))
                let file = segment.file
                close()
                try enter(segment.sequence, file, at: start(of: segment.sequence))
                return
            }
            guard splitter.hasLine, status.byteCount >= cursor.framePosition else {
                try resumeTruncated(segment.sequence, segment.file, read: read, status)
                return
            }
            // A line without an end is still there, before the cut: it is read again.
            note(
                .truncated(
                    segment: segment.sequence, readByteCount: read, byteCount: status.byteCount))
            let file = segment.file
            close()
            try enter(segment.sequence, file, at: cursor).isNotedShort = true
        } else if status.byteCount != segment.quietByteCount {
            segment.quietByteCount = status.byteCount
            segment.quietSinceNanoseconds = host.clock.monotonicNanoseconds()
            segment.forgetStale(byteCount: status.byteCount)
            if try !segment.hasSameHead() { close() }
        }
    }

    /// Looks whether the segment before this one got more than was read of it.
    private func checkLeft() {
        guard let before = left else { return }
        // It may be deleted, or its file system gone: then there is nothing to say about it.
        let byteCount = try? before.file.status().byteCount
        if let byteCount, byteCount <= before.byteCount { return }
        left = nil
        if let byteCount {
            note(.grewAfterSealing(segment: before.sequence, byteCount: byteCount))
        }
    }

    /// The end of what can be read now: true when something has changed and reading goes on.
    func goOn(_ segment: OpenSegment) throws(StorageError) -> Bool {
        let status = try segment.file.status()
        segment.starvedByteCount = status.byteCount
        if status.byteCount != segment.quietByteCount {
            try checkOpen()
            return true
        }
        let named = try listing.status(segment.sequence)
        let isGone = named == nil
        if let named, named.inode != status.inode || named.device != status.device {
            close()
            return true
        }
        guard let next = try listing.first(after: segment.sequence) else {
            noteIfShort(segment)
            isAtEnd = true
            // Another directory may have come in its place: a mount point without its mount is empty.
            isAwaiting = isGone
            return false
        }
        if isGone, try host.disk.status(listing.path(next))?.inode == status.inode {
            close()
            return true
        }
        segment.isComplete =
            isGone || segment.scanner.isSealed || isQuiet(segment, status)
        return segment.isComplete
    }

    /// Whether nothing was added to the segment for the grace time, by our clock or its own time.
    private func isQuiet(_ segment: OpenSegment, _ status: FileStatus) -> Bool {
        let grace = max(0, options.sealGraceMilliseconds)
        let now = host.clock.monotonicNanoseconds()
        let quiet = (now - segment.quietSinceNanoseconds) / 1_000_000
        let age = host.clock.seconds() - status.modifiedSeconds
        return quiet >= UInt64(grace) || age > Int64(grace / 1000 + 1)
    }

    // MARK: Resuming

    private func resume() throws(StorageError) -> OpenSegment? {
        guard let file = try listing.open(cursor.segment) else { return try resumeElsewhere() }
        missingSinceNanoseconds = nil
        let status = try file.status()
        let isSameFile =
            status.inode == cursor.identity.inode && status.device == cursor.identity.device
        if try cursor.identity.hasSameHead(as: file) {
            if status.byteCount < cursor.framePosition {
                return try resumeTruncated(
                    cursor.segment, file, read: cursor.framePosition, status)
            }
            if !isSameFile { note(.moved(segment: cursor.segment)) }
            return try enter(cursor.segment, file, at: cursor)
        }
        if isSameFile && status.byteCount < Int64(cursor.identity.headByteCount) {
            return try resumeTruncated(
                cursor.segment, file, read: cursor.framePosition, status)
        }
        note(.replaced(segment: cursor.segment, inodeReused: isSameFile))
        return try enter(cursor.segment, file, at: start(of: cursor.segment))
    }

    /// Goes on at the end of a file that has become shorter than what was read of it.
    @discardableResult
    private func resumeTruncated(
        _ sequence: Int64, _ file: any DiskFile, read: Int64, _ status: FileStatus
    ) throws(StorageError) -> OpenSegment? {
        note(
            .truncated(segment: sequence, readByteCount: read, byteCount: status.byteCount))
        close()
        var end = start(of: sequence)
        end.framePosition = status.byteCount
        return try enter(sequence, file, at: end)
    }

    /// The cursor's segment is gone: looks for it under another number, else goes on above it.
    ///
    /// Where there is none above it, it may come back with its directory: nothing is given up yet.
    private func resumeElsewhere() throws(StorageError) -> OpenSegment? {
        try listing.list()
        for later in listing.sequences where later > cursor.segment {
            let status = try host.disk.status(listing.path(later))
            guard let status, status.inode == cursor.identity.inode,
                status.device == cursor.identity.device, let file = try listing.open(later),
                try isSame(file)
            else { continue }
            note(.renamed(segment: cursor.segment, newSegment: later))
            return try enter(later, file, at: cursor)
        }
        guard let last = listing.last, last > cursor.segment else {
            isAwaiting = true
            return nil
        }
        note(.vanished(segment: cursor.segment))
        missingSinceNanoseconds = nil
        finished = cursor.segment
        return try openNext()
    }

    /// Whether `file` is the file at the cursor: by identity, and long enough.
    private func isSame(_ file: any DiskFile) throws(StorageError) -> Bool {
        let status = try file.status()
        guard
            status.inode == cursor.identity.inode, status.device == cursor.identity.device,
            status.byteCount >= cursor.framePosition, cursor.identity.headByteCount > 0
        else { return false }
        return try cursor.identity.hasSameHead(as: file)
    }

    private func start(of sequence: Int64) -> Cursor {
        Cursor(
            segment: sequence, identity: Cursor.start.identity, framePosition: 0,
            decodedOffset: 0, recordCount: cursor.recordCount)
    }

    @discardableResult
    private func enter(
        _ sequence: Int64, _ file: any DiskFile, at cursor: Cursor
    )
        throws(StorageError) -> OpenSegment
    {
        let opened = try OpenSegment(sequence: sequence, file: file, at: cursor)
        segment = opened
        finished = sequence - 1
        self.cursor = Cursor(
            segment: sequence, identity: opened.identity, framePosition: cursor.framePosition,
            decodedOffset: cursor.decodedOffset, recordCount: cursor.recordCount)
        return opened
    }

    /// Whether the grace time has passed since a missing segment was first missed.
    private func isOverdue() -> Bool {
        let now = host.clock.monotonicNanoseconds()
        let since = missingSinceNanoseconds ?? now
        missingSinceNanoseconds = since
        return now - since >= UInt64(max(0, options.sealGraceMilliseconds)) * 1_000_000
    }
}
