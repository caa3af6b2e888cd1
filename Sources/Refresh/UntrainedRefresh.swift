import Encoders
import EventLog
import Events
import Features
import Learning
import Pipeline
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

    package var description: String {
        switch self {
        case .log(let reason): "the log cannot be read: \(reason)"
        case .empty(let directory):
            "\(directory): no event of a user in the log; import one with `ubpd import`, or wait for "
                + "the shop to write one"
        case .publish(let reason): "the generation cannot be published: \(reason)"
        }
    }
}

/// Makes a space and a generation out of a log, with seeded weights that were not trained.
///
/// The statistics are fitted as docs/rows.md §5 says; the weights are PyTorch's default
/// initialisation, drawn from the seed. Same log, same seed, same bytes.
package struct UntrainedRefresh {
    private static let steps = ["names and queries", "key statistics", "scalers", "publishing"]
    /// Published sizes of the encoder (published-system.md §3).
    private static let hiddenWidth = 256
    private static let latentWidth = 128

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

    /// Reads the log three times and publishes.
    package func run() throws(RefreshError) -> RefreshReport {
        let start = host.clock.monotonicNanoseconds()
        let texts = try readTexts()
        guard let from = texts.from, let to = texts.to else {
            throw .empty(directory: options.logDirectory)
        }
        var statistics = FrozenStatistics.empty
        statistics.nameCentroids = centroids(of: texts.names, stream: 0)
        statistics.queryCentroids = centroids(of: texts.queries, stream: 1)
        let keys = try fitKeys(statistics)
        let counted = FrozenStatistics(
            tables: keys.tables(), topItems: keys.top(.items), topCategories: keys.top(.categories),
            nameCentroids: statistics.nameCentroids, queryCentroids: statistics.queryCentroids,
            scalers: statistics.scalers)
        var fit = try fitScalers(counted)
        let fitted = FrozenStatistics(
            tables: counted.tables, topItems: counted.topItems,
            topCategories: counted.topCategories, nameCentroids: counted.nameCentroids,
            queryCentroids: counted.queryCentroids, scalers: fit.scalers.scalers())
        step(3, 0, 0, nil)
        let published = try publish(fitted, from: from, to: to + 1)
        step(3, 1, 0, nil)
        fit.seconds = Double(host.clock.monotonicNanoseconds() - start) / 1e9
        return RefreshReport(
            generation: published.manifest.id, space: published.manifest.space,
            path: published.path, users: fit.users.count, rows: fit.rows, counters: fit.counters,
            keys: KeyTable.allCases.map {
                (table: $0.rawValue, count: fitted.tables[$0]?.count ?? 0)
            },
            seconds: fit.seconds)
    }

    /// What is to be clustered, and the span of event times.
    private struct Texts {
        var names: [UInt8] = []
        var queries: [UInt8] = []
        var from: Int64?
        var to: Int64?
    }

    /// The catalogue's names, one per item, and the distinct queries: both ascending by key.
    private func readTexts() throws(RefreshError) -> Texts {
        var texts = Texts()
        var catalogue = Catalogue()
        var queries: [Int64: TextVector] = [:]
        try LogPass(host: host, options: options).forEach(
            { entry, _ in
                switch entry {
                case .record(.catalogue(let update)): catalogue.apply(update)
                case .record(.event(let event)):
                    texts.from = min(texts.from ?? event.seconds, event.seconds)
                    texts.to = max(texts.to ?? event.seconds, event.seconds)
                    if let query = event.query {
                        queries[FrozenStatistics.queryKey(query)] = query
                    }
                case .record(.blank), .refused: break
                }
            }, progress: meter(0))
        for (_, entry) in catalogue.sorted() {
            if let name = entry.name { texts.names += (0..<16).map { name[$0] } }
        }
        for (_, query) in queries.sorted(by: { $0.key < $1.key }) {
            texts.queries += (0..<16).map { query[$0] }
        }
        return texts
    }

    private func centroids(of points: [UInt8], stream: UInt64) -> [Float] {
        guard !points.isEmpty else { return [] }
        return KMeans.centroids(
            of: points, k: StatisticsFit.clusterCount,
            seed: SeededRandom.mix(options.seed &+ stream)
        ).values
    }

    private func fitKeys(_ statistics: FrozenStatistics) throws(RefreshError) -> StatisticsFit {
        var fit = StatisticsFit()
        let reducer = Reducer(statistics: statistics, options: options.fold)
        _ = try LogPass(host: host, options: options).fold(
            reducer, observe: { scratch, user in fit.add(scratch, user, statistics) },
            progress: meter(1))
        return fit
    }

    private struct Scaled {
        var scalers = ScalerFit()
        var counters = RecordCounters()
        var users: Set<UserID> = []
        var rows: Int64 = 0
        var seconds = 0.0
    }

    private func fitScalers(_ statistics: FrozenStatistics) throws(RefreshError) -> Scaled {
        var fit = Scaled()
        let reducer = Reducer(statistics: statistics, options: options.fold)
        fit.counters = try LogPass(host: host, options: options).fold(
            reducer,
            observe: { scratch, user in
                fit.scalers.add(scratch.keys, scratch.raw)
                fit.users.insert(user)
                fit.rows += Int64(scratch.keys.count)
            }, progress: meter(2))
        return fit
    }

    private func publish(
        _ statistics: FrozenStatistics, from: Int64, to: Int64
    ) throws(RefreshError) -> PublishedGeneration {
        do {
            let store = GenerationStore(stateDirectory: options.stateDirectory, on: host)
            let tensors = SRAEncoder.seededTensors(
                seed: options.seed, inputWidth: RowLayout.width, hiddenWidth: Self.hiddenWidth,
                latentWidth: Self.latentWidth)
            var spaceFiles = try StatisticsFiles.spaceFiles(statistics)
            spaceFiles["encoders/sra.safetensors"] = try SafetensorsFile(
                tensors, metadata: ["trained": "false", "seed": String(options.seed)]
            ).encoded()
            let numbers = options.fold.numbers
            let space = try store.publishSpace(
                SpaceManifest(
                    id: try store.nextSpaceID(), trained: false, seed: options.seed, fitFrom: from,
                    fitTo: to, numbers: numbers),
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

    /// Turns bytes read and left into progress of a step.
    private func meter(_ index: Int) -> (Int64, Int64) -> Void {
        let start = host.clock.monotonicNanoseconds()
        let clock = host.clock
        let total = (try? logByteCount()) ?? 0
        return { decoded, left in
            let seconds = Double(clock.monotonicNanoseconds() - start) / 1e9
            let fraction = total > 0 ? 1 - min(1, Double(left) / Double(total)) : 1
            let secondsLeft = fraction > 0 ? seconds / fraction - seconds : nil
            step(index, fraction, Double(decoded) / max(seconds, 1e-9), secondsLeft)
        }
    }

    private func step(
        _ index: Int, _ fraction: Double, _ bytesPerSecond: Double, _ secondsLeft: Double?
    ) {
        report(
            RefreshProgress(
                step: Self.steps[index], stepIndex: index, stepCount: Self.steps.count,
                fraction: fraction, bytesPerSecond: bytesPerSecond, secondsLeft: secondsLeft))
    }

    private func logByteCount() throws -> Int64 {
        var sum: Int64 = 0
        for name in try host.disk.names(in: options.logDirectory) where name.hasSuffix(".lz4") {
            sum += try host.disk.status("\(options.logDirectory)/\(name)")?.byteCount ?? 0
        }
        return sum
    }
}
