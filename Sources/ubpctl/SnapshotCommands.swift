import ArgumentParser
import ControlProtocol

/// `ubpctl snapshot …`.
struct SnapshotCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "snapshot", abstract: "Published versions of all profiles.",
        subcommands: [
            SnapshotCreateCommand.self, SnapshotListCommand.self, SnapshotShowCommand.self,
            SnapshotVerifyCommand.self, SnapshotRollbackCommand.self, SnapshotReleaseCommand.self,
            SnapshotPinCommand.self, SnapshotUnpinCommand.self, SnapshotPruneCommand.self,
            SnapshotDiffCommand.self,
        ])
}

/// `ubpctl snapshot create`.
struct SnapshotCreateCommand: ControlCommand {
    static let configuration = CommandConfiguration(
        commandName: "create", abstract: "Publish a snapshot of the state as it is now.",
        discussion: """
            It becomes `current`, unless that is held by a rollback. So does one of the users in a \
            file: whoever reads `current` then finds no others.
            """)

    @OptionGroup var connection: ConnectionOptions
    @OptionGroup var mutation: MutationOptions
    @OptionGroup var choice: ChoiceOptions

    @Option(
        help: ArgumentHelp(
            "First catch up until no more than so many compressed bytes are unread.",
            valueName: "bytes"))
    var waitForLag: Int64?

    @Option(
        help: ArgumentHelp("Give up catching up after so long.", valueName: "seconds"))
    var waitTimeout: Double = 600

    @Option(
        help: ArgumentHelp(
            "Exactly the users in this file, one id a line; - is standard input.",
            valueName: "file"), completion: .file())
    var clients: String?

    func run() async throws {
        var parameters = SnapshotCreateParameters()
        parameters.waitForLag = waitForLag
        parameters.timeoutSeconds = waitForLag == nil ? nil : waitTimeout
        parameters.users = try clients.map(UserFile.readSome)
        parameters.choice = choice.choice
        parameters.guards = mutation.guards
        let patience = (waitForLag == nil ? 0 : waitTimeout) + 3600
        let members = parameters.members
        let json = try await WaitingLine(connection).during {
            try await result(of: Method.snapshotCreate.rawValue, members, patience: patience)
        }
        try StandardOutput.write(line: connection.json ? json.indented : words(json))
    }

    private func words(_ json: JSONValue) -> String {
        guard json["dry_run"]?.boolean != true else {
            return "would publish \(Units.count(json["users"]?.integer ?? 0)) users, "
                + "\(Units.bytes(json["lag_bytes"]?.integer ?? 0)) behind the log"
        }
        let snapshot = SnapshotReply(json: json)
        return "published snapshot \(snapshot.version): \(Units.count(snapshot.users)) users, "
            + "\(Units.bytes(snapshot.bytes)) in \(snapshot.path)"
    }
}

/// `ubpctl snapshot list`.
struct SnapshotListCommand: ControlCommand {
    static let configuration = CommandConfiguration(
        commandName: "list", abstract: "All snapshots, oldest first.")

    @OptionGroup var connection: ConnectionOptions

    func run() async throws {
        try await ask(.snapshotList) { json in
            let snapshots = (json["snapshots"]?.elements ?? []).map(SnapshotReply.init)
            guard !snapshots.isEmpty else { return "no snapshots; see `ubpctl snapshot create`" }
            var table = Table(
                ("VERSION", .right), ("", .left), ("USERS", .right), ("WIDTH", .right),
                ("SIZE", .right), ("GENERATION", .right), ("AS OF", .left), ("CREATED", .left))
            for snapshot in snapshots {
                table.add(
                    "\(snapshot.version)", snapshot.marks,
                    Units.count(snapshot.users), "\(snapshot.width)", Units.bytes(snapshot.bytes),
                    "\(snapshot.generation)", snapshot.asOf.map(Units.time) ?? "-",
                    Units.ago(snapshot.created))
            }
            return table.text
        }
    }
}

/// `ubpctl snapshot show V`.
struct SnapshotShowCommand: ControlCommand {
    static let configuration = CommandConfiguration(
        commandName: "show", abstract: "What is known of one snapshot.")

    @OptionGroup var connection: ConnectionOptions

    @Argument(help: "The snapshot's version.")
    var version: Int64

    func run() async throws {
        try await ask(.snapshotShow, SnapshotParameters(version: version).members) { json in
            SnapshotReply(json: json).words
        }
    }
}

/// `ubpctl snapshot verify V`.
struct SnapshotVerifyCommand: ControlCommand {
    static let configuration = CommandConfiguration(
        commandName: "verify", abstract: "Read a snapshot's files again and compare their hashes.")

    @OptionGroup var connection: ConnectionOptions

    @Argument(help: "The snapshot's version.")
    var version: Int64

    func run() async throws {
        let members = SnapshotParameters(version: version).members
        try await ask(.snapshotVerify, members, patience: 3600) { json in
            let snapshot = SnapshotReply(json: json)
            return "snapshot \(snapshot.version) is whole: \(snapshot.hashes.count) files, "
                + Units.bytes(snapshot.bytes)
        }
    }
}

/// `ubpctl snapshot rollback V --reason TEXT`.
struct SnapshotRollbackCommand: ControlCommand {
    static let configuration = CommandConfiguration(
        commandName: "rollback",
        abstract: "Move `current` to an earlier snapshot and hold it there.")

    @OptionGroup var connection: ConnectionOptions
    @OptionGroup var mutation: MutationOptions

    @Argument(help: "The snapshot's version.")
    var version: Int64

    @Option(help: "Why, for whoever finds `current` held.")
    var reason: String

    func run() async throws {
        var parameters = RollbackParameters(version: version, reason: reason)
        parameters.guards = mutation.guards
        try await ask(.snapshotRollback, parameters.members) { CurrentReply(json: $0).words }
    }
}

/// `ubpctl snapshot release`.
struct SnapshotReleaseCommand: ControlCommand {
    static let configuration = CommandConfiguration(
        commandName: "release",
        abstract: "End a hold; `current` moves to the newest snapshot.")

    @OptionGroup var connection: ConnectionOptions
    @OptionGroup var mutation: MutationOptions

    func run() async throws {
        try await ask(.snapshotRelease, mutation.guards.members) { CurrentReply(json: $0).words }
    }
}

extension CurrentReply {
    /// For people.
    fileprivate var words: String {
        func name(_ version: Int64?) -> String { version.map(String.init) ?? "nothing" }
        let verb = isDryRun ? "would move" : "moved"
        let time = isDryRun ? "" : " in \(Units.decimal(seconds * 1000, 1)) ms"
        return "\(verb) `current` from \(name(previous)) to \(name(current))\(time)"
            + (hold.map { "; held: \($0.printable)" } ?? "; not held")
            + (reactivates.map { "; generation \($0) takes over in the background" } ?? "")
    }
}

extension SnapshotReply {
    /// Whether it is current and pinned, in words.
    fileprivate var marks: String {
        [isCurrent ? "current" : nil, pin == nil ? nil : "pinned"].compactMap(\.self)
            .joined(separator: ", ")
    }

    /// For people.
    fileprivate var words: String {
        var pairs: [(name: String, value: String)] = [
            ("version", "\(version)\(isCurrent ? ", current" : "")"), ("path", path),
            ("users", Units.count(users)), ("width", "\(width)"), ("size", Units.bytes(bytes)),
            ("generation", "\(generation) in space \(space)\(trained ? "" : ", untrained")"),
            ("as of", asOf.map(Units.time) ?? "-"), ("cut at", "record \(Units.count(offset))"),
            ("created", "\(Units.time(created)), \(Units.ago(created))"),
            ("parent", parent.map(String.init) ?? "-"),
        ]
        if let pin { pairs.append(("pinned", pin.isEmpty ? "yes" : pin)) }
        for hash in hashes { pairs.append((hash.name, "sha256 \(hash.value.text ?? "")")) }
        return Table.pairs(pairs)
    }
}
