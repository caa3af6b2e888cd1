import Storage

/// Appends records to a log: LZ4 frames of independent LZ4 blocks with block checksums.
///
/// A frame ends at a record's end, at `flush()` or when it holds `frameByteCount`; what is flushed
/// is readable by a follower, what is synced survives a crash. A directory has one writer, which
/// holds the advisory lock of `writer.lock`. A new writer starts a new segment above the highest
/// one, so a tail torn by a crash is never written on. The bytes are a function of the calls (and
/// of the clock, where segments roll by age).
package final class SegmentWriter {
    /// When frames and segments end.
    package struct Options: Hashable, Sendable {
        /// Decoded bytes of a segment after which the next one begins.
        package var segmentDecodedByteCount: Int64
        /// Compressed bytes of a segment after which the next one begins.
        package var segmentByteCount: Int64
        /// Age of a segment, seconds since its first record, after which the next one begins.
        package var segmentSeconds: Int64
        /// Decoded bytes of a frame after which the next one begins.
        package var frameByteCount: Int
        /// Longest record, bytes.
        package var recordByteCount: Int
        /// How frames are written.
        package var frames: LZ4FrameEncoder.Options

        /// Sets the bounds; none may be zero.
        package init(
            segmentDecodedByteCount: Int64 = 1 << 30, segmentByteCount: Int64 = 128 << 20,
            segmentSeconds: Int64 = 3600, frameByteCount: Int = 1 << 20,
            recordByteCount: Int = 64 * 1024,
            frames: LZ4FrameEncoder.Options = LZ4FrameEncoder.Options()
        ) {
            precondition(
                segmentDecodedByteCount > 0 && segmentByteCount > 0 && segmentSeconds > 0
                    && frameByteCount > 0 && recordByteCount > 0,
                "SegmentWriter.Options: every bound must be positive")
            self.segmentDecodedByteCount = segmentDecodedByteCount
            self.segmentByteCount = segmentByteCount
            self.segmentSeconds = segmentSeconds
            self.frameByteCount = frameByteCount
            self.recordByteCount = recordByteCount
            self.frames = frames
        }
    }

    /// A skippable frame that ends a segment: a reader need not wait for more of it.
    package static let sealMark: [UInt8] =
        [0x5F, 0x2A, 0x4D, 0x18, 8, 0, 0, 0] + Array("ubpd end".utf8)

    /// Sequence number of the segment being written, or of the next one when none is.
    package private(set) var sequence: Int64

    private struct Segment {
        var file: any DiskFile
        var byteCount: Int64 = 0
        var decodedByteCount: Int64 = 0
        var startSeconds: Int64
        var isSynced = false
    }

    private let host: Host
    private let directory: String
    private let options: Options
    private let lock: any DiskFile
    private let encoder: LZ4FrameEncoder
    private var segment: Segment?
    private var frameDecodedByteCount = 0
    /// Appended bytes that are not compressed yet, and compressed bytes that are not written yet.
    private var waiting: [UInt8] = []
    private var output: [UInt8] = []
    private var isClosed = false

    /// Makes the directory when it is missing and takes its lock.
    ///
    /// - Throws: `writerPresent`, or `storage`.
    package init(
        host: Host, directory: String, options: Options = Options()
    )
        throws(EventLogError)
    {
        self.host = host
        self.directory = directory
        self.options = options
        encoder = LZ4FrameEncoder(options: options.frames)
        do throws(StorageError) {
            try host.disk.makeDirectory(directory)
            lock = try host.disk.open(directory + "/" + SegmentName.lockName, .createOrUpdate)
            guard try lock.lock() else { throw StorageError.exists(path: directory) }
            let names = try host.disk.names(in: directory)
            sequence = (names.compactMap(SegmentName.sequence).max() ?? -1) + 1
        } catch StorageError.exists(directory) {
            throw .writerPresent(directory: directory)
        } catch {
            throw .storage(error)
        }
    }

    /// Appends one record and the newline that ends it.
    ///
    /// - Throws: `storage` where a segment of a number above `SegmentName.highest` would begin;
    ///   `recordRefused` for a record with a newline in it or one that is too long: then
    ///   nothing was appended. After any other error this writer is closed.
    package func append(_ record: [UInt8]) throws(EventLogError) {
        guard record.count <= options.recordByteCount else {
            throw .recordRefused(
                byteCount: record.count,
                reason: "the longest allowed is \(options.recordByteCount) bytes")
        }
        guard LZ4ByteScan.first(0x0A, in: record, 0..<record.count) == nil else {
            throw .recordRefused(byteCount: record.count, reason: "it has a line end inside")
        }
        try guarded { () throws(EventLogError) in
            try begin()
            waiting.append(contentsOf: record)
            waiting.append(0x0A)
            if waiting.count >= Self.waitingByteCount { try compress() }
            frameDecodedByteCount += record.count + 1
            segment?.decodedByteCount += Int64(record.count + 1)
            if frameDecodedByteCount >= options.frameByteCount { try endFrame() }
            try rollIfFull()
        }
    }

    /// Makes everything appended readable by a follower.
    package func flush() throws(EventLogError) {
        try guarded { () throws(EventLogError) in try endFrame() }
    }

    /// Flushes, and makes everything appended durable.
    package func sync() throws(EventLogError) {
        try guarded { () throws(EventLogError) in
            try endFrame()
            try syncSegment()
        }
    }

    /// Ends the segment when it is older than allowed, so that an idle log rolls too.
    package func rollIfOld() throws(EventLogError) {
        try guarded { () throws(EventLogError) in try rollIfFull() }
    }

    /// Ends the segment and makes it durable; the writer holds its lock until it is released.
    package func close() throws(EventLogError) {
        if isClosed { return }
        try guarded { () throws(EventLogError) in try roll() }
        isClosed = true
    }

    /// Bytes that are given to liblz4 at once: a call per record costs more than its compression.
    private static let waitingByteCount = 1 << 20

    private func compress() throws(EventLogError) {
        try encoder.update(waiting, 0..<waiting.count, into: &output)
        waiting.removeAll(keepingCapacity: true)
    }

    /// Closes the writer for good when `body` fails: what is in the file is not known any more.
    private func guarded(_ body: () throws(EventLogError) -> Void) throws(EventLogError) {
        guard !isClosed else { throw .writerClosed(directory: directory) }
        isClosed = true
        try body()
        isClosed = false
    }

    private func begin() throws(EventLogError) {
        if segment == nil {
            let path = directory + "/" + SegmentName.name(sequence)
            guard sequence <= SegmentName.highest else {
                throw .storage(
                    .malformed(
                        path: path,
                        reason: "no reader takes so high a number; write to another directory, or "
                            + "rename the segments of the highest numbers"))
            }
            do throws(StorageError) {
                segment = Segment(
                    file: try host.disk.open(path, .create), startSeconds: host.clock.seconds())
            } catch {
                throw .storage(error)
            }
        }
        if !encoder.isOpen { try encoder.begin(into: &output) }
    }

    private func endFrame() throws(EventLogError) {
        guard encoder.isOpen else { return }
        try compress()
        try encoder.end(into: &output)
        frameDecodedByteCount = 0
        try write()
    }

    private func write() throws(EventLogError) {
        guard let open = segment, !output.isEmpty else { return }
        do throws(StorageError) {
            try open.file.write(output, at: open.byteCount)
        } catch {
            throw .storage(error)
        }
        segment?.byteCount += Int64(output.count)
        segment?.isSynced = false
        output.removeAll(keepingCapacity: true)
    }

    private func syncSegment() throws(EventLogError) {
        guard let open = segment, !open.isSynced else { return }
        do throws(StorageError) {
            try open.file.sync()
            try host.disk.syncDirectory(directory)
        } catch {
            throw .storage(error)
        }
        segment?.isSynced = true
    }

    private func rollIfFull() throws(EventLogError) {
        guard let open = segment else { return }
        let byteCount = open.byteCount + Int64(output.count)
        if open.decodedByteCount >= options.segmentDecodedByteCount
            || byteCount >= options.segmentByteCount
            || host.clock.seconds() - open.startSeconds >= options.segmentSeconds
        {
            try roll()
        }
    }

    private func roll() throws(EventLogError) {
        guard segment != nil else { return }
        try endFrame()
        output += Self.sealMark
        try write()
        try syncSegment()
        segment = nil
        sequence += 1
    }
}
