import ControlProtocol
import Events
import Pipeline

extension MethodTable {
    func createSnapshot(_ params: [JSONValue.Member]) async throws(ControlError) -> JSONValue {
        let parameters = try SnapshotCreateParameters(params)
        var request = SnapshotRequest()
        request.waitForLagBytes = parameters.waitForLag
        request.selector = GenerationSelector(parameters.choice)
        if let timeout = parameters.timeoutSeconds { request.timeoutSeconds = timeout }
        if let references = parameters.users {
            // A list that came out empty by mistake would become `current`.
            guard !references.isEmpty else {
                throw ControlError(
                    .invalidParams, "`users` names nobody",
                    hint: "name at least one user, or leave `users` out for all active ones")
            }
            // Ascending and each once, as the snapshot's rows will be.
            var users = try users(references).sorted()
            var last: UserID?
            users.removeAll { user in
                defer { last = user }
                return user == last
            }
            request.users = users
        }
        let standing = try await check(parameters.guards)
        if parameters.guards.isDryRun {
            return [
                "dry_run": true, "lag_bytes": .int(standing.lagBytes),
                "users": .int(request.users.map { Int64($0.count) } ?? standing.users),
                "current": .optional(standing.currentSnapshot), "hold": .optional(standing.hold),
            ]
        }
        let ready = request
        let report = try await ask { service throws(PipelineError) in
            try await service.createSnapshot(ready)
        }
        return SnapshotReply(report).json
    }

    func listSnapshots(_ params: [JSONValue.Member]) async throws(ControlError) -> JSONValue {
        try Parameters(params).finish()
        let reports = try await ask { service throws(PipelineError) in
            try await service.snapshots()
        }
        return ["snapshots": .array(reports.map { SnapshotReply($0).json })]
    }

    func showSnapshot(_ params: [JSONValue.Member]) async throws(ControlError) -> JSONValue {
        let version = try SnapshotParameters(params).version
        let reports = try await ask { service throws(PipelineError) in
            try await service.snapshots()
        }
        guard let report = reports.first(where: { $0.version == version }) else {
            throw ControlError(PipelineError.unknownSnapshot(version: version))
        }
        return SnapshotReply(report).json
    }

    func verifySnapshot(_ params: [JSONValue.Member]) async throws(ControlError) -> JSONValue {
        let version = try SnapshotParameters(params).version
        let report = try await ask { service throws(PipelineError) in
            try await service.verifySnapshot(version)
        }
        return SnapshotReply(report).json
    }

    func rollback(_ params: [JSONValue.Member]) async throws(ControlError) -> JSONValue {
        let parameters = try RollbackParameters(params)
        _ = try await check(parameters.guards)
        let report = try await ask { service throws(PipelineError) in
            try await service.rollback(
                to: parameters.version, reason: parameters.reason,
                expecting: parameters.guards.expectVersion, dryRun: parameters.guards.isDryRun)
        }
        return CurrentReply(report).json
    }

    func release(_ params: [JSONValue.Member]) async throws(ControlError) -> JSONValue {
        let guards = try MutationGuards(params)
        _ = try await check(guards)
        let report = try await ask { service throws(PipelineError) in
            try await service.release(
                expecting: guards.expectVersion, dryRun: guards.isDryRun)
        }
        return CurrentReply(report).json
    }
}

extension SnapshotReply {
    init(_ report: SnapshotReport) {
        self.init(
            version: report.version, path: report.path, isCurrent: report.isCurrent,
            users: report.users, width: Int64(report.width), space: report.space,
            generation: report.generation, trained: report.trained, asOf: report.asOf,
            offset: report.offset, bytes: report.byteCount, created: report.createdSeconds,
            parent: report.parent,
            hashes: report.hashes.keys.sorted().map { name in
                .init(name, .optional(report.hashes[name]))
            })
        pin = report.pin
    }
}

extension CurrentReply {
    init(_ report: RollbackReport) {
        self.init(
            previous: report.previous, current: report.current, hold: report.hold,
            reactivates: report.reactivates, seconds: report.seconds, isDryRun: report.dryRun)
    }
}
