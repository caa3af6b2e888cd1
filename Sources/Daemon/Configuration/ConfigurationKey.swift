import Yams

/// One key of the configuration file: where its value goes, what it may be and what it means.
package struct ConfigurationKey: Sendable {
    /// Names of the sections and of the key, joined with dots.
    package let path: String
    /// What the key is for, with its unit: one sentence, as `ubpd check-config --keys` prints it.
    package let summary: String
    /// What the value must be, for error messages.
    package let want: String
    /// Takes the value; nil when it was taken, else the node that is not as `want` says.
    let take: @Sendable (Node, inout Configuration) -> Node?
    /// The value as it would stand in the file.
    package let text: @Sendable (Configuration) -> String

    typealias Place<Value> = WritableKeyPath<Configuration, Value> & Sendable

    static func integer<Value: FixedWidthInteger & Sendable>(
        _ path: String, _ place: any Place<Value>, _ range: ClosedRange<Value>, _ summary: String
    ) -> Self {
        Self(
            path: path, summary: summary,
            want: "an integer in \(range.lowerBound)…\(range.upperBound)",
            take: { node, configuration in
                guard let text = node.plainText, let value = decimal(text, as: Value.self) else {
                    return node
                }
                guard range.contains(value) else { return node }
                configuration[keyPath: place] = value
                return nil
            },
            text: { "\($0[keyPath: place])" })
    }

    /// Permission bits, in octal as chmod(1) takes them.
    static func mode(
        _ path: String, _ place: any Place<UInt32>, _ summary: String
    ) -> Self {
        Self(
            path: path, summary: summary, want: "octal permission bits such as 0660",
            take: { node, configuration in
                guard let text = node.text, text.utf8.count <= 4,
                    let value = UInt32(text, radix: 8),
                    value <= 0o777
                else { return node }
                configuration[keyPath: place] = value
                return nil
            },
            text: { "0" + String($0[keyPath: place], radix: 8) })
    }

    static func path(
        _ path: String, _ place: any Place<String>, atMost byteCount: Int, _ summary: String
    ) -> Self {
        Self(
            path: path, summary: summary, want: "a path of 1…\(byteCount) bytes",
            take: { node, configuration in
                guard let text = node.text, !text.isEmpty, text.utf8.count <= byteCount,
                    !text.utf8.contains(0)
                else { return node }
                configuration[keyPath: place] = text
                return nil
            },
            text: { $0[keyPath: place] })
    }

    /// A path, or the word none, which is kept as an empty text.
    static func optionalPath(
        _ path: String, _ place: any Place<String>, atMost byteCount: Int, _ summary: String
    ) -> Self {
        Self(
            path: path, summary: summary,
            want: "a path of 1…\(byteCount) bytes, or none",
            take: { node, configuration in
                guard let text = node.text, !text.isEmpty, text.utf8.count <= byteCount,
                    !text.utf8.contains(0)
                else { return node }
                configuration[keyPath: place] = text == "none" ? "" : text
                return nil
            },
            text: { $0[keyPath: place].isEmpty ? "none" : $0[keyPath: place] })
    }

    static func choice<Value: RawRepresentable<String> & CaseIterable & Sendable>(
        _ path: String, _ place: any Place<Value>, _ summary: String
    ) -> Self {
        Self(
            path: path, summary: summary,
            want: "one of " + Value.allCases.map(\.rawValue).joined(separator: ", "),
            take: { node, configuration in
                guard let text = node.text, let value = Value(rawValue: text) else {
                    return node
                }
                configuration[keyPath: place] = value
                return nil
            },
            text: { $0[keyPath: place].rawValue })
    }

    /// A list of distinct choices.
    static func choices<Value: RawRepresentable<String> & CaseIterable & Sendable & Equatable>(
        _ path: String, _ place: any Place<[Value]>, _ summary: String
    ) -> Self {
        Self(
            path: path, summary: summary,
            want: "a list of distinct names out of "
                + Value.allCases.map(\.rawValue).joined(separator: ", "),
            take: { node, configuration in
                guard let sequence = node.sequence else { return node }
                var values: [Value] = []
                for entry in sequence {
                    guard let value = entry.text.flatMap(Value.init), !values.contains(value) else {
                        return entry
                    }
                    values.append(value)
                }
                configuration[keyPath: place] = values
                return nil
            },
            text: { "[" + $0[keyPath: place].map(\.rawValue).joined(separator: ", ") + "]" })
    }

    static func principals(
        _ path: String, _ place: any Place<[Principal]>, _ summary: String
    ) -> Self {
        Self(
            path: path, summary: summary,
            want: "a list of user:NAME, group:NAME or numeric user ids, at most 256",
            take: { node, configuration in
                guard let sequence = node.sequence, sequence.count <= 256 else {
                    return node
                }
                var principals: [Principal] = []
                for entry in sequence {
                    guard let principal = entry.text.flatMap(Principal.init) else {
                        return entry
                    }
                    principals.append(principal)
                }
                configuration[keyPath: place] = principals
                return nil
            },
            text: { "[" + $0[keyPath: place].map(\.description).joined(separator: ", ") + "]" })
    }
}

extension Node {
    /// The text of a scalar that is not null.
    var text: String? {
        guard let scalar else { return nil }
        let isNull = scalar.style == .plain && ["", "~", "null"].contains(scalar.string)
        return isNull ? nil : scalar.string
    }

    /// The text of a scalar without quotes.
    var plainText: String? { scalar?.style == .plain || scalar?.style == .any ? text : nil }

    /// What stands here, for an error message.
    var shown: String {
        switch self {
        case .scalar(let scalar) where text == nil && scalar.style == .plain: "nothing"
        case .scalar(let scalar) where plainText == nil: "the text \"\(scalar.string.prefix(60))\""
        case .scalar(let scalar): "`\(scalar.string.prefix(60))`"
        case .sequence: "a list"
        case .mapping: "a section"
        case .alias: "an alias"
        }
    }
}

/// A decimal integer, digits grouped by `_` or not; nothing else that YAML calls an integer.
private func decimal<Value: FixedWidthInteger>(_ text: String, as type: Value.Type) -> Value? {
    guard text.utf8.count <= 40, text.first != "+", text.first != "_", text.last != "_" else {
        return nil
    }
    return Value(text.filter { $0 != "_" })
}
