import ArgumentParser
import ControlProtocol
import Foundation

/// `ubpctl user …`.
struct UserCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "user", abstract: "What is held about one person, and forgetting it.",
        discussion: "docs/forgetting.md says what is erased, what is not, and what is kept.",
        subcommands: [
            UserExportCommand.self, UserForgetCommand.self, UserSuppressionsCommand.self,
        ])
}

/// `ubpctl user export USER`.
struct UserExportCommand: ControlCommand {
    static let configuration = CommandConfiguration(
        commandName: "export", abstract: "Everything that is held about a user, as JSON.")

    @OptionGroup var connection: ConnectionOptions

    @Argument(
        help: "The user's id: a number, a negative one behind --, or the text of an imported log.")
    var user: String

    @Option(
        help: ArgumentHelp("Write it here, readable by nobody else.", valueName: "file"),
        completion: .file())
    var output: String?

    func run() async throws {
        let parameters = UserExportParameters(user: UserReference(user))
        let result = try await result(
            of: Method.userExport.rawValue, parameters.members, patience: 60)
        let text = result.indented + "\n"
        guard let output else {
            return try StandardOutput.write(line: result.indented)
        }
        guard !FileManager.default.fileExists(atPath: output) else {
            throw Failure.usage("\(output): is there already; remove it, or name another file")
        }
        let isMade = FileManager.default.createFile(
            atPath: output, contents: Data(text.utf8),
            attributes: [.posixPermissions: NSNumber(value: 0o600)])
        guard isMade else { throw Failure.usage("\(output): cannot be written") }
        if connection.json {
            let reply: JSONValue = [
                "output": .string(output), "bytes": .int(Int64(text.utf8.count)),
            ]
            try StandardOutput.write(line: reply.indented)
        } else {
            try StandardOutput.write(
                line: "\(output): \(Units.bytes(Int64(text.utf8.count)))")
        }
    }
}

/// `ubpctl user forget USER`.
struct UserForgetCommand: ControlCommand {
    static let configuration = CommandConfiguration(
        commandName: "forget",
        abstract: "Erase what is held about a user, who stays away from then on.",
        discussion: """
            Asks first, unless --yes or --dry-run is given. States are erased when it returns; \
            snapshots follow in the background: `ubpctl user suppressions` says when. The log \
            itself belongs to its producer and keeps its events.
            """)

    @OptionGroup var connection: ConnectionOptions
    @OptionGroup var mutation: MutationOptions

    @Argument(
        help: "The user's id: a number, a negative one behind --, or the text of an imported log.")
    var user: String

    @Option(help: "Kept with the suppression; name a case, and no person.")
    var reason = ""

    @Flag(help: "Only cut the past: events that the log has from now on count again.")
    var allowReturn = false

    @Flag(help: "Do not ask.")
    var yes = false

    func run() async throws {
        var parameters = UserForgetParameters(user: UserReference(user), reason: reason)
        parameters.allowsReturn = allowReturn
        parameters.guards = mutation.guards
        if !yes, !mutation.dryRun { try confirm() }
        try await ask(.userForget, parameters.members, patience: 60) { json in
            UserForgetReply(json: json).words
        }
    }

    /// Asks on the terminal; whoever has none must say --yes.
    private func confirm() throws {
        guard isatty(STDIN_FILENO) == 1 else {
            throw Failure.usage("forgetting cannot be undone: say --yes, or look with --dry-run")
        }
        // Not where an answer goes that another program reads.
        let question = "Forget user \(user) for good? This cannot be undone. [y/N] "
        StandardError.write(question)
        let answer = readLine()?.trimmingCharacters(in: .whitespaces).lowercased()
        guard answer == "y" || answer == "yes" else { throw Failure.usage("nothing was done") }
    }
}

/// `ubpctl user suppressions`.
struct UserSuppressionsCommand: ControlCommand {
    static let configuration = CommandConfiguration(
        commandName: "suppressions",
        abstract: "Users who were forgotten, a page at a time, and how far their erasure is.")

    @OptionGroup var connection: ConnectionOptions

    @Option(help: ArgumentHelp("Go on behind this input.", valueName: "input"))
    var after: Int64?

    @Option(help: ArgumentHelp("Entries of a page, 1…1000.", valueName: "count"))
    var limit = UserSuppressionsParameters.standardLimit

    func run() async throws {
        var parameters = UserSuppressionsParameters()
        parameters.after = after
        parameters.limit = limit
        try await ask(.userSuppressions, parameters.members) { json in
            let entries = (json["suppressions"]?.elements ?? []).map(SuppressionReply.init)
            let pending = json["pending"]?.integer ?? 0
            let summary = "\(Units.count(pending)) erasures are not finished"
            guard !entries.isEmpty else { return "none here; \(summary)" }
            var table = Table(
                ("INPUT", .right), ("USER", .left), ("FORGOTTEN", .left), ("AT", .left),
                ("RETURNS", .left), ("ERASED", .left), ("SNAPSHOTS", .right),
                ("QUARANTINED", .right), ("REASON", .left))
            for entry in entries {
                table.add(
                    Units.count(entry.input), entry.original ?? entry.user,
                    Units.ago(entry.seconds), entry.place, entry.allowsReturn ? "may" : "no",
                    entry.erasedSeconds.map { Units.ago($0) } ?? "not yet",
                    Units.count(entry.snapshots), Units.count(entry.quarantined), entry.reason)
            }
            let more = json["next"]?.integer.map { "\nmore: --after \($0)" } ?? ""
            return table.text + "\n" + summary + more
        }
    }
}

extension UserForgetReply {
    /// For people.
    fileprivate var words: String {
        let name = original.map { "\($0) (\(user))" } ?? user
        if already {
            return "user \(name.printable) was forgotten for good before; nothing was done"
        }
        let verb = isDryRun ? "would be forgotten" : "is forgotten"
        let held =
            known
            ? "\(Units.count(events)) events and \(Units.count(rows)) rows"
            : "nothing was held, or nothing that is known now"
        return Table.pairs([
            ("user", "\(name) \(verb)"), ("held", held),
            ("at", "record \(place), offset \(Units.count(offset))"),
            ("later events", allowsReturn ? "count again" : "are suppressed"),
            ("input", input.map { Units.count($0) } ?? "-"),
        ])
    }
}
