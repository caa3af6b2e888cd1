import Pipeline
import Storage

/// A kill in the middle of catching up, and what it takes to be back.
extension Bench {
    mutating func recovery() throws {
        let users = size(1_000_000, small: 50_000)
        let (log, _) = try mixedLog(users: users)
        say("recovery: \(users) users")
        let group = "after SIGKILL in the middle of \(rounded(Double(users))) users' log"
        let state = try freshState(log, "state")
        let (seen, undisturbed) = try killInTheMiddle(log, state)
        let start = host.clock.monotonicNanoseconds()
        let worker = try WorkerProcess(
            log: log, state: state, stepping: .resident, lines: isSmall ? 5 : 50)
        var lines: [Worker.Line] = []
        while let line = try worker.next() { lines.append(line) }
        guard let ready = lines.first, let last = lines.last, let status = last.status else {
            throw BenchError.worker("it said nothing")
        }
        func seconds(_ line: Worker.Line) -> Double { Double(line.nanoseconds - start) / 1e9 }
        report.add(
            group, "process start to READY", "s", [seconds(ready)], target: .below(5))
        report.add(
            group, "process start to half of the undisturbed rate", "s",
            [reached(undisturbed / 2, lines, start)], target: .below(5))
        report.add(
            group, "process start to 90 % of the undisturbed rate", "s",
            [reached(undisturbed * 0.9, lines, start)])
        report.add(group, "undisturbed rate", "records/s", [undisturbed])
        let committed = ready.committed
        let rest = Double(log.records - committed) / (seconds(last) - seconds(ready))
        report.add(group, "rate from READY to the end", "records/s", [rest], base: undisturbed)
        report.note(
            group,
            "killed with \(committed) of \(log.records) records committed; "
                + "a rate not reached counts as the time of the whole catch-up")
        report.check("recovery: records", wanted: log.records, got: status.recordCount)
        report.check("recovery: events", wanted: log.events, got: status.counters.read)
        report.check(
            "recovery: no commit was lost", wanted: committed, got: max(committed, seen))
    }

    /// Kills a worker that has committed half; what was committed, and its records a second.
    private func killInTheMiddle(
        _ log: PreparedLog, _ state: String
    ) throws -> (committed: Int64, perSecond: Double) {
        let worker = try WorkerProcess(
            log: log, state: state, stepping: .resident, lines: isSmall ? 2 : 50)
        var first: Worker.Line?
        while let line = try worker.next() {
            first = first ?? line
            guard line.committed > 0, line.applied >= log.records / 2 else { continue }
            worker.kill()
            let seconds = Double(line.nanoseconds - (first ?? line).nanoseconds) / 1e9
            return (line.committed, Double(line.applied) / seconds)
        }
        throw BenchError.worker("it ended before it could be killed")
    }

    /// Seconds from `start` until records came at `perSecond`, over half a second or more.
    private func reached(_ perSecond: Double, _ lines: [Worker.Line], _ start: UInt64) -> Double {
        let span = isSmall ? 10e6 : 500e6
        var from = 0
        for line in lines.dropFirst() {
            while from + 1 < lines.count,
                Double(line.nanoseconds - lines[from + 1].nanoseconds) >= span
            {
                from += 1
            }
            let time = Double(line.nanoseconds - lines[from].nanoseconds)
            guard time >= span else { continue }
            if Double(line.applied - lines[from].applied) / time * 1e9 >= perSecond {
                return Double(lines[from].nanoseconds - start) / 1e9
            }
        }
        return Double((lines.last?.nanoseconds ?? start) - start) / 1e9
    }
}
