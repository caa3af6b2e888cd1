import Storage
import Synchronization

/// Whose turn it is: whoever waits for an answer, or the work.
///
/// A slice of work ends as soon as somebody waits. So that readers who ask without a pause do not
/// stop the work, a slice that follows one cut short first has its share.
package struct WorkShare {
    /// The work's part of the time, one in so many, while somebody always waits.
    package static let part: UInt64 = 5

    /// When the last slice was cut short, on the monotonic clock; nil when it was not.
    private var cutShort: UInt64?

    package init() {}

    /// Says until when a slice that begins now lets nobody in.
    ///
    /// - Parameters:
    ///   - now: of the monotonic clock, nanoseconds.
    ///   - limit: of a share, nanoseconds.
    /// - Returns: on the same clock; nil when it may be cut short at once.
    package func end(from now: UInt64, limit: UInt64) -> UInt64? {
        cutShort.map { now + min(limit, (now - min(now, $0)) / (Self.part - 1)) }
    }

    /// Notes how a slice ended, and when on the monotonic clock, nanoseconds.
    package mutating func note(wasCutShort: Bool, at now: UInt64) {
        cutShort = wasCutShort ? now : nil
    }
}

extension Profiler {
    /// Work that gives way to whoever waits, each kind with a share of its own.
    enum Work: Int, CaseIterable {
        case ingest
        case commit
    }

    /// Whether somebody waits for an answer whom the slice at hand must make way for.
    var isAsked: Bool {
        guard askers.load(ordering: .relaxed) > 0 else { return false }
        return unaskedUntil.map { host.clock.monotonicNanoseconds() >= $0 } ?? true
    }

    /// Whether a slice of work must end: its time is over, or somebody waits for an answer.
    func mustYield(_ deadline: UInt64) -> Bool {
        isAsked || host.clock.monotonicNanoseconds() >= deadline
    }

    /// When a slice that begins now ends at the latest.
    var turnEnd: UInt64 {
        host.clock.monotonicNanoseconds() + options.batchMicroseconds * 1000
    }

    /// Does a slice of work, which has its share before anybody who waits.
    func inShare<Result, Failure: Error>(
        of work: Work, _ slice: () throws(Failure) -> Result
    ) throws(Failure) -> Result {
        unaskedUntil = shares[work.rawValue].end(
            from: host.clock.monotonicNanoseconds(), limit: options.batchMicroseconds * 1000)
        defer {
            unaskedUntil = nil
            shares[work.rawValue].note(
                wasCutShort: isAsked, at: host.clock.monotonicNanoseconds())
        }
        return try slice()
    }

    /// Steps what waits for it; others have a turn in between when they wait for an answer.
    func stepInTurns() async {
        while !inShare(of: .ingest, { stepQueued(untilAsked: true) }) { await Task.yield() }
    }
}
