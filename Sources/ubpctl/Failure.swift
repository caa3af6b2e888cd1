import ControlProtocol
import Foundation

/// Why a verb did not do what it was asked; each has its exit status.
enum Failure: Error, Equatable {
    /// The daemon said no.
    case refused(ControlError)
    case usage(String)
    case noConnection(path: String, reason: String)
    case timedOut(seconds: Double)
    case badReply(String)

    var exitCode: Int32 {
        switch self {
        case .refused: 1
        case .usage: 2
        case .noConnection: 3
        case .timedOut: 4
        case .badReply: 5
        }
    }

    private var name: String {
        switch self {
        case .refused(let error): error.code.rawValue
        case .usage: "usage"
        case .noConnection: "no_connection"
        case .timedOut: "no_answer"
        case .badReply: "bad_reply"
        }
    }

    private var message: String {
        switch self {
        case .refused(let error): error.message
        case .usage(let text): text
        case .noConnection(let path, let reason): "\(path): \(reason)"
        case .timedOut(let seconds): "no answer within \(Units.duration(seconds))"
        case .badReply(let reason): "the daemon's answer makes no sense: \(reason)"
        }
    }

    private var hint: String {
        switch self {
        case .refused(let error): error.hint
        case .usage: "`ubpctl --help` shows the verbs"
        case .noConnection:
            "is ubpd running, and may you use its socket? see `systemctl status ubpd`, --socket"
        case .timedOut: "the daemon may still be at it; see `ubpctl status`, --timeout"
        case .badReply: "compare `ubpctl --version` with the daemon's"
        }
    }

    /// Says it: as one JSON document on standard output, or in words on standard error.
    func report(asJSON: Bool) {
        guard !asJSON else {
            let document: JSONValue = [
                "error": [
                    "name": .string(name), "message": .string(message), "hint": .string(hint),
                    "exit_status": .int(Int64(exitCode)),
                ]
            ]
            print(document.indented)
            return
        }
        var text = "ubpctl: \(message)\n"
        if case .usage = self {
            text = message + "\n"
        } else if !hint.isEmpty {
            text += "  \(hint)\n"
        }
        FileHandle.standardError.write(Data(text.utf8))
    }
}
