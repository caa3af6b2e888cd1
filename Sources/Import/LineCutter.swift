/// Cuts bytes that come in pieces into lines, of bounded length.
struct LineCutter {
    /// What a line turned out to be.
    enum Line: Equatable {
        /// Without its line feed.
        case whole([UInt8])
        /// Longer than allowed; only its length is known.
        case tooLong(byteCount: Int)
    }

    /// Longest line, bytes, without its line feed.
    let byteLimit: Int
    /// The beginning of a line whose end has not come.
    private var begun: [UInt8] = []
    /// Bytes of the present line that were dropped because it is too long.
    private var droppedByteCount = 0

    init(byteLimit: Int) { self.byteLimit = byteLimit }

    /// Bytes of a line that has begun and not ended.
    var begunByteCount: Int { begun.count + droppedByteCount }

    /// Takes bytes in and hands out the lines that end in them, in order.
    mutating func add<Failure>(
        _ bytes: [UInt8], _ body: (Line) throws(Failure) -> Void
    ) throws(Failure) {
        var start = 0
        while let end = bytes[start...].firstIndex(of: 0x0A) {
            keep(bytes[start..<end])
            start = end + 1
            if let line = finish() { try body(line) }
        }
        keep(bytes[start...])
    }

    /// The line that has begun, as if it ended here; nil when none has.
    mutating func last() -> Line? { begunByteCount == 0 ? nil : finish() }

    private mutating func keep(_ piece: ArraySlice<UInt8>) {
        // A carriage return may belong to the line's end, so one byte more is kept.
        if droppedByteCount == 0, begun.count + piece.count <= byteLimit + 1 {
            begun += piece
        } else {
            droppedByteCount += begun.count + piece.count
            begun.removeAll(keepingCapacity: true)
        }
    }

    private mutating func finish() -> Line? {
        defer {
            begun.removeAll(keepingCapacity: true)
            droppedByteCount = 0
        }
        return droppedByteCount > 0 ? .tooLong(byteCount: droppedByteCount) : .whole(begun)
    }
}
