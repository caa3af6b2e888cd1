import EventLog
import Events
import Features
import Pipeline
import Sessions
import Storage

/// One pass over a log from its start to what can be read now, record by record.
struct LogPass {
    let host: Host
    let options: RefreshOptions

    /// Longest single wait for a segment's grace time to end.
    private static let waitMilliseconds = 50
    /// Waits in a row after which what was read is taken for all: twice the default grace time.
    private static let waitLimit = 80

    /// Calls `body` for every entry, in log order.
    ///
    /// `progress` is called after each chunk with decoded bytes so far and compressed bytes left.
    func forEach(
        _ body: (ParsedChunk.Entry, LogOffset) throws -> Void,
        progress: (_ decodedBytes: Int64, _ bytesLeft: Int64) -> Void
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
            while true {
                guard let chunk = try reader.next() else {
                    if let obstacle = reader.obstacle {
                        throw RefreshError.log("\(obstacle)")
                    }
                    if reader.isAtEnd || waits >= Self.waitLimit { break }
                    // More stands behind a segment whose grace time is not over yet.
                    watch.wait(milliseconds: Self.waitMilliseconds)
                    waits += 1
                    continue
                }
                waits = 0
                parser.parse(chunk, into: &parsed)
                for (index, entry) in parsed.entries.enumerated() {
                    try body(entry, chunk.firstOffset + LogOffset(index))
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

    /// Folds every user of the log by `reducer`, and settles them at its end.
    ///
    /// `observe` is called after each fold of a user with what it left in the scratch.
    func fold(
        _ reducer: Reducer, observe: (FoldScratch, UserID) -> Void,
        progress: (_ decodedBytes: Int64, _ bytesLeft: Int64) -> Void
    ) throws(RefreshError) -> RecordCounters {
        var intake = Intake(options: options.clock)
        var users: [UserID: UserState] = [:]
        var scratch = FoldScratch()
        scratch.collectsRaw = true
        try forEach(
            { entry, offset in
                _ = intake.take(entry, at: offset) { event, place in
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
            }, progress: progress)
        for (user, state) in users.sorted(by: { $0.key < $1.key }) {
            scratch.removeRows()
            _ = reducer.settled(state, &scratch)
            observe(scratch, user)
        }
        return intake.counters
    }
}
