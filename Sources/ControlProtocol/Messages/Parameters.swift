/// Reads the members of a request's `params` or a reply's `result`, each once and with its type.
///
/// Every refusal is `invalid_params` and names the member; `finish` refuses members nobody read.
package struct Parameters: Sendable {
    private let members: [JSONValue.Member]
    private var known: [String] = []

    package init(_ members: [JSONValue.Member]) { self.members = members }

    /// Reads an object; anything else has no members.
    package init(_ json: JSONValue) {
        guard case .object(let members) = json else {
            self.members = []
            return
        }
        self.members = members
    }

    /// The member of that name; null counts as absent.
    package mutating func value(_ name: String) -> JSONValue? {
        known.append(name)
        let value = members.first { $0.name == name }?.value
        return value == .null ? nil : value
    }

    /// An integer in `range`, or nil when absent; decimal strings are taken too.
    package mutating func integer(
        _ name: String, in range: ClosedRange<Int64> = .min ... .max
    ) throws(ControlError) -> Int64? {
        guard let value = value(name) else { return nil }
        guard let integer = value.integer ?? value.text.flatMap({ Int64($0) }),
            range.contains(integer)
        else {
            throw .invalid(name, "an integer in \(range.lowerBound)…\(range.upperBound)", value)
        }
        return integer
    }

    /// A number in `range`, or nil when absent.
    package mutating func number(
        _ name: String, in range: ClosedRange<Double>
    )
        throws(ControlError) -> Double?
    {
        guard let value = value(name) else { return nil }
        guard let number = value.number, range.contains(number) else {
            throw .invalid(name, "a number in \(range.lowerBound)…\(range.upperBound)", value)
        }
        return number
    }

    /// A text of at most `byteCount` bytes, or nil when absent.
    package mutating func text(
        _ name: String, atMost byteCount: Int = 4096
    ) throws(ControlError)
        -> String?
    {
        guard let value = value(name) else { return nil }
        guard let text = value.text, text.utf8.count <= byteCount else {
            throw .invalid(name, "a string of at most \(byteCount) bytes", value)
        }
        return text
    }

    /// A boolean, or nil when absent.
    package mutating func boolean(_ name: String) throws(ControlError) -> Bool? {
        guard let value = value(name) else { return nil }
        guard let boolean = value.boolean else { throw .invalid(name, "true or false", value) }
        return boolean
    }

    /// An array, or nil when absent.
    package mutating func elements(_ name: String) throws(ControlError) -> [JSONValue]? {
        guard let value = value(name) else { return nil }
        guard let elements = value.elements else { throw .invalid(name, "an array", value) }
        return elements
    }

    /// Refuses members that were not asked for, so that a misspelt `dry_run` is no real run.
    package func finish() throws(ControlError) {
        guard let other = members.first(where: { !known.contains($0.name) }) else { return }
        let names = known.sorted().map { "`\($0)`" }.joined(separator: ", ")
        throw ControlError(
            .invalidParams, "`\(other.name)` is no parameter of this method",
            hint: known.isEmpty ? "it takes none" : "it takes \(names)")
    }
}

extension ControlError {
    /// `invalid_params` for a member of the wrong type or out of range.
    static func invalid(_ name: String, _ want: String, _ value: JSONValue) -> ControlError {
        let shown: String =
            switch value {
            case .int(let value): "\(value)"
            case .double(let value): "\(value)"
            case .string(let value): "\"\(value.prefix(60))\""
            default: value.kind
            }
        return ControlError(
            .invalidParams, "`\(name)` is \(shown)", hint: "send \(want)")
    }

    /// `invalid_params` for a member that must be there and is not.
    package static func missing(_ name: String, _ want: String) -> ControlError {
        ControlError(.invalidParams, "`\(name)` is missing", hint: "send \(want)")
    }
}

/// A user as a peer names it: by number, or by the text the shop knows it under.
package enum UserReference: Sendable, Equatable, CustomStringConvertible {
    case number(Int64)
    case text(String)

    /// Decimal text is a number.
    package init(_ text: String) { self = Int64(text).map(Self.number) ?? .text(text) }

    /// Reads an integer or a string of 1…256 bytes; nil for anything else.
    package init?(json: JSONValue) {
        switch json {
        case .int(let value): self = .number(value)
        case .string(let text) where !text.isEmpty && text.utf8.count <= 256: self.init(text)
        default: return nil
        }
    }

    /// A string always, because JSON tools lose integers above 2⁵³.
    package var json: JSONValue { .string(description) }

    package var description: String {
        switch self {
        case .number(let value): String(value)
        case .text(let text): text
        }
    }
}

extension Parameters {
    static let userWant = "a 64-bit integer or a string of 1…256 bytes"

    mutating func users(_ name: String) throws(ControlError) -> [UserReference]? {
        guard let elements = try elements(name) else { return nil }
        var users: [UserReference] = []
        users.reserveCapacity(elements.count)
        for element in elements {
            guard let user = UserReference(json: element) else {
                throw .invalid(name, "\(Self.userWant) for each", element)
            }
            users.append(user)
        }
        return users
    }
}
