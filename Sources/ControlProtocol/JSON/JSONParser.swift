/// Why bytes are not the JSON text that was wanted.
package enum JSONError: Error, Equatable, CustomStringConvertible {
    case tooLong(byteCount: Int, limit: Int)
    case tooDeep(position: Int, limit: Int)
    case unexpected(position: Int, want: String)
    case badNumber(position: Int)
    case badString(position: Int, reason: String)
    case duplicateName(position: Int, name: String)

    package var description: String {
        switch self {
        case .tooLong(let byteCount, let limit): "\(byteCount) bytes, the limit is \(limit)"
        case .tooDeep(let position, let limit):
            "byte \(position): nested deeper than \(limit) levels"
        case .unexpected(let position, let want): "byte \(position): want \(want)"
        case .badNumber(let position): "byte \(position): not a number that JSON allows"
        case .badString(let position, let reason): "byte \(position): in a string: \(reason)"
        case .duplicateName(let position, let name):
            "byte \(position): the name \"\(name)\" stands twice in one object"
        }
    }
}

/// A strict parser of JSON texts (RFC 8259) with bounds on bytes and depth.
///
/// Beyond the grammar it refuses what RFC 8259 calls unpredictable: a name twice in an object,
/// halves of surrogate pairs, numbers that overflow a `Double`, and anything after the value.
package struct JSONParser {
    private let bytes: [UInt8]
    private let depthLimit: Int
    private var position = 0

    private init(_ bytes: [UInt8], depthLimit: Int) {
        self.bytes = bytes
        self.depthLimit = depthLimit
    }

    /// Parses one text of at most `byteLimit` bytes.
    ///
    /// At most `depthLimit` arrays and objects may stand inside each other.
    package static func parse(
        _ bytes: [UInt8], byteLimit: Int = 1 << 20, depthLimit: Int = 32
    ) throws(JSONError) -> JSONValue {
        guard bytes.count <= byteLimit else {
            throw .tooLong(byteCount: bytes.count, limit: byteLimit)
        }
        var parser = JSONParser(bytes, depthLimit: depthLimit)
        let value = try parser.value(depth: 0)
        parser.skipSpace()
        guard parser.next == nil else {
            throw .unexpected(position: parser.position, want: "the end, one text only")
        }
        return value
    }

    private var next: UInt8? { position < bytes.count ? bytes[position] : nil }

    private mutating func skipSpace() {
        while let byte = next, byte == 0x20 || byte == 0x0A || byte == 0x0D || byte == 0x09 {
            position += 1
        }
    }

    private mutating func take(_ byte: UInt8) -> Bool {
        guard next == byte else { return false }
        position += 1
        return true
    }

    private mutating func expect(
        _ text: StaticString, _ value: JSONValue
    ) throws(JSONError)
        -> JSONValue
    {
        for byte in text.description.utf8 where !take(byte) {
            throw .unexpected(position: position, want: "`\(text)`")
        }
        return value
    }

    private mutating func value(depth: Int) throws(JSONError) -> JSONValue {
        skipSpace()
        guard depth < depthLimit || (next != UInt8(ascii: "{") && next != UInt8(ascii: "["))
        else { throw .tooDeep(position: position, limit: depthLimit) }
        switch next {
        case UInt8(ascii: "{"): return try object(depth: depth + 1)
        case UInt8(ascii: "["): return try array(depth: depth + 1)
        case UInt8(ascii: "\""): return .string(try string())
        case UInt8(ascii: "t"): return try expect("true", .bool(true))
        case UInt8(ascii: "f"): return try expect("false", .bool(false))
        case UInt8(ascii: "n"): return try expect("null", .null)
        case .some(let byte) where byte == UInt8(ascii: "-") || (0x30...0x39).contains(byte):
            return try number()
        default: throw .unexpected(position: position, want: "a value")
        }
    }

    private mutating func object(depth: Int) throws(JSONError) -> JSONValue {
        position += 1
        var members: [JSONValue.Member] = []
        var names: Set<String> = []
        skipSpace()
        if take(UInt8(ascii: "}")) { return .object([]) }
        while true {
            skipSpace()
            guard next == UInt8(ascii: "\"") else {
                throw .unexpected(position: position, want: "a name in quotes")
            }
            let start = position
            let name = try string()
            guard names.insert(name).inserted else {
                throw .duplicateName(position: start, name: name)
            }
            skipSpace()
            guard take(UInt8(ascii: ":")) else {
                throw .unexpected(position: position, want: "`:`")
            }
            members.append(.init(name, try value(depth: depth)))
            skipSpace()
            if take(UInt8(ascii: "}")) { return .object(members) }
            guard take(UInt8(ascii: ",")) else {
                throw .unexpected(position: position, want: "`,` or `}`")
            }
        }
    }

    private mutating func array(depth: Int) throws(JSONError) -> JSONValue {
        position += 1
        var values: [JSONValue] = []
        skipSpace()
        if take(UInt8(ascii: "]")) { return .array([]) }
        while true {
            values.append(try value(depth: depth))
            skipSpace()
            if take(UInt8(ascii: "]")) { return .array(values) }
            guard take(UInt8(ascii: ",")) else {
                throw .unexpected(position: position, want: "`,` or `]`")
            }
        }
    }

    private mutating func digits() -> Int {
        let start = position
        while let byte = next, byte >= UInt8(ascii: "0"), byte <= UInt8(ascii: "9") {
            position += 1
        }
        return position - start
    }

    private mutating func number() throws(JSONError) -> JSONValue {
        let start = position
        let isNegative = take(UInt8(ascii: "-"))
        let first = next
        let count = digits()
        guard count == 1 || (count > 1 && first != UInt8(ascii: "0")) else {
            throw .badNumber(position: start)
        }
        var isInteger = true
        if take(UInt8(ascii: ".")) {
            isInteger = false
            guard digits() > 0 else { throw .badNumber(position: start) }
        }
        if take(UInt8(ascii: "e")) || take(UInt8(ascii: "E")) {
            isInteger = false
            if !take(UInt8(ascii: "+")) { _ = take(UInt8(ascii: "-")) }
            guard digits() > 0 else { throw .badNumber(position: start) }
        }
        let text = String(decoding: bytes[start..<position], as: UTF8.self)
        // -0 is no integer: it would lose its sign.
        if isInteger, let value = Int64(text), !(isNegative && value == 0) { return .int(value) }
        guard let value = Double(text), value.isFinite else { throw .badNumber(position: start) }
        return .double(value)
    }
}

// MARK: Strings

extension JSONParser {
    private mutating func string() throws(JSONError) -> String {
        position += 1
        let start = position
        while let byte = next, byte != UInt8(ascii: "\""), byte != UInt8(ascii: "\\"), byte >= 0x20
        {
            position += 1
        }
        var text: [UInt8] = Array(bytes[start..<position])
        while !take(UInt8(ascii: "\"")) {
            guard let byte = next else {
                throw .badString(position: position, reason: "no closing quote")
            }
            guard byte >= 0x20 else {
                throw .badString(position: position, reason: "a control character, unescaped")
            }
            position += 1
            if byte == UInt8(ascii: "\\") {
                try escape(into: &text)
            } else {
                text.append(byte)
            }
        }
        guard let string = String(validating: text, as: UTF8.self) else {
            throw .badString(position: start, reason: "not UTF-8")
        }
        return string
    }

    private mutating func escape(into text: inout [UInt8]) throws(JSONError) {
        let start = position - 1
        guard let byte = next else {
            throw .badString(position: start, reason: "no closing quote")
        }
        position += 1
        switch byte {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): text.append(byte)
        case UInt8(ascii: "b"): text.append(0x08)
        case UInt8(ascii: "f"): text.append(0x0C)
        case UInt8(ascii: "n"): text.append(0x0A)
        case UInt8(ascii: "r"): text.append(0x0D)
        case UInt8(ascii: "t"): text.append(0x09)
        case UInt8(ascii: "u"): text.append(contentsOf: try scalar(start: start).utf8)
        default: throw .badString(position: start, reason: "an escape that JSON does not know")
        }
    }

    /// The code point after `\u`, two escapes when it is a surrogate pair (RFC 8259 §7).
    private mutating func scalar(start: Int) throws(JSONError) -> Character {
        var code = try hexadecimal(start: start)
        if (0xD800..<0xDC00).contains(code), take(UInt8(ascii: "\\")), take(UInt8(ascii: "u")) {
            let low = try hexadecimal(start: start)
            guard (0xDC00..<0xE000).contains(low) else {
                throw .badString(position: start, reason: "half of a surrogate pair")
            }
            code = 0x1_0000 + (code - 0xD800) << 10 + (low - 0xDC00)
        }
        guard let scalar = Unicode.Scalar(code) else {
            throw .badString(position: start, reason: "half of a surrogate pair")
        }
        return Character(scalar)
    }

    private mutating func hexadecimal(start: Int) throws(JSONError) -> UInt32 {
        var code: UInt32 = 0
        for _ in 0..<4 {
            let digit: UInt8
            switch next {
            case .some(let byte) where byte >= 0x30 && byte <= 0x39: digit = byte - 0x30
            case .some(let byte) where byte >= 0x41 && byte <= 0x46: digit = byte - 0x41 + 10
            case .some(let byte) where byte >= 0x61 && byte <= 0x66: digit = byte - 0x61 + 10
            default:
                throw .badString(position: start, reason: "`\\u` wants four hexadecimal digits")
            }
            position += 1
            code = code << 4 | UInt32(digit)
        }
        return code
    }
}
