import Storage

/// Reading JSON text (RFC 8259) where it lies: positions move, nothing is copied.
///
/// `position` is a byte offset into the record; at or past the end a byte reads as zero, which no
/// JSON text may hold, so truncation needs no check of its own. All methods throw `notJSON`,
/// `invalidText` or `tooDeep` and leave the position anywhere.
extension Span<UInt8> {
    /// The byte at `position`, zero past the end.
    @inline(__always)
    func byte(at position: Int) -> UInt8 {
        position < count ? self[position] : 0
    }

    /// Moves over blanks, tabs and line ends.
    @inline(__always)
    func skipSpace(_ position: inout Int) {
        while true {
            let byte = byte(at: position)
            guard byte <= 0x20, byte == 0x20 || byte == 0x0A || byte == 0x0D || byte == 0x09 else {
                return
            }
            position &+= 1
        }
    }

    /// Moves over `expected`, or throws.
    @inline(__always)
    func take(_ expected: UInt8, _ position: inout Int) throws(RecordError) {
        guard byte(at: position) == expected else { throw .notJSON(at: position) }
        position &+= 1
    }

    /// Moves over `null`, `true` or `false`.
    func skipLiteral(_ position: inout Int) throws(RecordError) {
        let word = word(at: position)
        if word & 0xFFFF_FFFF == literalWord("null") || word & 0xFFFF_FFFF == literalWord("true") {
            position += 4
        } else if word & 0xFF_FFFF_FFFF == literalWord("false") {
            position += 5
        } else {
            throw .notJSON(at: position)
        }
    }

    /// Moves over one value of any kind, with `openCount` objects and arrays open around it.
    func skipValue(_ position: inout Int, openCount: Int) throws(RecordError) {
        // Bit d of `objects` tells whether the d-th container opened here is an object.
        var objects: UInt64 = 0
        var depth = 0
        while true {
            skipSpace(&position)
            let first = byte(at: position)
            if first == UInt8(ascii: "{") || first == UInt8(ascii: "[") {
                guard depth + openCount < RecordParser.depthLimit else {
                    throw .tooDeep(at: position)
                }
                let isObject = first == UInt8(ascii: "{")
                position += 1
                skipSpace(&position)
                // "}" and "]" stand two after "{" and "[".
                guard byte(at: position) == first + 2 else {
                    let bit: UInt64 = 1 << UInt64(depth)
                    objects = isObject ? objects | bit : objects & ~bit
                    depth += 1
                    if isObject { try skipKey(&position) }
                    continue
                }
                position += 1
            } else {
                try skipScalar(first, &position)
            }
            if try !advance(&position, &depth, objects) { return }
        }
    }

    /// After a value: closes containers, and moves to the next value if there is one.
    private func advance(
        _ position: inout Int, _ depth: inout Int, _ objects: UInt64
    ) throws(RecordError) -> Bool {
        while depth > 0 {
            skipSpace(&position)
            let isObject = objects >> UInt64(depth - 1) & 1 == 1
            let next = byte(at: position)
            if next == UInt8(ascii: ",") {
                position += 1
                if isObject {
                    skipSpace(&position)
                    try skipKey(&position)
                }
                return true
            }
            guard next == UInt8(ascii: isObject ? "}" : "]") else { throw .notJSON(at: position) }
            position += 1
            depth -= 1
        }
        return false
    }

    private func skipKey(_ position: inout Int) throws(RecordError) {
        _ = try scanString(&position)
        skipSpace(&position)
        try take(UInt8(ascii: ":"), &position)
    }

    private func skipScalar(_ first: UInt8, _ position: inout Int) throws(RecordError) {
        if first == UInt8(ascii: "\"") {
            _ = try scanString(&position)
        } else if first == UInt8(ascii: "-") || first &- 0x30 < 10 {
            try skipNumber(&position)
        } else {
            try skipLiteral(&position)
        }
    }
}

/// Numbers.
extension Span<UInt8> {
    /// Moves over a number of any form.
    func skipNumber(_ position: inout Int) throws(RecordError) {
        if byte(at: position) == UInt8(ascii: "-") { position += 1 }
        let start = position
        try skipDigits(&position)
        guard position == start + 1 || self[start] != UInt8(ascii: "0") else {
            throw .notJSON(at: start)
        }
        if byte(at: position) == UInt8(ascii: ".") {
            position += 1
            try skipDigits(&position)
        }
        if byte(at: position) | 0x20 == UInt8(ascii: "e") {
            position += 1
            let sign = byte(at: position)
            if sign == UInt8(ascii: "+") || sign == UInt8(ascii: "-") { position += 1 }
            try skipDigits(&position)
        }
    }

    private func skipDigits(_ position: inout Int) throws(RecordError) {
        guard byte(at: position) &- 0x30 < 10 else { throw .notJSON(at: position) }
        while byte(at: position) &- 0x30 < 10 { position += 1 }
    }

    /// Reads a number that should be an int64.
    @inline(__always)
    func scanInteger(_ position: inout Int) throws(RecordError) -> ScannedInteger {
        let start = position
        if byte(at: position) == UInt8(ascii: "-") { position &+= 1 }
        let digits = scanDigits(&position)
        guard digits.count > 0 else { throw .notJSON(at: position) }
        let next = byte(at: position)
        let isLong = digits.count > 19 || digits.value > UInt64(Int64.max)
        let hasZero = digits.count > 1 && self[position &- digits.count] == UInt8(ascii: "0")
        if isLong || hasZero || next == UInt8(ascii: ".") || next | 0x20 == UInt8(ascii: "e") {
            position = start
            return try scanUnusualInteger(&position)
        }
        let value = Int64(truncatingIfNeeded: digits.value)
        return .value(self[start] == UInt8(ascii: "-") ? 0 &- value : value)
    }

    /// The rest of `scanInteger`: fractions, exponents, and what may be beyond int64.
    private func scanUnusualInteger(_ position: inout Int) throws(RecordError) -> ScannedInteger {
        let start = position
        try skipNumber(&position)
        let isNegative = self[start] == UInt8(ascii: "-")
        var value: Int64 = 0
        for index in (isNegative ? start + 1 : start)..<position {
            let digit = self[index] &- 0x30
            guard digit < 10 else { return .fraction }
            let (shifted, tooLong) = value.multipliedReportingOverflow(by: 10)
            let step = isNegative ? -Int64(digit) : Int64(digit)
            let (sum, tooLarge) = shifted.addingReportingOverflow(step)
            if tooLong || tooLarge {
                return extracting(index..<position).holdsOnlyDigits ? .overflow : .fraction
            }
            value = sum
        }
        return .value(value)
    }

    private var holdsOnlyDigits: Bool {
        for index in indices where self[index] &- 0x30 >= 10 { return false }
        return true
    }

    /// Moves over decimal digits, eight at a time; the value is exact up to nineteen of them.
    ///
    /// Eight digits become a number by three multiplications (Lemire, "Quickly parsing eight
    /// digits", 2018), after finding the first byte that is not a digit.
    @inline(__always)
    func scanDigits(_ position: inout Int) -> (value: UInt64, count: Int) {
        let start = position
        var value: UInt64 = 0
        while true {
            let word = word(at: position)
            let high: UInt64 = 0xF0F0_F0F0_F0F0_F0F0
            let zeros: UInt64 = 0x3030_3030_3030_3030
            let other =
                ((word & high) ^ zeros)
                | (((word &+ 0x0606_0606_0606_0606) & high) ^ zeros)
            let count = other.trailingZeroBitCount &>> 3
            if count == 8 {
                value = value &* 100_000_000 &+ Self.number(word)
                position &+= 8
                continue
            }
            if count > 0 {
                value = value &* Self.powerOfTen(count)
                value = value &+ Self.number(word &<< UInt64(64 &- 8 &* count))
                position &+= count
            }
            return (value, position &- start)
        }
    }

    /// Eight digits, the first in the lowest byte; zero bytes in front count as zeros.
    @inline(__always)
    private static func number(_ word: UInt64) -> UInt64 {
        var x = word & 0x0F0F_0F0F_0F0F_0F0F
        x = (x &* 2_561) &>> 8
        x = ((x & 0x00FF_00FF_00FF_00FF) &* 6_553_601) &>> 16
        return ((x & 0x0000_FFFF_0000_FFFF) &* 42_949_672_960_001) &>> 32
    }

    /// Ten to the power of 1…7.
    @inline(__always)
    private static func powerOfTen(_ exponent: Int) -> UInt64 {
        var power: UInt64 = exponent & 1 != 0 ? 10 : 1
        if exponent & 2 != 0 { power &*= 100 }
        if exponent & 4 != 0 { power &*= 10_000 }
        return power
    }
}

/// What a JSON number is as an int64.
enum ScannedInteger {
    case value(Int64)
    case overflow
    /// It has a fraction or an exponent.
    case fraction
}
