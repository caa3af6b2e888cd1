import ArgumentParser
import ControlProtocol
import Foundation

/// Asks a running daemon over its control socket: `ubpctl [options] <noun> <verb>`.
@main
struct UBPCtl: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "ubpctl",
        abstract: "Ask and steer a running ubpd.",
        discussion: """
            Exit status: 0 done; 1 the daemon refused; 2 wrong usage; 3 no daemon to talk to; \
            4 no answer in time; 5 an answer that makes no sense; 74 the answer cannot be written; \
            141 nobody reads it any more.
            """,
        version: Version.program,
        subcommands: [
            StatusCommand.self, TopCommand.self, MetricsCommand.self, VersionCommand.self,
            ProfileCommand.self, SnapshotCommand.self,
            GenerationCommand.self, SpaceCommand.self, RefreshCommand.self,
            QuarantineCommand.self, UserCommand.self, AuditCommand.self, DaemonCommand.self,
            CheckpointCommand.self, DrainCommand.self, CallCommand.self,
        ])

    @OptionGroup var connection: ConnectionOptions

    static func main() async {
        let arguments = Arguments.hoisted(Array(CommandLine.arguments.dropFirst()))
        let isJSON = Arguments.beforeTerminator(arguments).contains("--json")
        do {
            var command = try parseAsRoot(arguments)
            if var command = command as? any AsyncParsableCommand {
                try await command.run()
            } else {
                try command.run()
            }
        } catch let failure as Failure {
            Foundation.exit(failure.report(asJSON: isJSON))
        } catch let code as ExitCode {
            // The verb has said why.
            Foundation.exit(code.rawValue)
        } catch {
            var text: String
            if let complaint = Arguments.complaint(arguments) {
                text = isJSON ? complaint : "Error: \(complaint)"
            } else if exitCode(for: error) == .success {
                Foundation.exit(show(fullMessage(for: error)))
            } else {
                text = isJSON ? message(for: error) : fullMessage(for: error)
                if let id = Arguments.negativeNumber(arguments) { text += Arguments.hint(on: id) }
            }
            Foundation.exit(Failure.usage(text).report(asJSON: isJSON))
        }
    }

    /// Shows help, a version or a completion script.
    ///
    /// - Parameter text: without its last line end.
    /// - Returns: the exit status.
    private static func show(_ text: String) -> Int32 {
        do throws(Failure) { try StandardOutput.write(line: text) } catch {
            return error.report(asJSON: false)
        }
        return 0
    }
}

/// Lets the options that every verb has stand before the noun as well.
enum Arguments {
    /// The same arguments with leading `--json`, `--socket P` and `--timeout S` moved to the end.
    static func hoisted(_ arguments: [String]) -> [String] {
        var options: [String] = []
        var index = 0
        while index < arguments.count {
            let argument = arguments[index]
            if ["--socket", "--timeout"].contains(argument), index + 1 < arguments.count {
                options += arguments[index...index + 1]
                index += 2
            } else if argument == "--json" || argument.hasPrefix("--socket=")
                || argument.hasPrefix("--timeout=")
            {
                options.append(argument)
                index += 1
            } else {
                break
            }
        }
        let rest = Array(arguments[index...])
        guard let first = rest.first, !first.hasPrefix("-") else { return arguments }
        let named = beforeTerminator(rest)
        return named + options + rest[named.count...]
    }

    /// Names the first word that is no noun or verb where one stands, and what there is; nil when
    /// all are.
    ///
    /// A request for help is answered before its words are looked at, so that a script which asks
    /// whether there is such a verb would always hear yes.
    static func complaint(_ arguments: [String]) -> String? {
        var noun = "ubpctl"
        var commands = UBPCtl.configuration.subcommands
        for word in arguments {
            guard !word.hasPrefix("-"), word != "help", !commands.isEmpty else { return nil }
            guard let next = commands.first(where: { $0.configuration.commandName == word }) else {
                let names = commands.compactMap { $0.configuration.commandName }
                return "there is no command \"\(word)\"; \(noun) has "
                    + names.joined(separator: ", ")
            }
            noun = word
            commands = next.configuration.subcommands
        }
        return nil
    }

    /// The first negative number before `--`, where it is read as an option.
    ///
    /// - Parameter arguments: as they were parsed.
    /// - Returns: nil when there is none.
    static func negativeNumber(_ arguments: [String]) -> String? {
        beforeTerminator(arguments).first { $0.hasPrefix("-") && Int64($0) != nil }
    }

    /// How a negative user id is named.
    ///
    /// - Parameter id: a negative number.
    /// - Returns: what is to follow a complaint.
    static func hint(on id: String) -> String {
        "\nA negative user id stands behind `--`, as in `ubpctl profile get -- \(id)`."
    }

    /// The arguments before `--`.
    static func beforeTerminator(_ arguments: [String]) -> [String] {
        Array(arguments.prefix { $0 != "--" })
    }
}

/// The options of every verb.
struct ConnectionOptions: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "The daemon's control socket; else $UBPD_SOCKET, else /run/ubpd/ubpd.sock.",
            valueName: "path"), completion: .file())
    var socket: String?

    @Option(
        help: ArgumentHelp("Seconds to wait for an answer.", valueName: "seconds"))
    var timeout: Double?

    @Flag(help: "Print one JSON document, errors too.")
    var json = false

    var path: String {
        if let socket { return socket }
        let variable = ProcessInfo.processInfo.environment["UBPD_SOCKET"] ?? ""
        return variable.isEmpty ? "/run/ubpd/ubpd.sock" : variable
    }

    mutating func validate() throws {
        if let socket, socket.isEmpty {
            throw ValidationError("--socket wants a path; without it $UBPD_SOCKET has its say")
        }
        if let timeout, !(timeout > 0 && timeout <= 1_000_000) {
            throw ValidationError("--timeout wants seconds above 0, at most 1000000")
        }
    }
}
