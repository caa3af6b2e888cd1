import Features
import Pipeline
import Profiles
import Snapshots
import Storage

/// The gate: the candidate against what serves, both as they would have been at T.
extension RefreshRun {
    /// What the step leaves for publishing.
    struct GateRecord: Codable {
        /// Why it refuses, a line each.
        var refusals: [String]
    }

    /// Judges, and leaves `gate.json` and the refusals.
    func judge(to aside: String) throws {
        var asked = GateOptions()
        asked.memoryByteCount = options.memoryByteCount
        asked.seed = options.refresh.seed
        let report = try Gate(
            host: host, options: options.refresh, window: plan.window, gateOptions: asked
        ) { progress in
            reporter.note(
                progress.fraction, detail: progress.step, secondsLeft: progress.secondsLeft)
        }.run(candidate: try candidate(), live: try opponent())
        try directory.write(["gate.json": try report.encoded()], to: aside)
        try directory.write(GateRecord(refusals: report.refusals), to: aside + "/refusals.json")
    }

    /// The new space or the kept one, with everything of fit(T).
    func candidate() throws -> ProfileModel {
        var generation = try factors(.factorsThen)
        generation.heads = try heads()
        return try ProfileModel(
            statistics: try statistics(.statisticsThen), fold: options.refresh.fold,
            space: try SpaceFiles(space: made.path(ofSpace: plan.space), on: host.disk),
            generation: generation, hybrid: .extended, level: options.level)
    }

    /// What serves, its tables and factors refitted at T in its own space; the built-in generation
    /// where nothing else does.
    func opponent() throws -> ProfileModel {
        guard let live else { return .builtIn(fold: options.refresh.fold) }
        var generation = try factors(.factorsThen)
        generation.heads = try GenerationFiles(generation: live.path, on: host.disk).heads
        let step = options.kind == .newSpace ? RefreshStep.liveStatistics : .statisticsThen
        return try ProfileModel(
            statistics: try statistics(step), fold: options.refresh.fold, space: try liveSpace(),
            generation: generation, hybrid: .extended, level: options.level)
    }
}
