import ArgumentParser
import Foundation
import Learning
import Pipeline
import Refresh
import Storage
import Synchronization

/// A refresh in a process of its own, so that each step's peak of memory can be told apart.
struct RefreshWorker: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "refresh-worker", abstract: "A refresh in a process of its own.",
        shouldDisplay: false)

    @Option var logDir: String
    @Option var stateDir: String
    @Option var kind: String
    @Option var threads: Int
    /// Most epochs of a network of a new space; 0 leaves the published ones.
    @Option var epochs: Int
    @Option var epochUsers: Int
    @Flag var quick = false

    /// What a line of output says.
    struct Line: Codable {
        /// A step that ended, if there was one before.
        var step: RefreshStepCost?
        /// The step that begins; nil at the end.
        var next: String?
        /// Steps there are; 0 while it is planned.
        var stepCount: Int
        /// On the clock of all processes of the machine.
        var nanoseconds: UInt64
        /// At the end.
        var outcome: RefreshOutcome?
    }

    func run() async throws {
        let host = Storage.Host.real
        var options = RefreshJobOptions(
            kind: RefreshJobOptions.Kind(rawValue: kind) ?? .sameSpace,
            refresh: RefreshOptions(
                logDirectory: logDir, stateDirectory: stateDir, seed: Bench.seed))
        options.threadCount = threads
        options.epochUserLimit = epochUsers
        if quick { options.makeQuick() }
        if epochs > 0, options.kind == .newSpace { Self.cap(&options, at: epochs) }
        let meter = RefreshStepMeter(host: host, stateDirectory: stateDir)
        let report = try await RefreshJob(
            host: host, options: options, progress: { meter.note($0) },
            say: { standardError($0) }
        ).run()
        try meter.end(report, options)
    }

    /// Lowers every network's epochs; heads and factors keep theirs.
    private static func cap(_ options: inout RefreshJobOptions, at limit: Int) {
        for name in options.parts {
            options.epochCounts[name] = min(limit, RefreshEpochs.published(name))
        }
    }
}

/// What a step of a refresh took.
struct RefreshStepCost: Codable {
    var name: String
    /// By the clock, and of all threads of the process, to 10 ms.
    var seconds: Double
    var processorSeconds: Double
    /// Most memory of the process while it ran, what earlier steps left behind included.
    var peakByteCount: Int64
}

/// What a refresh made, and of how much.
struct RefreshOutcome: Codable {
    var report: RefreshJobReport
    /// Examples of the cut, and their rows.
    var exampleCount: Int64
    var exampleRowCount: Int64
    /// Most users that an epoch trained on.
    var epochUserLimit: Int
    /// Epochs by network, of the whole or of its heads.
    var epochs: [String: Int]
    /// Of the factors that are served: pairs and epochs, items and categories, and the share of
    /// users that memory held.
    var itemPairs: Int64
    var categoryPairs: Int64
    var itemEpochs: Int
    var categoryEpochs: Int
    var userShare: Double

    /// Updates of one training of both kinds of factors.
    var factorSteps: Int64 {
        itemPairs * Int64(itemEpochs) + categoryPairs * Int64(categoryEpochs)
    }
}

/// Weighs a refresh by step: called at each step's start, on any thread.
private final class RefreshStepMeter: Sendable {
    private struct State {
        var step: String?
        var index = -1
        var count = 0
        var start: UInt64 = 0
        var processor = 0.0
        var counts: RefreshCounts?
    }

    private let host: Storage.Host
    private let stateDirectory: String
    private let state = Mutex(State())

    init(host: Storage.Host, stateDirectory: String) {
        self.host = host
        self.stateDirectory = stateDirectory
    }

    /// Ends a step when another one begins.
    func note(_ progress: JobProgress) {
        guard progress.state == .running else { return }
        state.withLock { state in
            guard progress.stepIndex != state.index else { return }
            say(
                Line(
                    step: cost(state), next: progress.step, stepCount: progress.stepCount,
                    nanoseconds: host.clock.monotonicNanoseconds()))
            // What the steps left is removed with the work directory, at the end of the last.
            if progress.stepIndex == progress.stepCount, progress.stepCount > 0 {
                state.counts = try? RefreshCounts(stateDirectory, host.disk)
            }
            state.index = progress.stepIndex
            state.count = progress.stepCount
            state.step = progress.step
            resetPeak()
            state.processor = processorSeconds()
            state.start = host.clock.monotonicNanoseconds()
        }
    }

    /// Ends the last step.
    func end(_ report: RefreshJobReport, _ options: RefreshJobOptions) throws {
        try state.withLock { state in
            guard let counts = state.counts else {
                throw BenchError.worker("the refresh's own files could not be read")
            }
            let outcome = RefreshOutcome(
                report: report, exampleCount: counts.examples, exampleRowCount: counts.exampleRows,
                epochUserLimit: options.epochUserLimit ?? Int(counts.examples),
                epochs: counts.epochs, itemPairs: counts.factors.itemPairs,
                categoryPairs: counts.factors.categoryPairs,
                itemEpochs: options.itemFactors.epochCount,
                categoryEpochs: options.categoryFactors.epochCount,
                userShare: counts.factors.userShare)
            say(
                Line(
                    step: cost(state), stepCount: state.count,
                    nanoseconds: host.clock.monotonicNanoseconds(), outcome: outcome))
        }
    }

    private typealias Line = RefreshWorker.Line

    private func cost(_ state: State) -> RefreshStepCost? {
        guard let step = state.step else { return nil }
        return RefreshStepCost(
            name: step, seconds: Double(host.clock.monotonicNanoseconds() - state.start) / 1e9,
            processorSeconds: processorSeconds() - state.processor,
            peakByteCount: (try? Usage(host.disk).peakByteCount()) ?? 0)
    }

    /// Of all threads, those that ended included: proc_pid_stat(5), utime and stime.
    private func processorSeconds() -> Double {
        guard let text = try? host.disk.text(of: "/proc/self/stat", limit: 1 << 16),
            let name = text.lastIndex(of: ")")
        else { return 0 }
        let fields = text[text.index(after: name)...].split(separator: " ")
        guard fields.count > 12, let user = Double(fields[11]), let system = Double(fields[12])
        else { return 0 }
        return (user + system) / 100
    }

    /// Has the peak begin anew: proc_pid_clear_refs(5).
    private func resetPeak() {
        FileHandle(forWritingAtPath: "/proc/self/clear_refs")?.write(Data("5".utf8))
    }

    private func say(_ line: Line) {
        guard let bytes = try? JSONEncoder().encode(line) else { return }
        FileHandle.standardOutput.write(bytes + Data("\n".utf8))
    }
}

/// What the steps left in the work directory about themselves.
private struct RefreshCounts {
    struct Factors: Codable {
        var userShare = 0.0
        var itemPairs: Int64 = 0
        var categoryPairs: Int64 = 0
    }

    private struct Training: Codable {
        struct Epoch: Codable {}
        var network: String
        var epochs: [Epoch]
    }

    var examples: Int64
    var exampleRows: Int64
    var epochs: [String: Int] = [:]
    var factors = Factors()

    init(_ stateDirectory: String, _ disk: any Disk) throws {
        let out = stateDirectory + "/refresh/out"
        let file = try ExampleFile(out + "/examples/examples", on: disk)
        examples = Int64(file.count)
        exampleRows = (0..<file.count).reduce(0) { $0 + Int64(file.rowCount($1)) }
        for step in try disk.names(in: out) {
            let training = "\(out)/\(step)/training.json"
            if try disk.status(training) != nil {
                let record = try Self.read(Training.self, training, disk)
                epochs[record.network] = record.epochs.count
            }
        }
        factors = try Self.read(Factors.self, out + "/factors-now/factors.json", disk)
    }

    private static func read<Record: Decodable>(
        _ type: Record.Type, _ path: String, _ disk: any Disk
    ) throws -> Record {
        try JSONDecoder().decode(type, from: Data(try disk.bytes(of: path, limit: 1 << 20)))
    }
}

/// A refreshing process seen from outside.
final class RefreshProcess {
    private let process = Process()
    private let output = Pipe()
    private var waiting = Data()

    /// Starts one.
    init(
        log: String, state: String, kind: RefreshJobOptions.Kind, threads: Int, epochs: Int,
        epochUsers: Int, isQuick: Bool
    ) throws {
        process.executableURL = URL(fileURLWithPath: "/proc/self/exe")
        process.arguments =
            [
                "refresh-worker", "--log-dir", log, "--state-dir", state, "--kind", kind.rawValue,
                "--threads", String(threads), "--epochs", String(epochs),
                "--epoch-users", String(epochUsers),
            ] + (isQuick ? ["--quick"] : [])
        process.standardOutput = output
        try process.run()
    }

    /// The next line; nil at the end of the output.
    func next() throws -> RefreshWorker.Line? {
        while true {
            if let end = waiting.firstIndex(of: 0x0A) {
                let line = Data(waiting[waiting.startIndex..<end])
                waiting = Data(waiting[(end + 1)...])
                return try JSONDecoder().decode(RefreshWorker.Line.self, from: line)
            }
            let more = output.fileHandleForReading.availableData
            if more.isEmpty { return nil }
            waiting += more
        }
    }

    /// Waits for its end; throws unless it ended well.
    func finish() throws {
        process.waitUntilExit()
        guard process.terminationStatus == 0 else {
            throw BenchError.worker("a refresh, status \(process.terminationStatus)")
        }
    }
}
