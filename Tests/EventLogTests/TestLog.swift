import EventLog
import Storage
import TestSupport
import Testing

/// One entry of a log as a test compares it.
struct ReadRecord: Hashable {
    var offset: LogOffset
    var text: String
    var damage: Damage?
    var segment: Int64
    var framePosition: Int64
    var decodedOffset: Int64
}

/// A log in memory, and readers of it.
struct TestLog {
    static let directory = "/log"

    let clock = SimulatedClock(seconds: 1_667_952_000)
    let disk: MemoryDisk
    let host: Host

    init() throws {
        disk = MemoryDisk(clock: clock)
        host = Host.simulated(disk: disk, clock: clock)
        try disk.makeDirectory(Self.directory)
    }

    func path(_ sequence: Int64) -> String {
        Self.directory + "/" + SegmentName.name(sequence)
    }

    /// Replaces a segment's content in place.
    func write(_ bytes: [UInt8], to sequence: Int64) throws {
        let file = try disk.open(path(sequence), .createOrUpdate)
        try file.truncate(to: 0)
        try file.write(bytes, at: 0)
    }

    func append(_ bytes: [UInt8], to sequence: Int64) throws {
        let file = try disk.open(path(sequence), .createOrUpdate)
        try file.write(bytes, at: try file.status().byteCount)
    }

    /// Lets every grace time pass.
    func settle() { clock.advance(seconds: 60) }

    func reader(
        at cursor: Cursor = .start, options: LogReaderOptions = LogReaderOptions()
    ) throws
        -> LogReader
    {
        try LogReader(host: host, directory: Self.directory, cursor: cursor, options: options)
    }

    /// Everything a fresh reader finds.
    func readAll(
        from cursor: Cursor = .start, options: LogReaderOptions = LogReaderOptions()
    )
        throws -> [ReadRecord]
    {
        try drain(reader(at: cursor, options: options))
    }
}

/// Reads until nothing more is there.
func drain(_ reader: LogReader) throws -> [ReadRecord] {
    try drainChunks(reader).flatMap(records)
}

func drainChunks(_ reader: LogReader) throws -> [LogChunk] {
    var chunks: [LogChunk] = []
    while let chunk = try reader.next() { chunks.append(chunk) }
    return chunks
}

func records(of chunk: LogChunk) -> [ReadRecord] {
    chunk.entries.indices.map { index in
        let entry = chunk.entries[index]
        let cursor = chunk.cursor(after: index)
        return ReadRecord(
            offset: cursor.recordCount - 1,
            text: String(
                decoding: chunk.bytes[entry.start..<entry.start + entry.byteCount], as: UTF8.self),
            damage: entry.damage, segment: cursor.segment, framePosition: cursor.framePosition,
            decodedOffset: cursor.decodedOffset)
    }
}

/// One frame of `text`, as `SegmentWriter` writes them unless told otherwise.
func frame(
    _ text: String, _ options: LZ4FrameEncoder.Options = LZ4FrameEncoder.Options()
) throws
    -> [UInt8]
{
    let encoder = LZ4FrameEncoder(options: options)
    var output: [UInt8] = []
    let bytes = Array(text.utf8)
    try encoder.begin(into: &output)
    try encoder.update(bytes, 0..<bytes.count, into: &output)
    try encoder.end(into: &output)
    return output
}

/// Records that look like the real ones, numbered.
func lines(_ range: Range<Int>, padding: Int = 0) -> String {
    range.map { number in
        let pad = String(repeating: "x", count: (number * 37) % (padding + 1))
        return "{\"client_id\":\(number * 7919 % 1009),\"n\":\(number),\"p\":\"\(pad)\"}\n"
    }.joined()
}

/// The lines of `text` without their ends, as a reader should give them.
func expected(_ text: String) -> [String] {
    text.split(separator: "\n", omittingEmptySubsequences: false).dropLast().map(String.init)
}
