import Encoders
import Features
import Learning
import Profiles
import Snapshots
import Storage

/// One plan being carried out: each step reads what earlier ones left and writes its own results.
struct RefreshRun: Sendable {
    let host: Host
    /// Reading ends where the plan says.
    let options: RefreshJobOptions
    let directory: RefreshDirectory
    let reporter: JobReporter
    let plan: RefreshPlan
    let live: PublishedGeneration?

    /// The state directory inside of the work directory, and the real one.
    var made: GenerationStore { GenerationStore(stateDirectory: directory.statePath, on: host) }
    var store: GenerationStore {
        GenerationStore(stateDirectory: options.refresh.stateDirectory, on: host)
    }

    /// The networks that are trained, or whose heads are refitted.
    func networks() throws -> [EncoderName] {
        if options.kind == .newSpace { return options.orderedParts }
        let known = try liveSpace().encoders
        return EncoderName.multiTask.filter { name in
            known[name]?.contains { $0.name == "churn.0.weight" } ?? false
        }
    }

    /// Does a step, writing into `aside`, an empty directory.
    func perform(_ step: RefreshStep, _ aside: String) async throws {
        switch step {
        case .statisticsThen:
            try fit(
                plan.windowBeforeCut(days: options.historyDays),
                space: options.kind == .sameSpace ? liveStatistics() : nil, to: aside)
        case .liveStatistics:
            try fit(
                plan.windowBeforeCut(days: options.historyDays), space: liveStatistics(), to: aside)
        case .examples: try foldExamples(to: aside)
        case .train(let name): try await train(name, to: aside)
        case .heads(let name): try await refitHeads(name, to: aside)
        case .factorsThen:
            try await trainFactors(
                plan.windowBeforeCut(days: options.historyDays), in: step, to: aside)
        case .scaling: try fitScaling(to: aside)
        case .factorsNow:
            try await trainFactors(
                plan.windowBeforeNow(days: options.historyDays), after: factorsBefore(), in: step,
                to: aside)
        case .statisticsNow:
            try fit(
                plan.windowBeforeNow(days: options.historyDays), space: statistics(.statisticsThen),
                to: aside)
        case .assembly: try assemble(to: aside)
        case .refold: try await refold(to: aside)
        case .gate: try judge(to: aside)
        case .publishing: try publish(to: aside)
        }
    }

    /// What the run came to, once everything is done.
    func report() throws -> RefreshJobReport {
        let fold = try directory.read(
            RefoldRecord.self, directory.output(.refold) + "/refold.json")
        let generation = try store.verifyGeneration(plan.generation)
        return RefreshJobReport(
            generation: plan.generation, space: plan.space, path: generation.path,
            kind: options.kind, isQuick: options.isQuick, users: fold.users, rows: fold.rows,
            records: fold.records, departedUsers: fold.departedUsers,
            refusals: generation.manifest.refusals ?? [], cutSeconds: plan.cutSeconds,
            nowSeconds: plan.nowSeconds, seconds: 0)
    }

    /// The live space's encoders, vocabulary and target lists; `noSpace` without one.
    func liveSpace() throws -> SpaceFiles {
        guard let live else {
            throw RefreshError.noSpace(directory: options.refresh.stateDirectory)
        }
        return try SpaceFiles(space: live.space.path, on: host.disk)
    }

    /// The live generation's statistics, in the live space's scalers and centroids.
    func liveStatistics() throws -> FrozenStatistics {
        guard let live else {
            throw RefreshError.noSpace(directory: options.refresh.stateDirectory)
        }
        return try StatisticsFiles.read(
            space: live.space.path, generation: live.path, on: host.disk)
    }
}
