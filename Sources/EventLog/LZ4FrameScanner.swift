import Storage

/// Reads a segment's LZ4 frames step by step: verified LZ4 blocks, and damage between them.
///
/// A step's outcome depends only on the bytes of the file, never on when they arrived: what cannot
/// be decided yet is `starved`, until more bytes come or the caller says that none will. Each
/// damage counts as one decoded byte of the frame in which it lies (or of a frame of its own,
/// where no frame is), so that (frame position, decoded offset) names a place after it too.
///
/// liblz4's block decoder is used below our own reading of the frame format, because LZ4F_*
/// neither tells where LZ4 blocks begin nor goes on after a damaged one.
final class LZ4FrameScanner {
    /// What a step found.
    enum Step {
        /// An LZ4 block: its bytes are `output[outputRange]`.
        case bytes
        /// Compressed bytes that could not be read; reading goes on after them.
        case damage(Damage)
        /// More compressed bytes are needed. Nothing is at fault yet.
        case starved
        /// The end of a file that was said to be complete.
        case finished
    }

    enum State {
        /// A frame should start here.
        case between
        case inFrame(LZ4FrameHeader)
        /// A skippable frame that reaches up to `end`.
        case skipping(end: Int64)
        /// An LZ4 block up to `end` is damaged; what follows it shows whether `end` is right.
        case suspect(LZ4FrameHeader, end: Int64, reason: String)
        /// Damage from `start` on; a frame's magic number is looked for.
        case searching(start: Int64, isInFrame: Bool, reason: String)
    }

    /// Most decoded bytes of one step.
    static let longestBlockByteCount = 4 << 20

    var window: CompressedWindow
    var state = State.between
    var output: [UInt8] = []
    /// The decoded bytes of the last step.
    private(set) var outputRange = 0..<0
    /// Position of the frame that the last step was in.
    private(set) var framePosition: Int64
    /// Decoded bytes of that frame up to and including the last step.
    private(set) var decodedOffset: Int64 = 0
    /// Compressed bytes of the last LZ4 block.
    private(set) var blockPosition: Range<Int64> = 0..<0
    /// Whether the last thing read was the mark that our writer ends a segment with.
    private(set) var isSealed = false
    private var historyStart = 0
    private var content = LZ4Checksum()
    private var contentIsWhole = true

    init(file: any DiskFile, framePosition: Int64) {
        window = CompressedWindow(file: file, position: framePosition)
        self.framePosition = framePosition
    }

    /// Reads on; `isComplete` says that the file will not grow any more.
    func step(isComplete: Bool) throws(StorageError) -> Step {
        while true {
            let outcome =
                switch state {
                case .between: try start(isComplete)
                case .inFrame(let header): try block(header, isComplete)
                case .skipping(let end): try skip(to: end, isComplete)
                case .suspect(let header, let end, let reason):
                    try probe(header, end: end, reason: reason, isComplete)
                case .searching(let start, let isInFrame, let reason):
                    try search(from: start, isInFrame: isInFrame, reason: reason, isComplete)
                }
            if let outcome { return outcome }
        }
    }

    private func start(_ isComplete: Bool) throws(StorageError) -> Step? {
        _ = try window.has(LZ4FrameHeader.longestByteCount)
        guard window.count > 0 else { return isComplete ? .finished : .starved }
        let begin = LZ4FrameHeader.read(
            window.bytes, at: window.index, end: window.bytes.count)
        isSealed = false
        switch begin {
        case .incomplete:
            return torn(isComplete, isInFrame: false, "the file ends inside a frame's header")
        case .refused(let reason):
            lose(isInFrame: false, reason: reason)
        case .skippable(let byteCount):
            state = .skipping(end: window.position + 8 + byteCount)
        case .frame(let header):
            enter(header)
        }
        return nil
    }

    private func enter(_ header: LZ4FrameHeader) {
        framePosition = window.position
        decodedOffset = 0
        historyStart = 0
        outputRange = 0..<0
        content = LZ4Checksum()
        contentIsWhole = true
        let needed = header.blockByteCount + (header.blocksAreIndependent ? 0 : 1 << 19)
        if output.count < needed { output = [UInt8](repeating: 0, count: needed) }
        window.move(to: window.position + Int64(header.byteCount))
        state = .inFrame(header)
    }

    private func skip(to end: Int64, _ isComplete: Bool) throws(StorageError) -> Step? {
        let mark = SegmentWriter.sealMark
        var isMark = false
        if end - window.position == Int64(mark.count), try window.has(mark.count) {
            isMark = window.bytes[window.index..<window.index + mark.count].elementsEqual(mark)
        }
        guard try window.file.status().byteCount >= end else {
            return torn(isComplete, isInFrame: false, "the file ends inside a skippable frame")
        }
        if !isMark {
            guard let isEnd = try endsCleanly(at: end, isComplete) else { return .starved }
            guard isEnd else {
                lose(isInFrame: false, reason: "no LZ4 frame follows a skippable frame")
                return nil
            }
        }
        window.move(to: end)
        isSealed = isMark
        state = .between
        return nil
    }

    private func block(_ header: LZ4FrameHeader, _ isComplete: Bool) throws(StorageError) -> Step? {
        guard try window.has(4) else {
            return torn(isComplete, isInFrame: true, "the frame has no end")
        }
        let word = LZ4FrameHeader.word(window.bytes, at: window.index)
        if word == 0 { return try finish(header, isComplete) }
        let byteCount = Int(word & 0x7FFF_FFFF)
        guard byteCount <= header.blockByteCount else {
            lose(
                isInFrame: true,
                reason: "an LZ4 block of \(byteCount) bytes, in a frame of LZ4 "
                    + "blocks of at most \(header.blockByteCount)")
            return nil
        }
        let whole = 4 + byteCount + (header.hasBlockChecksums ? 4 : 0)
        guard try window.has(whole) else {
            return torn(isComplete, isInFrame: true, "the file ends inside an LZ4 block")
        }
        if !header.hasBlockChecksums {
            // Nothing else tells whether the length is right, or leads over the next frame.
            guard let hasFrame = try hasFrame(within: whole, isComplete) else { return .starved }
            guard !hasFrame else {
                lose(isInFrame: true, reason: "another frame begins inside an LZ4 block")
                return nil
            }
        }
        let start = window.position
        makeRoom(header)
        guard let count = decode(header, at: window.index, into: outputRange.upperBound) else {
            fail(header, end: start + Int64(whole))
            return nil
        }
        outputRange = outputRange.upperBound..<outputRange.upperBound + count
        if header.hasContentChecksum && contentIsWhole { content.update(output, outputRange) }
        decodedOffset += Int64(count)
        window.move(to: start + Int64(whole))
        blockPosition = start..<window.position
        return .bytes
    }

    /// Decodes the LZ4 block whose header is at `index`, which is at hand in full.
    private func decode(_ header: LZ4FrameHeader, at index: Int, into target: Int) -> Int? {
        let word = LZ4FrameHeader.word(window.bytes, at: index)
        let byteCount = Int(word & 0x7FFF_FFFF)
        let data = index + 4..<index + 4 + byteCount
        if header.hasBlockChecksums {
            let expected = LZ4FrameHeader.word(window.bytes, at: data.upperBound)
            guard LZ4Checksum.of(window.bytes, data) == expected else { return nil }
        }
        if word >> 31 == 1 {
            LZ4Block.copy(window.bytes, data, into: &output, at: target)
            return byteCount
        }
        return LZ4Block.decode(
            window.bytes, data, into: &output, at: target, limit: header.blockByteCount,
            historyStart: header.blocksAreIndependent ? target : historyStart)
    }

    /// Makes the next LZ4 block fit behind the frame's last 64 KiB, which linked ones refer to.
    private func makeRoom(_ header: LZ4FrameHeader) {
        if header.blocksAreIndependent {
            outputRange = 0..<0
        } else if outputRange.upperBound + header.blockByteCount > output.count {
            let kept = min(outputRange.upperBound - historyStart, 65_536)
            LZ4Block.keepHistory(&output, count: kept, before: outputRange.upperBound)
            historyStart = 0
            outputRange = kept..<kept
        }
    }

    /// Reads the end mark and the content checksum.
    private func finish(_ header: LZ4FrameHeader, _ isComplete: Bool) throws(StorageError) -> Step?
    {
        let whole = header.hasContentChecksum ? 8 : 4
        guard try window.has(whole) else {
            return torn(isComplete, isInFrame: true, "the file ends inside a frame's checksum")
        }
        let start = window.position
        var fault: String?
        if header.hasContentChecksum && contentIsWhole
            && LZ4FrameHeader.word(window.bytes, at: window.index + 4) != content.value
        {
            fault = "the frame's content checksum does not match what was read from it"
        } else if let size = header.contentByteCount, contentIsWhole, size != decodedOffset {
            fault = "the frame holds \(decodedOffset) bytes, its header says \(size)"
        }
        if fault != nil || !contentIsWhole {
            guard let isEnd = try endsCleanly(after: whole, isComplete) else { return .starved }
            guard isEnd else {
                lose(isInFrame: true, reason: fault ?? "the damaged frame's end is damaged too")
                return nil
            }
        }
        window.move(to: start + Int64(whole))
        state = .between
        return fault.map { damage(start, isInFrame: true, reason: $0) }
    }

    // MARK: Damage

    /// Ends the damage that began at `start` here, and counts it as one decoded byte.
    func damage(_ start: Int64, isInFrame: Bool, reason: String) -> Step {
        if !isInFrame {
            framePosition = start
            decodedOffset = 0
        }
        decodedOffset += 1
        outputRange = 0..<0
        historyStart = 0
        contentIsWhole = false
        blockPosition = start..<window.position
        return .damage(
            Damage(position: start, byteCount: window.position - start, reason: reason))
    }

    /// Whether the LZ4 block at `index` is at hand in full and can be decoded, without taking it.
    func isReadable(_ header: LZ4FrameHeader, at index: Int) -> Bool {
        outputRange = 0..<0
        return decode(header, at: index, into: 0) != nil
    }
}
