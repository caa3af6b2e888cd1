import ArgumentParser
import ControlProtocol

/// `ubpctl profile predict USER…`.
struct ProfilePredictCommand: ControlCommand {
    static let configuration = CommandConfiguration(
        commandName: "predict",
        abstract: "What the users named will do: whether they leave, and what they will buy.",
        discussion: """
            Probabilities are those of the multi-task heads, for the label horizon they were trained \
            on; scores are those of the BPR factors, of which only the order within a user means \
            anything. Without trained heads and factors there is nothing to show.
            """)

    @OptionGroup var connection: ConnectionOptions
    @OptionGroup var choice: ChoiceOptions

    @Option(help: "Categories and items shown of each user, 0…100.")
    var limit: Int64 = PredictionParameters.standardLimit

    @Argument(help: "User ids: numbers, negative ones behind --, or the texts of an imported log.")
    var users: [String]

    mutating func validate() throws {
        guard PredictionParameters.limits.contains(limit) else {
            throw ValidationError("--limit wants 0…\(PredictionParameters.limits.upperBound)")
        }
    }

    func run() async throws {
        var parameters = PredictionParameters(
            users: users.map(UserReference.init), limit: limit)
        parameters.choice = choice.choice
        try await ask(.profilePredict, parameters.members) { json in
            let rows = (json["predictions"]?.elements ?? []).map(PredictionRow.init)
            let generation = json["generation"]?.integer ?? 0
            let space = json["space"]?.integer ?? 0
            let isTrained = json["trained"]?.boolean ?? false
            return rows.map(\.words).joined(separator: "\n\n")
                + "\ngeneration \(generation) in space \(space)\(isTrained ? "" : " (untrained)")"
        }
    }
}

extension PredictionRow {
    /// For people.
    fileprivate var words: String {
        var pairs = [(name: "user", value: original.map { "\($0) (\(user))" } ?? user)]
        guard known else {
            pairs.append(("known", "no: no event of this user has been applied"))
            return Table.pairs(pairs)
        }
        pairs.append(("churn", churn.map(Self.percent) ?? "no trained head"))
        var lines = [Table.pairs(pairs)]
        for (title, targets) in [("CATEGORY", categories), ("ITEM", items)]
        where !targets.isEmpty {
            var table = Table((title, .left), ("PROBABILITY", .right), ("SCORE", .right))
            for target in targets {
                table.add(
                    target.name ?? target.id, Self.percent(target.probability),
                    target.score.map { Units.decimal($0, 3) } ?? "-")
            }
            lines.append(table.text)
        }
        return lines.joined(separator: "\n")
    }

    private static func percent(_ probability: Double) -> String {
        "\(Units.decimal(100 * probability, 1)) %"
    }
}
