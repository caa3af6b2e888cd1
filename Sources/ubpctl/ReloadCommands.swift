import ArgumentParser
import ControlProtocol

/// `ubpctl daemon …`.
struct DaemonCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "daemon", abstract: "The running daemon's own configuration.",
        subcommands: [ReloadCommand.self, LogLevelCommand.self])
}

/// `ubpctl daemon reload`.
struct ReloadCommand: ControlCommand {
    static let configuration = CommandConfiguration(
        commandName: "reload",
        abstract: "Read the configuration again; a bad one changes nothing.")

    @OptionGroup var connection: ConnectionOptions
    @OptionGroup var mutation: MutationOptions

    func run() async throws {
        try await ask(.reload, mutation.guards.members) { json in
            let changes = json["changes"]?.elements ?? []
            let isDry = json["dry_run"]?.boolean == true
            guard !changes.isEmpty else { return "the configuration is good; nothing differs" }
            var table = Table(("KEY", .left), ("FROM", .left), ("TO", .left), ("", .left))
            for change in changes {
                let effect =
                    switch change["effect"]?.text {
                    case "live": isDry ? "would be applied" : "applied"
                    case "refresh": "with the next refresh"
                    default: "needs a restart"
                    }
                table.add(
                    change["key"]?.text ?? "", change["from"]?.text ?? "",
                    change["to"]?.text ?? "", effect)
            }
            return table.text
        }
    }
}

/// `ubpctl daemon log-level [LEVEL]`.
struct LogLevelCommand: ControlCommand {
    static let configuration = CommandConfiguration(
        commandName: "log-level",
        abstract: "Show or change what is logged, until the next start.")

    @OptionGroup var connection: ConnectionOptions
    @OptionGroup var mutation: MutationOptions

    @Argument(
        help: "trace, debug, info, notice, warning, error or critical.",
        completion: .list(LogLevelParameters.levels))
    var level: String?

    func run() async throws {
        var parameters = LogLevelParameters()
        parameters.level = level
        parameters.guards = mutation.guards
        try await ask(.logLevel, parameters.members) { json in
            let (now, before) = (json["level"]?.text ?? "", json["previous"]?.text ?? "")
            let configured = json["configured"]?.text ?? ""
            if level == nil { return "\(now) (configured: \(configured))" }
            let verb = json["dry_run"]?.boolean == true ? "would go" : "went"
            return "\(verb) from \(before) to \(now); a restart makes it \(configured)"
        }
    }
}
