import EventLog
import Events
import Features
import Learning
import Pipeline
import Sessions
import Storage

/// What a window of a log comes to for everybody.
package struct FittedStatistics: Sendable {
    package var statistics: FrozenStatistics
    /// Span of the event times that were read, seconds since 1970; `to` is exclusive.
    package var from: Int64
    package var to: Int64
    package var userCount: Int
    package var rowCount: Int64
    /// Of the last pass; events outside the window count as applied.
    package var counters: RecordCounters
}

/// Reads a log three times to fit a generation's statistics (docs/rows.md §5).
///
/// With a bounded window it is DESIGN §6's fit(T). Same log, window and seed, same bytes.
package struct StatisticsPasses {
    private let host: Host
    private let options: RefreshOptions
    private let window: FitWindow
    private let step: (Int, LogMeter.Reading) -> Void

    /// - Parameters:
    ///   - host: where the log is.
    ///   - options: the log, the fold, and the seed of the clustering.
    ///   - window: which events are read.
    package init(host: Host, options: RefreshOptions, window: FitWindow) {
        self.init(host: host, options: options, window: window) { _, _ in }
    }

    init(
        host: Host, options: RefreshOptions, window: FitWindow,
        step: @escaping (Int, LogMeter.Reading) -> Void
    ) {
        self.host = host
        self.options = options
        self.window = window
        self.step = step
    }

    /// Fits texts' clusters, key statistics and scalers, in this order.
    package func run() throws(RefreshError) -> FittedStatistics {
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
        let fit = try fitScalers(counted)
        return FittedStatistics(
            statistics: FrozenStatistics(
                tables: counted.tables, topItems: counted.topItems,
                topCategories: counted.topCategories, nameCentroids: counted.nameCentroids,
                queryCentroids: counted.queryCentroids, scalers: fit.scalers.scalers()),
            from: from, to: to + 1, userCount: fit.users.count, rowCount: fit.rows,
            counters: fit.counters)
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
        // For the catalogue, and for the clock that says when the window is over.
        var intake = Intake(options: options.clock)
        var queries: [Int64: TextVector] = [:]
        try LogPass(host: host, options: options).forEach(
            { entry, offset in
                _ = intake.take(entry, at: offset) { _, _ in .unfolded }
                if case .record(.event(let event)) = entry, window.contains(event.seconds) {
                    texts.from = min(texts.from ?? event.seconds, event.seconds)
                    texts.to = max(texts.to ?? event.seconds, event.seconds)
                    if let query = event.query {
                        queries[FrozenStatistics.queryKey(query)] = query
                    }
                }
                return !window.isOver(intake)
            }, progress: meter(0))
        for (_, entry) in intake.catalogue.sorted() {
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
            reducer, window, observe: { scratch, user in fit.add(scratch, user, statistics) },
            progress: meter(1))
        return fit
    }

    private struct Scaled {
        var scalers = ScalerFit()
        var counters = RecordCounters()
        var users: Set<UserID> = []
        var rows: Int64 = 0
    }

    private func fitScalers(_ statistics: FrozenStatistics) throws(RefreshError) -> Scaled {
        var fit = Scaled()
        let reducer = Reducer(statistics: statistics, options: options.fold)
        fit.counters = try LogPass(host: host, options: options).fold(
            reducer, window,
            observe: { scratch, user in
                fit.scalers.add(scratch.keys, scratch.raw)
                fit.users.insert(user)
                fit.rows += Int64(scratch.keys.count)
            }, progress: meter(2))
        return fit
    }

    /// Turns bytes read and left into progress of a step.
    private func meter(_ index: Int) -> (Int64, Int64) -> Void {
        let meter = LogMeter(host: host, logDirectory: options.logDirectory)
        return { decoded, left in step(index, meter.reading(decoded: decoded, left: left)) }
    }
}
