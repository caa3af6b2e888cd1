import EventLog
import Storage
import TestSupport
import Testing

/// What is lost to damage, and what must not be.
@Suite struct LogDamageTests {
    /// Reads `bytes` as a sealed segment 0, and checks that nothing was invented or doubled.
    static func read(_ bytes: [UInt8], of text: String) throws -> [ReadRecord] {
        let log = try TestLog()
        try log.write(bytes, to: 0)
        try log.write([], to: 1)
        log.settle()
        let read = try log.readAll()
        var rest = expected(text)[...]
        for record in read where record.damage == nil {
            guard let index = rest.firstIndex(of: record.text) else {
                // A piece of a record that damage cut may come out only if the parser refuses it.
                #expect(!isWhole(record.text), "invented or doubled: \(record.text)")
                continue
            }
            rest = rest[(index + 1)...]
        }
        return read
    }

    private static func isWhole(_ text: String) -> Bool {
        text.hasPrefix("{\"client_id\":") && text.hasSuffix("\"}")
    }

    private static func whole(_ read: [ReadRecord]) -> [String] {
        read.filter { $0.damage == nil }.map(\.text)
    }

    @Test func `a flipped bit costs at most the frame it is in`() throws {
        let parts = (0..<4).map { lines($0 * 10..<$0 * 10 + 10, padding: 20) }
        let frames = try parts.map { try frame($0) }
        let bytes = Array(frames.joined()) + SegmentWriter.sealMark
        var ends: [Int] = []
        for part in frames { ends.append((ends.last ?? 0) + part.count) }
        for bit in stride(from: 0, to: bytes.count * 8, by: 3) {
            var damaged = bytes
            damaged[bit / 8] ^= 1 << UInt8(bit % 8)
            let read = try Self.read(damaged, of: parts.joined())
            let hit = ends.firstIndex { bit / 8 < $0 }
            let intact = parts.indices.filter { $0 != hit }.flatMap { expected(parts[$0]) }
            let found = Set(Self.whole(read))
            #expect(intact.allSatisfy(found.contains), "bit \(bit)")
            let damages = read.compactMap(\.damage)
            if hit != nil { #expect(!damages.isEmpty, "bit \(bit) went unnoticed") }
            let end = hit.map { ends[$0] } ?? bytes.count
            let start = hit.map { $0 == 0 ? 0 : ends[$0 - 1] } ?? ends[3]
            for damage in damages {
                #expect(damage.position >= Int64(start) && damage.position < Int64(end))
            }
        }
    }

    @Test func `with independent blocks only the damaged block is lost`() throws {
        let text = lines(0..<8000, padding: 40)
        let bytes = try frame(text, LZ4FrameEncoder.Options(blockSizeID: 4))
        #expect(text.utf8.count > 5 * 65_536)
        var damaged = bytes
        damaged[bytes.count / 2] ^= 4
        let read = try Self.read(damaged, of: text)
        let damages = read.compactMap(\.damage)
        #expect(damages.count == 1)
        #expect(damages.first?.reason == "an LZ4 block's checksum does not match")
        let lost = expected(text).count - Self.whole(read).count
        let blockLines = 65_536 / (text.utf8.count / 8000)
        #expect(lost > 0 && lost <= blockLines + 50)
        #expect(Self.whole(read).last == expected(text).last)
    }

    @Test func `with linked blocks the rest of the frame is lost`() throws {
        let text = lines(0..<6000, padding: 40)
        let linked = LZ4FrameEncoder.Options(blocksAreLinked: true)
        var damaged = try frame(text, linked)
        damaged[damaged.count / 2] ^= 4
        let tail = lines(6000..<6010)
        let read = try Self.read(damaged + frame(tail), of: text + tail)
        #expect(read.compactMap(\.damage).count == 1)
        let found = Self.whole(read)
        #expect(found.suffix(10) == expected(tail)[...])
        let kept = found.count - 10
        #expect(kept > 1000 && kept < 4000)
        #expect(found.prefix(kept) == expected(text).prefix(kept))
    }

    @Test func `a tail cut anywhere and sealed gives its whole records and one damage`() throws {
        let first = lines(0..<20, padding: 20)
        let second = lines(20..<40, padding: 20)
        let head = try frame(first)
        let bytes = try head + frame(second)
        for length in 1..<bytes.count {
            let read = try Self.read(Array(bytes[..<length]), of: first + second)
            let isClean = length == head.count
            #expect(read.compactMap(\.damage).count == (isClean ? 0 : 1), "cut at \(length)")
            if length >= head.count {
                #expect(Self.whole(read).starts(with: expected(first)), "cut at \(length)")
            }
        }
    }

    @Test(arguments: [true, false], [true, false])
    func `a torn frame with whole frames appended behind it costs only itself`(
        isSummed: Bool, isLinked: Bool
    ) throws {
        let parts = (0..<3).map { lines($0 * 10..<$0 * 10 + 10, padding: 20) }
        let torn = LZ4FrameEncoder.Options(hasContentChecksum: true, blocksAreLinked: isLinked)
        let after = LZ4FrameEncoder.Options(hasContentChecksum: isSummed, blocksAreLinked: true)
        let middle = try frame(parts[1], torn)
        for length in 1..<middle.count {
            let bytes = try frame(parts[0]) + middle[..<length] + frame(parts[2], after)
            let read = try Self.read(bytes, of: parts.joined())
            let found = Self.whole(read)
            #expect(found.starts(with: expected(parts[0])), "cut at \(length)")
            #expect(found.suffix(10) == expected(parts[2])[...], "cut at \(length)")
            #expect(read.compactMap(\.damage).count == 1, "cut at \(length)")
        }
    }

    /// Frames of `parts`, some of them flipped, cut or with bytes put in; and the lines of those
    /// that were left alone.
    private static func damaged(
        _ parts: [String], _ random: inout SeededRandom
    ) throws
        -> (bytes: [UInt8], untouched: [String])
    {
        var bytes: [UInt8] = []
        var untouched: [String] = []
        for part in parts {
            let options = LZ4FrameEncoder.Options(
                hasContentChecksum: Bool.random(using: &random),
                blocksAreLinked: Bool.random(using: &random))
            var piece = try frame(part, options)
            switch Int.random(in: 0..<6, using: &random) {
            case 0: piece[Int.random(in: 0..<piece.count, using: &random)] ^= 0x41
            case 1: piece = Array(piece.prefix(Int.random(in: 0..<piece.count, using: &random)))
            case 2:
                let at = Int.random(in: 0..<piece.count, using: &random)
                let noise = (0..<Int.random(in: 1...90, using: &random)).map { _ in
                    UInt8.random(in: 0...255, using: &random)
                }
                piece.insert(contentsOf: noise, at: at)
            default: untouched += expected(part)
            }
            bytes += piece
        }
        return (bytes, untouched)
    }

    @Test(arguments: 0..<200)
    func `random damage never invents or doubles, and spares untouched frames`(
        seed: UInt64
    )
        throws
    {
        var random = SeededRandom(seed: seed, stream: 11)
        let count = Int.random(in: 1...8, using: &random)
        let parts = (0..<count).map { lines($0 * 20..<$0 * 20 + 20, padding: 30) }
        let (bytes, untouched) = try Self.damaged(parts, &random)
        let found = Set(Self.whole(try Self.read(bytes, of: parts.joined())))
        #expect(untouched.allSatisfy(found.contains))
    }

    @Test(arguments: 0..<60)
    func `a damaged log gives the same however it grows and wherever it is resumed`(
        seed: UInt64
    )
        throws
    {
        var random = SeededRandom(seed: seed, stream: 12)
        let isLarge = seed % 3 == 0
        let count = Int.random(in: 1...5, using: &random)
        let size = isLarge ? 60 : 12
        let parts = (0..<count).map {
            lines($0 * size..<($0 + 1) * size, padding: isLarge ? 6000 : 30)
        }
        let (bytes, _) = try Self.damaged(parts, &random)
        let log = try TestLog()
        try log.write(bytes, to: 0)
        try log.write(frame(lines(900..<903)), to: 1)
        log.settle()
        let options = LogReaderOptions(
            chunkByteCount: Int.random(in: 1...9000, using: &random), recordByteCount: 5900)
        let chunks = try drainChunks(log.reader(options: options))
        let whole = chunks.flatMap(records)
        let steps = isLarge ? 40_000 : 60
        #expect(try Self.grow(bytes, by: steps, &random) == whole)
        for chunk in chunks {
            for entry in chunk.entries.indices {
                let cursor = chunk.cursor(after: entry)
                let resumed = try log.reader(at: cursor, options: options)
                let rest = try drain(resumed)
                #expect(resumed.notices.isEmpty, "\(resumed.notices)")
                #expect(rest == Array(whole[Int(cursor.recordCount)...]))
            }
        }
    }

    /// What a reader finds while segment 0 grows by up to `steps` bytes at a time.
    private static func grow(
        _ bytes: [UInt8], by steps: Int, _ random: inout SeededRandom
    ) throws
        -> [ReadRecord]
    {
        let log = try TestLog()
        let reader = try log.reader(options: LogReaderOptions(recordByteCount: 5900))
        var read: [ReadRecord] = []
        var next = 0
        while next < bytes.count {
            let end = min(bytes.count, next + Int.random(in: 1...steps, using: &random))
            try log.append(Array(bytes[next..<end]), to: 0)
            next = end
            read += try drain(reader)
        }
        try log.write(bytes, to: 0)
        try log.write(frame(lines(900..<903)), to: 1)
        log.settle()
        return try read + drain(reader)
    }

    @Test func `a megabyte of noise is one damage between two frames`() throws {
        var random = SeededRandom(seed: 3, stream: 1)
        let noise = (0..<1 << 20).map { _ in UInt8.random(in: 0...255, using: &random) }
        let (first, second) = (lines(0..<5), lines(5..<9))
        let head = try frame(first)
        let read = try Self.read(head + noise + frame(second), of: first + second)
        #expect(Self.whole(read) == expected(first + second))
        #expect(
            read.compactMap(\.damage) == [
                Damage(
                    position: Int64(head.count), byteCount: 1 << 20,
                    reason: "no LZ4 frame starts here")
            ])
    }

    @Test func `a wrong content checksum is named, and its records were read`() throws {
        var bytes = try frame(lines(0..<5))
        bytes[bytes.count - 1] ^= 1
        let read = try Self.read(bytes, of: lines(0..<5))
        #expect(Self.whole(read) == expected(lines(0..<5)))
        #expect(read.last?.damage?.reason.contains("content checksum") == true)
    }

    @Test func `long lines, NUL bytes and other odd bytes stay in their own record`() throws {
        let log = try TestLog()
        let long = String(repeating: "z", count: 10 << 20)
        let text = "{\"a\":1}\n\(long)\n{\"b\":\"\0\"}\n\u{7F}\u{1}\n{\"c\":1}\n"
        try log.write(frame(text), to: 0)
        let read = try log.readAll()
        #expect(
            read.map(\.text) == ["{\"a\":1}", "", "{\"b\":\"\0\"}", "\u{7F}\u{1}", "{\"c\":1}"])
        #expect(
            read[1].damage?.reason == "a record of 10485760 bytes; the longest allowed is 65536")
    }
}
