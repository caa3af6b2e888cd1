import EventLog
import Foundation
import Storage
import TestSupport

/// One way to write the same records as the segments of a log.
struct WrittenForm: Sendable {
    var name: String
    /// Writes records without line ends into an empty directory.
    var write: @Sendable (_ records: [[UInt8]], _ directory: String) async throws -> Void

    /// Every form that needs nothing but liblz4 and its `lz4` command.
    static let all = oneFrame + cutFrames + lineEnds + ours

    /// Whole segments, each one frame of the `lz4` command.
    static let oneFrame: [WrittenForm] = [
        ["-B4"], ["-B5", "-BD"], ["-B6", "-BD", "-BX"], ["-B7", "-BX", "--content-size"],
        ["-9", "-B4", "-BD", "--no-frame-crc"], ["-12", "-B4", "-BI", "-BX"],
        ["--fast=5", "-B4", "-BD", "-BX", "--content-size"],
    ].map { flags in
        WrittenForm(name: "lz4 \(flags.joined(separator: " "))") { records, directory in
            try await put([lz4(text(records), flags)], directory)
        }
    }

    /// Frames that follow one another, cut with and without regard to lines.
    static let cutFrames: [WrittenForm] = [
        WrittenForm(name: "a frame every 150 lines, of all kinds") { records, directory in
            var bytes: [UInt8] = []
            for (index, lines) in pieces(of: records, 150).enumerated() {
                bytes += try await lz4(text(lines), mixed[index % mixed.count])
            }
            try put([bytes], directory)
        },
        WrittenForm(name: "frames cut inside lines, of all kinds") { records, directory in
            try put([try await cutInsideLines(records)], directory)
        },
        WrittenForm(name: "skippable frames between, in lines too") { records, directory in
            let noise = (0..<5000).map { UInt8(($0 * 7919 >> 3) % 251) }
            var bytes = skippable(noise, 0)
            for (index, part) in pieces(of: text(records), 12_345).enumerated() {
                bytes += try await lz4(part, ["-B4"])
                bytes += skippable(Array(noise.prefix(index % 3 * 400)), UInt8(index % 15))
            }
            try put([bytes], directory)
        },
        WrittenForm(name: "empty frames between, in lines too") { records, directory in
            let empty = try await lz4([], ["-B4"])
            var bytes = empty
            for part in pieces(of: text(records), 23_456) {
                bytes += try await lz4(part, ["-B5", "-BD"]) + empty + empty
            }
            try put([bytes], directory)
        },
        WrittenForm(name: "stored LZ4 blocks of 1 to 97 bytes") { records, directory in
            try put([stored(text(records))], directory)
        },
        WrittenForm(name: "a segment every 401 lines, numbers far apart") { records, directory in
            var number: Int64 = 1
            for (index, lines) in pieces(of: records, 401).enumerated() {
                let bytes = try await lz4(text(lines), mixed[index % mixed.count])
                // Its own writer's mark, so that nobody waits for more of it.
                try put([bytes + SegmentWriter.sealMark], directory, from: number)
                number += index == 2 ? 1000 : 1
            }
        },
    ]

    /// Other ends of lines: no record changes, but blank ones come in.
    static let lineEnds: [WrittenForm] = [
        WrittenForm(name: "CRLF") { records, directory in
            try await put([lz4(text(records, end: [0x0D, 0x0A]), ["-B4", "-BD"])], directory)
        },
        WrittenForm(name: "blank lines, and no newline at the ends of segments") {
            records, directory in
            var segments: [[UInt8]] = []
            for lines in pieces(of: records, 700) {
                var bytes: [UInt8] = [0x0A]
                for (index, line) in lines.enumerated() {
                    bytes += line + (index % 5 == 0 ? [0x0A, 0x0D, 0x0A, 0x0A] : [0x0A])
                }
                while bytes.last == 0x0A || bytes.last == 0x0D { bytes.removeLast() }
                segments.append(try await lz4(bytes, ["-B4"]) + SegmentWriter.sealMark)
            }
            try put(segments + [try await lz4([], [])], directory)
        },
    ]

    /// Our own writer.
    static let ours: [WrittenForm] = [
        writer("as `ubpd import` writes", SegmentWriter.Options()),
        writer(
            "small frames, small segments",
            SegmentWriter.Options(segmentDecodedByteCount: 20_000, frameByteCount: 700)),
        writer(
            "linked LZ4 blocks of 4 MiB, level 9",
            SegmentWriter.Options(
                frames: LZ4FrameEncoder.Options(
                    blockSizeID: 7, hasContentChecksum: false, blocksAreLinked: true, level: 9))),
        WrittenForm(name: "our writer: a flush after every record") { records, directory in
            let writer = try SegmentWriter(host: .real, directory: directory)
            for record in records {
                try writer.append(record)
                try writer.flush()
            }
            try writer.close()
        },
    ]

    private static func writer(_ name: String, _ options: SegmentWriter.Options) -> WrittenForm {
        WrittenForm(name: "our writer: \(name)") { records, directory in
            let writer = try SegmentWriter(host: .real, directory: directory, options: options)
            for record in records { try writer.append(record) }
            try writer.close()
        }
    }
}

/// Python's `lz4.frame`, where that module is installed.
extension WrittenForm {
    /// Whether `python3` has the module.
    static func hasPythonModule() async throws -> Bool {
        try await Child.python("import lz4.frame").status == 0
    }

    static let python: [WrittenForm] = [
        (
            "one frame, linked, 64 KiB",
            "lz4.frame.compress(d, block_size=4, block_linked=True)"
        ),
        (
            "one frame, independent, all checksums, no size",
            """
            lz4.frame.compress(d, block_size=5, block_linked=False, content_checksum=True, \
            block_checksum=True, store_size=False, compression_level=9)
            """
        ),
        (
            "a compressor flushed inside lines",
            """
            (lambda c: c.begin(len(d)) + b"".join(c.compress(d[i:i+3001]) for i in \
            range(0, len(d), 3001)) + c.flush())(lz4.frame.LZ4FrameCompressor(auto_flush=True))
            """
        ),
        (
            "appended frames, cut inside lines",
            "b''.join(lz4.frame.compress(d[i:i+7777]) for i in range(0, len(d), 7777))"
        ),
    ].map { name, expression in
        WrittenForm(name: "lz4.frame: \(name)") { records, directory in
            let program = """
                import sys, lz4.frame
                d = sys.stdin.buffer.read()
                sys.stdout.buffer.write(\(expression))
                """
            let made = try await Child.python(
                program, input: String(decoding: text(records), as: UTF8.self)
            ).successful()
            try put([made.bytes], directory)
        }
    }
}

/// Bytes of forms.
extension WrittenForm {
    /// Kinds of frames that may follow one another; each decodes behind any other.
    private static let mixed = [
        ["-B4"], ["-B5", "-BD"], ["-B4", "-BX"], ["-B6", "-BD", "--content-size"],
        ["-B7", "--no-frame-crc"], ["-9", "-B4", "-BD", "-BX"],
    ]

    /// Frames that end where the bytes happen to be, most of them inside a line.
    static func cutInsideLines(_ records: [[UInt8]], byteCount: Int = 9_973) async throws -> [UInt8]
    {
        var bytes: [UInt8] = []
        for (index, part) in pieces(of: text(records), byteCount).enumerated() {
            bytes += try await lz4(part, mixed[index % mixed.count])
        }
        return bytes
    }

    static func text(_ records: [[UInt8]], end: [UInt8] = [0x0A]) -> [UInt8] {
        records.flatMap { $0 + end }
    }

    /// What `lz4 -d` makes of a log's segments, one after the other.
    static func decoded(_ directory: String) async throws -> [UInt8] {
        var bytes: [UInt8] = []
        for name in try segments(directory) {
            bytes += try await Child.run(["lz4", "-dcq", "\(directory)/\(name)"]).successful().bytes
        }
        return bytes
    }

    private static func segments(_ directory: String) throws -> [String] {
        try RealDisk().names(in: directory).filter { $0.hasSuffix(".ndjson.lz4") }
    }

    private static func put(
        _ segments: [[UInt8]], _ directory: String, from number: Int64 = 1
    ) throws {
        let disk = RealDisk()
        try disk.makeDirectory(directory)
        for (index, bytes) in segments.enumerated() {
            let name = SegmentName.name(number + Int64(index))
            try disk.open("\(directory)/\(name)", .create).write(bytes, at: 0)
        }
    }

    /// One frame of the `lz4` command, which knows a content's size only of a file.
    private static func lz4(_ bytes: [UInt8], _ flags: [String]) async throws -> [UInt8] {
        let directory = try TemporaryDirectory()
        let path = "\(directory.path)/content"
        try RealDisk().open(path, .create).write(bytes, at: 0)
        return try await Child.run(["lz4", "-cq"] + flags + [path]).successful().bytes
    }

    private static func skippable(_ content: [UInt8], _ number: UInt8) -> [UInt8] {
        let count = UInt32(content.count)
        let size = (0..<4).map { UInt8(truncatingIfNeeded: count >> (8 * $0)) }
        return [0x50 + number, 0x2A, 0x4D, 0x18] + size + content
    }

    /// Frames of LZ4 blocks that are not compressed (lz4_Frame_format.md, "Block Size").
    private static func stored(_ bytes: [UInt8]) -> [UInt8] {
        // Version 1, independent, 64 KiB; the last byte is the header's checksum.
        var out: [UInt8] = [0x04, 0x22, 0x4D, 0x18, 0x60, 0x40, 0x82]
        var start = 0
        while start < bytes.count {
            let count = min(bytes.count - start, 1 + start % 97)
            out += [UInt8(count), 0, 0, 0x80] + bytes[start..<start + count]
            start += count
        }
        return out + [0, 0, 0, 0]
    }

    private static func pieces<Element>(of whole: [Element], _ count: Int) -> [[Element]] {
        stride(from: 0, to: whole.count, by: count).map {
            Array(whole[$0..<min($0 + count, whole.count)])
        }
    }
}
