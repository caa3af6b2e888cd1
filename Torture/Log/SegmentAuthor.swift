import EventLog
import Storage
import TestSupport

/// Writes segments of tagged lines, each in another form.
struct SegmentAuthor {
    var random: SeededRandom
    /// Longest line that readers take.
    let recordByteCount: Int
    private var nextID = 0

    init(random: SeededRandom, recordByteCount: Int) {
        self.random = random
        self.recordByteCount = recordByteCount
    }

    /// A segment of lines that stand in no other.
    mutating func segment() throws -> WrittenSegment {
        let isLarge = chance(0.02)
        let count = isLarge ? number(50...400) : chance(0.3) ? number(0...3) : number(3...40)
        var (lines, decoded) = (0..<count).reduce(into: ([WrittenLine](), [UInt8]())) { sum, _ in
            add(line(isLarge: isLarge), to: &sum)
        }
        if chance(0.2), let last = lines.last, !last.text.isEmpty {
            let end = last.decoded.lowerBound + last.text.count
            decoded.removeLast(decoded.count - end)
            lines[count - 1].decoded = last.decoded.lowerBound..<end
        }
        var segment = WrittenSegment()
        if chance(0.1), lines.allSatisfy({ !$0.isTooLong }), decoded.last == 0x0A {
            try writeAsWriter(decoded, lines, to: &segment)
        } else {
            try write(decoded, lines, to: &segment)
        }
        segment.lines = lines
        return segment
    }

    // MARK: Lines

    private mutating func add(
        _ line: [UInt8], to sum: inout ([WrittenLine], [UInt8])
    ) {
        let start = sum.1.count
        sum.1 += line
        sum.1 += chance(0.1) ? [0x0D, 0x0A] : [0x0A]
        sum.0.append(
            WrittenLine(
                text: line, decoded: start..<sum.1.count, isTooLong: line.count > recordByteCount))
    }

    private mutating func line(isLarge: Bool) -> [UInt8] {
        if chance(0.04) { return [] }
        nextID += 1
        if chance(0.04) { return Array("#\(nextID) \u{0}\u{1}\u{7F} not a record \u{0}".utf8) }
        let head =
            "{\"client_id\":\(number(1...50)),\"timestamp\":\(1_667_952_000 + nextID),"
            + "\"event_type\":\"page_visit\",\"url\":\(nextID),\"event_id\":\"t\(nextID)\""
        var text = Array(head.utf8)
        text += padding(isLarge: isLarge, room: recordByteCount - text.count - 8)
        text.append(UInt8(ascii: "}"))
        return text
    }

    private mutating func padding(isLarge: Bool, room: Int) -> [UInt8] {
        let count = isLarge ? number(0...6000) : number(0...120)
        switch number(0...7) {
        case 0: return Array(#","x":{"y":{"z":[1,{"w":"}{"}]}}"#.utf8.prefix(room > 40 ? 99 : 0))
        case 1: return Array(#","x":"\u00e9\\\"}\n{\"""#.utf8.prefix(room > 40 ? 99 : 0))
        case 2:
            let digits = (0..<max(0, min(count, room))).map { _ in
                Array("0123456789abcdefghijklmnopqrstuvwxyz".utf8)[number(0...35)]
            }
            return Array(",\"x\":\"".utf8) + digits + [UInt8(ascii: "\"")]
        // At the bound, one below, one above, far above.
        case 3 where chance(0.1):
            let excess = [0, -1, 1, 2, recordByteCount, 4 * recordByteCount][number(0...5)]
            let filling = max(0, room + excess)
            return Array(",\"x\":\"".utf8) + [UInt8](repeating: 0x7A, count: filling)
                + [UInt8(ascii: "\"")]
        case 4:
            return Array(",\"x\":\"".utf8)
                + [UInt8](repeating: 0x61, count: max(0, min(count, room)))
                + [UInt8(ascii: "\"")]
        default: return []
        }
    }

    // MARK: Forms

    /// As `SegmentWriter` writes: a frame at each flush, the mark at the end.
    private mutating func writeAsWriter(
        _ decoded: [UInt8], _ lines: [WrittenLine], to segment: inout WrittenSegment
    ) throws {
        let disk = MemoryDisk()
        let writer = try SegmentWriter(
            host: .simulated(disk: disk), directory: "/w",
            options: SegmentWriter.Options(
                segmentDecodedByteCount: .max, frameByteCount: .max,
                recordByteCount: 5 * recordByteCount))
        var frames: [Int] = []
        var waiting = 0
        for line in lines {
            try writer.append(Array(decoded[line.decoded].dropLast()))
            waiting += line.decoded.count
            if chance(0.2) {
                try writer.flush()
                frames.append(waiting)
                waiting = 0
            }
        }
        try writer.close()
        if waiting > 0 { frames.append(waiting) }
        let bytes = try disk.bytes(of: "/w/" + SegmentName.name(0), limit: 1 << 30)
        let ends = frameEnds(bytes, count: frames.count)
        var start = 0
        for (end, count) in zip(ends, frames) {
            let blocks = stride(from: 0, to: count, by: 65_536).map { min(65_536, count - $0) }
            segment.append(frame: Array(bytes[start..<end]), blockByteCounts: blocks)
            start = end
        }
        segment.append(Array(bytes[start...]), .skippable)
    }

    /// Where the frames of `SegmentWriter` end: each has a header of 7 bytes and both checksums.
    private func frameEnds(_ bytes: [UInt8], count: Int) -> [Int] {
        var next = 0
        return (0..<count).map { _ in
            next += 7
            while true {
                let word = (0..<4).reduce(0) { $0 | Int(bytes[next + $1]) << (8 * $1) }
                next += 8 + (word & 0x7FFF_FFFF)
                if word == 0 { return next }
            }
        }
    }

    /// In frames and LZ4 blocks cut anywhere, with other things between.
    private mutating func write(
        _ decoded: [UInt8], _ lines: [WrittenLine], to segment: inout WrittenSegment
    ) throws {
        let isUniform = chance(0.5)
        let uniform = frameOptions()
        var start = 0
        repeat {
            addBetween(to: &segment)
            let end = cut(decoded.count, lines, after: start, to: 4000)
            var blocks = [start]
            while let last = blocks.last, last < end {
                blocks.append(
                    chance(0.4)
                        ? min(end, last + 65_536)
                        : min(end, last + 65_536, cut(end, lines, after: last, to: 1500)))
            }
            let frame = try encode(
                decoded, blocks, isUniform ? uniform : frameOptions())
            segment.append(
                frame: frame, blockByteCounts: zip(blocks, blocks.dropFirst()).map { $1 - $0 })
            start = end
        } while start < decoded.count
        addBetween(to: &segment)
        if chance(0.3) { segment.append(SegmentWriter.sealMark, .skippable) }
    }

    /// A place to cut: anywhere, at a line's end, or after everything.
    private mutating func cut(
        _ end: Int, _ lines: [WrittenLine], after start: Int, to length: Int
    ) -> Int {
        if chance(0.15) { return end }
        let place = min(end, start + number(1...length))
        guard chance(0.5) else { return place }
        return min(end, lines.first { $0.decoded.upperBound >= place }?.decoded.upperBound ?? end)
    }

    private mutating func frameOptions() -> LZ4FrameEncoder.Options {
        LZ4FrameEncoder.Options(
            blockSizeID: chance(0.8) ? 4 : number(5...7), hasContentChecksum: chance(0.6),
            blocksAreLinked: chance(0.4), hasBlockChecksums: chance(0.6),
            level: chance(0.1) ? 9 : 0, contentByteCount: chance(0.2) ? 1 : 0)
    }

    private func encode(
        _ decoded: [UInt8], _ blocks: [Int], _ options: LZ4FrameEncoder.Options
    ) throws -> [UInt8] {
        var options = options
        if options.contentByteCount > 0 {
            options.contentByteCount = UInt64((blocks.last ?? 0) - (blocks.first ?? 0))
        }
        let encoder = LZ4FrameEncoder(options: options)
        var output: [UInt8] = []
        try encoder.begin(into: &output)
        for (start, end) in zip(blocks, blocks.dropFirst()) {
            try encoder.update(decoded, start..<end, into: &output)
            try encoder.flush(into: &output)
        }
        try encoder.end(into: &output)
        return output
    }

    /// Empty and skippable frames, and now and then one that readers must refuse.
    private mutating func addBetween(to segment: inout WrittenSegment) {
        while chance(0.15) {
            let noise = (0..<number(0...40)).map { _ in UInt8(number(0...255)) }
            switch number(0...9) {
            case 0:
                // Version 01, and a dictionary's number: flags 0x61, its header checksum right.
                var frame: [UInt8] = [0x04, 0x22, 0x4D, 0x18, 0x61, 0x40, 7, 0, 0, 0]
                frame.append(UInt8(LZ4Checksum.of(frame, 4..<10) >> 8 & 0xFF))
                segment.append(frame + [3, 0, 0, 0, 0x20, 0x41, 0x42, 0, 0, 0, 0], .refused)
            case 1:
                segment.append([0x02, 0x21, 0x4C, 0x18, 3, 0, 0, 0, 0x20, 0x41, 0x42], .refused)
            case 2, 3, 4:
                let empty: [UInt8] = [0x04, 0x22, 0x4D, 0x18, 0x60, 0x40, 0x82, 0, 0, 0, 0]
                segment.append(frame: empty, blockByteCounts: [])
            default:
                let number = UInt8(number(0x50...0x5F))
                segment.append(
                    [number, 0x2A, 0x4D, 0x18, UInt8(noise.count), 0, 0, 0] + noise, .skippable)
            }
        }
    }

    private mutating func chance(_ probability: Double) -> Bool { random.nextUnit() < probability }

    private mutating func number(_ range: ClosedRange<Int>) -> Int {
        Int.random(in: range, using: &random)
    }
}
