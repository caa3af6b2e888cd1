import ControlProtocol
import Events
import Pipeline
import Profiles

extension MethodTable {
    /// `profile.predict`: what the users will do in the label horizon, all at one cursor.
    func predict(_ params: [JSONValue.Member]) async throws(ControlError) -> JSONValue {
        let parameters = try PredictionParameters(params)
        let users = try batch(parameters.users)
        let reply = try await ask { service throws(PipelineError) in
            try await service.predictions(
                of: users, from: GenerationSelector(parameters.choice))
        }
        let rows = reply.rows.map { row($0, limit: Int(parameters.limit)) }
        return .object([
            .init("space", .int(reply.space)), .init("generation", .int(reply.generation)),
            .init("trained", .bool(reply.trained)), .init("as_of", .optional(reply.asOf)),
            .init("offset", .int(reply.offset)),
            .init("predictions", .array(rows.map { .object($0.members) })),
        ])
    }

    func row(_ row: PredictionReply.Row, limit: Int) -> PredictionRow {
        PredictionRow(
            user: row.user.description, original: names.name(of: row.user), known: row.isKnown,
            churn: row.prediction?.churn,
            categories: targets(row.prediction?.categories ?? [], .category, limit),
            items: targets(row.prediction?.items ?? [], .item, limit))
    }

    /// The best of a list, as `ranking` orders them.
    private func targets(
        _ targets: [Prediction.Target], _ kind: IDKind, _ limit: Int
    ) -> [PredictionRow.Target] {
        ranking(targets, limit).map { place in
            let target = targets[place]
            return PredictionRow.Target(
                id: String(target.id), name: names.name(of: target.id, kind),
                probability: target.probability, score: target.score.map { Double($0) })
        }
    }

    /// Places of the best of a list, by probability; ties as listed.
    func ranking(_ targets: [Prediction.Target], _ limit: Int) -> [Int] {
        let ranked = targets.indices.sorted { left, right in
            targets[left].probability != targets[right].probability
                ? targets[left].probability > targets[right].probability : left < right
        }
        return Array(ranked.prefix(limit))
    }
}
