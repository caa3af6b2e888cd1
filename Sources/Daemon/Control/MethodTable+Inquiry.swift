import ControlProtocol
import Events
import Features
import Pipeline
import Profiles
import Snapshots

extension MethodTable {
    /// `profile.explain`: what a user's predictions owe to each session.
    func explain(_ params: [JSONValue.Member]) async throws(ControlError) -> JSONValue {
        let parameters = try ExplanationParameters(params)
        let user = try oneUser(parameters.user)
        let reply = try await ask { service throws(PipelineError) in
            try await service.explanation(
                of: user, asOf: parameters.asOf, from: GenerationSelector(parameters.choice))
        }
        let row = explained(
            reply, limit: Int(parameters.limit), targets: Int(parameters.targets))
        return .object(
            row.prediction.members.prefix { $0.name != "churn" } + [
                .init("space", .int(reply.space)), .init("generation", .int(reply.generation)),
                .init("trained", .bool(reply.trained)), .init("as_of", .optional(reply.asOf)),
                .init("offset", .int(reply.offset)),
            ] + row.members.drop { $0.name != "churn" })
    }

    private func explained(
        _ reply: Pipeline.ExplanationReply, limit: Int, targets: Int
    ) -> ExplanationRow {
        let explanation = reply.explanation
        let prediction = explanation?.prediction
        var made = ExplanationRow(
            prediction: row(
                PredictionReply.Row(user: reply.user, prediction: prediction), limit: targets))
        guard let explanation, let prediction else { return made }
        let name = "generation \(reply.generation)"
        if !explanation.hasNetworks {
            made.reason = "\(name) has no network that predicts, so nothing has an effect"
        } else if !reply.trained {
            made.reason = "the weights of \(name) are seeded: its effects say nothing of the user"
        }
        made.windowRows = explanation.windowRowCount
        made.olderRows = explanation.olderRowCount
        made.unchanged =
            (explanation.olderRowCount > 0 ? ["older_rows"] : []) + ["row_counts", "scores"]
        made.sessionCount = Int64(explanation.sessions.count)
        let categories = ranking(prediction.categories, targets)
        let items = ranking(prediction.items, targets)
        made.sessions = explanation.sessions.prefix(limit).map { session in
            var effect = SessionEffect(session)
            if let with = prediction.churn, let without = session.churn {
                effect.churn = .init(with: with, without: without)
            }
            effect.categories = Self.changes(
                of: categories, in: prediction.categories, to: session.categories)
            effect.items = Self.changes(of: items, in: prediction.items, to: session.items)
            return effect
        }
        return made
    }

    /// What becomes of the targets at `places` of a list.
    private static func changes(
        of places: [Int], in targets: [Prediction.Target], to without: [Double]
    ) -> [SessionEffect.TargetChange] {
        places.filter(without.indices.contains).map { place in
            .init(
                id: String(targets[place].id),
                change: .init(with: targets[place].probability, without: without[place]))
        }
    }

    /// `profile.history`: a user across the published snapshots.
    func history(_ params: [JSONValue.Member]) async throws(ControlError) -> JSONValue {
        let parameters = try HistoryParameters(params)
        let user = try oneUser(parameters.user)
        let found = try await ask { service throws(PipelineError) in
            try await service.history(
                of: user, limit: Int(parameters.limit), space: parameters.space)
        }
        var members: [JSONValue.Member] = [.init("user", .string(user.description))]
        if let name = names.name(of: user) { members.append(.init("original", .string(name))) }
        return .object(
            members + [
                .init("known", .bool(found.entries.contains(where: \.isKnown))),
                .init("older", .int(Int64(found.olderCount))),
                .init("encoding", .optional(parameters.encoding?.rawValue)),
                .init(
                    "snapshots",
                    .array(found.entries.map { HistoryRow($0, parameters.encoding).json })),
            ])
    }

    private func oneUser(_ reference: UserReference) throws(ControlError) -> UserID {
        guard let user = try users([reference]).first else {
            throw ControlError(.internalError, "no user for one name", hint: "report this bug")
        }
        return user
    }
}

extension SessionEffect {
    /// A session, without effects.
    fileprivate init(_ explained: Explanation.Session) {
        let session = explained.session
        let kinds: [EventKind] = [
            .pageVisit, .searchQuery, .addToCart, .removeFromCart, .productBuy,
        ]
        self.init(
            began: session.beginSeconds, ended: session.endSeconds, isWhole: explained.isWhole,
            rows: Int64(session.rows.count), held: kinds.map { Int64(session.count($0)) },
            churn: nil, categories: [], items: [])
    }
}

extension HistoryRow {
    fileprivate init(_ entry: SnapshotHistory.Entry, _ encoding: VectorEncoding?) {
        self.init(version: entry.version)
        previous = entry.previous
        isCurrent = entry.isCurrent
        space = entry.space
        generation = entry.generation
        trained = entry.trained
        asOf = entry.asOf
        created = entry.createdSeconds
        known = entry.isKnown
        problem = entry.problem
        reason = entry.incomparable
        parts = entry.parts.map {
            .init(name: $0.name, start: $0.start, end: $0.end, norm: $0.norm, cosine: $0.cosine)
        }
        if let encoding, entry.isKnown { vector = encoding.json(entry.values) }
    }
}
