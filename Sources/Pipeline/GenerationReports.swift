import EventLog
import Snapshots

/// Where a running generation stands.
package struct GenerationStanding: Sendable, Equatable, Codable {
    package var generation: Int64
    package var space: Int64
    package var trained: Bool
    /// A `GenerationRole`.
    package var role: String
    /// The profiler's own state, as `StatusReport.state`.
    package var state: String
    /// Records applied.
    package var offset: LogOffset
    /// Compressed bytes of the log not yet applied, and an estimate of their records.
    package var lagBytes: Int64
    package var lagEvents: Int64
    /// Seconds until it has caught up at the present rate; nil when unknown or caught up.
    package var etaSeconds: Double?
    /// When the overlap ends, seconds since 1970; nil for any other role.
    package var until: Int64?

    /// Describes a running generation.
    package init(
        generation: Int64, space: Int64, trained: Bool, role: String, state: String,
        offset: LogOffset, lagBytes: Int64, lagEvents: Int64, etaSeconds: Double?, until: Int64?
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
}

/// One generation, as `generation.list` and `generation.show` report it.
package struct GenerationReport: Sendable, Equatable, Codable {
    /// When and where it took over.
    package struct Takeover: Sendable, Equatable, Codable {
        package var offset: LogOffset
        /// `segment/record`; nil when it was made at a start.
        package var place: String?
        /// Seconds since 1970, wall clock.
        package var seconds: Int64

        package init(offset: LogOffset, place: String?, seconds: Int64) {
            self.offset = offset
            self.place = place
            self.seconds = seconds
        }
    }

    package var generation: Int64
    package var space: Int64
    package var trained: Bool
    /// Its directory.
    package var path: String
    /// Event times it was fitted on, seconds since 1970: from inclusive, to exclusive.
    package var fitFrom: Int64
    package var fitTo: Int64
    /// Why the gate refused it; empty when it is accepted.
    package var refusals: [String]
    /// Why it cannot be used: damaged, or it could not be taken over; nil when it can.
    package var problem: String?
    /// Counts and metrics of its manifest.
    package var numbers: [String: Double]
    /// Where it stands when it runs.
    package var standing: GenerationStanding?
    /// Oldest first.
    package var takeovers: [Takeover]

    package init(generation: Int64, space: Int64, trained: Bool, path: String) {
        self.generation = generation
        self.space = space
        self.trained = trained
        self.path = path
        fitFrom = 0
        fitTo = 0
        refusals = []
        numbers = [:]
        takeovers = []
    }
}

/// One space, as `space.list` reports it.
package struct SpaceReport: Sendable, Equatable, Codable {
    package var space: Int64
    package var trained: Bool
    package var path: String
    /// Event times it was fitted on, seconds since 1970: from inclusive, to exclusive.
    package var fitFrom: Int64
    package var fitTo: Int64
    /// The space whose encoders regularise this one's.
    package var previous: Int64?
    /// Its generations that are there, ascending.
    package var generations: [Int64]
    /// The one of them that answers requests for this space; nil when none does.
    package var served: Int64?
    /// When that ends, seconds since 1970; nil when it does not.
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
}

/// Answer to `generation.activate`.
package struct ActivationReport: Sendable, Equatable, Codable {
    /// The generation that answers now.
    package var previous: Int64
    /// The one that will.
    package var generation: Int64
    /// Whether they are the same already.
    package var isActive: Bool
    package var dryRun: Bool

    package init(previous: Int64, generation: Int64, isActive: Bool, dryRun: Bool) {
        self.previous = previous
        self.generation = generation
        self.isActive = isActive
        self.dryRun = dryRun
    }
}

extension ServedGenerations.Member {
    /// Where it stands, by what its profiler has just reported.
    func standing(_ report: StatusReport) -> GenerationStanding {
        GenerationStanding(
            generation: running.id, space: running.space, trained: report.trained,
            role: role.rawValue, state: report.state, offset: report.applied.recordCount,
            lagBytes: report.lagBytes, lagEvents: report.lagEvents, etaSeconds: report.etaSeconds,
            until: until)
    }
}

extension GenerationDesk {
    /// All generations, the built-in one first while it runs, then ascending by id.
    func reports() async throws(PipelineError) -> [GenerationReport] {
        var standings: [Int64: GenerationStanding] = [:]
        for member in served.members {
            standings[member.running.id] = member.standing(
                await member.running.profiler.report())
        }
        let activations: [Activation]
        do { activations = try shared.registry.activations() } catch { throw .init(error) }
        return known.keys.sorted().compactMap { id in
            guard let found = known[id], id != 0 || standings[0] != nil else { return nil }
            var report = GenerationReport(found, in: store)
            report.problem = report.problem ?? failed[id]
            report.standing = standings[id]
            report.takeovers = activations.filter { $0.generation == id }.map {
                .init(
                    offset: $0.offset, place: $0.place?.description, seconds: $0.activatedSeconds)
            }
            return report
        }
    }

    /// All spaces of which a generation is there, ascending.
    func spaces() -> [SpaceReport] {
        let generations = known.values.compactMap(\.published)
        let manifests = Dictionary(
            generations.map { ($0.space.manifest.id, $0.space) }
        ) { first, _ in first }
        let serving = served.members.filter { $0.role == .active || $0.role == .overlapping }
        return manifests.keys.sorted().compactMap { id in
            guard let space = manifests[id] else { return nil }
            let member = serving.first { $0.running.space == id }
            return SpaceReport(
                space: id, trained: space.manifest.trained, path: space.path,
                fitFrom: space.manifest.fitFrom, fitTo: space.manifest.fitTo,
                previous: space.manifest.previous,
                generations: generations.filter { $0.manifest.space == id }.map(\.manifest.id)
                    .sorted(),
                served: member?.running.id, until: member?.until)
        }
    }
}

extension GenerationReport {
    fileprivate init(_ found: KnownGeneration, in store: GenerationStore) {
        switch found {
        case .builtIn:
            self.init(generation: 0, space: 0, trained: false, path: store.path(ofGeneration: 0))
        case .bad(let id, let reason):
            self.init(generation: id, space: 0, trained: false, path: store.path(ofGeneration: id))
            problem = reason
        case .good(let published):
            let manifest = published.manifest
            self.init(
                generation: manifest.id, space: manifest.space, trained: manifest.trained,
                path: published.path)
            (fitFrom, fitTo) = (manifest.fitFrom, manifest.fitTo)
            refusals = manifest.refusals ?? []
            numbers = manifest.numbers
        }
    }
}
