import ControlProtocol
import Events
import Pipeline
import Snapshots

extension MethodTable {
    func pinSnapshot(_ params: [JSONValue.Member]) async throws(ControlError) -> JSONValue {
        let parameters = try PinParameters(params, isPin: true)
        _ = try await check(parameters.guards)
        let before = try await ask { service throws(PipelineError) in
            try await service.pin(
                parameters.version, reason: parameters.reason,
                dryRun: parameters.guards.isDryRun)
        }
        return Self.json(parameters, pin: parameters.reason, changed: before != parameters.reason)
    }

    func unpinSnapshot(_ params: [JSONValue.Member]) async throws(ControlError) -> JSONValue {
        let parameters = try PinParameters(params, isPin: false)
        _ = try await check(parameters.guards)
        let before = try await ask { service throws(PipelineError) in
            try await service.unpin(parameters.version, dryRun: parameters.guards.isDryRun)
        }
        return Self.json(parameters, pin: nil, changed: before != nil)
    }

    private static func json(
        _ parameters: PinParameters, pin: String?, changed: Bool
    ) -> JSONValue {
        [
            "version": .int(parameters.version), "pin": .optional(pin), "changed": .bool(changed),
            "dry_run": .bool(parameters.guards.isDryRun),
        ]
    }

    func pruneSnapshots(_ params: [JSONValue.Member]) async throws(ControlError) -> JSONValue {
        let guards = try MutationGuards(params)
        _ = try await check(guards)
        let retention = try await ask { service throws(PipelineError) in
            try await service.prune(dryRun: guards.isDryRun)
        }
        return [
            "dry_run": .bool(guards.isDryRun),
            "removed": .array(
                retention.removed.map {
                    ["version": .int($0.version), "bytes": .int($0.byteCount)]
                }),
            "bytes": .int(retention.removed.reduce(0) { $0 + $1.byteCount }),
            "kept": .array(
                retention.kept.map { kept in
                    [
                        "version": .int(kept.version),
                        "reasons": .array(kept.reasons.map { .string($0.rawValue) }),
                    ]
                }),
        ]
    }

    func compareSnapshots(_ params: [JSONValue.Member]) async throws(ControlError) -> JSONValue {
        let parameters = try DifferenceParameters(params)
        let found = try await ask { service throws(PipelineError) in
            try await service.compare(
                parameters.from, with: parameters.to, limit: Int(parameters.limit))
        }
        func named(_ user: Int64) -> JSONValue {
            [
                "user": .string(String(user)),
                "original": .optional(names.name(of: UserID(rawValue: user))),
            ]
        }
        return .object([
            .init("from", .int(found.from)), .init("to", .int(found.to)),
            .init(
                "users",
                [
                    "from": .int(found.fromUsers), "to": .int(found.toUsers),
                    "both": .int(found.commonUsers), "added": .int(found.addedUsers),
                    "removed": .int(found.removedUsers),
                ]),
            .init("added", .array(found.added.map(named))),
            .init("removed", .array(found.removed.map(named))),
            .init("comparable", .bool(found.incomparable == nil)),
            .init("reason", .optional(found.incomparable)),
            .init("parts", .array(found.parts.map(\.json))),
            .init(
                "moved",
                .array(
                    found.moved.map { moved in
                        [
                            "user": .string(String(moved.user)),
                            "original": .optional(names.name(of: UserID(rawValue: moved.user))),
                            "cosine": .double(moved.cosine), "euclidean": .double(moved.euclidean),
                        ]
                    })),
        ])
    }
}

extension SnapshotDifference.Part {
    fileprivate var json: JSONValue {
        [
            "name": .string(name), "width": .int(Int64(width)), "cosine": cosine.json,
            "euclidean": euclidean.json,
        ]
    }
}

extension SnapshotDifference.Spread {
    fileprivate var json: JSONValue {
        ["deciles": .array(deciles.map(JSONValue.double)), "mean": .double(mean)]
    }
}
