import Encoders
import EventLog
import Pipeline
import Sessions
import Snapshots
import Storage

/// Decides what a refresh makes, from one pass over the log and a look at the state directory.
struct RefreshPlanner {
    let host: Host
    let options: RefreshJobOptions
    let reporter: JobReporter

    private var stateDirectory: String { options.refresh.stateDirectory }
    private var store: GenerationStore { GenerationStore(stateDirectory: stateDirectory, on: host) }

    /// The generation that serves, or would when the daemon starts; nil for the built-in one.
    func live() throws -> PublishedGeneration? {
        let registry = try Registry.summary(stateDirectory: stateDirectory, on: host.disk)
        if let active = registry.activeGeneration, active > 0,
            let generation = try? store.verifyGeneration(active)
        {
            return generation
        }
        return try store.scan().good.last { $0.manifest.isAccepted }
    }

    /// Whether the live space is `days` of event time older than the log's end.
    ///
    /// - Throws: `noSpace` when there is none: the first one is made by hand (DESIGN §6).
    func isDue(_ live: PublishedGeneration?, afterDays days: Int64, _ log: LogSpan) throws -> Bool {
        guard let live else { throw RefreshError.noSpace(directory: stateDirectory) }
        // Its scalers are fitted to the cut, weeks before the end of the log it was made from.
        let space = live.space.manifest
        let made = space.numbers["refresh.now_seconds"].map { Int64($0) } ?? space.fitTo
        return log.nowSeconds - made >= days * 86_400
    }

    /// Decides, reading the log to its end where `log` does not say how it ends.
    func plan(_ live: PublishedGeneration?, _ log: LogSpan? = nil) throws -> RefreshPlan {
        if options.kind == .sameSpace, live == nil {
            throw RefreshError.noSpace(directory: stateDirectory)
        }
        let log = try log ?? readLog()
        let day: Int64 = 86_400
        let trainsFuture = options.kind == .newSpace && options.parts.contains(.fip)
        let times = try RefreshTimes(
            start: log.startSeconds, now: log.nowSeconds, horizon: options.labelDays * day,
            future: trainsFuture ? options.futureDays * day : 0, isQuick: options.isQuick)
        let registry = try Registry.summary(stateDirectory: stateDirectory, on: host.disk)
        return RefreshPlan(
            settings: options.settings, log: log, times: times,
            live: live.map { ($0.manifest.id, space: $0.manifest.space) },
            space: try newSpace(live), generation: try store.nextGenerationID(),
            lastInput: registry.lastInput, madeSeconds: host.clock.seconds())
    }

    private func newSpace(_ live: PublishedGeneration?) throws -> Int64 {
        if options.kind == .sameSpace, let live { return live.manifest.space }
        return try store.nextSpaceID()
    }

    /// Throws `diskFull` unless there is room for twice the states and a snapshot (DESIGN §6);
    /// what this refresh has written already counts as found.
    func checkDisk(_ directory: RefreshDirectory, _ live: PublishedGeneration?) throws {
        let state = try live.map { try directory.byteCount(below: $0.path) } ?? 0
        // Without states to go by, the compressed log: an event is about as long in either.
        let log = try LogMeter.byteCount(options.refresh.logDirectory, on: host.disk)
        let needed =
            2 * max(state, log) + (try newestSnapshotByteCount(directory))
            - (try directory.byteCount())
        let free = try host.disk.freeByteCount(stateDirectory)
        guard free >= needed else {
            throw RefreshError.diskFull(
                DiskNeed(path: stateDirectory, neededByteCount: needed, freeByteCount: free))
        }
    }

    private func newestSnapshotByteCount(_ directory: RefreshDirectory) throws -> Int64 {
        let snapshots = stateDirectory + "/snapshots"
        guard try host.disk.status(snapshots) != nil else { return 0 }
        let newest = try host.disk.names(in: snapshots).compactMap { Int64($0) }.max()
        return try newest.map { try directory.byteCount(below: "\(snapshots)/\($0)") } ?? 0
    }

    /// Reads the log to its end.
    func readLog() throws -> LogSpan {
        let meter = LogMeter(host: host, logDirectory: options.refresh.logDirectory)
        var intake = Intake(options: options.refresh.clock)
        var span: LogSpan?
        var start: Int64?
        var (segment, segmentOffset) = (Int64(-1), LogOffset(0))
        try LogPass(host: host, options: options.refresh).forEach(
            { entry, offset in
                _ = intake.take(entry, at: offset) { _, _ in .unfolded }
                if start == nil { start = intake.clock.seconds }
                return true
            },
            progress: { decoded, left in
                let reading = meter.reading(decoded: decoded, left: left)
                reporter.note(reading)
            },
            chunk: { chunk in
                if chunk.segment != segment {
                    (segment, segmentOffset) = (chunk.segment, chunk.firstOffset)
                }
                let count = chunk.firstOffset - segmentOffset + LogOffset(chunk.entries.count)
                span = LogSpan(
                    end: RecordPlace(segment: segment, recordIndex: count),
                    identity: chunk.identity, startSeconds: 0, nowSeconds: 0)
            })
        guard var span, let start, let now = intake.clock.seconds else {
            throw RefreshError.empty(directory: options.refresh.logDirectory)
        }
        span.startSeconds = start
        span.nowSeconds = now
        return span
    }
}

extension JobReporter {
    /// Notes how far a pass over the log is: `done` such passes of `count` lie behind it.
    func note(_ reading: LogMeter.Reading, done: Int = 0, of count: Int = 1) {
        let rate = reading.bytesPerSecond
        note(
            (Double(done) + reading.fraction) / Double(count),
            detail: rate > 0 ? "\(Int(rate / 1e6)) MB/s" : "",
            secondsLeft: reading.secondsLeft.map { $0 * Double(count - done) })
    }
}
