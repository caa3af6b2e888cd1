/// Where a running generation stands, in `status` and `generation.list`.
package struct StandingReply: Sendable, Equatable {
    package var generation: Int64
    package var space: Int64
    package var trained: Bool
    /// `active`, `catching-up`, `overlapping` or `leaving`.
    package var role: String
    package var state: String
    /// Records applied.
    package var offset: Int64
    package var lagBytes: Int64
    package var lagEvents: Int64
    package var etaSeconds: Double?
    /// When an overlap ends, seconds since 1970.
    package var until: Int64?

    package init(
        generation: Int64, space: Int64, trained: Bool, role: String, state: String, offset: Int64,
        lagBytes: Int64, lagEvents: Int64, etaSeconds: Double?, until: Int64?
    ) {
        self.generation = generation
        self.space = space
        self.trained = trained
        self.role = role
        self.state = state
        self.offset = offset
        self.lagBytes = lagBytes
        self.lagEvents = lagEvents
        self.etaSeconds = etaSeconds
        self.until = until
    }

    /// As an object.
    package var json: JSONValue {
        [
            "generation": .int(generation), "space": .int(space), "trained": .bool(trained),
            "role": .string(role), "state": .string(state), "offset": .int(offset),
            "lag": ["bytes": .int(lagBytes), "events": .int(lagEvents)],
            "eta_seconds": .optional(etaSeconds), "until": .optional(until),
        ]
    }

    /// Reads a reply; what is missing is zero.
    package init(json: JSONValue) {
        self.init(
            generation: json["generation"]?.integer ?? 0, space: json["space"]?.integer ?? 0,
            trained: json["trained"]?.boolean ?? false, role: json["role"]?.text ?? "",
            state: json["state"]?.text ?? "", offset: json["offset"]?.integer ?? 0,
            lagBytes: json["lag"]?["bytes"]?.integer ?? 0,
            lagEvents: json["lag"]?["events"]?.integer ?? 0,
            etaSeconds: json["eta_seconds"]?.number, until: json["until"]?.integer)
    }
}

/// One generation in a reply.
package struct GenerationReply: Sendable, Equatable {
    package var generation: Int64
    package var space: Int64
    package var trained: Bool
    package var path: String
    package var fitFrom: Int64
    package var fitTo: Int64
    /// Why the gate refused it; empty when it is accepted.
    package var refusals: [String]
    /// Why it cannot be used; nil when it can.
    package var problem: String?
    /// Counts and metrics by name, ascending by name.
    package var numbers: [JSONValue.Member]
    /// Where it stands; nil when it does not run.
    package var standing: StandingReply?
    /// `offset`, `place` and `seconds` of each time it took over, oldest first.
    package var takeovers: [JSONValue]

    package init(
        generation: Int64, space: Int64, trained: Bool, path: String, fitFrom: Int64, fitTo: Int64,
        refusals: [String], problem: String?, numbers: [JSONValue.Member],
        standing: StandingReply?, takeovers: [JSONValue]
    ) {
        self.generation = generation
        self.space = space
        self.trained = trained
        self.path = path
        self.fitFrom = fitFrom
        self.fitTo = fitTo
        self.refusals = refusals
        self.problem = problem
        self.numbers = numbers
        self.standing = standing
        self.takeovers = takeovers
    }

    /// As an object.
    package var json: JSONValue {
        [
            "generation": .int(generation), "space": .int(space), "trained": .bool(trained),
            "path": .string(path), "fit_from": .int(fitFrom), "fit_to": .int(fitTo),
            "accepted": .bool(refusals.isEmpty), "refusals": .array(refusals.map(JSONValue.string)),
            "problem": .optional(problem), "standing": standing?.json ?? .null,
            "takeovers": .array(takeovers), "numbers": .object(numbers),
        ]
    }

    /// Reads a reply; what is missing is zero.
    package init(json: JSONValue) {
        var numbers: [JSONValue.Member] = []
        if case .object(let members) = json["numbers"] { numbers = members }
        var standing: StandingReply?
        if let member = json["standing"], member != .null { standing = StandingReply(json: member) }
        self.init(
            generation: json["generation"]?.integer ?? 0, space: json["space"]?.integer ?? 0,
            trained: json["trained"]?.boolean ?? false, path: json["path"]?.text ?? "",
            fitFrom: json["fit_from"]?.integer ?? 0, fitTo: json["fit_to"]?.integer ?? 0,
            refusals: (json["refusals"]?.elements ?? []).compactMap(\.text),
            problem: json["problem"]?.text, numbers: numbers, standing: standing,
            takeovers: json["takeovers"]?.elements ?? [])
    }
}

/// One space in a reply.
package struct SpaceReply: Sendable, Equatable {
    package var space: Int64
    package var trained: Bool
    package var path: String
    package var fitFrom: Int64
    package var fitTo: Int64
    package var previous: Int64?
    /// Its generations, ascending.
    package var generations: [Int64]
    /// The one of them that answers for the space; nil when none does.
    package var served: Int64?
    /// When that ends, seconds since 1970.
    package var until: Int64?

    package init(
        space: Int64, trained: Bool, path: String, fitFrom: Int64, fitTo: Int64, previous: Int64?,
        generations: [Int64], served: Int64?, until: Int64?
    ) {
        self.space = space
        self.trained = trained
        self.path = path
        self.fitFrom = fitFrom
        self.fitTo = fitTo
        self.previous = previous
        self.generations = generations
        self.served = served
        self.until = until
    }

    /// As an object.
    package var json: JSONValue {
        [
            "space": .int(space), "trained": .bool(trained), "path": .string(path),
            "fit_from": .int(fitFrom), "fit_to": .int(fitTo), "previous": .optional(previous),
            "generations": .array(generations.map(JSONValue.int)), "served": .optional(served),
            "until": .optional(until),
        ]
    }

    /// Reads a reply; what is missing is zero.
    package init(json: JSONValue) {
        self.init(
            space: json["space"]?.integer ?? 0, trained: json["trained"]?.boolean ?? false,
            path: json["path"]?.text ?? "", fitFrom: json["fit_from"]?.integer ?? 0,
            fitTo: json["fit_to"]?.integer ?? 0, previous: json["previous"]?.integer,
            generations: (json["generations"]?.elements ?? []).compactMap(\.integer),
            served: json["served"]?.integer, until: json["until"]?.integer)
    }
}

/// Parameters of `generation.show` and `generation.activate`.
package struct GenerationParameters: Sendable, Equatable {
    package var generation: Int64
    /// Take one that its gate refused.
    package var force = false
    package var guards = MutationGuards()

    package init(generation: Int64) { self.generation = generation }

    /// Reads the parameters; those of a mutation only when it is one.
    package init(_ members: [JSONValue.Member], isMutation: Bool) throws(ControlError) {
        var parameters = Parameters(members)
        guard let generation = try parameters.integer("generation", in: 0...Int64.max) else {
            throw .missing("generation", "a generation's id; `generation.list` has them")
        }
        self.generation = generation
        if isMutation {
            force = try parameters.boolean("force") ?? false
            guards = try MutationGuards(&parameters)
        }
        try parameters.finish()
    }

    /// The members that `init` reads.
    package var members: [JSONValue.Member] {
        [.init("generation", .int(generation))]
            + (force ? [.init("force", .bool(true))] : []) + guards.members
    }
}

/// Which generation a reader asks; at most one of the two.
package struct ServedChoice: Sendable, Equatable {
    package var space: Int64?
    package var generation: Int64?

    package init(space: Int64? = nil, generation: Int64? = nil) {
        self.space = space
        self.generation = generation
    }

    /// Reads `space` and `generation`.
    package init(_ parameters: inout Parameters) throws(ControlError) {
        space = try parameters.integer("space", in: 0...Int64.max)
        generation = try parameters.integer("generation", in: 0...Int64.max)
        if let generation, space != nil {
            throw .invalid(
                "generation", "either `space` or `generation`", .int(generation))
        }
    }

    /// The members that `init` reads.
    package var members: [JSONValue.Member] {
        (space.map { [.init("space", .int($0))] } ?? [])
            + (generation.map { [.init("generation", .int($0))] } ?? [])
    }
}

/// How a refresh stands, in `status` and `refresh.status`.
package struct RefreshReply: Sendable, Equatable {
    package var state: String
    /// Whether it runs now.
    package var isRunning: Bool
    package var step: String
    package var stepIndex: Int64
    package var stepCount: Int64
    package var fraction: Double
    package var detail: String?
    package var secondsLeft: Double?
    package var started: Int64
    package var updated: Int64
    package var pid: Int64
    package var error: String?

    package init(
        state: String, isRunning: Bool, step: String, stepIndex: Int64, stepCount: Int64,
        fraction: Double, detail: String?, secondsLeft: Double?, started: Int64, updated: Int64,
        pid: Int64, error: String?
    ) {
        self.state = state
        self.isRunning = isRunning
        self.step = step
        self.stepIndex = stepIndex
        self.stepCount = stepCount
        self.fraction = fraction
        self.detail = detail
        self.secondsLeft = secondsLeft
        self.started = started
        self.updated = updated
        self.pid = pid
        self.error = error
    }

    /// As an object.
    package var json: JSONValue {
        [
            "state": .string(state), "running": .bool(isRunning), "step": .string(step),
            "step_index": .int(stepIndex), "step_count": .int(stepCount),
            "fraction": .double(fraction), "detail": .optional(detail),
            "seconds_left": .optional(secondsLeft), "started": .int(started),
            "updated": .int(updated), "pid": .int(pid), "error": .optional(error),
        ]
    }

    /// Reads a reply; what is missing is zero.
    package init(json: JSONValue) {
        self.init(
            state: json["state"]?.text ?? "", isRunning: json["running"]?.boolean ?? false,
            step: json["step"]?.text ?? "", stepIndex: json["step_index"]?.integer ?? 0,
            stepCount: json["step_count"]?.integer ?? 0, fraction: json["fraction"]?.number ?? 0,
            detail: json["detail"]?.text, secondsLeft: json["seconds_left"]?.number,
            started: json["started"]?.integer ?? 0, updated: json["updated"]?.integer ?? 0,
            pid: json["pid"]?.integer ?? 0, error: json["error"]?.text)
    }
}
