import EventLog
import Pipeline
import Storage

/// What a daemon uses that has nothing to do, over a log of many sealed segments.
extension Bench {
    mutating func idle() async throws {
        let segments = size(1000, small: 100)
        say("idle: writing \(segments) segments")
        let (mix, counts) = try mixedLog(users: size(20_000, small: 2000))
        let log = try cut(mix, into: segments)
        let state = try freshState(mix, "idle-state")
        var options = options(mix, state: state)
        options.logDirectory = log
        let running = try RunningPipeline(host: host, options: options)
        try await running.catchUp(to: counts.records)
        _ = try await running.pipeline.checkpoint()
        say("idle")
        let share = try idleShare(seconds: isSmall ? 1 : 20)
        let group = "idle, \(segments) sealed segments"
        report.add(group, "processor", "% of a core", [share], target: .below(0.5))
        report.note(
            group, "\(counts.events) events of \(counts.users) users folded, nothing more comes")
        let status = try await running.pipeline.status()
        report.check("idle: records", wanted: counts.records, got: status.recordCount)
        report.check(
            "idle: segments below the cursor's", wanted: Int64(segments - 1),
            got: status.applied.segment)
        try await running.stop()
        try host.disk.remove(log)
    }

    /// Writes a log's records anew, as so many segments; their directory.
    private func cut(_ log: PreparedLog, into segmentCount: Int) throws -> String {
        let directory = "\(work)/idle-log"
        let reader = try LogReader(host: host, directory: log.directory)
        var options = SegmentWriter.Options()
        // A segment ends with its share of the records.
        options.segmentDecodedByteCount = .max
        var writer: SegmentWriter?
        let count = Int64(segmentCount)
        var written: Int64 = 0
        while let chunk = try reader.next() {
            for entry in chunk.entries {
                let open =
                    try writer
                    ?? SegmentWriter(
                        host: host, directory: directory, options: options)
                writer = open
                try open.append(Array(chunk.bytes[entry.start..<entry.start + entry.byteCount]))
                written += 1
                let segmentEnded =
                    written * count / log.records > (written - 1) * count / log.records
                guard segmentEnded else { continue }
                try open.close()
                // Its lock goes with it.
                writer = nil
            }
        }
        try writer?.close()
        return directory
    }

    /// Processor time of all threads over some seconds, percent of one core.
    private func idleShare(seconds: Double) throws -> Double {
        let usage = Usage(host.disk)
        let before = try usage.threads()
        // This thread waits in the kernel; what the process uses meanwhile is the pipeline's.
        let watch = host.disk.watch(work)
        let start = host.clock.monotonicNanoseconds()
        var elapsed = 0.0
        while elapsed < seconds {
            watch.wait(milliseconds: Int((seconds - elapsed) * 1000) + 1)
            elapsed = Double(host.clock.monotonicNanoseconds() - start) / 1e9
        }
        return try usage.seconds(since: before).values.reduce(0, +) / elapsed * 100
    }
}
