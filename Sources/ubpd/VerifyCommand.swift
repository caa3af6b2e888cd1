import ArgumentParser
import Daemon
import Foundation
import Pipeline
import Storage
import Synchronization

/// `ubpd verify --replay`: folds the log anew and compares the stored state with it.
struct VerifyCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "verify",
        abstract: "Prove that a stored state is what the log makes of it.",
        discussion: """
            Folds the log from its start to where the last commit of the active generation, or of \
            --generation, stands, with the same generation, and compares every table byte for byte. \
            Exit 0 when they are equal, 1 when not. The daemon may run meanwhile; give the \
            configuration that it runs with. The log must be there from its beginning. Needs the disk \
            space of the state once more.
            """)

    @OptionGroup var options: ConfigurationOptions

    @Flag(help: "Fold the log again; there is no other way to verify yet.")
    var replay = false

    @Option(help: ArgumentHelp("Verify this generation's state.", valueName: "generation"))
    var generation: Int64?

    @Flag(help: "Report as one JSON object.")
    var json = false

    func validate() throws {
        guard replay else { throw ValidationError("say --replay: there is no other way yet") }
    }

    func run() async throws {
        let host = makeHost()
        let configuration: Configuration
        do throws(DaemonError) {
            configuration = try options.load(from: host.disk)
        } catch {
            standardError("ubpd verify: \(error)")
            throw ExitCode(error.exitCode)
        }
        let report: ReplayVerification.Report
        let meter = ReplayMeter(host.clock)
        do throws(PipelineError) {
            report = try await ReplayVerification(
                host: host, options: try configuration.pipelineOptions()
            ).run(generation: generation) { meter.show($0, of: $1) }
        } catch {
            standardError("ubpd verify: \(error)")
            throw ExitCode(DaemonError.pipeline(error).exitCode)
        }
        try standardOutput(json ? report.json : report.text)
        guard report.isEqual else { throw ExitCode(1) }
    }
}

/// Shows how far the fold is on standard error, a line in five seconds at most.
private final class ReplayMeter: Sendable {
    private let clock: any Clock
    private let shown: Mutex<UInt64>

    init(_ clock: any Clock) {
        self.clock = clock
        shown = Mutex(clock.monotonicNanoseconds())
    }

    func show(_ done: Int64, of count: Int64) {
        let now = clock.monotonicNanoseconds()
        let isDue = shown.withLock { shown in
            guard now - shown >= 5_000_000_000 else { return false }
            shown = now
            return true
        }
        guard isDue, count > 0 else { return }
        standardError("folded \(done) of \(count) records, \(100 * done / count) %")
    }
}

extension ReplayVerification.Report {
    /// For people.
    fileprivate var text: String {
        var lines = [
            "generation \(generation), \(offset) records folded up to \(place)",
            tables.map { "\($0.table): \($0.rows)" }.joined(separator: ", ") + " rows compared",
        ]
        lines += differences
        if Int64(differences.count) < differenceCount {
            lines.append("and \(differenceCount - Int64(differences.count)) more")
        }
        lines.append(
            isEqual
                ? "equal: the state is what the log makes of it"
                : "DIFFERENT in \(differenceCount) rows; stop the daemon, move state.sqlite away, and "
                    + "start it: the log is folded again")
        return lines.joined(separator: "\n")
    }

    /// For programs.
    fileprivate var json: String {
        let counts = tables.map { "\"\($0.table)\":\($0.rows)" }.joined(separator: ",")
        let shown = differences.map { "\"\($0)\"" }.joined(separator: ",")
        return "{\"generation\":\(generation),\"offset\":\(offset),\"place\":\"\(place)\","
            + "\"equal\":\(isEqual),\"rows\":{\(counts)},\"differences\":\(differenceCount),"
            + "\"first\":[\(shown)]}"
    }
}
