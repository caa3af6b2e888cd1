/// A JSON text (RFC 8259) in memory; objects keep the order of their members.
///
/// Integers that fit 64 bits are exact; every other number is a `Double`. Members of an object are
/// compared in order, so equal values encode to equal bytes.
package enum JSONValue: Sendable, Equatable {
    case null
    case bool(Bool)
    case int(Int64)
    case double(Double)
    case string(String)
    case array([JSONValue])
    case object([Member])
    /// A long array of numbers; it is only ever made to be encoded, a parsed one is an `array`.
    case floats([Float])

    /// One name and value of an object.
    package struct Member: Sendable, Equatable {
        package var name: String
        package var value: JSONValue

        package init(_ name: String, _ value: JSONValue) {
            self.name = name
            self.value = value
        }
    }

    /// The member of that name; nil when there is none or this is no object.
    package subscript(name: String) -> JSONValue? {
        guard case .object(let members) = self else { return nil }
        return members.first { $0.name == name }?.value
    }

    /// What this is, for error messages.
    package var kind: String {
        switch self {
        case .null: "null"
        case .bool: "a boolean"
        case .int: "an integer"
        case .double: "a number that is no 64-bit integer"
        case .string: "a string"
        case .array, .floats: "an array"
        case .object: "an object"
        }
    }

    /// The integer, or nil.
    package var integer: Int64? {
        guard case .int(let value) = self else { return nil }
        return value
    }

    /// The number, integers included, or nil.
    package var number: Double? {
        switch self {
        case .int(let value): Double(value)
        case .double(let value): value
        default: nil
        }
    }

    /// The text, or nil.
    package var text: String? {
        guard case .string(let value) = self else { return nil }
        return value
    }

    /// The boolean, or nil.
    package var boolean: Bool? {
        guard case .bool(let value) = self else { return nil }
        return value
    }

    /// The elements, or nil.
    package var elements: [JSONValue]? {
        switch self {
        case .array(let values): values
        case .floats(let values): values.map { .double(Double($0)) }
        default: nil
        }
    }

    /// An integer, or null.
    package static func optional(_ value: Int64?) -> JSONValue { value.map(Self.int) ?? .null }

    /// A string, or null.
    package static func optional(_ value: String?) -> JSONValue { value.map(Self.string) ?? .null }

    /// A number, or null.
    package static func optional(_ value: Double?) -> JSONValue { value.map(Self.double) ?? .null }
}

extension JSONValue: ExpressibleByStringLiteral, ExpressibleByIntegerLiteral,
    ExpressibleByBooleanLiteral, ExpressibleByArrayLiteral, ExpressibleByDictionaryLiteral
{
    package init(stringLiteral value: String) { self = .string(value) }
    package init(integerLiteral value: Int64) { self = .int(value) }
    package init(booleanLiteral value: Bool) { self = .bool(value) }
    package init(arrayLiteral elements: JSONValue...) { self = .array(elements) }
    package init(dictionaryLiteral elements: (String, JSONValue)...) {
        self = .object(elements.map(Member.init))
    }
}
