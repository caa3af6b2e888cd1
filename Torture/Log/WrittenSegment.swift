import EventLog

/// One line of a segment as it was written.
struct WrittenLine {
    /// Its bytes without the line end: what a reader must hand out.
    var text: [UInt8]
    /// Its place in the segment's decoded bytes, the line end included.
    var decoded: Range<Int>
    /// Whether readers refuse it for its length.
    var isTooLong = false

    /// Whether it begins as a JSON object does; other lines may be taken for a part of damage.
    var isObject: Bool { text.first == UInt8(ascii: "{") }
}

/// One LZ4 block of a written frame.
struct WrittenBlock {
    /// Its place in the segment's compressed bytes, length and checksum included.
    var bytes: Range<Int>
    /// Its place in the segment's decoded bytes.
    var decoded: Range<Int>
}

/// A frame, or what stands between two.
struct WrittenPiece {
    /// What a reader makes of it.
    enum Kind {
        case frame
        case skippable
        /// Not a frame that readers take, by intention: one damage, up to the next frame.
        case refused
    }

    var kind: Kind
    var bytes: Range<Int>
    var headerEnd: Int
    var blocks: [WrittenBlock] = []
    var isIndependent = false
    var hasBlockChecksums = false
}

/// A segment as its writer meant it, and where everything in it stands.
///
/// Where things stand comes from how it was written, not from the reader's code.
struct WrittenSegment {
    var bytes: [UInt8] = []
    var pieces: [WrittenPiece] = []
    var lines: [WrittenLine] = []
    private var decodedByteCount = 0

    /// Adds bytes that hold no line.
    mutating func append(_ piece: [UInt8], _ kind: WrittenPiece.Kind) {
        let start = bytes.count
        bytes += piece
        pieces.append(
            WrittenPiece(kind: kind, bytes: start..<bytes.count, headerEnd: start + 8))
    }

    /// Adds a frame whose LZ4 blocks decode to `blockByteCounts` bytes.
    mutating func append(frame: [UInt8], blockByteCounts: [Int]) {
        let start = bytes.count
        bytes += frame
        let flags = frame[4]
        var piece = WrittenPiece(
            kind: .frame, bytes: start..<bytes.count,
            headerEnd: start + 7 + (flags & 8 != 0 ? 8 : 0),
            isIndependent: flags & 0x20 != 0, hasBlockChecksums: flags & 0x10 != 0)
        var next = piece.headerEnd
        for count in blockByteCounts {
            let word = (0..<4).reduce(0) { $0 | Int(bytes[next + $1]) << (8 * $1) }
            let end = next + 4 + (word & 0x7FFF_FFFF) + (piece.hasBlockChecksums ? 4 : 0)
            piece.blocks.append(
                WrittenBlock(
                    bytes: next..<end, decoded: decodedByteCount..<decodedByteCount + count))
            decodedByteCount += count
            next = end
        }
        let trailer = flags & 4 != 0 ? 8 : 4
        precondition(next + trailer == bytes.count, "a frame cut otherwise")
        pieces.append(piece)
    }

    /// Index of the piece and of its LZ4 block that carry a decoded byte.
    func block(of decoded: Int) -> (piece: Int, block: Int) {
        for (index, piece) in pieces.enumerated() {
            guard let last = piece.blocks.last, decoded < last.decoded.upperBound else { continue }
            let block = piece.blocks.firstIndex { decoded < $0.decoded.upperBound }
            return (index, block ?? 0)
        }
        preconditionFailure("byte \(decoded) of \(decodedByteCount)")
    }
}
