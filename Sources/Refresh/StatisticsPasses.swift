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
    /// Events outside the window count as applied.
    package var counters: RecordCounters
    /// How often the log was read; nothing else depends on the memory there is.
    package var passCount: Int
}

/// Reads a log to fit a generation's statistics (docs/rows.md §5).
///
/// With a bounded window it is DESIGN §6's fit(T). In a given space only tables and top lists are
/// fitted. Users are folded a range of them at a time, as many as fit into memory. Same log, window,
/// space and seed, same bytes.
package struct StatisticsPasses {
    /// What is read off the log, in this order; in a given space only `keys`.
    enum Step: Int, Sendable {
        case texts
        case keys
        case scalers
    }

    private let host: Host
    private let options: RefreshOptions
    private let window: FitWindow
    private let space: FrozenStatistics?
    private let step: (Step, LogMeter.Reading) -> Void

    /// - Parameters:
    ///   - host: where the log is.
    ///   - options: the log, the fold, the memory, and the seed of the clustering.
    ///   - window: which events are read.
    ///   - space: whose scalers and centroids are taken as they are; nil fits them too.
    package init(
        host: Host, options: RefreshOptions, window: FitWindow, space: FrozenStatistics? = nil
    ) {
        self.init(host: host, options: options, window: window, space: space) { _, _ in }
    }

    /// The same; `step` is told after each chunk of the log how far a step is over all its passes.
    init(
        host: Host, options: RefreshOptions, window: FitWindow, space: FrozenStatistics? = nil,
        step: @escaping (Step, LogMeter.Reading) -> Void
    ) {
        self.host = host
        self.options = options
        self.window = window
        self.space = space
        self.step = step
    }

    /// Fits texts' clusters, key statistics and scalers, in this order; in a given space the second.
    package func run() throws(RefreshError) -> FittedStatistics {
        let base = if let space { space } else { try cluster() }
        let keys = try fitKeys(base)
        guard let from = keys.from, let to = keys.to else {
            throw .empty(directory: options.logDirectory)
        }
        var fitted = FittedStatistics(
            statistics: FrozenStatistics(
                tables: keys.fit.tables(), topItems: keys.fit.top(.items),
                topCategories: keys.fit.top(.categories), nameCentroids: base.nameCentroids,
                queryCentroids: base.queryCentroids, scalers: base.scalers),
            from: from, to: to + 1, userCount: keys.userCount, rowCount: keys.rowCount,
            counters: keys.counters, passCount: keys.ranges.count)
        guard space == nil else { return fitted }
        fitted.statistics.scalers = try fitScalers(fitted.statistics, keys.ranges)
        fitted.passCount += 1 + keys.ranges.count
        return fitted
    }

    /// Statistics of nothing but the clusters of the catalogue's names, one per item, and of the
    /// distinct queries.
    private func cluster() throws(RefreshError) -> FrozenStatistics {
        // For the catalogue, and for the clock that says when the window is over.
        var intake = Intake(options: options.clock)
        var queries = PointSample(limit: KMeans.Limits().pointCount, seed: seed(of: 1))
        var meter = PassMeter(LogMeter(host: host, logDirectory: options.logDirectory))
        try LogPass(host: host, options: options).forEach(
            { entry, offset in
                _ = intake.take(entry, at: offset) { _, _ in .unfolded }
                if case .record(.event(let event)) = entry, window.contains(event.seconds),
                    let query = event.query
                {
                    queries.insert(high: query.low.byteSwapped, low: query.high.byteSwapped)
                }
                return !window.isOver(intake)
            },
            progress: { decoded, left in
                step(.texts, meter.reading(decoded: decoded, left: left, users: .all))
            })
        var names: [UInt8] = []
        for (_, entry) in intake.catalogue.sorted() {
            if let name = entry.name { names += (0..<16).map { name[$0] } }
        }
        var statistics = FrozenStatistics.empty
        statistics.nameCentroids = centroids(of: names, stream: 0)
        statistics.queryCentroids = centroids(of: queries.points, stream: 1)
        return statistics
    }

    private func seed(of stream: UInt64) -> UInt64 { SeededRandom.mix(options.seed &+ stream) }

    private func centroids(of points: [UInt8], stream: UInt64) -> [Float] {
        guard !points.isEmpty else { return [] }
        return KMeans.centroids(
            of: points, k: StatisticsFit.clusterCount, seed: seed(of: stream)
        ).values
    }

    /// What the passes for key statistics come to.
    private struct Counted {
        var fit = StatisticsFit()
        /// The users of each pass.
        var ranges: [UserRange] = []
        var from: Int64?
        var to: Int64?
        var userCount = 0
        var rowCount: Int64 = 0
        var counters = RecordCounters()

        mutating func note(_ seconds: Int64) {
            from = min(from ?? seconds, seconds)
            to = max(to ?? seconds, seconds)
        }

        mutating func add(_ user: inout FittedUser) {
            fit.add(&user.tally)
            userCount += 1
            rowCount += user.rowCount
            let late = Int64(user.state.activity.lateCount)
            let pending = Int64(user.state.window.pending.count)
            counters.late += late
            counters.pending += pending
            counters.applied -= late + pending
        }

        /// Takes over what is the same in every pass: the reader takes every event for applied, so
        /// that `add` tells late and pending ones from these.
        mutating func begin(_ pass: RecordCounters) {
            if ranges.isEmpty { counters = pass }
        }
    }

    private func fitKeys(_ statistics: FrozenStatistics) throws(RefreshError) -> Counted {
        var counted = Counted()
        var meter = PassMeter(LogMeter(host: host, logDirectory: options.logDirectory))
        let reducer = FitFolder<KeyObserver>.reducer(statistics, options.fold)
        let crew = WorkCrew(threadCount: options.threadCount)
        defer { crew.stop() }
        var users = UserRange.all
        while true {
            var pass = makePass(users, crew, memoryByteCount: options.memoryByteCount) {
                FitFolder(reducer, KeyObserver(statistics))
            }
            let counters = try read(
                &pass, note: { seconds in counted.note(seconds) },
                progress: { decoded, left, users in
                    step(.keys, meter.reading(decoded: decoded, left: left, users: users))
                })
            counted.begin(counters)
            pass.onEach { $0.settle() }
            pass.inTurn { folder in folder.handOut { counted.add(&$0) } }
            counted.ranges.append(pass.users)
            guard let next = pass.users.next else { return counted }
            users = next
        }
    }

    /// Passes over the ranges that fitted into memory when keys were counted as well.
    private func fitScalers(
        _ statistics: FrozenStatistics, _ ranges: [UserRange]
    ) throws(RefreshError) -> [RowScalers] {
        var fit = ScalerFit()
        var meter = PassMeter(LogMeter(host: host, logDirectory: options.logDirectory))
        let reducer = FitFolder<ScalerFit>.reducer(statistics, options.fold)
        let crew = WorkCrew(threadCount: options.threadCount)
        defer { crew.stop() }
        for users in ranges {
            var pass = makePass(users, crew, memoryByteCount: .max) {
                FitFolder(reducer, ScalerFit())
            }
            _ = try read(
                &pass, note: { _ in },
                progress: { decoded, left, users in
                    step(.scalers, meter.reading(decoded: decoded, left: left, users: users))
                })
            pass.onEach { $0.settle() }
            pass.inTurn { fit.merge($0.observer) }
        }
        return fit.scalers()
    }

    private func makePass<Observer: FitObserver>(
        _ users: UserRange, _ crew: WorkCrew, memoryByteCount: Int64,
        _ folder: () -> FitFolder<Observer>
    ) -> RangePass<FitFolder<Observer>> {
        RangePass(
            users: users, crew: crew, memoryByteCount: memoryByteCount,
            eventIDLimit: options.fold.order.eventIDLimit, folder: folder)
    }

    /// Reads the log once for a pass, which gets the window's events, enriched; `note` their times.
    private func read<Folder>(
        _ pass: inout RangePass<Folder>, note: (Int64) -> Void,
        progress: (_ decodedBytes: Int64, _ bytesLeft: Int64, UserRange) -> Void
    ) throws(RefreshError) -> RecordCounters {
        var intake = Intake(options: options.clock)
        try LogPass(host: host, options: options).forEach(
            { entry, offset in
                if case .record(.event(let event)) = entry, window.contains(event.seconds) {
                    note(event.seconds)
                }
                _ = intake.take(entry, at: offset) { event, place in
                    guard window.contains(event.event.seconds) else { return .unfolded }
                    return pass.take(event, at: place)
                }
                return !window.isOver(intake)
            },
            progress: { decoded, left in
                pass.endChunk()
                progress(decoded, left, pass.users)
            })
        pass.end()
        return intake.counters
    }
}
