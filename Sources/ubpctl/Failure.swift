import ControlProtocol

/// Why a verb did not do what it was asked; each has its exit status.
enum Failure: Error, Equatable {
    /// The daemon said no.
    case refused(ControlError)
    case usage(String)
    case noConnection(path: String, reason: String)
    case timedOut(seconds: Double)
    case badReply(String)
    /// Whoever read standard output went away, as `head` does: nothing is wrong.
    case readerGone
    /// Standard output does not take the answer.
    case unwritable(reason: String)

    var exitCode: Int32 {
        switch self {
        case .refused: 1
        case .usage: 2
        case .noConnection: 3
        case .timedOut: 4
        case .badReply: 5
        // EX_IOERR of sysexits.h, as of ubpd.
        case .unwritable: 74
        // What a shell reports of a program that SIGPIPE (13) ended, as it would end this one if
        // the socket's library did not ignore it.
        case .readerGone: 141
        }
    }

    private var name: String {
        switch self {
        case .refused(let error): error.code.rawValue
        case .usage: "usage"
        case .noConnection: "no_connection"
        case .timedOut: "no_answer"
        case .badReply: "bad_reply"
        case .readerGone: "reader_gone"
        case .unwritable: "unwritable"
        }
    }

    private var message: String {
        switch self {
        case .refused(let error): error.message
        case .usage(let text): text
        case .noConnection(let path, let reason): "\(path): \(reason)"
        case .timedOut(let seconds): "no answer within \(Units.duration(seconds))"
        case .badReply(let reason): "the daemon's answer makes no sense: \(reason)"
        case .readerGone: "nobody reads standard output any more"
        case .unwritable(let reason): "standard output cannot be written: \(reason)"
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
        case .readerGone: ""
        case .unwritable:
            "make room or write elsewhere, then ask again; a change that was asked for is made"
        }
    }

    /// Says it: as one JSON document on standard output, or in words on standard error.
    ///
    /// That standard output fails is said in words, and that its reader went away is not said.
    ///
    /// - Parameter asJSON: whether a program reads it.
    /// - Returns: the exit status, which is another one when even this could not be written.
    func report(asJSON: Bool) -> Int32 {
        switch self {
        case .readerGone: break
        case .unwritable: StandardError.write(words)
        default:
            guard asJSON else {
                StandardError.write(words)
                break
            }
            do throws(Failure) { try StandardOutput.write(line: document.indented) } catch {
                return error.report(asJSON: false)
            }
        }
        return exitCode
    }

    /// For programs.
    private var document: JSONValue {
        [
            "error": [
                "name": .string(name), "message": .string(message), "hint": .string(hint),
                "exit_status": .int(Int64(exitCode)),
            ]
        ]
    }

    /// For people, with the last line end.
    private var words: String {
        switch self {
        case .usage: return message.printableLines + "\n"
        case .refused(let error) where error.code != .badConfiguration:
            // It may hold what an operator gave as a reason, which is to stay in its line.
            return lines(message.printable)
        default: return lines(message.printableLines)
        }
    }

    private func lines(_ message: String) -> String {
        "ubpctl: \(message)\n" + (hint.isEmpty ? "" : "  \(hint.printable)\n")
    }
}
