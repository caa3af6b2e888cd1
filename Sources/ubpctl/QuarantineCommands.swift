import ArgumentParser
import ControlProtocol

/// `ubpctl quarantine …`.
struct QuarantineCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "quarantine", abstract: "Records that were refused, and why.",
        discussion: "docs/control.md says what a replay does, and how to correct a record instead.",
        subcommands: [
            QuarantineListCommand.self, QuarantineShowCommand.self, QuarantineReplayCommand.self,
        ])
}

/// Which entries a verb is about.
struct QuarantineFilter: ParsableArguments {
    @Option(
        help: ArgumentHelp("Only this reason code, such as not_json.", valueName: "code"))
    var reason: String?

    @Option(help: ArgumentHelp("Only this segment.", valueName: "number"))
    var segment: Int64?

    var parameters: QuarantineListParameters {
        var parameters = QuarantineListParameters()
        parameters.reason = reason
        parameters.segment = segment
        return parameters
    }
}

/// `ubpctl quarantine list`.
struct QuarantineListCommand: ControlCommand {
    static let configuration = CommandConfiguration(
        commandName: "list", abstract: "Quarantined records, in log order, a page at a time.")

    @OptionGroup var connection: ConnectionOptions
    @OptionGroup var filter: QuarantineFilter

    @Option(help: ArgumentHelp("Go on behind this entry.", valueName: "key"))
    var after: String?

    @Option(help: ArgumentHelp("Entries of a page, 1…1000.", valueName: "count"))
    var limit = QuarantineListParameters.standardLimit

    func run() async throws {
        var parameters = filter.parameters
        parameters.after = after
        parameters.limit = limit
        try await ask(.quarantineList, parameters.members, patience: 120) { json in
            let entries = (json["entries"]?.elements ?? []).map(QuarantineEntryReply.init)
            let fill = QuarantineFill(json: json["quarantine"] ?? .null)
            let summary =
                "\(Units.count(fill.entries)) quarantined, \(Units.bytes(fill.bytes)), "
                + "\(Units.count(fill.dropped)) dropped for age or space"
            guard !entries.isEmpty else { return "none here; \(summary)" }
            var table = Table(
                ("KEY", .left), ("REFUSED", .left), ("KEPT", .right), ("", .left),
                ("REASON", .left))
            for entry in entries {
                table.add(
                    entry.key, Units.ago(entry.refusedSeconds), Units.bytes(entry.keptByteCount),
                    entry.isReplayed ? "replayed" : "", entry.reason)
            }
            let more = json["next"]?.text.map { "\nmore: --after \($0)" } ?? ""
            return table.text + "\n" + summary + more
        }
    }
}

/// `ubpctl quarantine show KEY`.
struct QuarantineShowCommand: ControlCommand {
    static let configuration = CommandConfiguration(
        commandName: "show", abstract: "One quarantined record with its bytes.")

    @OptionGroup var connection: ConnectionOptions

    @Argument(help: "The entry's key, SEGMENT/RECORD.")
    var key: String

    @Flag(help: "Print the kept bytes and a line end alone, for a tool that mends them.")
    var raw = false

    func run() async throws {
        let members = QuarantineShowParameters(key: key).members
        guard raw else {
            try await ask(.quarantineShow, members) { QuarantineEntryReply(json: $0).words }
            return
        }
        guard !connection.json else { throw Failure.usage("--raw and --json exclude each other") }
        let result = try await result(of: Method.quarantineShow.rawValue, members)
        guard let bytes = QuarantineEntryReply(json: result).bytes else {
            throw Failure.badReply("no bytes in it")
        }
        try StandardOutput.write(bytes + [0x0A])
    }
}

/// `ubpctl quarantine replay KEY…`.
struct QuarantineReplayCommand: ControlCommand {
    static let configuration = CommandConfiguration(
        commandName: "replay",
        abstract: "Give quarantined records to the fold again; exit 1 if any is refused again.")

    @OptionGroup var connection: ConnectionOptions
    @OptionGroup var mutation: MutationOptions
    @OptionGroup var filter: QuarantineFilter

    @Argument(help: "Keys of entries, SEGMENT/RECORD.")
    var keys: [String] = []

    @Flag(help: "All that are not replayed yet, or all that --reason and --segment leave.")
    var all = false

    func validate() throws {
        let isFiltered = all || filter.reason != nil || filter.segment != nil
        guard keys.isEmpty == isFiltered else {
            throw ValidationError("name keys, or choose by --all, --reason and --segment")
        }
        // One id is one request, and what --all stands for is another list the second time.
        guard mutation.id == nil || 1...QuarantineReplayParameters.keyLimit ~= keys.count else {
            throw ValidationError(
                "--id goes with 1…\(QuarantineReplayParameters.keyLimit) keys that are named; what "
                    + "--all, --reason and --segment choose is another list the second time, and "
                    + "needs no id: what was replayed is not chosen again")
        }
    }

    func run() async throws {
        var replies: [ReplayReply] = []
        if keys.isEmpty {
            var parameters = filter.parameters
            parameters.limit = QuarantineListParameters.limits.upperBound
            repeat {
                let page = try await result(
                    of: Method.quarantineList.rawValue, parameters.members, patience: 120)
                let entries = (page["entries"]?.elements ?? []).map(QuarantineEntryReply.init)
                replies += try await replay(entries.filter { !$0.isReplayed }.map(\.key))
                parameters.after = page["next"]?.text
            } while parameters.after != nil
        } else {
            for start in stride(from: 0, to: keys.count, by: QuarantineReplayParameters.keyLimit) {
                replies += try await replay(
                    Array(keys[start...].prefix(QuarantineReplayParameters.keyLimit)))
            }
        }
        try StandardOutput.write(
            line: connection.json ? json(replies).indented : words(replies))
        if replies.contains(where: { $0.code != nil }) { throw ExitCode(1) }
    }

    private func replay(_ keys: [String]) async throws -> [ReplayReply] {
        guard !keys.isEmpty else { return [] }
        var parameters = QuarantineReplayParameters(keys: keys)
        parameters.guards = mutation.guards
        let result = try await result(
            of: Method.quarantineReplay.rawValue, parameters.members, patience: 600)
        return (result["entries"]?.elements ?? []).map(ReplayReply.init)
    }

    private func json(_ replies: [ReplayReply]) -> JSONValue {
        let refused = replies.count { $0.code != nil }
        return [
            "dry_run": .bool(mutation.dryRun), "taken": .int(Int64(replies.count - refused)),
            "refused": .int(Int64(refused)), "entries": .array(replies.map(\.json)),
        ]
    }

    private func words(_ replies: [ReplayReply]) -> String {
        let refused = replies.filter { $0.code != nil }
        let verb = mutation.dryRun ? "would be taken" : "taken"
        let summary =
            "\(Units.count(Int64(replies.count - refused.count))) \(verb), "
            + "\(Units.count(Int64(refused.count))) refused"
        return (refused.map { "\($0.key): \(($0.reason ?? "").printable)" } + [summary])
            .joined(separator: "\n")
    }
}

extension QuarantineEntryReply {
    /// For people.
    fileprivate var words: String {
        let shown = String(decoding: (bytes ?? []).prefix(2000), as: UTF8.self)
        return Table.pairs([
            ("key", "\(key): record \(Units.count(record)) of segment \(segment)"),
            ("refused", "\(Units.time(refusedSeconds)), \(Units.ago(refusedSeconds))"),
            ("reason", reason), ("reason code", code),
            ("where", "\(Units.count(byteCount)) bytes, at or in the frame at byte \(position)"),
            ("replayed", isReplayed ? "yes" : "no"),
            (
                "kept",
                Units.bytes(keptByteCount) + (keptByteCount > 2000 ? ", these begin them" : "")
            ),
            ("bytes", shown),
        ])
    }
}
