import ArgumentParser
import ControlProtocol

/// `ubpctl profile explain USER`.
struct ProfileExplainCommand: ControlCommand {
    static let configuration = CommandConfiguration(
        commandName: "explain",
        abstract: "What a user's predictions owe to each session: what they would be without it.",
        discussion: """
            An effect is the probability as it is less the probability without the session, in \
            points of a hundred: +2.50 means that the session raises it by two and a half points. \
            Sessions come by their effect on churn, the greatest first. Only the last rows can be \
            left out; what is older stays, and so do the scores of the BPR factors.
            """)

    @OptionGroup var connection: ConnectionOptions
    @OptionGroup var choice: ChoiceOptions

    @Option(
        help: ArgumentHelp(
            "Event time to speak for, seconds since 1970 UTC; else the log clock.",
            valueName: "seconds"))
    var asOf: Int64?

    @Option(help: "Sessions shown, 1…1000.")
    var limit: Int64 = ExplanationParameters.standardLimit

    @Option(help: "Categories and items whose probabilities are explained, 0…100 of each.")
    var targets: Int64 = ExplanationParameters.standardTargets

    @Argument(help: "User id: a number, a negative one behind --, or the text of an imported log.")
    var user: String

    mutating func validate() throws {
        guard ExplanationParameters.limits.contains(limit) else {
            throw ValidationError("--limit wants 1…\(ExplanationParameters.limits.upperBound)")
        }
        guard ExplanationParameters.targetLimits.contains(targets) else {
            throw ValidationError(
                "--targets wants 0…\(ExplanationParameters.targetLimits.upperBound)")
        }
    }

    func run() async throws {
        var parameters = ExplanationParameters(user: UserReference(user))
        parameters.asOf = asOf
        parameters.limit = limit
        parameters.targets = targets
        parameters.choice = choice.choice
        try await ask(.profileExplain, parameters.members) { json in
            let asOf = json["as_of"]?.integer
            let generation = json["generation"]?.integer ?? 0
            let space = json["space"]?.integer ?? 0
            let isTrained = json["trained"]?.boolean ?? false
            return ExplanationRow(json: json).words(asOf: asOf)
                + "\ngeneration \(generation) in space \(space)\(isTrained ? "" : " (untrained)")"
                + ", as of \(asOf.map(Units.time) ?? "no time yet")"
        }
    }
}

extension ExplanationRow {
    /// For people; times are told from `asOf`.
    fileprivate func words(asOf: Int64?) -> String {
        let (user, original) = (prediction.user, prediction.original)
        var pairs = [(name: "user", value: original.map { "\($0) (\(user))" } ?? user)]
        guard prediction.known else {
            pairs.append(("known", "no: no event of this user has been applied"))
            return Table.pairs(pairs)
        }
        pairs += [
            ("churn", prediction.churn.map(Self.percent) ?? "no trained head"),
            (
                "rows",
                "\(Units.count(windowRows)) that can be left out, \(Units.count(olderRows)) older"
            ),
            ("sessions", "\(Units.count(Int64(sessions.count))) of \(Units.count(sessionCount))"),
        ]
        if let reason { pairs.append(("note", reason)) }
        var lines = [Table.pairs(pairs)]
        if !sessions.isEmpty { lines.append(table(asOf: asOf)) }
        if sessions.contains(where: { !$0.isWhole }) {
            lines.append("* may have begun before the rows that can be left out")
        }
        for (title, targets, changes) in [
            ("CATEGORY", prediction.categories, \SessionEffect.categories),
            ("ITEM", prediction.items, \SessionEffect.items),
        ] where !targets.isEmpty {
            lines.append(table(title, targets, changes))
        }
        return lines.joined(separator: "\n")
    }

    /// The sessions, numbered, and their effects on churn.
    private func table(asOf: Int64?) -> String {
        var table = Table(
            ("SESSION", .right), ("BEGAN", .left), ("ENDED", .left), ("LASTED", .left),
            ("HELD", .left), ("CHURN WITHOUT", .right), ("EFFECT, POINTS", .right))
        for (index, session) in sessions.enumerated() {
            table.add(
                "\(index + 1)\(session.isWhole ? "" : "*")", Units.time(session.began),
                asOf.map { Units.before($0, session.ended) } ?? "-",
                Units.duration(Double(session.ended - session.began)), session.holding,
                session.churn.map { Self.percent($0.without) } ?? "-",
                session.churn.map { Self.points($0.effect) } ?? "-")
        }
        return table.text
    }

    /// The targets of a list, each with its probability and the session that matters most to it.
    private func table(
        _ title: String, _ targets: [PredictionRow.Target],
        _ changes: KeyPath<SessionEffect, [SessionEffect.TargetChange]>
    ) -> String {
        var table = Table(
            (title, .left), ("PROBABILITY", .right), ("SCORE", .right),
            ("EFFECTS BY SESSION, POINTS", .left))
        for (place, target) in targets.enumerated() {
            let effects = sessions.enumerated().compactMap { index, session in
                let list = session[keyPath: changes]
                return place < list.count
                    ? "\(index + 1): \(Self.points(list[place].change.effect))" : nil
            }
            table.add(
                target.name ?? target.id, Self.percent(target.probability),
                target.score.map { Units.decimal($0, 3) } ?? "-",
                effects.isEmpty ? "-" : effects.joined(separator: "  "))
        }
        return table.text
    }

    private static func percent(_ probability: Double) -> String {
        "\(Units.decimal(100 * probability, 1)) %"
    }

    private static func points(_ effect: Double) -> String {
        (effect < 0 ? "" : "+") + Units.decimal(100 * effect, 2)
    }
}

extension SessionEffect {
    /// `2 visits, 1 buy`.
    fileprivate var holding: String {
        let parts = zip(Self.kinds, held).filter { $0.1 > 0 }.map { kind, count in
            let one = kind == "searches" ? "search" : String(kind.dropLast())
            return "\(count) \(count == 1 ? one : kind)"
        }
        return parts.joined(separator: ", ")
    }
}
