import ArgumentParser
import Daemon
import Pipeline
import Refresh
import Storage

/// `ubpd refresh`: a log → a new generation, which the daemon takes over when it starts.
struct RefreshCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "refresh",
        abstract: "Fit a new generation to the log.",
        discussion: """
            Reads the log from its start, fits the frozen statistics, and writes a space and a \
            generation below the state directory. The daemon may run meanwhile; it takes the new \
            generation over at its next start.
            """)

    @OptionGroup var options: ConfigurationOptions

    @Flag(help: "Write seeded weights that were not trained, and mark them so.")
    var untrained = false

    @Option(help: "Seed of the clustering and of the weights.")
    var seed: UInt64 = 0

    @Flag(help: "Report as one JSON object.")
    var json = false

    func validate() throws {
        guard untrained else {
            throw ValidationError(
                "training is not built yet; `ubpd refresh --untrained --seed S` fits the "
                    + "statistics and writes seeded weights")
        }
    }

    func run() throws {
        let host = makeHost()
        let configuration: Configuration
        do throws(DaemonError) {
            configuration = try options.load(from: host.disk)
        } catch {
            standardError("ubpd refresh: \(error)")
            throw ExitCode(error.exitCode)
        }
        var refresh = RefreshOptions(
            logDirectory: configuration.logDirectory, stateDirectory: configuration.stateDirectory,
            seed: seed)
        refresh.fold = configuration.foldOptions
        refresh.clock = configuration.clockOptions
        refresh.reader = configuration.readerOptions
        refresh.earliestSeconds = configuration.events.earliestSeconds
        refresh.latestSeconds = configuration.events.latestSeconds
        let progress = ProgressLine(host.clock)
        do throws(RefreshError) {
            let report = try UntrainedRefresh(host: host, options: refresh) { progress.show($0) }
                .run()
            print(json ? report.json : report.text)
        } catch {
            standardError("ubpd refresh: \(error)")
            throw ExitCode(74)
        }
    }
}

/// Shows progress on standard error, a line at each step and at most one a second in between.
private final class ProgressLine {
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

extension RefreshReport {
    /// For people.
    fileprivate var text: String {
        var lines = [
            "generation \(generation) of space \(space) in \(path): not trained, seeded weights",
            "\(users) users, \(rows) rows, \(counters.read) records read, "
                + "\(counters.catalogue) catalogue updates, \(counters.quarantined) refused",
        ]
        for (table, count) in keys { lines.append("\(table): \(count) keys") }
        lines.append("took \((seconds * 10).rounded() / 10) s; the daemon takes it at its start")
        return lines.joined(separator: "\n")
    }

    /// For programs.
    fileprivate var json: String {
        let tables = keys.map { "\"\($0.table)\":\($0.count)" }.joined(separator: ",")
        return "{\"generation\":\(generation),\"space\":\(space),\"trained\":false,"
            + "\"users\":\(users),\"rows\":\(rows),\"read\":\(counters.read),"
            + "\"catalogue\":\(counters.catalogue),\"quarantined\":\(counters.quarantined),"
            + "\"keys\":{\(tables)},\"seconds\":\(seconds)}"
    }
}
