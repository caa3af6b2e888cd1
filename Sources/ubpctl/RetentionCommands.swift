import ArgumentParser
import ControlProtocol

/// `ubpctl snapshot pin V`.
struct SnapshotPinCommand: ControlCommand {
    static let configuration = CommandConfiguration(
        commandName: "pin", abstract: "Have retention pass a snapshot over.")

    @OptionGroup var connection: ConnectionOptions
    @OptionGroup var mutation: MutationOptions

    @Argument(help: "The snapshot's version.")
    var version: Int64

    @Option(help: "Why, for whoever wonders that it is still there.")
    var reason = ""

    func run() async throws {
        var parameters = PinParameters(version: version)
        parameters.reason = reason
        parameters.guards = mutation.guards
        try await ask(.snapshotPin, parameters.members) { json in
            let verb = json["dry_run"]?.boolean == true ? "would be pinned" : "is pinned"
            let note = json["changed"]?.boolean == true ? "" : ", as it was already"
            return "snapshot \(version) \(verb)\(note)"
        }
    }
}

/// `ubpctl snapshot unpin V`.
struct SnapshotUnpinCommand: ControlCommand {
    static let configuration = CommandConfiguration(
        commandName: "unpin", abstract: "End a pin; the next retention may remove the snapshot.")

    @OptionGroup var connection: ConnectionOptions
    @OptionGroup var mutation: MutationOptions

    @Argument(help: "The snapshot's version.")
    var version: Int64

    func run() async throws {
        var parameters = PinParameters(version: version)
        parameters.guards = mutation.guards
        try await ask(.snapshotUnpin, parameters.members) { json in
            guard json["changed"]?.boolean == true else { return "snapshot \(version) had no pin" }
            let verb = json["dry_run"]?.boolean == true ? "would not be" : "is not"
            return "snapshot \(version) \(verb) pinned any more"
        }
    }
}

/// `ubpctl snapshot prune`.
struct SnapshotPruneCommand: ControlCommand {
    static let configuration = CommandConfiguration(
        commandName: "prune",
        abstract: "Apply retention now; with --dry-run, list what would go and why the rest stays.")

    @OptionGroup var connection: ConnectionOptions
    @OptionGroup var mutation: MutationOptions

    func run() async throws {
        try await ask(.snapshotPrune, mutation.guards.members, patience: 600) { json in
            let isDry = json["dry_run"]?.boolean == true
            var table = Table(("VERSION", .right), ("", .left), ("", .left))
            for gone in json["removed"]?.elements ?? [] {
                table.add(
                    "\(gone["version"]?.integer ?? 0)", isDry ? "would go" : "removed",
                    Units.bytes(gone["bytes"]?.integer ?? 0))
            }
            for kept in json["kept"]?.elements ?? [] {
                let reasons = (kept["reasons"]?.elements ?? []).compactMap(\.text)
                table.add(
                    "\(kept["version"]?.integer ?? 0)", "stays", reasons.joined(separator: ", "))
            }
            return table.text + "\n" + (isDry ? "would free " : "freed ")
                + Units.bytes(json["bytes"]?.integer ?? 0)
        }
    }
}

/// `ubpctl snapshot diff A B`.
struct SnapshotDiffCommand: ControlCommand {
    static let configuration = CommandConfiguration(
        commandName: "diff", abstract: "What changed from one snapshot to another.")

    @OptionGroup var connection: ConnectionOptions

    @Argument(help: "The earlier snapshot's version.")
    var from: Int64

    @Argument(help: "The later snapshot's version.")
    var to: Int64

    @Option(help: "Users to name in each list, 0…1000.")
    var limit: Int64 = DifferenceParameters.standardLimit

    func run() async throws {
        var parameters = DifferenceParameters(from: from, to: to)
        parameters.limit = limit
        try await ask(.snapshotDiff, parameters.members, patience: 3600, words: Self.words)
    }

    private static func words(_ json: JSONValue) -> String {
        func users(_ name: String) -> String {
            Units.count(json["users"]?[name]?.integer ?? 0)
        }
        func names(_ list: String) -> String {
            let shown = (json[list]?.elements ?? []).map(name)
            return shown.isEmpty ? "" : ": " + shown.joined(separator: ", ")
        }
        var text = Table.pairs([
            ("users", "\(users("from")) before, \(users("to")) after, \(users("both")) in both"),
            ("added", users("added") + names("added")),
            ("removed", users("removed") + names("removed")),
        ])
        guard json["comparable"]?.boolean == true else {
            return text + "\ncolumns not compared: " + (json["reason"]?.text ?? "").printable
        }
        var parts = Table(
            ("PART", .left), ("WIDTH", .right), ("1-COS MEAN", .right), ("10 %", .right),
            ("50 %", .right), ("90 %", .right), ("MOST", .right), ("DISTANCE MEAN", .right),
            ("MOST", .right))
        for part in json["parts"]?.elements ?? [] {
            let (cosine, distance) = (part["cosine"], part["euclidean"])
            parts.add(
                part["name"]?.text ?? "", "\(part["width"]?.integer ?? 0)",
                number(cosine?["mean"]), decile(cosine, 1), decile(cosine, 5), decile(cosine, 9),
                decile(cosine, 10), number(distance?["mean"]), decile(distance, 10))
        }
        text += "\n\n" + parts.text
        let moved = json["moved"]?.elements ?? []
        guard !moved.isEmpty else { return text }
        var table = Table(("MOST MOVED", .left), ("1-COS", .right), ("DISTANCE", .right))
        for user in moved {
            table.add(name(user), number(user["cosine"]), number(user["euclidean"]))
        }
        return text + "\n\n" + table.text
    }

    private static func name(_ user: JSONValue) -> String {
        let id = user["user"]?.text ?? ""
        return user["original"]?.text.map { "\($0) (\(id))" } ?? id
    }

    private static func decile(_ spread: JSONValue?, _ tenth: Int) -> String {
        let deciles = spread?["deciles"]?.elements ?? []
        return tenth < deciles.count ? number(deciles[tenth]) : "-"
    }

    private static func number(_ value: JSONValue?) -> String {
        value?.number.map { Units.decimal($0, 4) } ?? "-"
    }
}
