import ControlProtocol
import Events
import Pipeline
import Profiles

extension MethodTable {
    func profile(_ params: [JSONValue.Member]) async throws(ControlError) -> JSONValue {
        let parameters = try ProfileParameters(params, isBatch: false)
        let (header, rows) = try await profiles(parameters)
        guard let row = rows.first, rows.count == 1 else {
            throw ControlError(
                .internalError, "\(rows.count) profiles for one user", hint: "report this bug")
        }
        return .object(
            Array(row.members.dropLast()) + header.members + [
                .init("encoding", .string(parameters.encoding.rawValue)),
                .init("vector", row.vector),
            ])
    }

    func profiles(_ params: [JSONValue.Member]) async throws(ControlError) -> JSONValue {
        let parameters = try ProfileParameters(params, isBatch: true)
        let (header, rows) = try await profiles(parameters)
        return .object(
            header.members + [
                .init("encoding", .string(parameters.encoding.rawValue)),
                .init("profiles", .array(rows.map { .object($0.members) })),
            ])
    }

    private func profiles(
        _ parameters: ProfileParameters
    ) async throws(ControlError) -> (
        ProfileHeader, [ProfileRow]
    ) {
        let users = try batch(parameters.users)
        let reply = try await ask { service throws(PipelineError) in
            try await service.profiles(
                of: users, asOf: parameters.asOf, from: GenerationSelector(parameters.choice))
        }
        let rows = reply.rows.map { row in
            ProfileRow(
                user: row.user.description, original: names.name(of: row.user),
                known: row.isKnown, vector: parameters.encoding.json(row.values),
                rows: row.rowCount, events: row.eventCount, pending: row.pendingCount,
                newest: row.newestSeconds)
        }
        return (ProfileHeader(reply), rows)
    }

    /// The users of one request, of whom there are not too many.
    func batch(_ references: [UserReference]) throws(ControlError) -> [UserID] {
        guard references.count <= profileBatch else {
            throw ControlError(
                .tooLarge, "\(references.count) users, the limit is \(profileBatch)",
                hint: "ask in batches, or raise control.profile_batch")
        }
        return try users(references)
    }

    /// The users behind references, in their order.
    func users(_ references: [UserReference]) throws(ControlError) -> [UserID] {
        var users: [UserID] = []
        users.reserveCapacity(references.count)
        for reference in references {
            switch reference {
            case .number(let number): users.append(UserID(rawValue: number))
            case .text(let text):
                guard let user = names.user(named: text) else {
                    throw ControlError(
                        .invalidParams,
                        "the user \"\(text.prefix(60))\" is no 64-bit integer",
                        hint: "this log's users are numbers; texts need an imported dictionary")
                }
                users.append(user)
            }
        }
        return users
    }
}

extension ProfileHeader {
    init(_ reply: Pipeline.ProfileReply) {
        self.init(
            space: reply.space, generation: reply.generation, trained: reply.trained,
            asOf: reply.asOf, offset: reply.offset, stalenessSeconds: reply.stalenessSeconds,
            width: reply.parts.map(\.end).max() ?? 0,
            parts: reply.parts.map { .init(name: $0.name, start: $0.start, end: $0.end) })
    }
}
