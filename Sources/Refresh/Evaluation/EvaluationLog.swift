import Evaluation
import EventLog
import Events
import Features
import Pipeline
import Sessions
import Storage

/// What one pass over a log finds out before anything is decided.
struct LogFacts: Sendable, Equatable, Codable {
    /// Behind the last record, and which file its segment is.
    var endSegment: Int64
    var endRecord: Int64
    var endIdentity: FileIdentity
    /// The log clock at the end, and the newest of its purchases; seconds since 1970.
    var nowSeconds: Int64
    var lastPurchaseSeconds: Int64?
    /// The newest event before a cursor that was asked about.
    var newestSeconds: Int64?

    var end: RecordPlace { RecordPlace(segment: endSegment, recordIndex: endRecord) }
}

/// Reads a log for an evaluation: its facts, then its events, and copies what stands before the
/// cutoff.
struct EvaluationLog {
    let host: Host
    let options: RefreshOptions
    let reporter: EvaluationReporter

    /// Reads the log to its end.
    ///
    /// An event with an impossible time is held or refused as the daemon would, so one broken clock
    /// does not say where the log ends.
    func facts(upTo cursor: Cursor? = nil) throws -> LogFacts {
        var intake = Intake(options: options.clock)
        var facts: LogFacts?
        var current: LogChunk?
        var lastPurchase: Int64?
        var newest: Int64?
        var (segment, segmentOffset) = (Int64(-1), LogOffset(0))
        try pass(
            options,
            { entry, offset in
                let isSeen = current.map { cursor?.isBehind(offset, of: $0) ?? false } ?? false
                _ = intake.take(entry, at: offset) { event, _ in
                    let seconds = event.event.seconds
                    if event.event.kind == .productBuy {
                        lastPurchase = max(lastPurchase ?? .min, seconds)
                    }
                    if isSeen { newest = max(newest ?? .min, seconds) }
                    return .unfolded
                }
                return true
            },
            chunk: { chunk in
                current = chunk
                if chunk.segment != segment {
                    (segment, segmentOffset) = (chunk.segment, chunk.firstOffset)
                }
                facts = LogFacts(
                    endSegment: segment,
                    endRecord: chunk.firstOffset - segmentOffset + LogOffset(chunk.entries.count),
                    endIdentity: chunk.identity, nowSeconds: 0)
            })
        guard var facts, let now = intake.clock.seconds ?? intake.clock.newestSeconds else {
            throw RefreshError.empty(directory: options.logDirectory)
        }
        facts.nowSeconds = now
        facts.lastPurchaseSeconds = lastPurchase
        facts.newestSeconds = newest
        return facts
    }

    /// Reads the events of those asked about, and copies the records before the cutoff.
    ///
    /// Read are all events before the cutoff and the purchases in both windows; the catalogue is
    /// that of the second window's end.
    ///
    /// - Parameters:
    ///   - split: the cutoff and the windows.
    ///   - asked: users, ascending; nil for all with an event before the cutoff.
    ///   - end: the first record that is not read.
    ///   - writer: takes the copied records, in log order.
    /// - Returns: users ascending, and what was read of them.
    /// - Throws: what reading and writing do.
    func read(
        _ split: EvaluationSplit, asked: [UserID]?, end: RecordPlace,
        copyingTo writer: SegmentWriter?
    ) throws -> ShopEvents {
        var options = options
        options.end = end
        var gathering = ShopGathering(split: split, asked: asked)
        let past = RecordParser(
            earliest: options.earliestSeconds,
            latest: max(options.earliestSeconds, split.cutoffSeconds - 1))
        var current: LogChunk?
        var hasPassedCutoff = false
        try pass(
            options,
            { entry, offset in
                guard case .record(let record) = entry else { return true }
                gathering.take(record)
                var isPast = false
                switch record {
                case .blank: break
                case .event(let event):
                    isPast = event.seconds < split.cutoffSeconds
                    if !isPast { hasPassedCutoff = true }
                case .catalogue:
                    // One without a time holds from its place in the log on.
                    isPast = !hasPassedCutoff
                }
                guard let writer, isPast, let chunk = current else { return true }
                let place = chunk.entries[Int(offset - chunk.firstOffset)]
                let range = place.start..<place.start + place.byteCount
                if case .catalogue = record {
                    // Its time, if it has one, is no part of what is parsed, but its bounds are
                    // checked.
                    guard (try? past.parse(chunk.bytes.span.extracting(range))) != nil else {
                        return true
                    }
                }
                try writer.append(Array(chunk.bytes[range]))
                return true
            }, chunk: { current = $0 })
        return gathering.finish()
    }

    private func pass(
        _ options: RefreshOptions, _ body: (ParsedChunk.Entry, LogOffset) throws -> Bool,
        chunk: (LogChunk) -> Void
    ) throws {
        let meter = LogMeter(host: host, logDirectory: options.logDirectory)
        try LogPass(host: host, options: options).forEach(
            body,
            progress: { decoded, left in
                let reading = meter.reading(decoded: decoded, left: left)
                reporter.note(reading.fraction, secondsLeft: reading.secondsLeft)
            }, chunk: chunk)
    }
}

extension Cursor {
    /// Whether the record at `offset` of `chunk` lies before this place.
    fileprivate func isBehind(_ offset: LogOffset, of chunk: LogChunk) -> Bool {
        if chunk.segment != segment { return chunk.segment < segment }
        let entry = chunk.entries[Int(offset - chunk.firstOffset)]
        return (entry.framePosition, entry.decodedEnd) <= (framePosition, decodedOffset)
    }
}

/// Events of users as they come, whoever they turn out to be.
private struct ShopGathering {
    let split: EvaluationSplit
    let asked: Set<UserID>?
    private var numbers: [UserID: UInt32] = [:]
    private var users: [UserID] = []
    private var hasPast: [Bool] = []
    private var entries: [ShopEvents.Entry] = []
    private var items: [ItemID: ShopEvents.Item] = [:]

    init(split: EvaluationSplit, asked: [UserID]?) {
        self.split = split
        self.asked = asked.map(Set.init)
        for user in asked ?? [] { _ = number(of: user) }
    }

    mutating func take(_ record: Record) {
        switch record {
        case .blank: break
        case .catalogue(let update):
            var item = items[update.item] ?? ShopEvents.Item(category: nil, price: nil)
            if let category = update.category { item.category = category }
            if let price = update.price { item.price = price }
            items[update.item] = item
        case .event(let event):
            if let asked, !asked.contains(event.user) { return }
            let isPast = event.seconds < split.cutoffSeconds
            let isTarget = event.kind == .productBuy && event.seconds < split.validation.upperBound
            guard isPast || isTarget else { return }
            let user = number(of: event.user)
            if isPast { hasPast[Int(user)] = true }
            entries.append(
                ShopEvents.Entry(
                    user: user, kind: event.kind, seconds: event.seconds, key: event.key,
                    query: event.query))
        }
    }

    private mutating func number(of user: UserID) -> UInt32 {
        if let number = numbers[user] { return number }
        let number = UInt32(users.count)
        numbers[user] = number
        users.append(user)
        hasPast.append(false)
        return number
    }

    /// Users ascending, without those that nobody asked about.
    consuming func finish() -> ShopEvents {
        let isListed = asked != nil
        let kept = users.indices.filter { isListed || hasPast[$0] }.sorted { users[$0] < users[$1] }
        var places = [UInt32?](repeating: nil, count: users.count)
        for (place, index) in kept.enumerated() { places[index] = UInt32(place) }
        let entries = entries.compactMap { entry in
            places[Int(entry.user)].map { place in
                var entry = entry
                entry.user = place
                return entry
            }
        }
        return ShopEvents(users: kept.map { users[$0] }, entries: entries, items: items)
    }
}
