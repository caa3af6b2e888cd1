import Pipeline
import Storage

/// Bytes a user takes, in memory by part and on disk, each point in a process of its own.
extension Bench {
    mutating func memory() throws {
        for users in isSmall ? [500, 2000] : [10_000, 100_000, 1_000_000] {
            let (log, _) = try mixedLog(users: users)
            for stepping in PipelineOptions.Stepping.allCases {
                try memory(log, users, stepping)
            }
        }
    }

    private mutating func memory(
        _ log: PreparedLog, _ users: Int, _ stepping: PipelineOptions.Stepping
    ) throws {
        say("memory: \(users) users, \(stepping.rawValue)")
        let state = try freshState(log, "state")
        let worker = try WorkerProcess(log: log, state: state, stepping: stepping, lines: 0)
        let last = try worker.finish()
        guard let status = last.status else { throw BenchError.worker("no status") }
        let group = "bytes a user, \(rounded(Double(users))) users, \(stepping.rawValue)"
        let count = Double(status.users)
        for part in status.parts where part.byteCount > 0 {
            report.add(group, "\(part.name), in memory", "bytes", [part.bytesPerUser])
        }
        let sum = status.parts.reduce(0) { $0 + $1.bytesPerUser }
        report.add(group, "all parts, in memory", "bytes", [sum])
        let resident = Double(last.residentBytes - last.residentBytesBefore)
        report.add(group, "process, beyond its start", "bytes", [resident / count])
        report.add(group, "process, VmRSS", "MB", [Double(last.residentBytes) / 1e6])
        let stored = try storedByteCount(state)
        report.add(group, "state.sqlite", "bytes", [Double(stored) / count])
        report.note(
            group,
            "\(rounded(Double(log.events) / count)) events and "
                + "\(rounded(Double(status.rows) / count)) committed rows a user")
        report.check("memory: users", wanted: Int64(users), got: status.users)
        report.check("memory: resident users", wanted: Int64(users), got: status.residentUsers)
        report.check("memory: events", wanted: log.events, got: status.counters.read)
    }

    /// Bytes of every `state.sqlite`, its log not counted: a closed database has none.
    private func storedByteCount(_ state: String) throws -> Int64 {
        var sum: Int64 = 0
        for file in try host.disk.filesBelow(state) where file.hasSuffix("state.sqlite") {
            sum += try host.disk.status("\(state)/\(file)")?.byteCount ?? 0
        }
        return sum
    }
}
