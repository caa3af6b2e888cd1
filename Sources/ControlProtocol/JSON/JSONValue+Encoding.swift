extension JSONValue {
    /// The text in UTF-8, without white space or newline, so that one value is one line.
    package var encoded: [UInt8] {
        var bytes: [UInt8] = []
        write(to: &bytes)
        return bytes
    }

    /// The text, indented by two spaces a level, for people.
    package var indented: String {
        var bytes: [UInt8] = []
        write(to: &bytes, indentation: 0)
        return String(decoding: bytes, as: UTF8.self)
    }

    /// Appends the text to `bytes`.
    package func write(to bytes: inout [UInt8]) {
        switch self {
        case .null: bytes.append(contentsOf: "null".utf8)
        case .bool(let value): bytes.append(contentsOf: (value ? "true" : "false").utf8)
        case .int(let value): append(value, to: &bytes)
        case .double(let value): append(value, to: &bytes)
        case .string(let value): append(value, to: &bytes)
        case .floats(let values): append(values, to: &bytes)
        case .array(let values):
            bytes.append(UInt8(ascii: "["))
            for (index, value) in values.enumerated() {
                if index > 0 { bytes.append(UInt8(ascii: ",")) }
                value.write(to: &bytes)
            }
            bytes.append(UInt8(ascii: "]"))
        case .object(let members):
            bytes.append(UInt8(ascii: "{"))
            for (index, member) in members.enumerated() {
                if index > 0 { bytes.append(UInt8(ascii: ",")) }
                append(member.name, to: &bytes)
                bytes.append(UInt8(ascii: ":"))
                member.value.write(to: &bytes)
            }
            bytes.append(UInt8(ascii: "}"))
        }
    }

    private func write(to bytes: inout [UInt8], indentation: Int) {
        func newLine(_ level: Int) {
            bytes.append(UInt8(ascii: "\n"))
            bytes.append(contentsOf: repeatElement(UInt8(ascii: " "), count: 2 * level))
        }
        switch self {
        case .array(let values) where !values.isEmpty && !values.allSatisfy(\.isScalar):
            bytes.append(UInt8(ascii: "["))
            for (index, value) in values.enumerated() {
                if index > 0 { bytes.append(UInt8(ascii: ",")) }
                newLine(indentation + 1)
                value.write(to: &bytes, indentation: indentation + 1)
            }
            newLine(indentation)
            bytes.append(UInt8(ascii: "]"))
        case .object(let members) where !members.isEmpty:
            bytes.append(UInt8(ascii: "{"))
            for (index, member) in members.enumerated() {
                if index > 0 { bytes.append(UInt8(ascii: ",")) }
                newLine(indentation + 1)
                append(member.name, to: &bytes)
                bytes.append(contentsOf: ": ".utf8)
                member.value.write(to: &bytes, indentation: indentation + 1)
            }
            newLine(indentation)
            bytes.append(UInt8(ascii: "}"))
        default: write(to: &bytes)
        }
    }

    private var isScalar: Bool {
        switch self {
        case .array, .object, .floats: false
        default: true
        }
    }
}

/// The shortest decimal that reads back as the same number; what JSON has no word for is null.
private func append<Value: BinaryFloatingPoint & CustomStringConvertible>(
    _ value: Value, to bytes: inout [UInt8]
) {
    guard value.isFinite else {
        bytes.append(contentsOf: "null".utf8)
        return
    }
    bytes.append(contentsOf: value.description.utf8)
}

private func append(_ values: [Float], to bytes: inout [UInt8]) {
    bytes.reserveCapacity(bytes.count + 13 * values.count + 2)
    bytes.append(UInt8(ascii: "["))
    for index in values.indices {
        if index > 0 { bytes.append(UInt8(ascii: ",")) }
        // Parts of a profile that a generation does not fill are zeros, long runs of them.
        if values[index] == 0 && values[index].sign == .plus {
            bytes.append(UInt8(ascii: "0"))
        } else {
            append(values[index], to: &bytes)
        }
    }
    bytes.append(UInt8(ascii: "]"))
}

private func append(_ value: Int64, to bytes: inout [UInt8]) {
    bytes.append(contentsOf: value.description.utf8)
}

private func append(_ text: String, to bytes: inout [UInt8]) {
    bytes.append(UInt8(ascii: "\""))
    for byte in text.utf8 {
        switch byte {
        case UInt8(ascii: "\""): bytes.append(contentsOf: "\\\"".utf8)
        case UInt8(ascii: "\\"): bytes.append(contentsOf: "\\\\".utf8)
        case 0x0A: bytes.append(contentsOf: "\\n".utf8)
        case 0x0D: bytes.append(contentsOf: "\\r".utf8)
        case 0x09: bytes.append(contentsOf: "\\t".utf8)
        case 0..<0x20, 0x7F:
            bytes.append(contentsOf: "\\u00".utf8)
            bytes.append(hexadecimal(byte >> 4))
            bytes.append(hexadecimal(byte & 15))
        default: bytes.append(byte)
        }
    }
    bytes.append(UInt8(ascii: "\""))
}

private func hexadecimal(_ digit: UInt8) -> UInt8 {
    digit < 10 ? UInt8(ascii: "0") + digit : UInt8(ascii: "a") + digit - 10
}
