/// Appends numbers to a byte string: variable-length integers and raw words, little-endian.
///
/// Integers use LEB128 (DWARF 5, §7.6), signed ones after a zigzag, so that small numbers are short.
package struct ByteWriter: Sendable {
    package private(set) var bytes: [UInt8] = []

    package init() {}

    /// Appends one byte.
    package mutating func put(byte: UInt8) { bytes.append(byte) }

    /// Appends an unsigned integer in 1…10 bytes.
    package mutating func put(_ value: UInt64) {
        var rest = value
        while rest >= 0x80 {
            bytes.append(UInt8(truncatingIfNeeded: rest) | 0x80)
            rest >>= 7
        }
        bytes.append(UInt8(truncatingIfNeeded: rest))
    }

    /// Appends a signed integer in 1…10 bytes.
    package mutating func put(_ value: Int64) {
        put(UInt64(bitPattern: (value << 1) ^ (value >> 63)))
    }

    /// Appends 8 bytes.
    package mutating func put(word: UInt64) {
        for shift in stride(from: UInt64(0), to: 64, by: 8) {
            bytes.append(UInt8(truncatingIfNeeded: word >> shift))
        }
    }

    /// Appends a number bit for bit.
    package mutating func put(_ value: Double) { put(word: value.bitPattern) }

    /// Appends an optional integer: a byte 0, or a byte 1 and the integer.
    package mutating func put(optional value: Int64?) {
        put(byte: value == nil ? 0 : 1)
        if let value { put(value) }
    }

    /// Appends float16 bits, 2 bytes each.
    package mutating func put(halves: ArraySlice<UInt16>) {
        for half in halves {
            bytes.append(UInt8(truncatingIfNeeded: half))
            bytes.append(UInt8(truncatingIfNeeded: half >> 8))
        }
    }

    /// Appends Float32 values, 4 bytes each.
    package mutating func put(floats: [Float]) {
        for value in floats {
            let bits = value.bitPattern
            bytes.append(UInt8(truncatingIfNeeded: bits))
            bytes.append(UInt8(truncatingIfNeeded: bits >> 8))
            bytes.append(UInt8(truncatingIfNeeded: bits >> 16))
            bytes.append(UInt8(truncatingIfNeeded: bits >> 24))
        }
    }
}

/// Reads what a `ByteWriter` wrote; every read is bounded by the bytes there are.
package struct ByteReader {
    /// Why the bytes are not what a writer wrote.
    package enum Failure: Error, Equatable, CustomStringConvertible {
        case truncated(at: Int)
        case malformed(at: Int, what: String)

        package var description: String {
            switch self {
            case .truncated(let index): "ends at byte \(index), in the middle of a value"
            case .malformed(let index, let what): "byte \(index): \(what)"
            }
        }
    }

    private let bytes: [UInt8]
    /// Index of the next byte.
    package private(set) var index = 0

    package init(_ bytes: [UInt8]) { self.bytes = bytes }

    /// Whether everything has been read.
    package var isAtEnd: Bool { index == bytes.count }

    /// One byte.
    package mutating func byte() throws(Failure) -> UInt8 {
        guard index < bytes.count else { throw .truncated(at: index) }
        defer { index += 1 }
        return bytes[index]
    }

    /// An unsigned integer.
    package mutating func unsigned() throws(Failure) -> UInt64 {
        var value: UInt64 = 0
        for shift in stride(from: UInt64(0), to: 70, by: 7) {
            let next = try byte()
            value |= UInt64(next & 0x7F) << shift
            if next < 0x80 { return value }
        }
        throw .malformed(at: index, what: "an integer longer than 64 bits")
    }

    /// A signed integer.
    package mutating func signed() throws(Failure) -> Int64 {
        let raw = try unsigned()
        return Int64(bitPattern: raw >> 1) ^ -Int64(bitPattern: raw & 1)
    }

    /// 8 bytes.
    package mutating func word() throws(Failure) -> UInt64 {
        try need(8)
        var value: UInt64 = 0
        for i in 0..<8 { value |= UInt64(bytes[index + i]) << UInt64(8 * i) }
        index += 8
        return value
    }

    /// A Float64.
    package mutating func double() throws(Failure) -> Double {
        Double(bitPattern: try word())
    }

    /// An optional integer.
    package mutating func optionalSigned() throws(Failure) -> Int64? {
        switch try byte() {
        case 0: nil
        case 1: try signed()
        default: throw .malformed(at: index - 1, what: "neither 0 nor 1 before an optional")
        }
    }

    /// A count of things of at least `byteCount` bytes each, so that no count sizes more than
    /// there are bytes for.
    package mutating func count(ofAtLeast byteCount: Int) throws(Failure) -> Int {
        let value = try unsigned()
        guard value <= UInt64((bytes.count - index) / max(1, byteCount)) else {
            throw .malformed(at: index, what: "a count of \(value) with too few bytes behind it")
        }
        return Int(value)
    }

    /// `count` float16 values.
    package mutating func halves(_ count: Int) throws(Failure) -> [UInt16] {
        try need(2 * count)
        defer { index += 2 * count }
        return (0..<count).map { i in
            UInt16(bytes[index + 2 * i]) | UInt16(bytes[index + 2 * i + 1]) << 8
        }
    }

    /// `count` Float32 values.
    package mutating func floats(_ count: Int) throws(Failure) -> [Float] {
        try need(4 * count)
        defer { index += 4 * count }
        return (0..<count).map { i in
            var bits: UInt32 = 0
            for k in 0..<4 { bits |= UInt32(bytes[index + 4 * i + k]) << UInt32(8 * k) }
            return Float(bitPattern: bits)
        }
    }

    private func need(_ count: Int) throws(Failure) {
        guard count >= 0, bytes.count - index >= count else { throw .truncated(at: bytes.count) }
    }
}
