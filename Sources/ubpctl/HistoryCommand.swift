import ArgumentParser
import ControlProtocol

/// `ubpctl profile history USER`.
struct ProfileHistoryCommand: ControlCommand {
    static let configuration = CommandConfiguration(
        commandName: "history",
        abstract: "A user across the published snapshots, each beside the one before.",
        discussion: """
            COSINE is that of a part's columns to the same part in the snapshot before: 1 where \
            nothing turned, and - where columns cannot be compared, as between two spaces.
            """)

    @OptionGroup var connection: ConnectionOptions

    @Option(help: "Snapshots shown, the newest so many, 1…1000.")
    var limit: Int64 = HistoryParameters.standardLimit

    @Option(help: ArgumentHelp("Only snapshots of this space.", valueName: "space"))
    var space: Int64?

    @Option(
        help: ArgumentHelp(
            "Answer the vectors too: numbers, float32 or float16 (base64, little-endian); to be "
                + "seen with --json.", valueName: "encoding"),
        completion: .list(VectorEncoding.allCases.map(\.rawValue)))
    var encoding: String?

    @Argument(help: "User id: a number, a negative one behind --, or the text of an imported log.")
    var user: String

    mutating func validate() throws {
        guard HistoryParameters.limits.contains(limit) else {
            throw ValidationError("--limit wants 1…\(HistoryParameters.limits.upperBound)")
        }
        if let encoding, VectorEncoding(rawValue: encoding) == nil {
            throw ValidationError("--encoding wants numbers, float32 or float16")
        }
    }

    func run() async throws {
        var parameters = HistoryParameters(user: UserReference(user))
        parameters.limit = limit
        parameters.space = space
        parameters.encoding = encoding.flatMap(VectorEncoding.init)
        try await ask(.profileHistory, parameters.members, patience: 60, words: Self.words)
    }

    private static func words(_ json: JSONValue) -> String {
        let rows = (json["snapshots"]?.elements ?? []).map(HistoryRow.init)
        let user = json["user"]?.text ?? ""
        let older = json["older"]?.integer ?? 0
        var lines = [
            Table.pairs([
                ("user", json["original"]?.text.map { "\($0) (\(user))" } ?? user),
                (
                    "snapshots",
                    "\(Units.count(Int64(rows.count))), the user in "
                        + "\(Units.count(Int64(rows.count { $0.known }))) of them; "
                        + "\(Units.count(older)) older"
                ),
            ])
        ]
        guard !rows.isEmpty else { return lines[0] }
        var table = Table(
            ("SNAPSHOT", .right), ("", .left), ("SPACE", .right), ("GENERATION", .right),
            ("AS OF", .left), ("MADE", .left), ("KNOWN", .left), ("NOT COMPARED", .left))
        for row in rows {
            table.add(
                "\(row.version)", row.isCurrent ? "current" : "", "\(row.space)",
                "\(row.generation)\(row.trained ? "" : " (untrained)")",
                row.asOf.map(Units.time) ?? "-", Units.ago(row.created), row.known ? "yes" : "no",
                row.problem ?? row.reason ?? "")
        }
        lines.append(table.text)
        if rows.contains(where: \.known) {
            var parts = Table(
                ("SNAPSHOT", .right), ("PART", .left), ("NORM", .right), ("COSINE", .right))
            for row in rows {
                for part in row.parts {
                    parts.add(
                        "\(row.version)", part.name, Units.decimal(part.norm, 3),
                        part.cosine.map { Units.decimal($0, 4) } ?? "-")
                }
            }
            lines.append(parts.text)
        }
        return lines.joined(separator: "\n\n")
    }
}
