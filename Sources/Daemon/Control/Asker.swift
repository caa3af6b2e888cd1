import ControlProtocol
import Snapshots
import Storage

/// Who asks, as far as the kernel says.
package struct Asker: Sendable {
    package var role: Role
    /// Nil when the kernel would not say, or nobody connected.
    package var peer: PeerCredentials?
    /// By a signal and not over the socket.
    package var isSignal = false

    /// Somebody at the socket.
    package init(role: Role, peer: PeerCredentials?) {
        self.role = role
        self.peer = peer
    }

    /// Whoever sent a signal: somebody who may stop the daemon as well.
    package static var signal: Asker {
        var asker = Asker(role: .operator, peer: nil)
        asker.isSignal = true
        return asker
    }

    /// The role's name in the audit.
    var word: String {
        if isSignal { return "signal" }
        return switch role {
        case .none: "none"
        case .reader: "reader"
        case .operator: "operator"
        }
    }
}

/// A request's parameters as the audit keeps them and as ids compare them.
enum RequestForm {
    /// Bytes of the parameters in the audit, at most.
    static let byteLimit = 4096
    /// Bytes of one of them that is never left out.
    private static let smallByteCount = 256
    /// Members with these names are never kept, at any depth.
    private static let secrets: Set<String> = ["password", "secret", "token"]

    /// An object with members by name, without `id`, secrets, and what is too long.
    static func audited(_ params: [JSONValue.Member]) -> String {
        let kept = JSONValue.object(params.filter { $0.name != "id" }).canonical
        var value = withoutSecrets(kept)
        if value.encoded.count > byteLimit, case .object(let members) = value {
            value = .object(members.map { .init($0.name, shortened($0.value)) })
        }
        if value.encoded.count > byteLimit { value = digest(value) }
        return String(decoding: value.encoded, as: UTF8.self)
    }

    /// SHA-256 of what makes two requests the same: method and parameters, whatever their order.
    static func digest(_ method: Method, _ params: [JSONValue.Member]) -> String {
        let kept = params.filter { $0.name != "id" && $0.name != "dry_run" && $0.value != .null }
        let text = Array((method.rawValue + "\n").utf8) + JSONValue.object(kept).canonical.encoded
        return ContentHash.hex(of: text)
    }

    private static func withoutSecrets(_ value: JSONValue) -> JSONValue {
        switch value {
        case .object(let members):
            .object(
                members.map {
                    let isSecret = secrets.contains($0.name)
                    return .init($0.name, isSecret ? "left out" : withoutSecrets($0.value))
                })
        case .array(let values): .array(values.map(withoutSecrets))
        default: value
        }
    }

    private static func shortened(_ value: JSONValue) -> JSONValue {
        value.encoded.count > smallByteCount ? digest(value) : value
    }

    private static func digest(_ value: JSONValue) -> JSONValue {
        let bytes = value.encoded
        return ["bytes": .int(Int64(bytes.count)), "sha256": .string(ContentHash.hex(of: bytes))]
    }
}
