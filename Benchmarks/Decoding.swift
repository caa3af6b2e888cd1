import EventLog
import Events
import Pipeline
import Storage

/// LZ4 and parsing together on one thread: what a core can feed the fold with.
extension Bench {
    mutating func decoding() throws {
        let (mix, counts) = try mixedLog(users: mixUserCount)
        try decoding(mix, events: counts.events)
        if !isSmall, let retail = try retailLog() { try decoding(retail, events: retail.events) }
    }

    private mutating func decoding(_ log: PreparedLog, events: Int64) throws {
        say("decoding: \(log.name)")
        // The kernel adds a thread's time up every few milliseconds: a small log is read more often.
        let passCount = size(1, small: 30)
        var seconds: [Double] = []
        var decodedBytes = 0
        let usage = Usage(host.disk)
        for _ in 0..<repetitions {
            // Processor time: what a core gives, whoever else the machine works for.
            let before = try usage.threads()
            for _ in 0..<passCount {
                let found = try decode(log)
                decodedBytes = found.byteCount
                report.check("\(log.name), decoding: events", wanted: events, got: found.events)
                report.check(
                    "\(log.name), decoding: catalogue updates", wanted: log.records - events,
                    got: found.updates)
            }
            let spent = try usage.seconds(since: before).values.reduce(0, +)
            seconds.append(spent / Double(passCount))
        }
        let group = "LZ4 and parse, a second of one core"
        report.add(group, "\(log.name): events", "/core s", seconds.map { Double(events) / $0 })
        report.add(
            group, "\(log.name): decoded", "MB/core s",
            seconds.map { Double(decodedBytes) / $0 / 1e6 })
    }

    /// Reads and parses a log, chunk by chunk as the follower does.
    private func decode(
        _ log: PreparedLog
    ) throws -> (events: Int64, updates: Int64, byteCount: Int) {
        let options = options(log, state: work)
        let reader = try LogReader(
            host: host, directory: log.directory, options: options.reader)
        let parser = RecordParser(earliest: options.earliestSeconds, latest: options.latestSeconds)
        var (events, updates, byteCount) = (Int64(0), Int64(0), 0)
        while let chunk = try reader.next() {
            byteCount += chunk.bytes.count
            for entry in parser.parse(chunk).entries {
                switch entry {
                case .record(.event): events += 1
                case .record(.catalogue): updates += 1
                case .record(.blank), .refused: break
                }
            }
        }
        return (events, updates, byteCount)
    }
}
