import EventLog
import Pipeline
import Snapshots
import Storage

/// What the re-fold came to.
struct RefoldRecord: Codable, Equatable {
    var users: Int64
    var rows: Int64
    var records: Int64
    /// The log clock at its end.
    var asOf: Int64
    /// Of the live generation, and how many of them have no event left; nil without one.
    var liveUsers: Int64?
    var departedUsers: Int64?
}

/// Every user's state, folded anew with what was fitted.
extension RefreshRun {
    private var inner: String { directory.statePath }
    private var statePath: String { made.path(ofGeneration: plan.generation) + "/state.sqlite" }

    /// Folds the log to the plan's end into the new generation's `state.sqlite`.
    ///
    /// The pipeline that serves does it, on a state directory of its own, so that it resumes from
    /// its own commits.
    func refold(to aside: String) async throws {
        try copyInputs()
        let end = try await fold()
        try StateFile.seal(statePath)
        var record = RefoldRecord(
            users: end.userCount, rows: end.rowCount, records: end.cursor.recordCount,
            asOf: end.asOf)
        if let live {
            let path = live.path + "/state.sqlite"
            if try host.disk.status(path) != nil {
                let count = try StoredUserCount(live: path, new: statePath)
                record.liveUsers = count.liveCount
                record.departedUsers = count.departedCount
            }
        }
        try directory.write(record, to: aside + "/refold.json")
    }

    /// The operator's inputs up to the plan: the daemon's registry is only read.
    private func copyInputs() throws {
        guard plan.lastInput > 0 else { return }
        try Registry(stateDirectory: inner, on: host.disk).copyInputs(
            from: options.refresh.stateDirectory, upTo: plan.lastInput, on: host.disk)
    }

    private func fold() async throws -> RefoldProgress {
        var pipeline = PipelineOptions(
            logDirectory: options.refresh.logDirectory, stateDirectory: inner)
        pipeline.activatesByItself = false
        // States that a window of rows gives back are not kept, so nobody needs them stepped.
        pipeline.stepping = .lazy
        pipeline.reader = options.refresh.reader
        pipeline.earliestSeconds = options.refresh.earliestSeconds
        pipeline.latestSeconds = options.refresh.latestSeconds
        pipeline.clock = options.refresh.clock
        pipeline.fold = options.refresh.fold
        pipeline.end = plan.end
        pipeline.level = options.level
        // Half of it: rows that wait, the reader's chunks and SQLite's pages come on top.
        pipeline.residentByteCount = options.memoryByteCount / 2
        pipeline.commitByteCount = 64 << 20
        pipeline.commitUserCount = 100_000
        // Nobody asks it anything meanwhile.
        pipeline.batchMicroseconds = 20_000
        let refold = try LivePipeline(host: host, options: pipeline)
        let meter = LogMeter(host: host, logDirectory: options.refresh.logDirectory)
        var first: Int64?
        return try await refold.foldToEnd { progress in
            let reading = meter.reading(decoded: 0, left: progress.lagByteCount)
            let start = first ?? progress.cursor.recordCount
            first = start
            let seconds = max(meter.seconds, 1e-3)
            reporter.note(
                reading.fraction,
                detail: "\(progress.userCount) users, "
                    + "\(Int(Double(progress.cursor.recordCount - start) / seconds)) records/s",
                secondsLeft: reading.secondsLeft)
        }
    }
}
