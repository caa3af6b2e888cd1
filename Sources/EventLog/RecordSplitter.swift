/// Cuts decoded bytes into records; what it emits depends on the bytes alone, not on the pieces
/// in which they come.
///
/// Damage ends the line before it and starts a new one after it. What is left of a record cut by
/// damage goes into the damage's own entry; it is kept as a record only when it still looks whole:
/// before damage `{`…`}`, after damage beginning with `{`. A strict prefix of a JSON object is
/// never one, so nothing is invented, and a record that merely touches the damage is not lost.
struct RecordSplitter {
    /// Where reading goes on after some decoded byte.
    struct Place {
        var framePosition: Int64
        var decodedEnd: Int64
    }

    private struct Pending {
        var start: Int
        var byteCount: Int
        var damage: Damage
        var place: Place
    }

    let options: LogReaderOptions
    private(set) var bytes: [UInt8] = []
    private(set) var entries: [LogChunk.Entry] = []
    private var lineStart = 0
    /// Bytes so far of a line that is too long to keep; 0 while the line is kept.
    private var discarded = 0
    /// Compressed position of the LZ4 block in which the line began, and the end of the last one.
    private var lineBlock: Int64 = 0
    private var blockEnd: Int64 = 0
    private var pending: Pending?
    private var place = Place(framePosition: 0, decodedEnd: 0)

    init(options: LogReaderOptions) { self.options = options }

    /// Whether the entries must be taken before more is added.
    var isFull: Bool {
        entries.count >= options.chunkRecordCount || (!entries.isEmpty && room <= 0)
    }

    /// Whether it holds a line that has no end yet.
    var hasLine: Bool { lineStart < bytes.count }

    private var room: Int {
        let left = options.chunkByteCount - bytes.count
        return left <= 0 && entries.isEmpty ? options.chunkByteCount : left
    }

    /// Adds decoded bytes; takes what it used off the front of `range`.
    ///
    /// `end` is the place after the last byte of `range`, `block` the compressed byte positions of
    /// the LZ4 block.
    ///
    /// - Returns: whether it is full; then `range` may still hold bytes.
    mutating func add(
        _ source: [UInt8], _ range: inout Range<Int>, end: Place, block: Range<Int64>
    ) -> Bool {
        while !range.isEmpty {
            if discarded > 0 {
                discard(source, &range, end: end, block: block)
                continue
            }
            if isFull { return true }
            if lineStart == bytes.count { lineBlock = block.lowerBound }
            blockEnd = block.upperBound
            let count = min(room, range.count)
            let base = bytes.count
            bytes.append(contentsOf: source[range.lowerBound..<range.lowerBound + count])
            let before = end.decodedEnd - Int64(range.count)
            place.framePosition = end.framePosition
            let used = split(from: base, before: before, block: block)
            range = range.lowerBound + used..<range.upperBound
            place.decodedEnd = before + Int64(used)
            dropLongLine()
        }
        return isFull
    }

    /// Cuts the lines that end at or after index `base`; returns how many bytes were used.
    private mutating func split(from base: Int, before: Int64, block: Range<Int64>) -> Int {
        var next = base
        while let newline = LZ4ByteScan.first(0x0A, in: bytes, next..<bytes.count) {
            next = newline + 1
            place.decodedEnd = before + Int64(next - base)
            close(lineEnd: newline)
            lineStart = next
            lineBlock = block.lowerBound
            if entries.count >= options.chunkRecordCount {
                bytes.removeLast(bytes.count - next)
                return next - base
            }
        }
        return bytes.count - base
    }

    /// Ends the line at index `end`: the entry, and the damage that waited for it.
    private mutating func close(lineEnd end: Int) {
        var count = end - lineStart
        let length = count
        if length > options.recordByteCount + 1 {
            closeLong(length)
            return
        }
        if count > 0 && bytes[end - 1] == 0x0D { count -= 1 }
        if let waiting = pending {
            pending = nil
            guard length > 0 && bytes[lineStart] == UInt8(ascii: "{") else {
                emit(absorbing(waiting, upTo: end))
                return
            }
            emit(waiting)
        }
        if count > options.recordByteCount {
            emitLong(length)
        } else {
            emit(lineStart, count)
        }
    }

    private mutating func emit(_ start: Int, _ count: Int) {
        entries.append(
            LogChunk.Entry(
                start: start, byteCount: count, framePosition: place.framePosition,
                decodedEnd: place.decodedEnd))
    }

    private mutating func emit(_ waiting: Pending) {
        entries.append(
            LogChunk.Entry(
                start: waiting.start, byteCount: waiting.byteCount,
                framePosition: waiting.place.framePosition, decodedEnd: waiting.place.decodedEnd,
                damage: waiting.damage))
    }

    private func absorbing(_ waiting: Pending, upTo end: Int) -> Pending {
        Pending(
            start: waiting.start, byteCount: end - waiting.start, damage: waiting.damage,
            place: place)
    }

    // MARK: Long lines

    private mutating func emitLong(_ length: Int) {
        let damage = Damage(
            position: lineBlock, byteCount: blockEnd - lineBlock,
            reason: "a record of \(length) bytes; the longest allowed is "
                + "\(options.recordByteCount)")
        emit(Pending(start: lineStart, byteCount: 0, damage: damage, place: place))
    }

    private mutating func dropLongLine() {
        let length = bytes.count - lineStart
        guard length > options.recordByteCount + 1 else { return }
        discarded = length
        bytes.removeLast(length)
    }

    /// Reads over a line that is too long, up to its newline.
    private mutating func discard(
        _ source: [UInt8], _ range: inout Range<Int>, end: Place, block: Range<Int64>
    ) {
        let newline = LZ4ByteScan.first(0x0A, in: source, range)
        let stop = newline.map { $0 + 1 } ?? range.upperBound
        blockEnd = block.upperBound
        discarded += (newline ?? stop) - range.lowerBound
        range = stop..<range.upperBound
        place = Place(
            framePosition: end.framePosition, decodedEnd: end.decodedEnd - Int64(range.count))
        if newline != nil { closeLong(discarded) }
    }

    /// Ends a line too long to keep; right after damage it is a part of that.
    private mutating func closeLong(_ length: Int) {
        discarded = 0
        if let waiting = pending {
            pending = nil
            emit(absorbing(waiting, upTo: waiting.start + waiting.byteCount))
        } else {
            emitLong(length)
        }
        lineStart = bytes.count
    }

    // MARK: Damage and ends

    /// Adds damage, after which reading goes on at `after`.
    mutating func add(_ damage: Damage, after: Place) {
        let count = bytes.count - lineStart
        var absorbed = 0
        if discarded > 0 {
            closeLong(discarded)
        } else if looksWhole(lineStart..<bytes.count) {
            close(lineEnd: bytes.count)
        } else if let waiting = pending {
            if count > 0 && bytes[lineStart] != UInt8(ascii: "{") {
                emit(absorbing(waiting, upTo: bytes.count))
            } else {
                emit(waiting)
                absorbed = count
            }
        } else {
            absorbed = count
        }
        pending = Pending(
            start: bytes.count - absorbed, byteCount: absorbed, damage: damage, place: after)
        lineStart = bytes.count
        place = after
    }

    private func looksWhole(_ range: Range<Int>) -> Bool {
        let last = bytes[range].last { $0 != 0x0D && $0 != 0x20 && $0 != 0x09 }
        return bytes[range].first == UInt8(ascii: "{") && last == UInt8(ascii: "}")
    }

    /// The segment ends here: an unterminated last line is a record.
    mutating func finish() {
        if discarded > 0 {
            closeLong(discarded)
        } else if bytes.count > lineStart {
            close(lineEnd: bytes.count)
        } else if let waiting = pending {
            emit(waiting)
        }
        pending = nil
        lineStart = bytes.count
    }

    /// Takes the entries with their bytes; keeps the unfinished line.
    mutating func take() -> (bytes: [UInt8], entries: [LogChunk.Entry])? {
        guard !entries.isEmpty else { return nil }
        let kept = pending?.start ?? lineStart
        let tail = bytes[kept...]
        var next: [UInt8] = []
        next.reserveCapacity(options.chunkByteCount)
        next.append(contentsOf: tail)
        bytes.removeLast(tail.count)
        defer {
            bytes = next
            entries = []
            lineStart -= kept
            pending?.start -= kept
        }
        return (bytes, entries)
    }
}
