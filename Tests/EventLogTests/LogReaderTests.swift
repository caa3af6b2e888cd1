import EventLog
import Storage
import TestSupport
import Testing

/// Records are a pure function of the log: of no chunk size, no growth and no place of resuming.
@Suite struct LogReaderTests {
    /// A small segment of many frames: lines across frames and LZ4 blocks, an empty frame, CRLF,
    /// blank lines, a line that is too long, damage in several places, no last newline.
    static func motley() throws -> [UInt8] {
        let text = lines(0..<40, padding: 30) + "\n\r\n" + "{\"crlf\":1}\r\n"
        let cut = text.index(text.startIndex, offsetBy: 333)
        var bytes = try frame(String(text[..<cut])) + frame("") + frame(String(text[cut...]))
        bytes += [0x50, 0x2A, 0x4D, 0x18, 3, 0, 0, 0, 1, 2, 3]
        bytes += try frame(
            lines(40..<50) + "{\"long\":\"\(String(repeating: "y", count: 300))\"}\n")
        bytes += Array("garbage between frames".utf8)
        var damaged = try frame(lines(50..<60))
        damaged[damaged.count / 2] ^= 0x10
        bytes += damaged
        bytes += try frame(lines(60..<62) + "{\"cut\":").dropLast(8)
        bytes += try frame(
            "1}\n{\"whole\":2}\n" + lines(62..<70) + "{\"last\":1}",
            LZ4FrameEncoder.Options(hasContentChecksum: true, blocksAreLinked: true))
        return bytes
    }

    static let small = LogReaderOptions(recordByteCount: 200)

    /// What the motley segment holds once it is sealed.
    static func read(_ options: LogReaderOptions) throws -> [ReadRecord] {
        let log = try TestLog()
        try log.write(motley(), to: 0)
        try log.write([], to: 1)
        log.settle()
        return try log.readAll(options: options)
    }

    @Test func `finds every record of a motley segment and every damage once`() throws {
        let read = try Self.read(Self.small)
        let numbered = read.filter { $0.damage == nil }.map(\.text)
        var wanted = expected(lines(0..<40, padding: 30)) + ["", "", "{\"crlf\":1}"]
        wanted += expected(lines(40..<50) + lines(60..<62)) + ["{\"whole\":2}"]
        wanted += expected(lines(62..<70)) + ["{\"last\":1}"]
        #expect(numbered == wanted)
        let damages = read.compactMap(\.damage)
        #expect(damages.count == 4)
        #expect(read.map(\.offset) == Array(0..<LogOffset(read.count)))
        let bytes = try Self.motley()
        for damage in damages {
            #expect(damage.position >= 0 && damage.byteCount >= 0)
            #expect(damage.position + damage.byteCount <= Int64(bytes.count))
        }
    }

    @Test(arguments: [1, 2, 7, 64, 1000, 100_000], [1, 2, 5, 1000])
    func `gives the same records whatever the chunk bounds`(
        byteCount: Int, recordCount: Int
    )
        throws
    {
        var options = Self.small
        options.chunkByteCount = byteCount
        options.chunkRecordCount = recordCount
        #expect(try Self.read(options) == Self.read(Self.small))
    }

    @Test func `gives the same records when the file grows byte by byte`() throws {
        let whole = try Self.read(Self.small)
        let log = try TestLog()
        let reader = try log.reader(options: Self.small)
        var read: [ReadRecord] = []
        for byte in try Self.motley() {
            try log.append([byte], to: 0)
            read += try drain(reader)
            #expect(read.elementsEqual(whole.prefix(read.count)))
        }
        #expect(read.count >= whole.count - 2)
        try log.write([], to: 1)
        log.settle()
        read += try drain(reader)
        #expect(read == whole)
        #expect(reader.notices.isEmpty)
    }

    @Test func `gives the same rest from the cursor after every record`() throws {
        let log = try TestLog()
        try log.write(Self.motley(), to: 0)
        try log.write(frame(lines(100..<110)), to: 1)
        log.settle()
        var options = Self.small
        options.chunkRecordCount = 3
        let chunks = try drainChunks(log.reader(options: options))
        let whole = chunks.flatMap(records)
        var index = 0
        for chunk in chunks {
            for entry in chunk.entries.indices {
                index += 1
                let reader = try log.reader(at: chunk.cursor(after: entry), options: options)
                #expect(try drain(reader) == Array(whole[index...]))
                #expect(reader.notices.isEmpty)
            }
        }
        #expect(index == whole.count)
    }

    @Test(arguments: 0..<20)
    func `gives the same rest in a random log of many frames`(seed: UInt64) throws {
        let log = try TestLog()
        var random = SeededRandom(seed: seed, stream: 7)
        var next = 0
        for segment in 0..<3 {
            var rest = Substring()
            for _ in 0..<Int.random(in: 1...6, using: &random) {
                let count = Int.random(in: 0...12, using: &random)
                rest += lines(next..<next + count, padding: 50)
                next += count
                let taken = Int.random(in: 0...rest.count, using: &random)
                let options = LZ4FrameEncoder.Options(
                    hasContentChecksum: Bool.random(using: &random),
                    blocksAreLinked: Bool.random(using: &random))
                try log.append(frame(String(rest.prefix(taken)), options), to: Int64(segment))
                rest = rest.dropFirst(taken)
            }
            try log.append(frame(String(rest)), to: Int64(segment))
        }
        log.settle()
        let chunks = try drainChunks(log.reader())
        #expect(chunks.flatMap(records).map(\.text) == expected(lines(0..<next, padding: 50)))
        let whole = chunks.flatMap(records)
        for chunk in chunks {
            for entry in chunk.entries.indices {
                let cursor = chunk.cursor(after: entry)
                let read = try log.readAll(from: cursor)
                #expect(read == Array(whole[Int(cursor.recordCount)...]))
            }
        }
    }

    @Test func `reads nothing and says so where there is no directory, then reads on`() throws {
        let log = try TestLog()
        try log.disk.remove(TestLog.directory)
        let reader = try log.reader()
        #expect(try reader.next() == nil)
        #expect(reader.isAtEnd && reader.notices.isEmpty && reader.lag() == 0)
        #expect(reader.obstacle == .directoryMissing(path: TestLog.directory))
        try log.disk.makeDirectory(TestLog.directory)
        let bytes = try frame(lines(0..<5))
        try log.write(bytes, to: 3)
        log.settle()
        #expect(reader.lag() == Int64(bytes.count))
        #expect(try drain(reader).count == 5)
        #expect(reader.lag() == 0 && reader.isAtEnd && reader.notices.isEmpty)
        #expect(reader.obstacle == nil)
    }

    @Test func `a number above 2^62 is no segment's`() throws {
        let highest = SegmentName.highest
        #expect(SegmentName.sequence(SegmentName.name(highest)) == 1 << 62)
        for sequence in [highest + 1, .max] {
            #expect(SegmentName.sequence(SegmentName.name(sequence)) == nil)
        }
        #expect(SegmentName.sequence("99999999999999999999" + SegmentName.suffix) == nil)
        let log = try TestLog()
        try log.write(frame(lines(0..<5)) + SegmentWriter.sealMark, to: 0)
        // Its successor's number is none: a reader that looked for it would trap.
        try log.write(frame(lines(5..<10)), to: .max)
        log.settle()
        let reader = try log.reader()
        #expect(try drain(reader).count == 5)
        #expect(reader.isAtEnd && reader.lag() == 0 && reader.notices.isEmpty)
        let writer = try SegmentWriter(host: log.host, directory: TestLog.directory)
        #expect(writer.sequence == 1)
        var cursor = Cursor.start
        cursor.segment = highest + 1
        #expect(throws: EventLogError.cursorInvalid(cursor)) { try log.reader(at: cursor) }
    }

    @Test func `the highest number is read, and nothing is written above it`() throws {
        let log = try TestLog()
        try log.write(frame(lines(0..<5)), to: SegmentName.highest)
        let reader = try log.reader()
        #expect(try drain(reader).count == 5)
        #expect(reader.isAtEnd && reader.obstacle == nil)
        let writer = try SegmentWriter(host: log.host, directory: TestLog.directory)
        #expect(throws: EventLogError.self) { try writer.append(Array("{}".utf8)) }
    }

    @Test func `refuses a cursor that no log has`() throws {
        let log = try TestLog()
        var cursor = Cursor.start
        cursor.framePosition = -1
        #expect(throws: EventLogError.cursorInvalid(cursor)) { try log.reader(at: cursor) }
    }

    @Test func `a bomb of zeros costs one record's memory`() throws {
        let log = try TestLog()
        let options = LZ4FrameEncoder.Options(blockSizeID: 7, blocksAreLinked: true)
        let bomb = try frame(String(repeating: "0", count: 64 << 20) + "\n", options)
        #expect(bomb.count < 300_000)
        try log.write(bomb + frame(lines(0..<3)), to: 0)
        let chunks = try drainChunks(log.reader())
        #expect(chunks.reduce(0) { $0 + $1.bytes.count } < 1000)
        let read = chunks.flatMap(records)
        #expect(read.dropFirst().map(\.text) == expected(lines(0..<3)))
        #expect(
            read.first?.damage
                == Damage(
                    position: 7, byteCount: Int64(bomb.count - 15),
                    reason: "a record of 67108864 bytes; the longest allowed is 65536"))
    }
}
