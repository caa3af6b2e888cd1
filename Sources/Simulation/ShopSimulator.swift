import EventLog
import Events
import Storage

/// Writes a made-up shop's log to `DIR/log` and what is true of it to `DIR/truth`.
///
/// Users are lived through one after another, on one thread; their events wait, 12 bytes each, and
/// are then written day by day in time order. The bytes are a function of the options alone.
package struct ShopSimulator {
    private let options: SimulationOptions
    private let target: SimulationDirectory
    private let host: Host
    private let report: (SimulationProgress) -> Void

    /// A simulator that writes below `directory` and tells of progress about twice a second.
    package init(
        options: SimulationOptions, directory: String, host: Host,
        report: @escaping (SimulationProgress) -> Void = { _ in }
    ) {
        self.options = options
        target = SimulationDirectory(path: directory, host: host)
        self.host = host
        self.report = report
    }

    /// Simulates all of it.
    ///
    /// With `isReplacing`, a finished simulation in the directory is removed first. After a throw
    /// what was written stays, without a manifest.
    package func run(isReplacing: Bool = false) throws(SimulationError) -> SimulationReport {
        try options.check()
        try target.prepare(isReplacing: isReplacing, options)
        let start = host.clock.monotonicNanoseconds()
        let shop = Shop(options, Calendar(options))
        let truth = try SimulationError.wrap { () throws(StorageError) in
            try TruthWriter(target.truth, shop: shop, host: host)
        }
        var life = UserLife(options, shop: shop)
        try SimulationError.wrap { () throws(StorageError) in try liveAll(&life, truth) }
        let lived = host.clock.monotonicNanoseconds()
        let updateCount = try SimulationError.wrapLog { () throws(EventLogError) in
            try write(&life.drafts, shop)
        }
        let written = host.clock.monotonicNanoseconds()
        var result = SimulationReport(
            life.counts, shop: shop, updateCount: updateCount, directory: target.path)
        try SimulationError.wrap { () throws(StorageError) in
            try truth.finish(options, events: result.eventCounts)
        }
        result.livingSeconds = Double(lived - start) / 1e9
        result.writingSeconds = Double(written - lived) / 1e9
        result.elapsedSeconds = Double(host.clock.monotonicNanoseconds() - start) / 1e9
        return result
    }

    private func liveAll(_ life: inout UserLife, _ truth: TruthWriter) throws(StorageError) {
        var ticker = Ticker(.living, total: options.userCount, host.clock, report)
        for first in stride(from: 0, to: options.userCount, by: options.chunkUserCount) {
            let end = min(first + options.chunkUserCount, options.userCount)
            for index in first..<end { life.live(index) }
            try truth.append(life.truth)
            life.truth.removeAll()
            ticker.tick(end)
        }
    }

    /// Writes catalogue and events; how many catalogue updates there were.
    private func write(_ drafts: inout DraftLog, _ shop: Shop) throws(EventLogError) -> Int {
        let calendar = shop.calendar
        // Segments end by size alone: an age would let the clock into the bytes.
        let writer = try SegmentWriter(
            host: host, directory: target.log,
            options: SegmentWriter.Options(segmentSeconds: .max))
        var ticker = Ticker(.writing, total: drafts.count, host.clock, report)
        var line: [UInt8] = []
        var updateCount = 0
        var eventCount = 0
        for day in 0..<calendar.dayCount {
            let midnight = calendar.seconds(day: day, tick: 0)
            for update in shop.updates(day: day) {
                line.removeAll(keepingCapacity: true)
                RecordWriter.append(update, seconds: midnight, to: &line)
                line.removeLast()
                try writer.append(line)
                updateCount += 1
            }
            for draft in drafts.take(day) {
                guard let event = shop.event(draft, midnight: midnight) else { continue }
                line.removeAll(keepingCapacity: true)
                RecordWriter.append(event, to: &line)
                line.removeLast()
                try writer.append(line)
                eventCount += 1
                ticker.tick(eventCount)
            }
        }
        try writer.close()
        return updateCount
    }
}

extension Shop {
    /// The event that a draft stands for.
    fileprivate func event(_ draft: Draft, midnight: Int64) -> Event? {
        guard let kind = draft.kind else { return nil }
        let ticks = Int64(draft.tick) - Int64(draft.delay)
        var event = Event(
            user: UserID(rawValue: userIDs.id(Int(draft.user))),
            seconds: midnight + ticks * Calendar.tickSeconds, kind: kind)
        switch kind {
        case .pageVisit: event.key = urls.ids.id(draft.key)
        case .searchQuery: event.query = queries[draft.key].vector
        case .addToCart, .removeFromCart, .productBuy: event.key = itemIDs.id(draft.key)
        }
        return event
    }
}

/// What parts throw, as what a simulation throws.
extension SimulationError {
    static func wrap<Result>(
        _ body: () throws(StorageError) -> Result
    ) throws(SimulationError) -> Result {
        do throws(StorageError) { return try body() } catch { throw .storage(error) }
    }

    static func wrapLog<Result>(
        _ body: () throws(EventLogError) -> Result
    ) throws(SimulationError) -> Result {
        do throws(EventLogError) { return try body() } catch { throw .log(error) }
    }
}
