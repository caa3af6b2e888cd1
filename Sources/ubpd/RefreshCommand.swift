import ArgumentParser
import Daemon
import Logging
import Refresh
import Storage
import UnixSignals

/// `ubpd refresh`: a log → a new generation, which the daemon takes over.
struct RefreshCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "refresh",
        abstract: "Fit a new generation to the log.",
        discussion: """
            Reads the log and makes a generation: item tables, factors, heads, and every user's \
            state folded with them. With --encoders a new space as well: all networks are trained. \
            With --nightly that is done when the space is old enough, as a timer wants it. \
            The daemon may run meanwhile. What is done stays in <state_dir>/refresh: after a kill \
            or a signal the same command goes on where it was (docs/refresh.md).
            """)

    @OptionGroup var options: ConfigurationOptions

    @Flag(help: "Train all networks anew and make a space of them.")
    var encoders = false

    @Flag(help: "Train all networks anew only when the space is refresh.encoders_days old.")
    var nightly = false

    @Flag(help: "Few epochs, few factors, and windows that fit a short log; marked so.")
    var quick = false

    @Flag(help: "Write seeded weights that were not trained, and mark them so.")
    var untrained = false

    @Option(help: "Seed of clustering, weights and training.")
    var seed: UInt64 = 0

    @Flag(help: "Discard what an interrupted refresh has done, and begin anew.")
    var restart = false

    @Flag(help: "Report as one JSON object.")
    var json = false

    func validate() throws {
        if untrained, encoders || nightly || quick || restart {
            throw ValidationError(
                "--untrained trains nothing, so that --encoders, --nightly, --quick and --restart "
                    + "mean nothing beside it")
        }
        if nightly, encoders {
            throw ValidationError("--nightly decides by the space's age what --encoders decides")
        }
    }

    func run() async throws {
        let host = makeHost()
        let configuration: Configuration
        do throws(DaemonError) {
            configuration = try options.load(from: host.disk)
        } catch {
            standardError("ubpd refresh: \(error)", priority: .error)
            throw ExitCode(error.exitCode)
        }
        CurrentProcess.lowerPriority(to: configuration.refresh.niceness, disk: host.disk)
        let text: String
        do throws(RefreshError) {
            if untrained {
                text = try fitUntrained(configuration, host)
            } else {
                text = try await refresh(configuration, host)
            }
        } catch {
            standardError("ubpd refresh: \(error)", priority: .error)
            throw ExitCode(error.exitCode)
        }
        try standardOutput(text)
    }

    private func fitUntrained(
        _ configuration: Configuration, _ host: Host
    ) throws(RefreshError) -> String {
        let progress = ProgressLine(host.clock)
        let report = try UntrainedRefresh(
            host: host, options: configuration.refreshOptions(seed: seed)
        ) { progress.show($0) }.run()
        return json ? report.json : report.text
    }

    private func refresh(
        _ configuration: Configuration, _ host: Host
    ) async throws(RefreshError) -> String {
        var job = configuration.refreshJobOptions(encoders ? .newSpace : .sameSpace, seed: seed)
        if nightly { job.renewAfterDays = configuration.refresh.encodersDays }
        if quick { job.makeQuick() }
        job.mustRestart = restart
        let report = try await Self.untilSignalled(job, host)
        return json ? report.json : report.text
    }

    /// Runs the job; SIGTERM and SIGINT end it with what it has done kept.
    private static func untilSignalled(
        _ options: RefreshJobOptions, _ host: Host
    ) async throws(RefreshError) -> RefreshJobReport {
        let shown = JobProgressLines(host.clock)
        let job = try RefreshJob(
            host: host, options: options, progress: { shown.show($0) },
            say: { standardError($0) })
        let work = Task { () -> Result<RefreshJobReport, RefreshError> in
            do throws(RefreshError) { return .success(try await job.run()) } catch {
                return .failure(error)
            }
        }
        let signals = Task {
            for await signal in await UnixSignalsSequence(trapping: .sigterm, .sigint) {
                standardError("\(signal): stopping at the next place to go on from")
                work.cancel()
            }
        }
        defer { signals.cancel() }
        return try await work.value.get()
    }
}

extension RefreshError {
    /// By sysexits(3), as the other verbs have it.
    var exitCode: Int32 {
        switch self {
        case .busy, .cancelled: ExitStatus.unavailable
        case .tooShort, .empty, .noFuture, .noSpace: ExitStatus.data
        case .diskFull: ExitStatus.cannotCreate
        case .training, .gate: ExitStatus.software
        case .log, .publish, .examples, .work, .refold: ExitStatus.inputOutput
        }
    }
}
