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
    /// Where reading ends, if the log is not followed.
    private var end: LogEnd?
    /// Behind the last record that was handed on, and before any where reading began.
    private var cursor: Cursor

    nonisolated var unownedExecutor: UnownedSerialExecutor { executor.unowned }

    init(
        host: Host, options: PipelineOptions, cursor: Cursor, segmentStart: SegmentStart
    ) throws(PipelineError) {
        executor = ThreadExecutor(name: "follower")
        parser = RecordParser(earliest: options.earliestSeconds, latest: options.latestSeconds)
        self.cursor = cursor
        end = options.end.map {
            LogEnd(
                $0,
                standing: (segmentStart.segment, segmentStart.offset, cursor.recordCount))
        }
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
            if let end, end.isReached { return nil }
            guard var chunk = try follower.next(waitMilliseconds: milliseconds) else { return nil }
            end?.cut(&chunk)
            guard !chunk.entries.isEmpty else { return nil }
            cursor = chunk.cursor(after: chunk.entries.count - 1)
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
    ///
    /// At the end that was set, nothing is left to read.
    func condition() -> Follower.Condition {
        var condition = follower.condition()
        if let end {
            condition.isAtEnd = end.isReached
            if end.isReached {
                condition.cursor = cursor
                condition.lagByteCount = 0
            }
        }
        return condition
    }
}
