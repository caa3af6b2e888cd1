import Encoders
import Features
import Foundation
import Learning
import Pipeline
import Profiles
import Snapshots
import Storage

/// What a whole refresh made.
package struct RefreshJobReport: Sendable, Equatable, Codable {
    package var generation: Int64
    package var space: Int64
    /// Of the generation.
    package var path: String
    package var kind: RefreshJobOptions.Kind
    package var isQuick: Bool
    /// Users and rows of the re-fold, and records it read.
    package var users: Int64
    package var rows: Int64
    package var records: Int64
    /// Users of the live generation whose events have all left the log; nil without one.
    package var departedUsers: Int64?
    /// Why the gate refused it; empty when it did not.
    package var refusals: [String]
    /// T and now, seconds since 1970.
    package var cutSeconds: Int64
    package var nowSeconds: Int64
    /// Of this call; earlier ones are not counted.
    package var seconds: Double
}

/// The whole batch refresh of DESIGN §6, step by step in `<state_dir>/refresh/`.
///
/// Killed at any moment, the next call with the same settings goes on with the first step that is
/// not done, reads the same records, and publishes the same bytes. Nothing outside of its directory
/// changes before the last step (docs/refresh.md).
package struct RefreshJob: Sendable {
    let host: Storage.Host
    private(set) var options: RefreshJobOptions
    let directory: RefreshDirectory
    let reporter: JobReporter
    private let say: @Sendable (String) -> Void

    /// Takes the directory of refreshes.
    ///
    /// - Parameters:
    ///   - host: where everything is.
    ///   - options: what to make, and of what.
    ///   - progress: called at each step's start and end, and at most once a second, on any thread.
    ///   - say: takes a line for the operator, such as that earlier work is discarded.
    /// - Throws: `busy` while another refresh runs.
    package init(
        host: Storage.Host, options: RefreshJobOptions,
        progress: @escaping @Sendable (JobProgress) -> Void = { _ in },
        say: @escaping @Sendable (String) -> Void = { _ in }
    ) throws(RefreshError) {
        self.host = host
        self.say = say
        let directory = try RefreshDirectory(
            stateDirectory: options.refresh.stateDirectory, on: host)
        self.directory = directory
        self.options = options
        reporter = JobReporter(host: host, path: directory.progressPath, show: progress)
    }

    /// Does what is left to do, and publishes.
    package func run() async throws(RefreshError) -> RefreshJobReport {
        do {
            var job = self
            let log = try job.decideKind()
            let report = try await job.work(log)
            reporter.end(.done, generation: report.generation)
            return report
        } catch {
            let failure = RefreshError(error)
            reporter.end(.failed, error: failure.description)
            throw failure
        }
    }

    /// Settles what is made where that is left to the space's age.
    ///
    /// What an earlier call has begun is gone on with, whatever its kind. Returns how the log ends,
    /// if that took a look at it.
    private mutating func decideKind() throws -> LogSpan? {
        guard let days = options.renewAfterDays else { return nil }
        options.renewAfterDays = nil
        let planner = RefreshPlanner(host: host, options: options, reporter: reporter)
        let live = try planner.live()
        for kind in [RefreshJobOptions.Kind.newSpace, .sameSpace] where !options.mustRestart {
            options.kind = kind
            if let plan = try directory.plan(), try objection(to: plan, live) == nil { return nil }
        }
        reporter.begin("plan", index: 0, count: 0)
        let log = try planner.readLog()
        options.kind = try planner.isDue(live, afterDays: days, log) ? .newSpace : .sameSpace
        if options.kind == .newSpace {
            say("the space is \(days) days old or more: all networks are trained anew")
        }
        return log
    }

    private func work(_ log: LogSpan?) async throws -> RefreshJobReport {
        let start = host.clock.monotonicNanoseconds()
        let planner = RefreshPlanner(host: host, options: options, reporter: reporter)
        let live = try planner.live()
        reporter.begin("plan", index: 0, count: 0)
        let earlier = try earlierPlan(live)
        if earlier == nil { try directory.clear() }
        try planner.checkDisk(directory, live)
        let plan = try earlier ?? begin(planner, live, log)
        // Killed while publishing, what it made may be live already; what it began with counts.
        let store = GenerationStore(
            stateDirectory: options.refresh.stateDirectory, on: host)
        let base = try plan.liveGeneration.map { (id: Int64) in try store.verifyGeneration(id) }
        let run = RefreshRun(
            host: host, options: try options.pinned(to: plan, on: host.disk), directory: directory,
            reporter: reporter, plan: plan, live: base)
        let networks = try run.networks()
        let steps = RefreshStep.all(options.kind, networks: networks, hasLive: base != nil)
        for (index, step) in steps.enumerated() where try !directory.isDone(step) {
            try Task.checkCancellation()
            reporter.begin(step.title, index: index + 1, count: steps.count)
            let aside = try directory.beginStep(step)
            try await run.perform(step, aside)
            try directory.finish(step, aside)
            CurrentProcess.returnFreedMemory()
        }
        var report = try run.report()
        report.seconds = Double(host.clock.monotonicNanoseconds() - start) / 1e9
        try directory.clear()
        return report
    }

    /// The plan that an earlier call left, if it can be gone on with.
    private func earlierPlan(_ live: PublishedGeneration?) throws -> RefreshPlan? {
        guard try directory.hasLeftovers() else { return nil }
        var reason: String? = "its plan is not readable"
        if options.mustRestart {
            reason = "--restart was given"
        } else if let plan = try directory.plan() {
            reason = try objection(to: plan, live)
            if reason == nil {
                say("going on with the refresh that was begun at \(plan.madeSeconds) s")
                return plan
            }
        }
        say("the refresh that was begun before is discarded: \(reason ?? "")")
        return nil
    }

    private func objection(to plan: RefreshPlan, _ live: PublishedGeneration?) throws -> String? {
        let isOwn = try live?.manifest.id == plan.generation && directory.isDone(.gate)
        return try plan.objection(
            to: options.settings, live: isOwn ? plan.liveGeneration : live?.manifest.id,
            in: options.refresh.logDirectory, on: host.disk)
    }

    private func begin(
        _ planner: RefreshPlanner, _ live: PublishedGeneration?, _ log: LogSpan?
    ) throws -> RefreshPlan {
        let plan = try planner.plan(live, log)
        try directory.begin(plan)
        return plan
    }
}

extension RefreshJobOptions {
    /// The same, reading no further than the plan's end, and nothing of users who were forgotten
    /// when it was made: so a refresh that is resumed goes on as it began.
    fileprivate func pinned(to plan: RefreshPlan, on disk: any Disk) throws -> Self {
        var options = self
        options.refresh.end = plan.end
        options.refresh.threadCount = threadCount
        options.refresh.forgotten = try ForgottenUsers(
            stateDirectory: options.refresh.stateDirectory, upTo: plan.lastInput, on: disk)
        return options
    }
}

extension RefreshJobReport {
    enum CodingKeys: String, CodingKey {
        case generation, space, path, kind, users, rows, records, refusals, seconds
        case isQuick = "quick"
        case departedUsers = "departed_users"
        case cutSeconds = "cut_seconds"
        case nowSeconds = "now_seconds"
    }

    /// For programs: one JSON object, keys ascending.
    package var json: String {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        // Texts and finite numbers always encode.
        return (try? encoder.encode(self)).map { String(decoding: $0, as: UTF8.self) } ?? "{}"
    }
}
