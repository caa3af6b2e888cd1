/// Refused bytes of the log with the reason why.
package struct QuarantineEntry: Hashable, Sendable {
    /// What names it: the record's place in the log.
    package var key: RecordPlace
    /// Compressed byte range: of the damage, or of the frame in which the record ends.
    package var position: Int64
    package var byteCount: Int64
    package var reason: String
    /// The record's bytes, or what was left of them; empty when nothing could be decoded.
    package var bytes: [UInt8]
    /// When it was refused, seconds since 1970; set by the store.
    package internal(set) var seconds: Int64 = 0

    /// Describes refused bytes; the store sets `seconds` when it keeps them.
    package init(
        key: RecordPlace, position: Int64, byteCount: Int64, reason: String, bytes: [UInt8],
        seconds: Int64 = 0
    ) {
        self.seconds = seconds
        self.key = key
        self.position = position
        self.byteCount = byteCount
        self.reason = reason
        self.bytes = bytes
    }
}

extension QuarantineEntry {
    /// What damaged bytes of a segment are filed under.
    package static let damagedCode = "damaged"
    /// Longest code, bytes.
    private static let codeByteCount = 40

    /// A short stable name of the reason: what stands before its colon, in `snake_case`; `damaged`
    /// for bytes that could not be decoded, whose reasons have no such name.
    package var reasonCode: String {
        guard let colon = reason.utf8.prefix(Self.codeByteCount).firstIndex(of: 0x3A) else {
            return Self.damagedCode
        }
        let code = reason.utf8[..<colon]
        let isName = code.allSatisfy { ($0 >= 0x61 && $0 <= 0x7A) || $0 == 0x5F }
        return isName && !code.isEmpty ? String(reason[..<colon]) : Self.damagedCode
    }
}

/// An entry in a quarantine file: `length u32 · xxHash32 u32 · payload`, all little-endian.
extension QuarantineEntry {
    /// Bytes before the payload.
    static let headByteCount = 8
    /// Bytes of a payload without reason and bytes.
    private static let fixedByteCount = 44

    /// The entry as it is written.
    func encoded() -> [UInt8] {
        let text = Array(reason.utf8)
        var payload: [UInt8] = []
        payload.reserveCapacity(Self.fixedByteCount + text.count + bytes.count)
        for number in [key.segment, key.recordIndex, position, byteCount, seconds] {
            Self.append(UInt64(bitPattern: number), byteCount: 8, to: &payload)
        }
        Self.append(UInt64(text.count), byteCount: 4, to: &payload)
        payload += text
        payload += bytes
        var output: [UInt8] = []
        Self.append(UInt64(payload.count), byteCount: 4, to: &output)
        let checksum = LZ4Checksum.of(payload, 0..<payload.count)
        Self.append(UInt64(checksum), byteCount: 4, to: &output)
        return output + payload
    }

    /// Reads the entry at `index`; nil when it is cut off, too long or damaged.
    static func decode(_ bytes: [UInt8], at index: Int) -> (entry: QuarantineEntry, end: Int)? {
        guard bytes.count - index >= headByteCount + fixedByteCount else { return nil }
        let length = Int(LZ4FrameHeader.word(bytes, at: index))
        let start = index + headByteCount
        guard length >= fixedByteCount, length <= bytes.count - start else { return nil }
        let checksum = LZ4FrameHeader.word(bytes, at: index + 4)
        guard LZ4Checksum.of(bytes, start..<start + length) == checksum else { return nil }
        let numbers = (0..<5).map {
            Int64(bitPattern: LZ4FrameHeader.number(bytes, at: start + 8 * $0))
        }
        let textCount = Int(LZ4FrameHeader.word(bytes, at: start + 40))
        guard textCount <= length - fixedByteCount else { return nil }
        let text = start + fixedByteCount
        var entry = QuarantineEntry(
            key: RecordPlace(segment: numbers[0], recordIndex: numbers[1]), position: numbers[2],
            byteCount: numbers[3],
            reason: String(decoding: bytes[text..<text + textCount], as: UTF8.self),
            bytes: Array(bytes[(text + textCount)..<(start + length)]))
        entry.seconds = numbers[4]
        return (entry, start + length)
    }

    static func append(_ value: UInt64, byteCount: Int, to output: inout [UInt8]) {
        for index in 0..<byteCount {
            output.append(UInt8(truncatingIfNeeded: value >> UInt64(8 * index)))
        }
    }
}
