/// The JSON header of a safetensors file, parsed strictly: only what the format allows passes.
struct SafetensorsHeader {
    struct Entry {
        var name: String
        var type: String
        var shape: [Int]
        var begin: Int
        var end: Int
    }

    var entries: [Entry] = []
    var metadata: [String: String] = [:]

    init(parsing bytes: [UInt8]) throws(SafetensorsError) {
        var reader = HeaderReader(bytes: bytes)
        var names: Set<String> = []
        try reader.expect("{")
        var more = try !reader.takes("}")
        while more {
            let name = try reader.string()
            guard names.insert(name).inserted else { throw .duplicateName(name) }
            try reader.expect(":")
            if name == "__metadata__" {
                metadata = try Self.metadata(&reader)
            } else {
                entries.append(try Self.entry(name, &reader))
            }
            guard entries.count <= SafetensorsFile.Limit.tensorCount else {
                throw .tooManyTensors(
                    count: entries.count, limit: SafetensorsFile.Limit.tensorCount)
            }
            more = try reader.takes(",")
            if !more { try reader.expect("}") }
        }
        try reader.finish()
    }

    private static func metadata(
        _ reader: inout HeaderReader
    ) throws(SafetensorsError) -> [String: String] {
        var pairs: [String: String] = [:]
        try reader.expect("{")
        var more = try !reader.takes("}")
        while more {
            let key = try reader.string()
            try reader.expect(":")
            guard pairs.updateValue(try reader.string(), forKey: key) == nil else {
                throw .duplicateName("__metadata__.\(key)")
            }
            more = try reader.takes(",")
            if !more { try reader.expect("}") }
        }
        return pairs
    }

    private static func entry(
        _ name: String, _ reader: inout HeaderReader
    ) throws(SafetensorsError) -> Entry {
        var type: String?
        var shape: [Int]?
        var offsets: [Int]?
        try reader.expect("{")
        repeat {
            let field = try reader.string()
            try reader.expect(":")
            switch field {
            case "dtype" where type == nil: type = try reader.string()
            case "shape" where shape == nil: shape = try reader.integers(atMost: 8)
            case "data_offsets" where offsets == nil: offsets = try reader.integers(atMost: 2)
            default: throw reader.error("field \(field) of \(name) is unknown or given twice")
            }
        } while try reader.takes(",")
        try reader.expect("}")
        guard let type, let shape, let offsets, offsets.count == 2 else {
            throw reader.error("\(name) lacks dtype, shape or two data_offsets")
        }
        return Entry(name: name, type: type, shape: shape, begin: offsets[0], end: offsets[1])
    }
}

/// Reads the few JSON forms a safetensors header may hold.
private struct HeaderReader {
    let bytes: [UInt8]
    private var position = 0

    init(bytes: [UInt8]) { self.bytes = bytes }

    func error(_ reason: String) -> SafetensorsError {
        .badHeader(offset: position, reason: reason)
    }

    private mutating func skipSpaces() {
        while position < bytes.count, [0x20, 0x09, 0x0A, 0x0D].contains(bytes[position]) {
            position += 1
        }
    }

    /// Takes `character` if it comes next.
    mutating func takes(_ character: Unicode.Scalar) throws(SafetensorsError) -> Bool {
        skipSpaces()
        guard position < bytes.count else { throw error("ends too early") }
        guard bytes[position] == UInt8(ascii: character) else { return false }
        position += 1
        return true
    }

    mutating func expect(_ character: Unicode.Scalar) throws(SafetensorsError) {
        guard try takes(character) else { throw error("\(character) expected") }
    }

    /// Only spaces may follow.
    mutating func finish() throws(SafetensorsError) {
        skipSpaces()
        guard position == bytes.count else { throw error("more after the closing brace") }
    }

    /// An array of at most `limit` non-negative integers.
    mutating func integers(atMost limit: Int) throws(SafetensorsError) -> [Int] {
        var numbers: [Int] = []
        try expect("[")
        if try takes("]") { return numbers }
        repeat {
            numbers.append(try integer())
            guard numbers.count <= limit else { throw error("more than \(limit) numbers") }
        } while try takes(",")
        try expect("]")
        return numbers
    }

    private mutating func integer() throws(SafetensorsError) -> Int {
        skipSpaces()
        let digits = bytes[position...].prefix { (0x30...0x39).contains($0) }
        guard let number = Int(String(decoding: digits, as: UTF8.self)) else {
            throw error("a non-negative integer expected")
        }
        position = digits.endIndex
        return number
    }

    mutating func string() throws(SafetensorsError) -> String {
        try expect("\"")
        var text: [UInt8] = []
        while position < bytes.count {
            let byte = bytes[position]
            position += 1
            switch byte {
            case UInt8(ascii: "\""):
                guard let string = String(validating: text, as: UTF8.self) else {
                    throw error("text is not UTF-8")
                }
                return string
            case UInt8(ascii: "\\"): text += try Array(String(escaped()).utf8)
            case ..<0x20: throw error("a control character in text")
            default: text.append(byte)
            }
        }
        throw error("text does not end")
    }

    /// The character after a backslash.
    private mutating func escaped() throws(SafetensorsError) -> Unicode.Scalar {
        guard position < bytes.count else { throw error("text does not end") }
        let byte = bytes[position]
        position += 1
        switch byte {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): return Unicode.Scalar(byte)
        case UInt8(ascii: "b"): return "\u{8}"
        case UInt8(ascii: "f"): return "\u{C}"
        case UInt8(ascii: "n"): return "\n"
        case UInt8(ascii: "r"): return "\r"
        case UInt8(ascii: "t"): return "\t"
        case UInt8(ascii: "u"):
            let high = try hexadecimal()
            guard (0xD800..<0xDC00).contains(high) else {
                guard let scalar = Unicode.Scalar(high) else { throw error("a lone surrogate") }
                return scalar
            }
            guard bytes[position...].starts(with: [0x5C, 0x75]) else {
                throw error("a lone surrogate")
            }
            position += 2
            let low = try hexadecimal()
            guard (0xDC00..<0xE000).contains(low),
                let scalar = Unicode.Scalar(0x10000 + ((high - 0xD800) << 10) + (low - 0xDC00))
            else { throw error("a lone surrogate") }
            return scalar
        default: throw error("an unknown escape")
        }
    }

    private mutating func hexadecimal() throws(SafetensorsError) -> UInt32 {
        let digits = bytes[position...].prefix(4)
        guard digits.count == 4, digits.allSatisfy({ Character(Unicode.Scalar($0)).isHexDigit }),
            let value = UInt32(String(decoding: digits, as: UTF8.self), radix: 16)
        else { throw error("four hexadecimal digits expected") }
        position += 4
        return value
    }
}
