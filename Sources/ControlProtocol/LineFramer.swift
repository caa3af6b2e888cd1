/// Cuts a stream of bytes into lines of bounded length: the framing of the control socket.
///
/// A line ends with a newline, a carriage return before it is dropped, and lines of nothing but
/// white space are skipped. A line that grows beyond the limit is reported once, when it does,
/// and its bytes are dropped up to its newline; the stream goes on after it.
package struct LineFramer: Sendable {
    /// What was found in the stream.
    package enum Frame: Sendable, Equatable {
        /// The bytes of a line, without its newline.
        case line([UInt8])
        /// A line was longer than the limit and is being dropped.
        case tooLong(limit: Int)
    }

    /// Bytes of a line, at most.
    package let byteLimit: Int
    private var partial: [UInt8] = []
    private var isDropping = false

    package init(byteLimit: Int) {
        precondition(byteLimit > 0, "LineFramer: limit of \(byteLimit) bytes")
        self.byteLimit = byteLimit
    }

    /// Whether the stream stands inside a line; a peer that leaves now has left it unfinished.
    package var isInsideLine: Bool { isDropping || !partial.isEmpty }

    /// Takes the next bytes of the stream and appends the frames they complete.
    package mutating func take(_ bytes: Span<UInt8>, into frames: inout [Frame]) {
        var start = 0
        for index in bytes.indices where bytes[index] == 0x0A {
            append(bytes.extracting(start..<index), into: &frames)
            finishLine(into: &frames)
            start = index + 1
        }
        append(bytes.extracting(start..<bytes.count), into: &frames)
    }

    /// Takes the end of the stream: a last line may lack its newline.
    package mutating func finish(into frames: inout [Frame]) { finishLine(into: &frames) }

    private mutating func append(_ bytes: Span<UInt8>, into frames: inout [Frame]) {
        guard !isDropping else { return }
        guard partial.count + bytes.count <= byteLimit else {
            partial = []
            isDropping = true
            frames.append(.tooLong(limit: byteLimit))
            return
        }
        partial.reserveCapacity(partial.count + bytes.count)
        for index in bytes.indices { partial.append(bytes[index]) }
    }

    private mutating func finishLine(into frames: inout [Frame]) {
        defer {
            partial = []
            isDropping = false
        }
        guard !isDropping else { return }
        if partial.last == 0x0D { partial.removeLast() }
        let isBlank = partial.allSatisfy { $0 == 0x20 || $0 == 0x09 || $0 == 0x0D }
        if !isBlank { frames.append(.line(partial)) }
    }
}
