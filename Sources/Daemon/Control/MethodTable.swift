import ControlProtocol
import Events
import Pipeline
import Storage

/// Answers requests: checks the role and the parameters, asks the pipeline, shapes the reply.
package struct MethodTable: Sendable {
    let service: any ProfileService
    let names: any UserNames
    let profileBatch: Int
    let meter = RequestMeter()
    /// Nil carries mutations out without ids and audit.
    let journal: MutationJournal?
    let reloader: Reloader?
    let clock: any Clock
    private let startNanoseconds: UInt64

    /// - Parameters:
    ///   - service: the running pipeline.
    ///   - names: how users that are no numbers are found and shown.
    ///   - profileBatch: users of one `profile.batch`, at most.
    ///   - clock: for the daemon's own uptime only.
    ///   - journal: where mutations are entered; nil enters them nowhere, as a test may want it.
    ///   - reloader: for `reload` and `log.level`.
    package init(
        service: any ProfileService, names: any UserNames = NumbersOnly(), profileBatch: Int = 500,
        clock: any Clock, journal: MutationJournal? = nil, reloader: Reloader? = nil
    ) {
        self.service = service
        self.names = names
        self.profileBatch = profileBatch
        self.journal = journal
        self.reloader = reloader
        self.clock = clock
        startNanoseconds = clock.monotonicNanoseconds()
    }

    /// Answers one request of a peer that may do what `role` says.
    ///
    /// `connections` is how many peers there are at the moment, for `status`.
    package func answer(
        _ request: Request, role: Role, connections: Int = 0
    ) async
        -> Result<JSONValue, ControlError>
    {
        await answer(request, of: Asker(role: role, peer: nil), connections: connections)
    }

    /// The same, without ids and audit.
    func unjournaled(
        _ request: Request, role: Role, connections: Int
    ) async
        -> Result<JSONValue, ControlError>
    {
        do throws(ControlError) {
            let method = Method(rawValue: request.method)
            // Who is nobody yet is told the role that would do, so as not to be refused again.
            let wanted: Role = method?.needsOperator == true ? .operator : .reader
            guard role >= wanted else { throw .forbidden(request.method, want: wanted) }
            guard let method else { throw unknownMethod(request.method) }
            return .success(
                try await result(of: method, request.params, connections: connections))
        } catch {
            return .failure(error)
        }
    }

    private func result(
        of method: Method, _ params: [JSONValue.Member], connections: Int
    ) async throws(ControlError) -> JSONValue {
        switch method {
        case .status: try await status(params, connections: connections)
        case .metrics: try await metrics(params, connections: connections)
        case .version: try version(params)
        case .profileGet: try await profile(params)
        case .profileBatch: try await profiles(params)
        case .profilePredict: try await predict(params)
        case .profileExplain: try await explain(params)
        case .profileHistory: try await history(params)
        case .profileWatch: try await watch(params)
        case .snapshotCreate: try await createSnapshot(params)
        case .snapshotList: try await listSnapshots(params)
        case .snapshotShow: try await showSnapshot(params)
        case .snapshotVerify: try await verifySnapshot(params)
        case .snapshotRollback: try await rollback(params)
        case .snapshotRelease: try await release(params)
        case .snapshotPin: try await pinSnapshot(params)
        case .snapshotUnpin: try await unpinSnapshot(params)
        case .snapshotDiff: try await compareSnapshots(params)
        case .snapshotPrune: try await pruneSnapshots(params)
        case .generationList: try await listGenerations(params)
        case .generationShow: try await showGeneration(params)
        case .generationActivate: try await activateGeneration(params)
        case .spaceList: try await listSpaces(params)
        case .refreshStatus: try await refreshStatus(params)
        case .refreshCancel: try await cancelRefresh(params)
        case .quarantineList: try await listQuarantine(params)
        case .quarantineShow: try await showQuarantined(params)
        case .quarantineReplay: try await replayQuarantined(params)
        case .userForget: try await forget(params)
        case .userExport: try await exportUser(params)
        case .userSuppressions: try await suppressions(params)
        case .checkpoint: try await checkpoint(params)
        case .reload: try await reload(params)
        case .logLevel: try await logLevel(params)
        case .auditList: try await listAudit(params)
        case .auditVerify: try await verifyAudit(params)
        case .drain: try await drain(params)
        default:
            throw ControlError(
                .notAvailable, "`\(method.rawValue)` is not available in this version",
                hint: "`ubpctl version` shows what runs; later versions answer it")
        }
    }

    private func unknownMethod(_ name: String) -> ControlError {
        let nearest = Method.allCases
            .map { (name: $0.rawValue, distance: editDistance(name, $0.rawValue)) }
            .min { $0.distance < $1.distance }
        let hint =
            nearest.map { $0.distance <= 4 ? "did you mean `\($0.name)`?" : nil } ?? nil
        return ControlError(
            .methodNotFound, "there is no method `\(name.prefix(60))`",
            hint: hint ?? "docs/control.md lists the methods")
    }

    /// Calls the pipeline and puts its errors into the wire's terms.
    func ask<Answer: Sendable>(
        _ body: (any ProfileService) async throws(PipelineError) -> Answer
    ) async throws(ControlError) -> Answer {
        do throws(PipelineError) { return try await body(service) } catch {
            throw ControlError(error)
        }
    }

    // MARK: The daemon itself

    private func version(_ params: [JSONValue.Member]) throws(ControlError) -> JSONValue {
        try Parameters(params).finish()
        return ["version": .string(Version.program), "protocol": .int(Version.wire)]
    }

    private func status(
        _ params: [JSONValue.Member], connections: Int
    ) async throws(ControlError) -> JSONValue {
        try Parameters(params).finish()
        var reply = StatusReply(try await standing())
        reply.version = Version.program
        reply.processID = Int64(Accounts.ownProcess)
        reply.uptimeSeconds = uptimeSeconds
        reply.connections = Int64(connections)
        return reply.json
    }

    /// The pipeline's word, and a reload that was refused beside it.
    func standing() async throws(ControlError) -> StatusReport {
        var report = try await ask { service throws(PipelineError) in try await service.status() }
        if let problem = reloader?.problem { report.degraded.append(problem) }
        return report
    }

    /// Since the table was made, to the millisecond.
    var uptimeSeconds: Double {
        Double((clock.monotonicNanoseconds() - startNanoseconds) / 1_000_000) / 1000
    }

    private func checkpoint(_ params: [JSONValue.Member]) async throws(ControlError) -> JSONValue {
        let guards = try MutationGuards(params)
        let standing = try await check(guards)
        if guards.isDryRun {
            return ["dry_run": true, "committed": StatusReply.Place(standing.committed).json]
        }
        let cursor = try await ask { service throws(PipelineError) in
            try await service.checkpoint()
        }
        return ["dry_run": false, "committed": StatusReply.Place(cursor).json]
    }

    private func drain(_ params: [JSONValue.Member]) async throws(ControlError) -> JSONValue {
        let guards = try MutationGuards(params)
        _ = try await check(guards)
        if !guards.isDryRun {
            try await ask { service throws(PipelineError) in try await service.drain() }
        }
        return ["dry_run": .bool(guards.isDryRun), "drained": .bool(!guards.isDryRun)]
    }

    /// Compares what a mutation counts on with how things are.
    ///
    /// What moves `current` compares once more where it moves it: two may pass here at once.
    func check(_ guards: MutationGuards) async throws(ControlError) -> StatusReport {
        let report = try await ask { service throws(PipelineError) in try await service.status() }
        if let expected = guards.expectVersion, expected != report.currentSnapshot {
            throw ControlError(
                PipelineError.notExpected(expected: expected, current: report.currentSnapshot))
        }
        return report
    }
}

extension ControlError {
    /// `forbidden`: the peer's role is below `want`.
    static func forbidden(_ method: String, want: Role) -> ControlError {
        let (name, key) =
            want == .operator ? ("an operator", "operators") : ("a reader", "readers")
        return ControlError(
            .forbidden, "`\(method.prefix(60))` needs \(name)",
            hint: "have your user or group added to control.\(key), or ask as root")
    }
}
