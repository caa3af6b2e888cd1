import EventLog
import Events
import Features
import Pipeline
import Sessions
import Storage

/// Which event times statistics are fitted to: `[from, to)`, seconds since 1970.
///
/// With `to` = T this is DESIGN §6's fit(T): it reads nothing at or after T, neither events nor,
/// once the log clock has reached T, what the catalogue learns.
package struct FitWindow: Sendable, Hashable {
    /// Inclusive.
    package var from: Int64
    /// Exclusive.
    package var to: Int64

    package init(from: Int64 = .min, to: Int64 = .max) {
        self.from = from
        self.to = to
    }

    /// Whether an event belongs to it.
    func contains(_ seconds: Int64) -> Bool { seconds >= from && seconds < to }

    /// Whether the log has passed it.
    func isOver(_ intake: Intake) -> Bool { intake.clock.seconds.map { $0 >= to } ?? false }
}

extension Reducer.Outcome {
    /// Of an event that is let through without being folded.
    static let unfolded = Self(admission: .pending, foldedCount: 1)
}

/// One pass over a log from its start to what can be read now, record by record.
struct LogPass {
    let host: Host
    let options: RefreshOptions

    /// Longest single wait for a segment's grace time to end.
    private static let waitMilliseconds = 50
    /// Waits in a row after which what was read is taken for all: twice the default grace time.
    private static let waitLimit = 80

    /// Calls `body` for every entry, in log order, until it returns false.
    ///
    /// `progress` is called after each chunk with decoded bytes so far and compressed bytes left,
    /// and `chunk` before its entries.
    func forEach(
        _ body: (ParsedChunk.Entry, LogOffset) throws -> Bool,
        progress: (_ decodedBytes: Int64, _ bytesLeft: Int64) -> Void,
        chunk note: (LogChunk) -> Void = { _ in }
    ) throws(RefreshError) {
        do {
            let reader = try LogReader(
                host: host, directory: options.logDirectory, options: options.reader)
            let watch = host.disk.watch(options.logDirectory)
            let parser = RecordParser(
                earliest: options.earliestSeconds, latest: options.latestSeconds)
            var parsed = ParsedChunk()
            var decodedBytes: Int64 = 0
            var waits = 0
            var end = options.end.map { LogEnd($0) }
            while true {
                if Task.isCancelled { throw RefreshError.cancelled }
                if let end, end.isReached { return }
                guard var chunk = try reader.next() else {
                    if let obstacle = reader.obstacle {
                        throw RefreshError.log("\(obstacle)")
                    }
                    if reader.isAtEnd || waits >= Self.waitLimit {
                        guard let end else { return }
                        throw RefreshError.log(
                            "it ends before record \(end.place), up to which it was read before; "
                                + "begin anew with `ubpd refresh --restart`")
                    }
                    // More stands behind a segment whose grace time is not over yet.
                    watch.wait(milliseconds: Self.waitMilliseconds)
                    waits += 1
                    continue
                }
                waits = 0
                end?.cut(&chunk)
                note(chunk)
                parser.parse(chunk, into: &parsed)
                for (index, entry) in parsed.entries.enumerated() {
                    let offset = chunk.firstOffset + LogOffset(index)
                    guard try body(entry, offset) else { return }
                }
                decodedBytes += Int64(chunk.bytes.count)
                progress(decodedBytes, reader.lag())
            }
        } catch let error as RefreshError {
            throw error
        } catch {
            throw .log("\(error)")
        }
    }

    /// Folds every user's events inside `window` by `reducer`, and settles them at its end.
    ///
    /// `observe` is called after each fold of a user with what it left in the scratch.
    func fold(
        _ reducer: Reducer, _ window: FitWindow, observe: (FoldScratch, UserID) -> Void,
        progress: (_ decodedBytes: Int64, _ bytesLeft: Int64) -> Void
    ) throws(RefreshError) -> RecordCounters {
        var intake = Intake(options: options.clock)
        var users: [UserID: UserState] = [:]
        var scratch = FoldScratch()
        scratch.collectsRaw = true
        try forEach(
            { entry, offset in
                _ = intake.take(entry, at: offset) { event, place in
                    guard window.contains(event.event.seconds) else { return .unfolded }
                    scratch.removeRows()
                    let user = event.event.user
                    let outcome = reducer.admit(
                        event, at: place,
                        into: &users[
                            user,
                            default: UserState(firstOffset: place, options: reducer.options)],
                        &scratch)
                    observe(scratch, user)
                    return outcome
                }
                return !window.isOver(intake)
            }, progress: progress)
        for (user, state) in users.sorted(by: { $0.key < $1.key }) {
            scratch.removeRows()
            _ = reducer.settled(state, &scratch)
            observe(scratch, user)
        }
        return intake.counters
    }
}
