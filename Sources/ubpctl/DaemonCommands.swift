import ArgumentParser
import ControlProtocol

/// `ubpctl status`.
struct StatusCommand: ControlCommand {
    static let configuration = CommandConfiguration(
        commandName: "status", abstract: "Where the daemon stands: lag, counters, memory.")

    @OptionGroup var connection: ConnectionOptions
    @OptionGroup var repetition: WatchOptions

    func run() async throws {
        try await watch(repetition, .status) { StatusReply(json: $0).words }
    }
}

/// `ubpctl version`.
struct VersionCommand: ControlCommand {
    static let configuration = CommandConfiguration(
        commandName: "version", abstract: "The running daemon's version.")

    @OptionGroup var connection: ConnectionOptions

    func run() async throws {
        try await ask(.version) { json in
            "ubpd \(json["version"]?.text ?? "unknown"), protocol "
                + "\(json["protocol"]?.integer ?? 0); this is ubpctl \(Version.program)"
        }
    }
}

/// `ubpctl checkpoint`.
struct CheckpointCommand: ControlCommand {
    static let configuration = CommandConfiguration(
        commandName: "checkpoint", abstract: "Commit everything applied so far, now.")

    @OptionGroup var connection: ConnectionOptions
    @OptionGroup var mutation: MutationOptions

    func run() async throws {
        try await ask(.checkpoint, mutation.guards.members, patience: 120) { json in
            let place = StatusReply.Place(json: json["committed"] ?? .null)
            let verb = json["dry_run"]?.boolean == true ? "now committed" : "committed"
            return "\(verb) up to record \(Units.count(place.offset))"
        }
    }
}

/// `ubpctl drain`.
struct DrainCommand: ControlCommand {
    static let configuration = CommandConfiguration(
        commandName: "drain",
        abstract: "Finish what is read, commit, and stop the daemon.")

    @OptionGroup var connection: ConnectionOptions
    @OptionGroup var mutation: MutationOptions

    func run() async throws {
        try await ask(.drain, mutation.guards.members, patience: 600) { json in
            json["drained"]?.boolean == true ? "drained; the daemon stops" : "would drain and stop"
        }
    }
}

/// `ubpctl call METHOD [PARAMS]`: any method, for what has no verb yet.
struct CallCommand: ControlCommand {
    static let configuration = CommandConfiguration(
        commandName: "call", abstract: "Call any method and print its result as JSON.")

    @OptionGroup var connection: ConnectionOptions

    @Argument(help: "Method, such as snapshot.list.")
    var method: String

    @Argument(help: "Parameters as a JSON object.")
    var params = "{}"

    func run() async throws {
        let parsed: JSONValue
        do { parsed = try JSONParser.parse(Array(params.utf8)) } catch {
            throw Failure.usage("PARAMS: \(error)")
        }
        guard case .object(let members) = parsed else {
            throw Failure.usage("PARAMS must be a JSON object, not \(parsed.kind)")
        }
        let result = try await result(of: method, members, patience: 600)
        try StandardOutput.write(line: result.indented)
    }
}

extension StatusReply {
    /// For people.
    var words: String {
        func counter(_ name: String) -> Int64 {
            counters.first { $0.name == name }?.value.integer ?? 0
        }
        var pairs: [(String, String)] = [
            ("state", state),
            ("daemon", "\(version), pid \(processID), up \(Units.duration(uptimeSeconds))"),
            ("lag", lagWords),
            ("log clock", logClock.map(Units.time) ?? "not yet known"),
            ("rate", "\(Units.count(Int64(recordsPerSecond.rounded()))) records/s"),
            ("generation", "\(generation) in space \(space)\(trained ? "" : ", untrained")"),
        ]
        for standing in generations where standing.role != "active" {
            pairs.append((standing.role, standing.words))
        }
        if let refresh, refresh.isRunning { pairs.append(("refresh", refresh.progressWords)) }
        pairs += [
            (
                "snapshot",
                (currentSnapshot.map { "current is \($0)" } ?? "none")
                    + (hold.map { ", HELD: \($0)" } ?? "")
            ),
            ("users", "\(Units.count(users)), \(Units.count(residentUsers)) resident"),
            ("rows", "\(Units.count(rows)), \(Units.count(encoderSteps)) encoder steps"),
            (
                "committed",
                "record \(Units.count(committed.offset)) of \(Units.count(applied.offset)) applied"
            ),
        ]
        let summands = [
            "applied", "late", "duplicate", "suppressed", "quarantined", "pending", "held",
        ]
        pairs.append(
            (
                "records",
                "\(Units.count(counter("read"))) read = "
                    + summands.map { "\(Units.count(counter($0))) \($0)" }.joined(separator: " + ")
            ))
        pairs.append(
            (
                "beside",
                "\(Units.count(counter("catalogue"))) catalogue, "
                    + "\(Units.count(counter("blank"))) blank, "
                    + "\(Units.count(counter("unknown_fields"))) unknown fields"
            ))
        pairs.append(
            (
                "quarantine",
                "\(Units.count(quarantine.entries)) kept in \(Units.bytes(quarantine.bytes)), "
                    + "\(Units.count(quarantine.dropped)) dropped"
            ))
        for part in memory {
            pairs.append(
                (
                    "memory: \(part.name)",
                    "\(Units.bytes(part.bytes)), \(Units.decimal(part.bytesPerUser, 1)) bytes/user"
                ))
        }
        for text in notices { pairs.append(("notice", text)) }
        for text in degraded { pairs.append(("DEGRADED", text)) }
        return Table.pairs(pairs.map { (name: $0.0, value: $0.1) })
    }

    private var lagWords: String {
        guard lagBytes > 0 else { return "none, caught up" }
        var text = "\(Units.bytes(lagBytes)), about \(Units.count(lagEvents)) events"
        if lagSeconds > 0 { text += ", \(Units.duration(Double(lagSeconds))) of event time" }
        if let etaSeconds { text += ", caught up in \(Units.duration(etaSeconds))" }
        return text
    }
}
