import ControlProtocol
import Pipeline

extension MethodTable {
    func listGenerations(_ params: [JSONValue.Member]) async throws(ControlError) -> JSONValue {
        try Parameters(params).finish()
        let reports = try await ask { service throws(PipelineError) in
            try await service.generations()
        }
        return ["generations": .array(reports.map { GenerationReply($0).json })]
    }

    func showGeneration(_ params: [JSONValue.Member]) async throws(ControlError) -> JSONValue {
        let id = try GenerationParameters(params, isMutation: false).generation
        let reports = try await ask { service throws(PipelineError) in
            try await service.generations()
        }
        guard let report = reports.first(where: { $0.generation == id }) else {
            throw ControlError(PipelineError.unknownGeneration(id))
        }
        return GenerationReply(report).json
    }

    func activateGeneration(_ params: [JSONValue.Member]) async throws(ControlError) -> JSONValue {
        let parameters = try GenerationParameters(params, isMutation: true)
        _ = try await check(parameters.guards)
        let report = try await ask { service throws(PipelineError) in
            try await service.activate(
                parameters.generation, force: parameters.force,
                dryRun: parameters.guards.isDryRun)
        }
        return [
            "previous": .int(report.previous), "generation": .int(report.generation),
            "active": .bool(report.isActive), "dry_run": .bool(report.dryRun),
        ]
    }

    func listSpaces(_ params: [JSONValue.Member]) async throws(ControlError) -> JSONValue {
        try Parameters(params).finish()
        let reports = try await ask { service throws(PipelineError) in try await service.spaces() }
        return ["spaces": .array(reports.map { SpaceReply($0).json })]
    }

    func refreshStatus(_ params: [JSONValue.Member]) async throws(ControlError) -> JSONValue {
        try Parameters(params).finish()
        let condition = try await ask { service throws(PipelineError) in
            try await service.refresh()
        }
        return ["refresh": condition.map { RefreshReply($0).json } ?? .null]
    }

    func cancelRefresh(_ params: [JSONValue.Member]) async throws(ControlError) -> JSONValue {
        let guards = try MutationGuards(params)
        _ = try await check(guards)
        let condition = try await ask { service throws(PipelineError) in
            try await service.cancelRefresh(dryRun: guards.isDryRun)
        }
        return [
            "dry_run": .bool(guards.isDryRun), "cancelled": .bool(!guards.isDryRun),
            "refresh": RefreshReply(condition).json,
        ]
    }
}

extension GenerationSelector {
    init(_ choice: ServedChoice) {
        if let generation = choice.generation {
            self = .generation(generation)
        } else {
            self = choice.space.map(GenerationSelector.space) ?? .active
        }
    }
}

extension StandingReply {
    init(_ standing: GenerationStanding) {
        self.init(
            generation: standing.generation, space: standing.space, trained: standing.trained,
            role: standing.role, state: standing.state, offset: standing.offset,
            lagBytes: standing.lagBytes, lagEvents: standing.lagEvents,
            etaSeconds: standing.etaSeconds, until: standing.until)
    }
}

extension GenerationReply {
    init(_ report: GenerationReport) {
        self.init(
            generation: report.generation, space: report.space, trained: report.trained,
            path: report.path, fitFrom: report.fitFrom, fitTo: report.fitTo,
            refusals: report.refusals, problem: report.problem,
            numbers: report.numbers.keys.sorted().map { name in
                .init(name, .optional(report.numbers[name]))
            },
            standing: report.standing.map(StandingReply.init),
            takeovers: report.takeovers.map {
                [
                    "offset": .int($0.offset), "place": .optional($0.place),
                    "seconds": .int($0.seconds),
                ]
            })
    }
}

extension SpaceReply {
    init(_ report: SpaceReport) {
        self.init(
            space: report.space, trained: report.trained, path: report.path,
            fitFrom: report.fitFrom, fitTo: report.fitTo, previous: report.previous,
            generations: report.generations, served: report.served, until: report.until)
    }
}

extension RefreshReply {
    init(_ condition: RefreshCondition) {
        self.init(
            state: condition.state, isRunning: condition.isRunning, step: condition.step,
            stepIndex: Int64(condition.stepIndex), stepCount: Int64(condition.stepCount),
            fraction: condition.fraction, detail: condition.detail,
            secondsLeft: condition.secondsLeft, started: condition.started,
            updated: condition.updated, pid: Int64(condition.pid), error: condition.error)
    }
}
