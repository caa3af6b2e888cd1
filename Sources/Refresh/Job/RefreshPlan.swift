import EventLog
import Foundation
import Learning
import Storage

/// What a refresh has decided before its first step, so that every step and every later call
/// agrees on it: `plan.json` of the work directory.
struct RefreshPlan: Sendable, Equatable, Codable {
    /// The version of this form.
    static let schema = 1

    var schema = Self.schema
    /// `RefreshJobOptions.settings`.
    var settings: [String]
    /// The first record that is not read, and which file its segment is.
    var endSegment: Int64
    var endRecord: Int64
    var endIdentity: FileIdentity
    /// The log clock's first time and its time at the end, seconds since 1970.
    var startSeconds: Int64
    var nowSeconds: Int64
    /// T, and the lengths of what comes after it.
    var cutSeconds: Int64
    var horizonSeconds: Int64
    var futureSeconds: Int64
    /// The generation whose space is kept, or against which the gate judges; nil when there is none.
    var liveGeneration: Int64?
    var liveSpace: Int64?
    /// What is made; the space is the live one when it is kept.
    var space: Int64
    var generation: Int64
    /// The highest input that the re-fold applies.
    var lastInput: Int64
    /// Time of day when it was made, seconds since 1970; for people.
    var madeSeconds: Int64

    /// The first record that no step reads.
    var end: RecordPlace { RecordPlace(segment: endSegment, recordIndex: endRecord) }

    /// T, the labels' horizon and the future.
    var window: LabelWindow {
        LabelWindow(
            cutSeconds: cutSeconds, horizonSeconds: horizonSeconds, futureSeconds: futureSeconds)
    }

    /// What fit(T) reads.
    func windowBeforeCut(days: Int64) -> FitWindow {
        FitWindow(from: cutSeconds - days * 86_400, to: cutSeconds)
    }

    /// What fit(now) reads: as much, and the second that is now.
    func windowBeforeNow(days: Int64) -> FitWindow {
        FitWindow(from: nowSeconds + 1 - days * 86_400, to: nowSeconds + 1)
    }

    /// Why it cannot be gone on with; nil when it can.
    func objection(
        to settings: [String], live: Int64?, in logDirectory: String, on disk: any Disk
    ) throws -> String? {
        guard schema == Self.schema else { return "it was made by another version" }
        let added = settings.filter { !self.settings.contains($0) }
        if let first = added.first {
            return "it was made with other settings (now \(first)"
                + (added.count > 1 ? " and \(added.count - 1) more)" : ")")
        }
        guard self.settings.count == settings.count else {
            return "it was made with other settings"
        }
        if live != liveGeneration {
            return "another generation is live now (\(live.map(String.init) ?? "none"))"
        }
        guard try endIdentity.isOf(segment: endSegment, in: logDirectory, on: disk) else {
            return "segment \(endSegment), where its log ended, is not there any more"
        }
        return nil
    }

    /// Keys ascending; equal plans, equal bytes.
    func encoded() throws -> [UInt8] {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .prettyPrinted, .withoutEscapingSlashes]
        return Array(try encoder.encode(self)) + [UInt8(ascii: "\n")]
    }

    /// Nil for bytes that are no plan.
    init?(decoding bytes: [UInt8]) {
        guard let plan = try? JSONDecoder().decode(Self.self, from: Data(bytes)) else { return nil }
        self = plan
    }
}

extension RefreshPlan {
    /// A plan by all its parts.
    init(
        settings: [String], log: LogSpan, times: RefreshTimes, live: (Int64, space: Int64)?,
        space: Int64, generation: Int64, lastInput: Int64, madeSeconds: Int64
    ) {
        self.settings = settings
        endSegment = log.end.segment
        endRecord = log.end.recordIndex
        endIdentity = log.identity
        startSeconds = log.startSeconds
        nowSeconds = log.nowSeconds
        cutSeconds = times.cutSeconds
        horizonSeconds = times.horizonSeconds
        futureSeconds = times.futureSeconds
        liveGeneration = live?.0
        liveSpace = live?.space
        self.space = space
        self.generation = generation
        self.lastInput = lastInput
        self.madeSeconds = madeSeconds
    }
}

/// Where the cut stands in a log.
struct RefreshTimes: Sendable, Equatable {
    var cutSeconds: Int64
    var horizonSeconds: Int64
    var futureSeconds: Int64

    /// Least length of a window that is worth anything, seconds.
    private static let leastSeconds: Int64 = 60

    /// T = now − the longer of the labels' horizon and the future that is trained on.
    ///
    /// As much past as the horizon is long must be left. If it is not, the future shrinks; the
    /// horizon only with `isQuick`, where each of the three gets a third of the log.
    /// - Throws: `tooShort`.
    init(
        start: Int64, now: Int64, horizon: Int64, future: Int64, isQuick: Bool
    ) throws(RefreshError) {
        let span = now - start
        let third = span / 3
        var (horizon, future) = (horizon, future)
        if isQuick {
            horizon = min(horizon, third)
            future = min(future, third)
        }
        let needed = 2 * (isQuick ? Self.leastSeconds : horizon)
        guard span >= needed, horizon >= min(Self.leastSeconds, needed) else {
            throw .tooShort(TooShortLog(spanSeconds: max(0, span), neededSeconds: needed))
        }
        future = min(future, span - horizon)
        cutSeconds = now - max(horizon, future)
        horizonSeconds = horizon
        futureSeconds = future
    }
}

/// What one pass over a log finds out for the plan.
struct LogSpan: Sendable, Equatable {
    /// Behind the last record.
    var end: RecordPlace
    var identity: FileIdentity
    var startSeconds: Int64
    var nowSeconds: Int64
}
