import Pipeline
import Refresh
import Storage
import Synchronization

/// Shows progress on standard error, a line at each step and at most one a second in between.
final class ProgressLine {
    private let clock: any Clock
    private var shown: UInt64?
    private var step = -1

    init(_ clock: any Clock) { self.clock = clock }

    func show(_ progress: RefreshProgress) {
        let now = clock.monotonicNanoseconds()
        let isNew = progress.stepIndex != step
        guard isNew || now - (shown ?? 0) >= 1_000_000_000 else { return }
        step = progress.stepIndex
        shown = now
        var line = "step \(progress.stepIndex + 1) of \(progress.stepCount), \(progress.step): "
        line += "\(Int(progress.fraction * 100)) %"
        if progress.bytesPerSecond > 0 {
            line += ", \(Int(progress.bytesPerSecond / 1e6)) MB/s"
        }
        if let left = progress.secondsLeft { line += ", \(Int(left.rounded(.up))) s left" }
        standardError(line)
    }
}

/// Shows a refresh's progress on standard error: as often as it comes, which is a line a second at
/// most, but in the journal a line at each step and one a minute.
final class JobProgressLines: Sendable {
    private let clock: any Clock
    private let last = Mutex<(step: Substring, nanoseconds: UInt64)?>(nil)

    init(_ clock: any Clock) { self.clock = clock }

    func show(_ progress: JobProgress) {
        let now = clock.monotonicNanoseconds()
        let text = progress.text
        let step = text.prefix { $0 != ":" }
        let isWanted = last.withLock { last in
            if isJournalled, let last, last.step == step,
                now - last.nanoseconds < 60_000_000_000
            {
                return false
            }
            last = (step, now)
            return true
        }
        if isWanted { standardError(text) }
    }
}

extension RefreshReport {
    /// For people.
    var text: String {
        var lines = [
            "generation \(generation) of space \(space) in \(path): not trained, seeded weights",
            "\(users) users, \(rows) rows, \(counters.read) records read, "
                + "\(counters.catalogue) catalogue updates, \(counters.quarantined) refused",
        ]
        for (table, count) in keys { lines.append("\(table): \(count) keys") }
        lines.append("took \((seconds * 10).rounded() / 10) s; the daemon takes it over")
        return lines.joined(separator: "\n")
    }

    /// For programs.
    var json: String {
        let tables = keys.map { "\"\($0.table)\":\($0.count)" }.joined(separator: ",")
        return "{\"generation\":\(generation),\"space\":\(space),\"trained\":false,"
            + "\"users\":\(users),\"rows\":\(rows),\"read\":\(counters.read),"
            + "\"catalogue\":\(counters.catalogue),\"quarantined\":\(counters.quarantined),"
            + "\"keys\":{\(tables)},\"seconds\":\(seconds)}"
    }
}

extension RefreshJobReport {
    /// For people.
    var text: String {
        let made = kind == .newSpace ? "a new one" : "as before"
        var lines = [
            "generation \(generation) of space \(space) (\(made)) in \(path)"
                + (isQuick ? ": a quick one, for demonstrations" : ""),
            "\(users) users, \(rows) rows, \(records) records; the cut is \(Self.days(nowSeconds - cutSeconds)) "
                + "days before the log's end",
        ]
        if let departedUsers {
            lines.append(
                "\(departedUsers) users of the live generation have no event left in the log")
        }
        if refusals.isEmpty {
            lines.append("the gate has passed it: the daemon takes it over")
        } else {
            lines.append("the gate has refused it, and it is kept, but not taken over by itself:")
            lines += refusals.map { "  \($0)" }
        }
        lines.append("took \((seconds * 10).rounded() / 10) s")
        return lines.joined(separator: "\n")
    }

    /// With one decimal.
    private static func days(_ seconds: Int64) -> Double {
        (Double(seconds) / 8640).rounded() / 10
    }
}
