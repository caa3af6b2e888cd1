extension ConfigurationReader {
    /// Reports values that are each in range and cannot stand together.
    mutating func checkCombinations(of configuration: Configuration) {
        let c = configuration
        if c.events.earliestSeconds > c.events.latestSeconds {
            report(
                combination: "events.earliest_seconds", "events.latest_seconds",
                message: "events.earliest_seconds (\(c.events.earliestSeconds)) is after "
                    + "events.latest_seconds (\(c.events.latestSeconds)): no record would be taken")
        }
        if c.sessions.maxDurationSeconds < c.sessions.gapSeconds {
            report(
                combination: "sessions.max_duration_seconds", "sessions.gap_seconds",
                message:
                    "sessions.max_duration_seconds (\(c.sessions.maxDurationSeconds)) is below "
                    + "sessions.gap_seconds (\(c.sessions.gapSeconds)): the gap would never count")
        }
        if c.clock.maxJumpSeconds <= c.order.latenessSeconds {
            report(
                combination: "clock.max_jump_seconds", "order.lateness_seconds",
                message: "clock.max_jump_seconds (\(c.clock.maxJumpSeconds)) must be above "
                    + "order.lateness_seconds (\(c.order.latenessSeconds))")
        }
        if c.log.reader.recordBytes > c.log.reader.chunkBytes {
            report(
                combination: "log.reader.record_bytes", "log.reader.chunk_bytes",
                message: "log.reader.record_bytes (\(c.log.reader.recordBytes)) is above "
                    + "log.reader.chunk_bytes (\(c.log.reader.chunkBytes)): it would never fit")
        }
        // A user id is at most 20 digits and a sign, in quotes, with a comma.
        let batchBytes = 24 * c.control.profileBatch + 512
        if batchBytes > c.control.requestBytes {
            report(
                combination: "control.profile_batch", "control.request_bytes",
                message: "control.profile_batch (\(c.control.profileBatch)) users need "
                    + "\(batchBytes) bytes, control.request_bytes is \(c.control.requestBytes)")
        }
        checkPaths(of: c)
        checkTextfile(of: c)
    }

    private mutating func checkPaths(of c: Configuration) {
        let log = normalized(c.logDirectory)
        let state = normalized(c.stateDirectory)
        if log == state || log.hasPrefix(state + "/snapshots/") || state.hasPrefix(log + "/") {
            report(
                combination: "state_dir", "log_dir",
                message: "state_dir (\(c.stateDirectory)) and log_dir (\(c.logDirectory)) must be "
                    + "apart: the log is only read, the state is written")
        }
        if normalized(c.socketPath) == log || normalized(c.socketPath) == state {
            report(combination: "socket", message: "socket (\(c.socketPath)) is a directory's path")
        }
    }

    /// node_exporter reads files named `*.prom` alone, and silently leaves out others.
    private mutating func checkTextfile(of c: Configuration) {
        let path = c.metrics.textfile
        guard !path.isEmpty, !path.hasSuffix(".prom") else { return }
        report(
            combination: "metrics.textfile",
            message: "metrics.textfile (\(path)) must end with .prom, or no collector reads it")
    }

    private func normalized(_ path: String) -> String {
        let parts = path.split(separator: "/").filter { $0 != "." }
        return (path.hasPrefix("/") ? "/" : "") + parts.joined(separator: "/")
    }
}
