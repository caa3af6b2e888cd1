/// The descriptor of one LZ4 frame.
///
/// Source: LZ4 Frame Format Description 1.6.3 (doc/lz4_Frame_format.md), "Frame Descriptor".
package struct LZ4FrameHeader: Hashable, Sendable {
    /// Bytes from the magic number to the header checksum: 7…19.
    package var byteCount: Int
    /// Most bytes that one LZ4 block decodes to: 64 KiB, 256 KiB, 1 MiB or 4 MiB.
    package var blockByteCount: Int
    package var blocksAreIndependent: Bool
    package var hasBlockChecksums: Bool
    package var hasContentChecksum: Bool
    /// Decoded bytes of the whole frame, when the writer knew.
    package var contentByteCount: UInt64?

    /// Bytes `04 22 4D 18`.
    package static let magic: UInt32 = 0x184D_2204
    /// Bytes `02 21 4C 18`: the format before frames, without checksums or an end.
    package static let legacyMagic: UInt32 = 0x184C_2102
    /// Bytes `50 2A 4D 18` to `5F 2A 4D 18`.
    package static let skippableMagics: ClosedRange<UInt32> = 0x184D_2A50...0x184D_2A5F
    /// Longest header, bytes.
    package static let longestByteCount = 19

    /// What stands where a frame should start.
    package enum Start: Hashable, Sendable {
        /// A frame.
        case frame(LZ4FrameHeader)
        /// A skippable frame of `byteCount` bytes after its 8-byte header.
        case skippable(byteCount: Int64)
        /// More than the given bytes are needed to tell.
        case incomplete(needed: Int)
        /// No frame that this package reads.
        case refused(reason: String)
    }

    /// Reads a header at `index` of `bytes`, looking at no byte at or after `end`.
    package static func read(_ bytes: [UInt8], at index: Int, end: Int) -> Start {
        let count = end - index
        guard count >= 4 else { return .incomplete(needed: 4) }
        let magic = word(bytes, at: index)
        if skippableMagics.contains(magic) {
            guard count >= 8 else { return .incomplete(needed: 8) }
            return .skippable(byteCount: Int64(word(bytes, at: index + 4)))
        }
        if magic == legacyMagic {
            return .refused(
                reason: "a legacy LZ4 frame, which has no checksums and no end; "
                    + "write the log with `lz4` without `-l`")
        }
        guard magic == self.magic else { return .refused(reason: "no LZ4 frame starts here") }
        guard count >= 7 else { return .incomplete(needed: 7) }
        return descriptor(bytes, at: index, count: count)
    }

    private static func descriptor(_ bytes: [UInt8], at index: Int, count: Int) -> Start {
        let flags = bytes[index + 4]
        let sizes = bytes[index + 5]
        guard flags >> 6 == 1, flags & 2 == 0, sizes & 0x8F == 0, sizes >> 4 >= 4 else {
            return .refused(reason: "the LZ4 frame's descriptor is malformed")
        }
        let hasContentSize = flags & 8 != 0
        let hasDictionary = flags & 1 != 0
        let length = 7 + (hasContentSize ? 8 : 0) + (hasDictionary ? 4 : 0)
        guard count >= length else { return .incomplete(needed: length) }
        let checksum = LZ4Checksum.of(bytes, index + 4..<index + length - 1)
        guard UInt8(truncatingIfNeeded: checksum >> 8) == bytes[index + length - 1] else {
            return .refused(reason: "the LZ4 frame's header checksum does not match")
        }
        guard !hasDictionary else {
            return .refused(reason: "the LZ4 frame needs a dictionary; write the log without one")
        }
        return .frame(
            LZ4FrameHeader(
                byteCount: length,
                blockByteCount: 1 << (8 + 2 * Int(sizes >> 4)),
                blocksAreIndependent: flags & 0x20 != 0,
                hasBlockChecksums: flags & 0x10 != 0,
                hasContentChecksum: flags & 4 != 0,
                contentByteCount: hasContentSize ? number(bytes, at: index + 6) : nil))
    }

    /// The little-endian 64-bit number at `index`.
    static func number(_ bytes: [UInt8], at index: Int) -> UInt64 {
        UInt64(word(bytes, at: index)) | UInt64(word(bytes, at: index + 4)) << 32
    }

    /// The little-endian 32-bit number at `index`.
    static func word(_ bytes: [UInt8], at index: Int) -> UInt32 {
        UInt32(bytes[index]) | UInt32(bytes[index + 1]) << 8 | UInt32(bytes[index + 2]) << 16
            | UInt32(bytes[index + 3]) << 24
    }
}
