import Pipeline
import Storage

/// From segments on disk to committed state, through `LivePipeline`, as the daemon does it.
extension Bench {
    /// What one catch-up took.
    struct CatchUp {
        var seconds: Double
        /// Processor seconds by thread name.
        var threads: [String: Double]
        var status: StatusReport
    }

    mutating func endToEnd() async throws {
        var logs: [PreparedLog] = []
        say("end to end: writing logs")
        if !isSmall, let retail = try retailLog() { logs.append(retail) }
        let (mix, counts) = try mixedLog(users: mixUserCount)
        logs.append(mix)
        let group = "end to end, segment to committed state"
        for log in logs {
            for stepping in PipelineOptions.Stepping.allCases {
                try await endToEnd(log, stepping, group)
            }
        }
        report.note(
            group,
            "mix: \(counts.users) users, \(counts.events) events, "
                + "\(rounded(Double(counts.visits) / Double(counts.events - counts.visits))) visits "
                + "to another event (8.28 in the real data), "
                + "\(rounded(Double(counts.visits) / Double(counts.bursts))) visits a burst (15)")
    }

    private mutating func endToEnd(
        _ log: PreparedLog, _ stepping: PipelineOptions.Stepping, _ group: String
    ) async throws {
        say("end to end: \(log.name), \(stepping.rawValue)")
        var runs: [CatchUp] = []
        for _ in 0..<repetitions {
            let state = try freshState(log, "state")
            var options = options(log, state: state)
            options.stepping = stepping
            runs.append(try await catchUp(log, options))
        }
        let events = Double(log.events)
        let name = "\(log.name), \(stepping.rawValue)"
        report.add(
            group, "\(name): events", "/s", runs.map { events / $0.seconds },
            target: .atLeast(150_000))
        report.add(
            group, "\(name): processor time", "us/event",
            runs.map { $0.threads.values.reduce(0, +) / events * 1e6 })
        for thread in ["profiler", "follower", "committer"] {
            let seconds = runs.compactMap { run in run.threads[thread].map { $0 / run.seconds } }
            guard seconds.count == runs.count else { continue }
            report.add(group, "\(name): \(thread) busy", "of a core", seconds)
        }
        for run in runs { checkCounts(run.status, log, stepping) }
        if let last = runs.last?.status {
            report.note(
                group,
                "\(name): \(last.users) users, \(last.rows) rows, "
                    + "\(last.encoderSteps) GRU steps")
        }
    }

    private mutating func checkCounts(
        _ status: StatusReport, _ log: PreparedLog, _ stepping: PipelineOptions.Stepping
    ) {
        report.check("\(log.name): records read", wanted: log.records, got: status.recordCount)
        report.check("\(log.name): events read", wanted: log.events, got: status.counters.read)
        let counters = status.counters
        report.check(
            "\(log.name): events accounted for", wanted: log.events,
            got: counters.applied + counters.late + counters.pending)
        if stepping == .resident {
            report.check(
                "\(log.name): SRA, FIP and ESA stepped over each row", wanted: 3 * status.rows,
                got: min(3 * status.rows, status.encoderSteps))
        }
    }

    /// Runs a pipeline until the log is folded and committed.
    func catchUp(_ log: PreparedLog, _ options: PipelineOptions) async throws -> CatchUp {
        let usage = Usage(host.disk)
        let before = try usage.threads()
        let start = host.clock.monotonicNanoseconds()
        let running = try RunningPipeline(host: host, options: options)
        try await running.catchUp(to: log.records, pollMilliseconds: isSmall ? 2 : 20)
        _ = try await running.pipeline.checkpoint()
        let seconds = Double(host.clock.monotonicNanoseconds() - start) / 1e9
        let threads = try usage.seconds(since: before)
        let status = try await running.pipeline.status()
        try await running.stop()
        return CatchUp(seconds: seconds, threads: threads, status: status)
    }
}
