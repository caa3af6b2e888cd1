import Encoders
import EventLog
import Events
import Features
import Learning
import Pipeline
import Profiles
import Sessions
import Snapshots
import Storage

/// What a refresh is told from outside.
package struct RefreshOptions: Sendable {
    package var logDirectory: String
    package var stateDirectory: String
    /// Seeds the clustering and the weights.
    package var seed: UInt64
    package var fold = FoldOptions()
    package var clock = ClockOptions()
    package var reader = LogReaderOptions()
    /// Accepted event times, seconds since 1970, both inclusive.
    package var earliestSeconds: Int64 = 0
    package var latestSeconds: Int64 = 4_102_444_799
    /// The first record that no pass reads; nil reads to the log's end.
    package var end: RecordPlace?
    /// Users whom no pass looks at, as if the log had nothing of theirs (docs/forgetting.md).
    package var forgotten = ForgottenUsers()
    /// Estimated bytes of users' states while statistics are fitted.
    ///
    /// With more, the log is read again for the rest of the users. It changes no result.
    package var memoryByteCount: Int64 = 2 << 30
    /// Threads that fold users for statistics and examples, ≥ 1; they change no result.
    package var threadCount = 1

    package init(logDirectory: String, stateDirectory: String, seed: UInt64) {
        self.logDirectory = logDirectory
        self.stateDirectory = stateDirectory
        self.seed = seed
    }
}

/// How far a refresh has come.
package struct RefreshProgress: Sendable {
    package var step: String
    /// Steps done before this one, and steps in all.
    package var stepIndex: Int
    package var stepCount: Int
    /// Share of this step that is done, 0…1.
    package var fraction: Double
    /// Decoded log bytes a second in this step; 0 while unknown.
    package var bytesPerSecond: Double
    /// Seconds left in this step; nil while unknown.
    package var secondsLeft: Double?
}

/// What a refresh made.
package struct RefreshReport: Sendable {
    package var generation: Int64
    package var space: Int64
    package var path: String
    package var users: Int
    package var rows: Int64
    package var counters: RecordCounters
    /// Keys of each table of statistics.
    package var keys: [(table: String, count: Int)]
    package var seconds: Double
}

/// Why a refresh stopped; nothing was published.
package enum RefreshError: Error, CustomStringConvertible {
    case log(String)
    case empty(directory: String)
    case publish(String)
    /// The log clock has not reached the cut; nil when fewer users than it needs were seen.
    case noFuture(cutSeconds: Int64, clockSeconds: Int64?)
    case examples(LearningError)
    /// There is not enough event time in the log.
    case tooShort(TooShortLog)
    /// Another refresh is running on the state directory.
    case busy(directory: String)
    /// No encoders were trained yet that another generation could keep.
    case noSpace(directory: String)
    case diskFull(DiskNeed)
    /// The work directory cannot be read or written.
    case work(String)
    case training(String)
    case refold(String)
    case gate(String)
    /// It was told to stop; the work directory says where to go on.
    case cancelled

    package var description: String {
        switch self {
        case .log(let reason): "the log cannot be read: \(reason)"
        case .empty(let directory):
            "\(directory): no event of a user in the log; import one with `ubpd import`, or wait for "
                + "the shop to write one"
        case .noFuture(let cut, let clock):
            "the log ends at \(clock.map { "\($0) s" } ?? "no time that users agree on"), before the "
                + "cut at \(cut) s: there is no future to learn; take an earlier cut"
        case .examples(let error): error.description
        case .tooShort(let span): span.description
        case .busy(let directory):
            "\(directory): another refresh is running; `ubpctl refresh status` says how far it is"
        case .noSpace(let directory):
            "\(directory): there is no generation whose encoders could be kept; run "
                + "`ubpd refresh --encoders` first"
        case .diskFull(let need): need.description
        case .work(let reason):
            "the work directory: \(reason); mend it, or begin anew with `ubpd refresh --restart`"
        case .training(let reason): reason
        case .refold(let reason): "the re-fold: \(reason)"
        case .gate(let reason): "the gate: \(reason)"
        case .cancelled: "stopped; the same command goes on where it was"
        case .publish(let reason): "the generation cannot be published: \(reason)"
        }
    }
}

/// Makes a space and a generation out of a log, with seeded weights that were not trained.
///
/// The statistics are fitted as docs/rows.md §5 says; the weights of all networks are those that
/// training begins with, drawn from the seed; there are no factors. Same log, same seed, same bytes.
package struct UntrainedRefresh {
    private static let steps = ["names and queries", "key statistics", "scalers", "publishing"]

    private let host: Host
    private let options: RefreshOptions
    private let report: (RefreshProgress) -> Void

    package init(
        host: Host, options: RefreshOptions, progress: @escaping (RefreshProgress) -> Void
    ) {
        self.host = host
        self.options = options
        report = progress
    }

    /// Fits, in as many passes over the log as its users need, and publishes.
    package func run() throws(RefreshError) -> RefreshReport {
        let start = host.clock.monotonicNanoseconds()
        var options = options
        do {
            options.forgotten = try ForgottenUsers(
                stateDirectory: options.stateDirectory, upTo: .max, on: host.disk)
        } catch {
            throw .publish("\(error)")
        }
        let fit = try StatisticsPasses(host: host, options: options, window: FitWindow()) {
            self.step($0.rawValue, $1)
        }.run()
        step(3, LogMeter.Reading(fraction: 0))
        let published = try publish(fit.statistics, from: fit.from, to: fit.to)
        step(3, LogMeter.Reading(fraction: 1))
        return RefreshReport(
            generation: published.manifest.id, space: published.manifest.space,
            path: published.path, users: fit.userCount, rows: fit.rowCount, counters: fit.counters,
            keys: KeyTable.allCases.map {
                (table: $0.rawValue, count: fit.statistics.tables[$0]?.count ?? 0)
            },
            seconds: Double(host.clock.monotonicNanoseconds() - start) / 1e9)
    }

    private func publish(
        _ statistics: FrozenStatistics, from: Int64, to: Int64
    ) throws(RefreshError) -> PublishedGeneration {
        do {
            let store = GenerationStore(stateDirectory: options.stateDirectory, on: host)
            let vocabulary = RowVocabulary(statistics)
            let targets = TargetLists(statistics)
            let files = SpaceFiles(
                vocabulary: vocabulary, targets: targets,
                encoders: UntrainedWeights.tensors(
                    seed: options.seed, vocabulary: vocabulary, targets: targets))
            let spaceFiles = try StatisticsFiles.spaceFiles(statistics).merging(
                files.encoded(metadata: ["trained": "false", "seed": String(options.seed)])
            ) { $1 }
            let numbers = options.fold.numbers
            let space = try store.publishSpace(
                SpaceManifest(
                    id: try store.nextSpaceID(), trained: false, seed: options.seed, fitFrom: from,
                    fitTo: to, numbers: numbers, endRow: files.endRowNames),
                files: spaceFiles)
            return try store.publishGeneration(
                GenerationManifest(
                    id: try store.nextGenerationID(), space: space.manifest.id, trained: false,
                    seed: options.seed, fitFrom: from, fitTo: to, numbers: numbers),
                files: try StatisticsFiles.generationFiles(statistics))
        } catch {
            throw .publish("\(error)")
        }
    }

    private func step(_ index: Int, _ reading: LogMeter.Reading) {
        report(
            RefreshProgress(
                step: Self.steps[index], stepIndex: index, stepCount: Self.steps.count,
                fraction: reading.fraction, bytesPerSecond: reading.bytesPerSecond,
                secondsLeft: reading.secondsLeft))
    }
}
