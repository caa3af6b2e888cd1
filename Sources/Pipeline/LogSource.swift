import EventLog
import Events
import Storage

/// Decoded and parsed records, with where reading stands after them.
struct LogBatch: Sendable {
    var chunk: LogChunk
    var parsed: ParsedChunk
    /// Users of it who were not resident.
    var warm = WarmUsers()
}

/// Follows the log on a thread of its own: waits, reads, decodes, parses (DESIGN §2).
actor LogSource {
    private nonisolated let executor: ThreadExecutor
    private nonisolated let follower: Follower
    private let parser: RecordParser

    nonisolated var unownedExecutor: UnownedSerialExecutor { executor.unowned }

    init(
        host: Host, options: PipelineOptions, cursor: Cursor
    ) throws(PipelineError) {
        executor = ThreadExecutor(name: "follower")
        parser = RecordParser(earliest: options.earliestSeconds, latest: options.latestSeconds)
        do {
            follower = try Follower(
                host: host, directory: options.logDirectory, cursor: cursor,
                options: options.reader)
        } catch {
            throw .state("\(error)")
        }
    }

    /// The next chunk, parsed; nil when none came within `milliseconds` or `wake` was called.
    func next(waitMilliseconds milliseconds: Int) throws(PipelineError) -> LogBatch? {
        do {
            guard let chunk = try follower.next(waitMilliseconds: milliseconds) else { return nil }
            return LogBatch(chunk: chunk, parsed: parser.parse(chunk))
        } catch {
            throw .state("\(error)")
        }
    }

    /// Makes a waiting `next` return.
    nonisolated func wake() { follower.wake() }

    /// What the reader says of itself before it has read anything: the lag at the start.
    nonisolated var firstCondition: Follower.Condition { follower.condition() }

    /// What the reader says of itself.
    func condition() -> Follower.Condition { follower.condition() }
}
