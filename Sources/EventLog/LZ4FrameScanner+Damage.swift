import Storage

extension LZ4FrameScanner {
    /// The file ends where it should not: waits, or, when it is complete, looks for what is left.
    func torn(_ isComplete: Bool, isInFrame: Bool, _ reason: String) -> Step? {
        guard isComplete else { return .starved }
        lose(isInFrame: isInFrame, reason: reason)
        return nil
    }

    /// Gives up from here on to the next frame.
    func lose(isInFrame: Bool, reason: String) {
        state = .searching(start: window.position, isInFrame: isInFrame, reason: reason)
    }

    /// The LZ4 block here, up to `end`, is damaged.
    func fail(_ header: LZ4FrameHeader, end: Int64) {
        let reason =
            header.hasBlockChecksums
            ? "an LZ4 block's checksum does not match" : "an LZ4 block is malformed"
        if header.blocksAreIndependent {
            state = .suspect(header, end: end, reason: reason)
        } else {
            lose(isInFrame: true, reason: reason)
        }
    }

    /// Decides whether only one LZ4 block is lost: whether what stands at its end makes sense.
    ///
    /// Its length may be what is damaged, or the file may have been cut inside it and written on,
    /// so the next LZ4 block must be readable, or the frame must end with another or the file.
    func probe(
        _ header: LZ4FrameHeader, end: Int64, reason: String, _ isComplete: Bool
    )
        throws(StorageError) -> Step?
    {
        let start = window.position
        let ahead = Int(end - start)
        guard try window.has(ahead + 4), let hasFrame = try hasFrame(within: ahead, isComplete)
        else {
            return torn(isComplete, isInFrame: true, reason)
        }
        guard !hasFrame else {
            lose(isInFrame: true, reason: reason)
            return nil
        }
        let word = LZ4FrameHeader.word(window.bytes, at: window.index + ahead)
        let byteCount = Int(word & 0x7FFF_FFFF)
        guard byteCount <= header.blockByteCount else {
            lose(isInFrame: true, reason: reason)
            return nil
        }
        let tail = word == 0 ? header.hasContentChecksum : header.hasBlockChecksums
        let whole = ahead + 4 + byteCount + (tail ? 4 : 0)
        guard try window.has(whole) else { return torn(isComplete, isInFrame: true, reason) }
        if word == 0 {
            guard let isEnd = try endsCleanly(after: whole, isComplete) else { return .starved }
            guard isEnd else {
                lose(isInFrame: true, reason: reason)
                return nil
            }
        } else if !isReadable(header, at: window.index + ahead) {
            lose(isInFrame: true, reason: reason)
            return nil
        }
        window.move(to: end)
        state = .inFrame(header)
        return damage(start, isInFrame: true, reason: reason)
    }

    /// Looks for the next frame whose header holds; the damage ends there, or at the file's end.
    func search(
        from start: Int64, isInFrame: Bool, reason: String, _ isComplete: Bool
    )
        throws(StorageError) -> Step?
    {
        while try window.has(4) {
            let found = LZ4ByteScan.first(0x04, in: window.bytes, window.index..<window.bytes.count)
            let next = found ?? window.bytes.count
            window.move(to: window.position + Int64(next - window.index))
            guard found != nil else { continue }
            guard try window.has(4) else { break }
            if LZ4FrameHeader.word(window.bytes, at: window.index) == LZ4FrameHeader.magic {
                _ = try window.has(LZ4FrameHeader.longestByteCount)
                let begin = LZ4FrameHeader.read(
                    window.bytes, at: window.index, end: window.bytes.count)
                if case .frame = begin {
                    state = .between
                    return damage(start, isInFrame: isInFrame, reason: reason)
                }
                if case .incomplete = begin, !isComplete { return .starved }
            }
            window.move(to: window.position + 1)
        }
        guard isComplete else { return .starved }
        window.move(to: window.position + Int64(window.count))
        state = .between
        return damage(start, isInFrame: isInFrame, reason: reason)
    }

    /// Whether a frame, or the end of the file, follows `count` bytes from here.
    ///
    /// It is nil when that is not known yet. Where it does not, the file was cut inside those bytes and written on.
    func endsCleanly(after count: Int, _ isComplete: Bool) throws(StorageError) -> Bool? {
        if try window.has(count + 4) { return isMagic(at: window.index + count) }
        return isComplete ? window.count == count : nil
    }

    /// The same behind byte position `end`, however far away that is.
    func endsCleanly(at end: Int64, _ isComplete: Bool) throws(StorageError) -> Bool? {
        var next: [UInt8] = []
        while next.count < 4 {
            let position = end + Int64(next.count)
            let count = try window.file.read(4 - next.count, at: position, into: &next)
            // A torn header behind it is damage of its own.
            if count == 0 { return isComplete ? true : nil }
        }
        return Self.isMagic(LZ4FrameHeader.word(next, at: 0))
    }

    /// Whether another frame begins inside the next `count` bytes: then the LZ4 block that they
    /// should be was cut, and its length means nothing, even where it leads to a readable one.
    ///
    /// It is nil when that is not known yet, because a header may begin at their end.
    func hasFrame(within count: Int, _ isComplete: Bool) throws(StorageError) -> Bool? {
        _ = try window.has(count + LZ4FrameHeader.longestByteCount)
        let end = window.index + count
        var next = window.index
        while let found = LZ4ByteScan.first(0x04, in: window.bytes, next..<end) {
            next = found + 1
            let magic: [UInt8] = [0x04, 0x22, 0x4D, 0x18]
            guard magic.starts(with: window.bytes[found...].prefix(4)) else { continue }
            switch LZ4FrameHeader.read(window.bytes, at: found, end: window.bytes.count) {
            case .frame: return true
            case .incomplete where !isComplete: return nil
            default: break
            }
        }
        return false
    }

    private func isMagic(at index: Int) -> Bool {
        Self.isMagic(LZ4FrameHeader.word(window.bytes, at: index))
    }

    private static func isMagic(_ word: UInt32) -> Bool {
        word == LZ4FrameHeader.magic || word == LZ4FrameHeader.legacyMagic
            || LZ4FrameHeader.skippableMagics.contains(word)
    }
}
