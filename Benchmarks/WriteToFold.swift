import EventLog
import Events
import Pipeline
import Storage

/// From a record's write to its fold: what a producer's event is old when a profile has it.
extension Bench {
    mutating func writeToFold() async throws {
        let users = size(100_000, small: 2000)
        let (mix, counts) = try mixedLog(users: users)
        let state = try freshState(mix, "fold-state")
        let log = "\(work)/fold-growing"
        var options = options(mix, state: state)
        options.logDirectory = log
        try await fill(log, from: mix)
        let running = try RunningPipeline(host: host, options: options)
        try await running.catchUp(to: counts.records)
        _ = try await running.pipeline.checkpoint()
        let writer = try SegmentWriter(host: host, directory: log)
        var written = counts.records
        for batch in [1, 1000] {
            say("write to fold: \(batch) records a flush")
            let samples = try await writeToFold(
                batch: batch, count: size(batch == 1 ? 3000 : 300, small: 20), users, writer,
                running, written: &written)
            let group = "write to fold"
            let name = batch == 1 ? "one record" : "\(batch) records, the last of them"
            report.add(group, "\(name): p50", "ms", [percentile(samples, 0.5)])
            report.add(
                group, "\(name): p99", "ms", [percentile(samples, 0.99)], target: .below(250))
        }
        report.note(
            "write to fold",
            "from before `append` and `flush` of SegmentWriter to the applied offset behind it; "
                + "a few ms of quiet between two")
        try writer.close()
        let status = try await running.pipeline.status()
        report.check("write to fold: records", wanted: written, got: status.recordCount)
        report.check("write to fold: refused", wanted: 0, got: status.counters.quarantined)
        try await running.stop()
        try host.disk.remove(log)
    }

    /// Milliseconds of each of `count` flushes until what was flushed is folded.
    private func writeToFold(
        batch: Int, count: Int, _ users: Int, _ writer: SegmentWriter, _ running: RunningPipeline,
        written: inout Int64
    ) async throws -> [Double] {
        var random = SeededRandom(seed: Self.seed, stream: 1 << 53 + UInt64(batch))
        var samples: [Double] = []
        for _ in 0..<count {
            let lines = (0..<batch).map { _ in visit(&random, users, number: written) }
            try await Task.sleep(for: .microseconds(1000 + Int(random.next() % 4000)))
            let start = host.clock.monotonicNanoseconds()
            for line in lines { try writer.append(line) }
            try writer.flush()
            written += Int64(batch)
            while try await running.appliedCount() < written { await Task.yield() }
            samples.append(Double(host.clock.monotonicNanoseconds() - start) / 1e6)
        }
        return samples
    }

    /// A visit of some user, later than all that the generated log holds.
    private func visit(_ random: inout SeededRandom, _ users: Int, number: Int64) -> [UInt8] {
        let user = MixedLog.user(Int(random.next() % UInt64(users)))
        var line: [UInt8] = []
        RecordWriter.append(
            Event(
                user: user, seconds: MixedLog.endSeconds + number / 100, kind: .pageVisit,
                key: Int64(random.next() % 1000)), to: &line)
        line.removeLast()
        return line
    }

    /// Copies a log's segments, so that the benchmark may append to them.
    private func fill(_ directory: String, from log: PreparedLog) async throws {
        try host.disk.makeDirectory(directory)
        for name in try host.disk.names(in: log.directory) where name.hasSuffix(".ndjson.lz4") {
            let bytes = try host.disk.bytes(of: "\(log.directory)/\(name)", limit: 1 << 30)
            try host.disk.open("\(directory)/\(name)", .create).write(bytes, at: 0)
        }
    }
}
