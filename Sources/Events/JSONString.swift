import Storage

/// Where a JSON string's content lies, quotes excluded.
struct ScannedString {
    var start: Int
    var end: Int
    /// Whether it holds a backslash, so that its bytes are not yet its text.
    var isEscaped: Bool

    @inline(__always)
    var count: Int { end &- start }
}

/// Strings: valid UTF-8, no raw control characters, complete escapes.
extension Span<UInt8> {
    /// Moves over a string and checks it.
    @inline(__always)
    func scanString(_ position: inout Int) throws(RecordError) -> ScannedString {
        try take(UInt8(ascii: "\""), &position)
        var result = ScannedString(start: position, end: position, isEscaped: false)
        while true {
            position &+= plainByteCount(word(at: position))
            let byte = byte(at: position)
            if byte >= 0x20 && byte < 0x80 && byte != 0x22 && byte != 0x5C { continue }
            if byte == UInt8(ascii: "\"") {
                result.end = position
                position &+= 1
                return result
            }
            try skipSpecial(byte, &position, &result)
        }
    }

    /// How many leading bytes of `word` are ASCII, not control, not a quote, not a backslash.
    ///
    /// The usual zero-byte test, `(x − 1) & ~x & 0x80`, marks the lowest hit exactly; only marks
    /// above it may be false, and they are not looked at.
    @inline(__always)
    private func plainByteCount(_ word: UInt64) -> Int {
        let ones: UInt64 = 0x0101_0101_0101_0101
        let tops: UInt64 = 0x8080_8080_8080_8080
        let quote = word ^ (ones &* 0x22)
        let slash = word ^ (ones &* 0x5C)
        let control = (word &- ones &* 0x20) & ~word
        let found = ((quote &- ones) & ~quote) | ((slash &- ones) & ~slash) | control | word
        return (found & tops).trailingZeroBitCount &>> 3
    }

    /// Moves over an escape or a character beyond ASCII.
    private func skipSpecial(
        _ byte: UInt8, _ position: inout Int, _ string: inout ScannedString
    ) throws(RecordError) {
        if byte == UInt8(ascii: "\\") {
            string.isEscaped = true
            _ = try scanEscape(&position)
        } else if byte >= 0x80 {
            try skipMultibyte(byte, &position)
        } else {
            throw .notJSON(at: position)
        }
    }

    /// Moves over one character of two to four bytes (Unicode 16, table 3-7).
    private func skipMultibyte(_ lead: UInt8, _ position: inout Int) throws(RecordError) {
        let (length, lowest, highest): (Int, UInt8, UInt8) =
            switch lead {
            case 0xC2...0xDF: (2, 0x80, 0xBF)
            case 0xE0: (3, 0xA0, 0xBF)
            case 0xED: (3, 0x80, 0x9F)
            case 0xE1...0xEF: (3, 0x80, 0xBF)
            case 0xF0: (4, 0x90, 0xBF)
            case 0xF1...0xF3: (4, 0x80, 0xBF)
            case 0xF4: (4, 0x80, 0x8F)
            default: (0, 0, 0)
            }
        let second = byte(at: position + 1)
        guard length > 0, second >= lowest, second <= highest else {
            throw .invalidText(at: position)
        }
        for index in 2..<max(2, length) where byte(at: position + index) & 0xC0 != 0x80 {
            throw .invalidText(at: position)
        }
        position += length
    }

    /// Moves over a backslash and what follows; the result is the character that is meant.
    private func scanEscape(_ position: inout Int) throws(RecordError) -> Unicode.Scalar {
        let start = position
        let letter = byte(at: position + 1)
        position += 2
        switch letter {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"):
            return Unicode.Scalar(letter)
        case UInt8(ascii: "b"): return "\u{8}"
        case UInt8(ascii: "f"): return "\u{C}"
        case UInt8(ascii: "n"): return "\n"
        case UInt8(ascii: "r"): return "\r"
        case UInt8(ascii: "t"): return "\t"
        case UInt8(ascii: "u"): break
        default: throw .notJSON(at: start)
        }
        let unit = try scanHex(&position)
        if let scalar = Unicode.Scalar(unit) { return scalar }
        // A high surrogate must be followed by an escaped low one (RFC 8259 §7).
        guard unit < 0xDC00, byte(at: position) == UInt8(ascii: "\\"),
            byte(at: position + 1) == UInt8(ascii: "u")
        else { throw .invalidText(at: start) }
        position += 2
        let low = try scanHex(&position)
        guard low >= 0xDC00, low <= 0xDFFF,
            let scalar = Unicode.Scalar(0x1_0000 + (unit - 0xD800) << 10 + (low - 0xDC00))
        else { throw .invalidText(at: start) }
        return scalar
    }

    private func scanHex(_ position: inout Int) throws(RecordError) -> UInt32 {
        var value: UInt32 = 0
        for _ in 0..<4 {
            let byte = byte(at: position)
            let digit: UInt8
            switch byte {
            case 0x30...0x39: digit = byte - 0x30
            case 0x41...0x46: digit = byte - 0x37
            case 0x61...0x66: digit = byte - 0x57
            default: throw .notJSON(at: position)
            }
            value = value << 4 | UInt32(digit)
            position += 1
        }
        return value
    }

    /// The text of a checked string that holds escapes; allocates, which only odd producers cause.
    func unescaped(_ string: ScannedString) throws(RecordError) -> [UInt8] {
        var text: [UInt8] = []
        text.reserveCapacity(string.count)
        var position = string.start
        while position < string.end {
            if self[position] == UInt8(ascii: "\\") {
                text += String(try scanEscape(&position)).utf8
            } else {
                text.append(self[position])
                position += 1
            }
        }
        return text
    }
}
