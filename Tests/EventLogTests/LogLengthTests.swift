import EventLog
import TestSupport
import Testing

/// Lengths that no checksum covers, and what must not be lost when they are wrong.
@Suite struct LogLengthTests {
    /// Reads a sealed segment of three frames whose middle one is `piece`; the first and the last
    /// must come out whole.
    private func check(_ piece: [UInt8], _ what: String) throws {
        let (first, last) = (lines(0..<10, padding: 20), lines(20..<30, padding: 20))
        let log = try TestLog()
        let form = LZ4FrameEncoder.Options(hasBlockChecksums: false)
        try log.write(frame(first) + piece + frame(last, form), to: 0)
        try log.write([], to: 1)
        log.settle()
        let found = try log.readAll().filter { $0.damage == nil }.map(\.text)
        #expect(found.starts(with: expected(first)), "\(what)")
        #expect(found.suffix(10) == expected(last)[...], "\(what)")
    }

    @Test(arguments: [true, false], [true, false])
    func `without LZ4 block checksums a flipped bit costs at most its frame, too`(
        hasContentChecksum: Bool, isLinked: Bool
    ) throws {
        let options = LZ4FrameEncoder.Options(
            hasContentChecksum: hasContentChecksum, blocksAreLinked: isLinked,
            hasBlockChecksums: false)
        let middle = try frame(lines(10..<20, padding: 20), options)
        for bit in 0..<middle.count * 8 {
            var damaged = middle
            damaged[bit / 8] ^= 1 << UInt8(bit % 8)
            // The last line end stands uncompressed before the end mark; there nothing checks it.
            if !hasContentChecksum && bit / 8 == middle.count - 5 { continue }
            try check(damaged, "bit \(bit)")
        }
    }

    @Test func `without LZ4 block checksums a torn frame costs only itself, too`() throws {
        for level in [0, 9] {
            let options = LZ4FrameEncoder.Options(
                hasContentChecksum: false, hasBlockChecksums: false, level: level)
            let middle = try frame(lines(10..<20, padding: 20), options)
            for length in 1..<middle.count {
                try check(Array(middle.prefix(length)), "cut at \(length)")
            }
        }
    }

    @Test func `a skippable frame of a damaged length swallows no frame`() throws {
        let skippable: [UInt8] = [0x53, 0x2A, 0x4D, 0x18, 5, 0, 0, 0, 1, 2, 3, 4, 5]
        try check(skippable, "whole")
        for bit in 0..<64 {
            var damaged = skippable
            damaged[bit / 8] ^= 1 << UInt8(bit % 8)
            try check(damaged, "bit \(bit)")
        }
    }

    @Test func `a skippable frame is passed over at once when something follows`() throws {
        let log = try TestLog()
        let reader = try log.reader()
        let skippable: [UInt8] = [0x50, 0x2A, 0x4D, 0x18, 2, 0, 0, 0, 9, 9]
        try log.write(frame(lines(0..<3)) + skippable, to: 0)
        #expect(try drain(reader).map(\.text) == expected(lines(0..<3)))
        #expect(reader.isAtEnd && reader.lag() == 0)
        try log.append(frame(lines(3..<5)), to: 0)
        #expect(try drain(reader).map(\.text) == expected(lines(3..<5)))
        #expect(reader.notices.isEmpty)
    }

    @Test func `a frame that needs a dictionary is refused with a clear reason`() throws {
        let log = try TestLog()
        var header: [UInt8] = [0x04, 0x22, 0x4D, 0x18, 0x61, 0x40, 7, 0, 0, 0]
        header.append(UInt8(LZ4Checksum.of(header, 4..<10) >> 8 & 0xFF))
        let refused = header + [3, 0, 0, 0, 0x20, 0x41, 0x42, 0, 0, 0, 0]
        try log.write(frame(lines(0..<3)) + refused + frame(lines(3..<6)), to: 0)
        let read = try log.readAll()
        #expect(read.filter { $0.damage == nil }.map(\.text) == expected(lines(0..<6)))
        let damages = read.compactMap(\.damage)
        #expect(damages.count == 1 && damages[0].byteCount == Int64(refused.count))
        #expect(damages[0].reason.contains("dictionary; write the log without one"))
    }
}
