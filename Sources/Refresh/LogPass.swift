import EventLog
import Events
import Features
import Pipeline
import Sessions
import Snapshots
import Storage

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
            var (segment, segmentOffset) = (Int64(-1), LogOffset(0))
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
                if chunk.segment != segment {
                    (segment, segmentOffset) = (chunk.segment, chunk.firstOffset)
                }
                for (index, entry) in parsed.entries.enumerated() {
                    let offset = chunk.firstOffset + LogOffset(index)
                    if skips(entry, segment, offset - segmentOffset) { continue }
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

    /// Whether an entry is of a user who was forgotten, so that nothing learns from it.
    private func skips(
        _ entry: ParsedChunk.Entry, _ segment: Int64, _ index: Int64
    ) -> Bool {
        guard !options.forgotten.isEmpty, case .record(.event(let event)) = entry else {
            return false
        }
        return options.forgotten.skips(
            event.user, at: RecordPlace(segment: segment, recordIndex: index))
    }
}

extension ForgottenUsers {
    /// Whom the registry of a state directory says were forgotten, by inputs up to `last`.
    init(stateDirectory: String, upTo last: Int64, on disk: any Disk) throws(SnapshotError) {
        self.init(
            try Registry.forgets(stateDirectory: stateDirectory, upTo: last, on: disk),
            applied: .max)
    }
}
