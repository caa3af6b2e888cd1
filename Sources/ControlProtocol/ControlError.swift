/// A refusal as it goes over the socket: a stable code, what was wrong, and what to do.
package struct ControlError: Error, Equatable, Sendable, CustomStringConvertible {
    /// Stable names and numbers of refusals; neither is ever given another meaning.
    package enum Code: String, Sendable, CaseIterable {
        // JSON-RPC 2.0, section 5.1
        case parseError = "parse_error"
        case invalidRequest = "invalid_request"
        case methodNotFound = "method_not_found"
        case invalidParams = "invalid_params"
        case internalError = "internal_error"
        // Ours
        case forbidden
        case notAvailable = "not_available"
        case unknownSnapshot = "unknown_snapshot"
        case damagedSnapshot = "damaged_snapshot"
        case held
        case expectVersion = "expect_version"
        case tooLarge = "too_large"
        case busy
        case stopping
        case timedOut = "timed_out"
        case storage
        case state
        case unknownEntry = "unknown_entry"
        case unknownGeneration = "unknown_generation"
        case refusedGeneration = "refused_generation"
        case notServed = "not_served"
        case noRefresh = "no_refresh"
        case idReused = "id_reused"
        case unfinished
        case badConfiguration = "bad_configuration"

        /// `error.code` of the reply.
        package var number: Int64 {
            switch self {
            case .parseError: -32_700
            case .invalidRequest: -32_600
            case .methodNotFound: -32_601
            case .invalidParams: -32_602
            case .internalError: -32_603
            case .forbidden: 1
            case .notAvailable: 2
            case .unknownSnapshot: 3
            case .damagedSnapshot: 4
            case .held: 5
            case .expectVersion: 6
            case .tooLarge: 7
            case .busy: 8
            case .stopping: 9
            case .timedOut: 10
            case .storage: 11
            case .state: 12
            case .unknownEntry: 13
            case .unknownGeneration: 14
            case .refusedGeneration: 15
            case .notServed: 16
            case .noRefresh: 17
            case .idReused: 20
            case .unfinished: 21
            case .badConfiguration: 22
            }
        }
    }

    package var code: Code
    /// What was wrong.
    package var message: String
    /// What to do about it.
    package var hint: String

    package init(_ code: Code, _ message: String, hint: String) {
        self.code = code
        self.message = message
        self.hint = hint
    }

    package var description: String { hint.isEmpty ? message : "\(message); \(hint)" }

    /// The `error` member of a reply.
    package var json: JSONValue {
        [
            "code": .int(code.number), "message": .string(message),
            "data": ["name": .string(code.rawValue), "hint": .string(hint)],
        ]
    }

    /// Reads the `error` member of a reply; a code this program does not know is internal.
    package init(json: JSONValue) {
        let name = json["data"]?["name"]?.text ?? ""
        code = Code(rawValue: name) ?? .internalError
        message = json["message"]?.text ?? "the daemon refused without saying why"
        hint = json["data"]?["hint"]?.text ?? ""
    }
}
