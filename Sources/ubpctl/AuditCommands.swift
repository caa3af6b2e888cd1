import ArgumentParser
import ControlProtocol

/// `ubpctl audit …`.
struct AuditCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "audit", abstract: "Who changed what: a chain of hashes that only grows.",
        subcommands: [AuditListCommand.self, AuditVerifyCommand.self])
}

/// `ubpctl audit list`.
struct AuditListCommand: ControlCommand {
    static let configuration = CommandConfiguration(
        commandName: "list", abstract: "Entries of the audit, oldest first.")

    @OptionGroup var connection: ConnectionOptions

    @Option(help: "Only entries after this sequence.")
    var after: Int64 = 0

    @Option(help: "Entries at most, 1…1000.")
    var limit: Int64 = AuditListParameters.standardLimit

    @Option(help: "Only this method, such as snapshot.rollback.")
    var method: String?

    func run() async throws {
        var parameters = AuditListParameters()
        parameters.after = after
        parameters.limit = limit
        parameters.method = method
        try await ask(.auditList, parameters.members) { json in
            let entries = (json["entries"]?.elements ?? []).map(AuditReply.init)
            guard !entries.isEmpty else { return "no entries" }
            var table = Table(
                ("ENTRY", .right), ("WHEN", .left), ("WHO", .left), ("METHOD", .left),
                ("OUTCOME", .left), ("PARAMETERS", .left))
            for entry in entries {
                table.add(
                    "\(entry.sequence)", Units.time(entry.seconds), entry.who, entry.method,
                    entry.outcome, String(entry.parameters.prefix(60)))
            }
            let more = json["next"]?.integer.map { "\nmore: --after \($0)" } ?? ""
            return table.text + more
        }
    }
}

/// `ubpctl audit verify`.
struct AuditVerifyCommand: ControlCommand {
    static let configuration = CommandConfiguration(
        commandName: "verify",
        abstract: "Walk the audit's chain and name the first broken link; exit 1 if there is one.",
        discussion: """
            --sequence and --hash name an end of the chain from elsewhere, such as the journal's \
            `audit` lines: then a chain that was cut or made anew since is found, too.
            """)

    @OptionGroup var connection: ConnectionOptions

    @Option(help: "An entry that was the last once.")
    var sequence: Int64?

    @Option(help: "The hash it had.")
    var hash: String?

    func run() async throws {
        var parameters = AuditVerifyParameters()
        parameters.sequence = sequence
        parameters.hash = hash
        let json = try await result(
            of: Method.auditVerify.rawValue, parameters.members, patience: 3600)
        let isWhole = json["whole"]?.boolean == true
        let count = Units.count(json["entries"]?.integer ?? 0)
        let broken = json["broken"]
        let words =
            isWhole
            ? "whole: \(count) entries, the last hash is \(json["head"]?["hash"]?.text ?? "")"
            : "BROKEN at entry \(broken?["sequence"]?.integer ?? 0): "
                + "\(broken?["problem"]?.text ?? ""); the \(count) entries before it are right"
        try StandardOutput.write(line: connection.json ? json.indented : words)
        if !isWhole { throw ExitCode(1) }
    }
}

extension AuditReply {
    fileprivate var who: String {
        guard let user else { return role }
        return "uid \(user)" + (process.map { " pid \($0)" } ?? "")
            + (role == "operator" ? "" : ", \(role)")
    }
}
