import ArgumentParser
import Daemon
import Evaluation
import Pipeline
import Refresh
import Storage
import UnixSignals

/// `ubpd evaluate`: how good profiles are, by the challenge's protocol.
struct EvaluateCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "evaluate",
        abstract: "Score profiles by the challenge's protocol.",
        discussion: """
            Trains a generation of its own on what stands before the cutoff, writes the profiles of \
            all users at the cutoff, and lets small networks foretell from them what users buy in \
            the 14 days after it and in the 14 days after those, on which they are scored. Neither \
            the state directory's generations nor its snapshots are changed. What is done stays in \
            the work directory until the end: after a kill or a signal the same command goes on \
            where it was (docs/evaluate.md).

            Exit status: 0 scored; 64 wrong usage; 65 a log that is too short, or profiles that have \
            seen what they would be scored on; 69 another evaluation is running, or it was told to \
            stop; 70 a training diverged; 73 no room on the disk; 74 files; 78 the configuration.
            """)

    @OptionGroup var options: ConfigurationOptions

    @Option(
        help: "First time that is no input: seconds, YYYY-MM-DD or 'YYYY-MM-DD hh:mm:ss' (UTC).")
    var cutoff: String?

    @Option(
        help: "Ask about these users: int64 .npy, or one client_id a line.", completion: .file())
    var clients: String?

    @Flag(help: "Train a second space on top, whose SRA and MTL the first one's regularise.")
    var twoSpaces = false

    @Option(
        help: "Score a snapshot's directory, or any with client_ids.npy and embeddings.npy.",
        completion: .directory)
    var snapshot: String?

    @Option(help: "Score this generation of the state directory, folded up to the cutoff.")
    var generation: Int64?

    @Flag(help: "Score --snapshot although nothing says what it has seen; the report says so.")
    var unchecked = false

    @Option(
        help: ArgumentHelp(
            "What to score: parts, profile, hybrid, baseline, oracle, or NAME=PART,PART,…",
            valueName: "row;row;…"))
    var rows: String?

    @Option(
        help: ArgumentHelp(
            "Only these: churn, conversion, category, sku, new_sku, price.",
            valueName: "task,task,…"))
    var tasks: String?

    @Option(
        help: "The truth directory of a simulated shop, for the oracle.", completion: .directory)
    var truth: String?

    @Flag(help: "Downstream networks of the challenge's size: hours in place of minutes.")
    var published = false

    @Option(help: "Seed of the generation's training.")
    var seed: UInt64 = 0

    @Option(help: "Downstream seeds; of several, means and standard deviations, 1…100.")
    var seeds = 1

    @Flag(help: "Train the generation with few epochs and factors; the report says so.")
    var quick = false

    @Option(help: "Work directory; <state_dir>/evaluate without it.", completion: .directory)
    var work: String?

    @Flag(help: "Keep the generation and its snapshots in the work directory.")
    var keep = false

    @Flag(help: "Discard what an interrupted evaluation has done, and begin anew.")
    var restart = false

    @Option(
        help: "Write a page with plots, which needs nothing beside itself.", completion: .file())
    var html: String?

    @Flag(help: "Report as one JSON object.")
    var json = false

    func validate() throws {
        guard (1...100).contains(seeds) else { throw ValidationError("--seeds wants 1…100") }
        if snapshot != nil, generation != nil {
            throw ValidationError("--snapshot and --generation: choose one")
        }
        if unchecked, snapshot == nil {
            throw ValidationError("--unchecked means something beside --snapshot alone")
        }
        if twoSpaces || quick, snapshot != nil || generation != nil {
            throw ValidationError(
                "--two-spaces and --quick are about training, and --snapshot and --generation "
                    + "train nothing")
        }
        if let cutoff, EvaluationOptions.cutoffSeconds(cutoff) == nil {
            throw ValidationError("\(EvaluationRunError.badCutoff(cutoff))")
        }
        do throws(EvaluationRunError) { _ = try rows.map(EvaluationRow.parse) } catch {
            throw ValidationError("\(error)")
        }
        _ = try chosenTasks()
    }

    func run() async throws {
        let host = makeHost()
        do {
            let configuration = try options.load(from: host.disk)
            let chosen = try evaluationOptions(configuration)
            CurrentProcess.lowerPriority(to: configuration.refresh.niceness, disk: host.disk)
            let document = try await Self.untilSignalled(chosen, host)
            try standardOutput(json ? document.json : document.text)
            if let html {
                try AtomicFile.write(Array(EvaluationPage(document).html.utf8), to: html, on: host)
                standardError("\(html): the page is written")
            }
        } catch let error as DaemonError {
            throw complaint(error.description, error.exitCode)
        } catch let error as EvaluationRunError {
            throw complaint(error.description, error.exitCode)
        } catch let error as StorageError {
            throw complaint(error.description, ExitStatus.inputOutput)
        }
    }

    private func complaint(_ text: String, _ status: Int32) -> ExitCode {
        standardError("ubpd evaluate: \(text)")
        return ExitCode(status)
    }

    private func chosenTasks() throws -> [EvaluationTask] {
        guard let tasks else { return EvaluationTask.allCases }
        let names = tasks.split(separator: ",", omittingEmptySubsequences: false).map(String.init)
        let chosen = try names.map { name in
            guard let task = EvaluationTask(named: name) else {
                let known = EvaluationTask.allCases.map(\.shortName).joined(separator: ", ")
                throw ValidationError("--tasks \(tasks): '\(name)' is none of \(known)")
            }
            return task
        }
        return EvaluationTask.allCases.filter(chosen.contains)
    }

    private func evaluationOptions(_ configuration: Configuration) throws -> EvaluationOptions {
        var job = configuration.refreshJobOptions(.newSpace, seed: seed)
        if quick { job.makeQuick() }
        let pipeline: PipelineOptions
        do throws(PipelineError) { pipeline = try configuration.pipelineOptions() } catch {
            throw DaemonError.pipeline(error)
        }
        var chosen = EvaluationOptions(job: job, pipeline: pipeline)
        if let snapshot {
            chosen.source = .snapshot(path: snapshot, unchecked: unchecked)
        } else if let generation {
            chosen.source = .generation(generation)
        } else {
            chosen.source = .own(twoSpaces: twoSpaces)
        }
        chosen.cutoffSeconds = cutoff.flatMap(EvaluationOptions.cutoffSeconds)
        chosen.userListPath = clients
        chosen.workDirectory = work
        chosen.rows = try rows.map(EvaluationRow.parse)
        chosen.tasks = try chosenTasks()
        chosen.network = published ? .published : .small
        chosen.seedCount = seeds
        chosen.truthDirectory = truth
        chosen.mustKeep = keep
        chosen.mustRestart = restart
        chosen.wantsPage = html != nil
        return chosen
    }

    /// Runs the evaluation; SIGTERM and SIGINT end it with what it has done kept.
    private static func untilSignalled(
        _ options: EvaluationOptions, _ host: Host
    ) async throws -> EvaluationDocument {
        let run = try EvaluationRun(
            host: host, options: options, progress: { standardError($0.text) },
            say: { standardError($0) })
        let work = Task { try await run.run() }
        let signals = Task {
            for await signal in await UnixSignalsSequence(trapping: .sigterm, .sigint) {
                standardError("\(signal): stopping at the next place to go on from")
                work.cancel()
            }
        }
        defer { signals.cancel() }
        return try await work.value
    }
}

extension EvaluationRunError {
    /// By sysexits(3), as the other verbs have it.
    fileprivate var exitCode: Int32 {
        switch self {
        case .badCutoff, .badRow: ExitStatus.usage
        case .badList, .tooFewDays, .noPurchase, .emptyWindow, .tooLittleHistory, .seenTargets,
            .unknownOrigin:
            ExitStatus.data
        case .busy, .cancelled: ExitStatus.unavailable
        case .foreign: ExitStatus.cannotCreate
        case .refresh(let error): error.exitCode
        case .pipeline(let error): DaemonError.pipeline(error).exitCode
        case .scoring(.diverged): ExitStatus.software
        case .scoring(.storage): ExitStatus.inputOutput
        case .scoring: ExitStatus.data
        case .work: ExitStatus.inputOutput
        }
    }
}
