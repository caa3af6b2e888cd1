import Storage

/// Sixteen integers on their way into a `TextVector`.
struct VectorBuilder {
    private var low: UInt64 = 0
    private var high: UInt64 = 0
    private var count = 0
    private var isOutOfRange = false
    private var isMalformed = false

    /// Undefined while `error` is not nil.
    var vector: TextVector { TextVector(low: low, high: high) }

    /// Why it is no vector: type before range before length.
    @inline(__always)
    func error(_ field: RecordField) -> RecordError? {
        if isMalformed { return .wrongType(field) }
        if isOutOfRange { return .outOfRange(field) }
        return count == 16 ? nil : .wrongLength(field, count: count)
    }

    @inline(__always)
    private mutating func append(_ value: Int64) {
        if value < 0 || value > 255 { isOutOfRange = true }
        let byte = UInt64(UInt8(truncatingIfNeeded: value))
        if count < 8 {
            low |= byte &<< UInt64(8 &* count)
        } else if count < 16 {
            high |= byte &<< UInt64(8 &* (count &- 8))
        }
        count &+= 1
    }

    /// Reads a JSON array from its bracket to its bracket.
    mutating func scan(_ bytes: Span<UInt8>, _ position: inout Int) throws(RecordError) {
        try bytes.take(UInt8(ascii: "["), &position)
        bytes.skipSpace(&position)
        if bytes.byte(at: position) == UInt8(ascii: "]") {
            position += 1
            return
        }
        while true {
            bytes.skipSpace(&position)
            try scanComponent(bytes, &position)
            bytes.skipSpace(&position)
            guard bytes.byte(at: position) == UInt8(ascii: ",") else {
                try bytes.take(UInt8(ascii: "]"), &position)
                return
            }
            position &+= 1
        }
    }

    @inline(__always)
    private mutating func scanComponent(
        _ bytes: Span<UInt8>, _ position: inout Int
    ) throws(RecordError) {
        let first = bytes.byte(at: position)
        guard first &- 0x30 < 10 || first == UInt8(ascii: "-") else {
            isMalformed = true
            count += 1
            try bytes.skipValue(&position, openCount: 2)
            return
        }
        switch try bytes.scanInteger(&position) {
        case .value(let value): append(value)
        case .overflow: append(-1)
        case .fraction:
            isMalformed = true
            count += 1
        }
    }

    /// Reads the challenge's text form: `[`, integers with blanks or commas between them, `]`.
    mutating func read(_ text: Span<UInt8>) {
        var position = 0
        text.skipSpace(&position)
        isMalformed = text.byte(at: position) != UInt8(ascii: "[")
        position += 1
        while !isMalformed {
            text.skipSeparators(&position)
            if text.byte(at: position) == UInt8(ascii: "]") { break }
            let digits = text.scanDigits(&position)
            let isApart = text.isSeparator(at: position) || text.byte(at: position) == 0x5D
            if digits.count == 0 || !isApart {
                isMalformed = true
            } else {
                append(digits.count <= 3 ? Int64(digits.value) : -1)
            }
        }
        position += 1
        text.skipSpace(&position)
        if position != text.count { isMalformed = true }
    }
}

extension Span<UInt8> {
    fileprivate func isSeparator(at position: Int) -> Bool {
        let byte = byte(at: position)
        return byte == 0x20 || byte == 0x2C || byte == 0x09 || byte == 0x0A || byte == 0x0D
    }

    fileprivate func skipSeparators(_ position: inout Int) {
        while isSeparator(at: position) { position += 1 }
    }
}

/// Ids as text.
package enum DecimalText {
    /// What `text` is as an int64: `-?(0|[1-9][0-9]*)`, so that each number has one text.
    ///
    /// `"007"`, `"+7"` and `"-0"` are texts, not numbers: two ids must not become one.
    static func integer(_ text: Span<UInt8>) -> ScannedInteger {
        let digitStart = text.byte(at: 0) == UInt8(ascii: "-") ? 1 : 0
        var position = digitStart
        let digits = text.scanDigits(&position)
        guard digits.count > 0, position == text.count else { return .fraction }
        if text[digitStart] == UInt8(ascii: "0") {
            return text.count == 1 ? .value(0) : .fraction
        }
        if digits.count > 19 { return .overflow }
        // Nineteen digits are below 10^19, and so below 2^64.
        if digitStart == 1 {
            guard digits.value <= UInt64(Int64.max) + 1 else { return .overflow }
            return .value(Int64(truncatingIfNeeded: 0 &- digits.value))
        }
        return digits.value <= UInt64(Int64.max) ? .value(Int64(digits.value)) : .overflow
    }

    /// The int64 that `text` is the one decimal form of; nil for every other text.
    package static func value(_ text: Span<UInt8>) -> Int64? {
        if case .value(let value) = integer(text) { value } else { nil }
    }
}

extension TextVector {
    /// Reads the challenge's text form: `[`, sixteen integers 0…255 with blanks or commas between
    /// them, `]`; nil for every other text.
    package init?(parsing text: Span<UInt8>) {
        var builder = VectorBuilder()
        builder.read(text)
        guard builder.error(.name) == nil else { return nil }
        self = builder.vector
    }
}
