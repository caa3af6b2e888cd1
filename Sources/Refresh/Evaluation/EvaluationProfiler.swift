import Evaluation
import EventLog
import Events
import Pipeline
import Snapshots
import Storage

/// Makes the profiles that are scored: trains on the copied input, folds it, writes snapshots.
struct EvaluationProfiler {
    let host: Host
    let options: EvaluationOptions
    let directory: EvaluationDirectory
    let reporter: EvaluationReporter
    let say: @Sendable (String) -> Void

    /// What separates the seed of the second space from the first one's.
    private static let seedStep: UInt64 = 0x9E37_79B9_7F4A_7C15

    /// Waits for a lock that an earlier step of this process is about to let go of.
    private static let lockWaitMilliseconds = 10
    private static let lockWaitLimit = 500

    private var store: GenerationStore {
        GenerationStore(stateDirectory: directory.statePath, on: host)
    }

    /// The snapshots, one for each space, that are missing are made; then all of them.
    func profiles(of users: [UserID]) async throws -> [EvaluationProfiles] {
        let count: Int
        if case .own(twoSpaces: true) = options.source { count = 2 } else { count = 1 }
        var all: [EvaluationProfiles] = []
        for index in 1...count {
            if let made = try directory.profiles(index) {
                all.append(made)
                continue
            }
            let id: Int64
            if case .generation(let asked) = options.source {
                id = asked
                let state = options.job.refresh.stateDirectory
                try prepare(index, generation: id, of: state, takingState: false)
            } else {
                id = Int64(index)
                try await train(index)
                try prepare(index, generation: id, of: directory.statePath, takingState: true)
            }
            let made = try await snapshot(of: users, generation: id, index)
            try directory.write(made, index)
            all.append(made)
        }
        return all
    }

    // MARK: Generations

    /// Trains generation and space number `index`, unless an earlier call has.
    private func train(_ index: Int) async throws {
        let isThere = try store.generationIDs().contains(Int64(index))
        let isBegun =
            try host.disk.status(directory.statePath + "/refresh/plan.json") != nil
        if !isThere || isBegun {
            var job = options.job
            job.kind = .newSpace
            job.refresh.logDirectory = directory.inputPath
            job.refresh.stateDirectory = directory.statePath
            job.refresh.seed = job.refresh.seed &+ UInt64(index - 1) &* Self.seedStep
            job.refresh.end = nil
            job.mustRestart = false
            let title = "generation \(index)"
            reporter.begin(title)
            let reporter = reporter
            _ = try await makeJob(job) { progress in
                let of = Double(max(1, progress.stepCount))
                reporter.note(
                    (Double(max(0, progress.stepIndex - 1)) + progress.fraction) / of,
                    part: progress.text)
            }.run()
        }
        try accept(Int64(index), in: store)
    }

    private func makeJob(
        _ job: RefreshJobOptions, _ progress: @escaping @Sendable (JobProgress) -> Void
    ) throws -> RefreshJob {
        for _ in 0..<Self.lockWaitLimit {
            do throws(RefreshError) {
                return try RefreshJob(host: host, options: job, progress: progress, say: say)
            } catch {
                guard case .busy = error else { throw error }
                host.disk.watch(directory.path).wait(milliseconds: Self.lockWaitMilliseconds)
            }
        }
        throw EvaluationRunError.busy(directory: directory.statePath)
    }

    /// Lets the evaluation's own pipeline serve a generation that the gate has refused.
    ///
    /// It is there to be judged.
    private func accept(_ id: Int64, in store: GenerationStore) throws {
        let manifest = try store.verifyGeneration(id).manifest
        guard !manifest.isAccepted else { return }
        let reasons = manifest.refusals ?? []
        say("the gate refused generation \(id), and it is scored all the same: \(reasons)")
        try directory.write(refusals: reasons, of: id)
        try store.amendGeneration(id, files: [:]) { $0.refusals = [] }
    }

    /// Copies a generation and its space to a state directory that has nothing beside them, so that
    /// no other generation answers there.
    ///
    /// With `takingState` the users' states move there too; without, the input is folded again.
    private func prepare(
        _ index: Int, generation id: Int64, of stateDirectory: String, takingState: Bool
    ) throws {
        let source = GenerationStore(stateDirectory: stateDirectory, on: host)
        let serving = directory.servingPath(index)
        let target = GenerationStore(stateDirectory: serving, on: host)
        if try host.disk.status(serving) == nil {
            reporter.begin("copy of generation \(id)")
            let generation = try source.verifyGeneration(id)
            let space = generation.space
            let aside = GenerationStore(
                stateDirectory: directory.scratchPath + "/serving", on: host)
            try host.disk.remove(aside.stateDirectory)
            try copy(
                Array(space.manifest.files.keys), from: space.path,
                to: aside.path(ofSpace: space.manifest.id))
            try copy(
                Array(generation.manifest.files.keys), from: generation.path,
                to: aside.path(ofGeneration: id))
            try accept(id, in: aside)
            try host.disk.syncTree(aside.stateDirectory)
            try host.disk.rename(aside.stateDirectory, to: serving)
            try host.disk.syncDirectory(directory.path)
        }
        let (states, own) = (
            source.path(ofGeneration: id) + "/state.sqlite",
            target.path(ofGeneration: id) + "/state.sqlite"
        )
        guard takingState, try host.disk.status(states) != nil,
            try host.disk.status(own) == nil
        else { return }
        try host.disk.rename(states, to: own)
    }

    private func copy(_ names: [String], from source: String, to target: String) throws {
        for name in (names + ["manifest.json"]).sorted() {
            let file = target + "/" + name
            if let parent = file.parentPath { try host.disk.makeDirectory(parent) }
            let bytes = try host.disk.bytes(of: source + "/" + name, limit: 1 << 32)
            try host.disk.open(file, .create).write(bytes, at: 0)
        }
    }

    // MARK: Snapshots

    /// Folds what is left of the input and writes the users' profiles at its end.
    private func snapshot(
        of users: [UserID], generation id: Int64, _ index: Int
    ) async throws -> EvaluationProfiles {
        reporter.begin("folding for generation \(id)")
        let serving = directory.servingPath(index)
        let pipeline = try open(serving)
        let work = Task.detached { () -> PipelineError? in
            do throws(PipelineError) { try await pipeline.run() } catch { return error }
            return nil
        }
        var request = SnapshotRequest()
        request.waitForLagBytes = 0
        request.timeoutSeconds = .infinity
        request.users = users
        let wanted = request
        let watch = watch(pipeline, userCount: users.count, id)
        defer { watch.cancel() }
        let outcome = await withTaskCancellationHandler {
            do throws(PipelineError) {
                let report = try await pipeline.createSnapshot(wanted)
                return Result<SnapshotReport, PipelineError>.success(report)
            } catch {
                return .failure(error)
            }
        } onCancel: {
            // What was folded is committed, and whoever waits is told.
            Task { try? await pipeline.drain() }
        }
        do throws(PipelineError) { try await pipeline.drain() } catch {
            throw await work.value ?? error
        }
        if let failure = await work.value { throw failure }
        let report = try outcome.get()
        guard report.generation == id else {
            throw EvaluationRunError.work(
                "\(report.path): generation \(report.generation) answered in place of \(id); begin "
                    + "anew with --restart")
        }
        return EvaluationProfiles(
            path: report.path.hasPrefix(serving) ? report.path : serving + "/" + report.path,
            generation: id, space: report.space,
            refusals: try directory.refusals(of: id))
    }

    /// Tells how far the fold is, then how many profiles are written.
    private func watch(
        _ pipeline: LivePipeline, userCount: Int, _ id: Int64
    ) -> Task<Void, Never> {
        let reporter = reporter
        return Task.detached {
            var first: Int64?
            var isWriting = false
            while !Task.isCancelled {
                guard let progress = await pipeline.snapshotProgress() else { return }
                if let written = progress.writtenUserCount {
                    if !isWriting { reporter.begin("profiles of generation \(id)") }
                    isWriting = true
                    reporter.note(
                        Double(written) / Double(max(1, userCount)),
                        detail: "\(written) of \(userCount) users")
                } else if !isWriting, progress.lagByteCount > 0 {
                    let most = max(first ?? 0, progress.lagByteCount)
                    first = most
                    reporter.note(1 - Double(progress.lagByteCount) / Double(most))
                }
            }
        }
    }

    private func open(_ stateDirectory: String) throws -> LivePipeline {
        var pipeline = options.pipeline
        pipeline.logDirectory = directory.inputPath
        pipeline.stateDirectory = stateDirectory
        pipeline.end = nil
        pipeline.stepping = .lazy
        // Nobody asks it anything meanwhile.
        pipeline.batchMicroseconds = 20_000
        pipeline.commitUserCount = 100_000
        pipeline.commitByteCount = 64 << 20
        for _ in 0..<Self.lockWaitLimit {
            do throws(PipelineError) {
                return try LivePipeline(host: host, options: pipeline)
            } catch {
                guard error.description.contains("another ubpd") else { throw error }
                host.disk.watch(directory.path).wait(milliseconds: Self.lockWaitMilliseconds)
            }
        }
        throw EvaluationRunError.busy(directory: stateDirectory)
    }
}
