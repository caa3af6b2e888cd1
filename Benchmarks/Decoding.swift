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
        var seconds: [Double] = []
        var decodedBytes = 0
        for _ in 0..<repetitions {
            let start = host.clock.monotonicNanoseconds()
            let found = try decode(log)
            seconds.append(Double(host.clock.monotonicNanoseconds() - start) / 1e9)
            decodedBytes = found.byteCount
            report.check("\(log.name), decoding: events", wanted: events, got: found.events)
            report.check(
                "\(log.name), decoding: catalogue updates", wanted: log.records - events,
                got: found.updates)
        }
        let group = "LZ4 and parse, one thread"
        report.add(group, "\(log.name): events", "/s", seconds.map { Double(events) / $0 })
        report.add(
            group, "\(log.name): decoded", "MB/s",
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
