import ArgumentParser
import ControlProtocol

/// `ubpctl profile …`.
struct ProfileCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "profile", abstract: "Profiles of users, what they foretell and why.",
        subcommands: [
            ProfileGetCommand.self, ProfileBatchCommand.self, ProfilePredictCommand.self,
            ProfileExplainCommand.self, ProfileHistoryCommand.self,
            ProfileWatchCommand.self,
        ])
}

/// What both verbs take.
struct ProfileOptions: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "Event time to speak for, seconds since 1970 UTC; else the log clock.",
            valueName: "seconds"))
    var asOf: Int64?

    @OptionGroup var choice: ChoiceOptions

    @Option(
        help: "How vectors travel: numbers, float32 or float16 (base64, little-endian).",
        completion: .list(VectorEncoding.allCases.map(\.rawValue)))
    var encoding = "numbers"

    func parameters(_ users: [UserReference]) throws -> ProfileParameters {
        guard let encoding = VectorEncoding(rawValue: encoding) else {
            throw ValidationError("--encoding wants numbers, float32 or float16")
        }
        var parameters = ProfileParameters(users: users, asOf: asOf, encoding: encoding)
        parameters.choice = choice.choice
        return parameters
    }
}

/// `ubpctl profile get USER…`.
struct ProfileGetCommand: ControlCommand {
    static let configuration = CommandConfiguration(
        commandName: "get", abstract: "Profiles of the users named.")

    @OptionGroup var connection: ConnectionOptions
    @OptionGroup var options: ProfileOptions

    @Argument(help: "User ids: numbers, negative ones behind --, or the texts of an imported log.")
    var users: [String]

    func run() async throws {
        let parameters = try options.parameters(users.map(UserReference.init))
        guard users.count == 1 else {
            try await ask(.profileBatch, parameters.members(isBatch: true)) { json in
                let rows = (json["profiles"]?.elements ?? []).map(ProfileRow.init)
                return rows.words + "\n" + ProfileHeader(json: json).words
            }
            return
        }
        try await ask(.profileGet, parameters.members(isBatch: false)) { json in
            ProfileRow(json: json).words(
                under: ProfileHeader(json: json), encoding: parameters.encoding)
        }
    }
}

/// `ubpctl profile batch [FILE]`.
struct ProfileBatchCommand: ControlCommand {
    static let configuration = CommandConfiguration(
        commandName: "batch",
        abstract: "Profiles of many users, their ids one a line.",
        discussion: """
            Each batch is one consistent cut; the daemon goes on reading between two batches. \
            With --json the document is {"batches": [...]}.
            """)

    @OptionGroup var connection: ConnectionOptions
    @OptionGroup var options: ProfileOptions

    @Option(help: "Users a request; the daemon's limit is control.profile_batch.")
    var size = 500

    @Argument(help: "File with the ids; - or nothing reads standard input.", completion: .file())
    var file = "-"

    mutating func validate() throws {
        guard size > 0 else { throw ValidationError("--size wants a number above 0") }
    }

    func run() async throws {
        let users = try UserFile.readSome(file)
        var requests: [(method: String, params: [JSONValue.Member])] = []
        for start in stride(from: 0, to: users.count, by: size) {
            let slice = Array(users[start..<min(start + size, users.count)])
            let parameters = try options.parameters(slice)
            requests.append((Method.profileBatch.rawValue, parameters.members(isBatch: true)))
        }
        let client = ControlClient(
            path: connection.path, timeoutSeconds: connection.timeout ?? 600)
        let results = try await client.results(of: requests)
        if connection.json {
            let document = JSONValue.object([.init("batches", .array(results))])
            try StandardOutput.write(line: document.indented)
        } else {
            let rows = results.flatMap { ($0["profiles"]?.elements ?? []).map(ProfileRow.init) }
            let header = results.last.map { ProfileHeader(json: $0).words } ?? ""
            try StandardOutput.write(line: rows.words + "\n" + header)
        }
    }
}

extension ProfileHeader {
    /// For people, one line.
    fileprivate var words: String {
        "generation \(generation) in space \(space)\(trained ? "" : " (untrained)"), as of "
            + (asOf.map(Units.time) ?? "no time yet")
            + ", \(Units.duration(Double(stalenessSeconds))) stale, width \(width)"
    }
}

extension [ProfileRow] {
    /// For people, one line a user.
    fileprivate var words: String {
        var table = Table(
            ("USER", .left), ("KNOWN", .left), ("ROWS", .right), ("EVENTS", .right),
            ("PENDING", .right), ("NEWEST EVENT", .left))
        for row in self {
            table.add(
                row.original ?? row.user, row.known ? "yes" : "no", Units.count(row.rows),
                Units.count(row.events), Units.count(row.pending),
                row.newest.map(Units.time) ?? "-")
        }
        return table.text
    }
}

extension ProfileRow {
    fileprivate func words(under header: ProfileHeader, encoding: VectorEncoding) -> String {
        var pairs: [(name: String, value: String)] = [
            ("user", original.map { "\($0) (\(user))" } ?? user)
        ]
        guard known else {
            pairs.append(("known", "no: no event of this user has been applied"))
            return Table.pairs(pairs) + "\n" + header.words
        }
        pairs += [
            ("events", "\(Units.count(events)), \(Units.count(pending)) of them pending"),
            ("rows", Units.count(rows)), ("newest", newest.map(Units.time) ?? "-"),
        ]
        let values = encoding.values(of: vector) ?? []
        var table = Table(
            ("PART", .left), ("COLUMNS", .left), ("NORM", .right), ("FIRST VALUES", .left))
        for part in header.parts
        where part.start >= 0 && part.start <= part.end && part.end <= values.count {
            let slice = values[part.start..<part.end]
            let norm = slice.reduce(0) { $0 + Double($1) * Double($1) }.squareRoot()
            table.add(
                part.name, "\(part.start)..<\(part.end)", Units.decimal(norm, 3),
                slice.prefix(4).map { Units.decimal(Double($0), 4) }.joined(separator: " ") + " …")
        }
        return [Table.pairs(pairs), table.text, header.words].joined(separator: "\n")
    }
}
