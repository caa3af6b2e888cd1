import EventLog
import Events
import Pipeline
import Storage

/// How long a caller waits, inside the process: what the socket adds is not in it.
extension Bench {
    mutating func latency() async throws {
        let users = size(500_000, small: 2000)
        let parts = ["log", "later", "last"]
        let (log, counts) = try mixedLog(users: users, parts: parts)
        let state = try freshState(log, "state")
        let disk = CurrentNotingDisk(clock: host.clock)
        let running = try RunningPipeline(
            host: Host(disk: disk, clock: host.clock, randomness: host.randomness),
            options: options(log, state: state))
        // The first part, and the catalogue before it.
        try await running.catchUp(to: counts.catalogue + counts.events / 3)
        let most = counts.catalogue + counts.events * 2 / 3
        say("latency: profiles at full ingest")
        try append("later", to: log)
        try await profiles("profiles, full ingest", users, running, until: most)
        try await running.catchUp(to: most)
        say("latency: rollback at full ingest")
        let rollbacks = try await RollbackTimes(
            state: state, running: running, host: host, disk: disk)
        var busy = rollbacks
        try append("last", to: log)
        try await busy.measure(users: users, until: log.records)
        report.add(busy, to: "rollback, full ingest")
        say("latency: profiles at idle")
        try await running.catchUp(to: log.records)
        _ = try await running.pipeline.checkpoint()
        try await profilesAtIdle(users, running)
        say("latency: rollback at idle")
        var idle = rollbacks
        try await idle.measure(users: users, count: size(100, small: 3))
        report.add(idle, to: "rollback, idle")
        say("latency: event to visible")
        try await visibility(log, users, running)
        try await running.stop()
    }

    /// Moves the segments of another part into a pipeline's log, behind those that are there.
    private func append(_ part: String, to log: PreparedLog) throws {
        let other =
            log.directory.split(separator: "/", omittingEmptySubsequences: false)
            .dropLast().joined(separator: "/") + "/" + part
        var sequence = try segments(log.directory).count
        for name in try segments(other) {
            let digits = String(sequence)
            let padded = String(repeating: "0", count: 20 - digits.count) + digits
            try host.disk.rename(
                "\(other)/\(name)", to: "\(log.directory)/\(padded).ndjson.lz4")
            sequence += 1
        }
    }

    private func segments(_ directory: String) throws -> [String] {
        try host.disk.names(in: directory).filter { $0.hasSuffix(".ndjson.lz4") }
    }

    /// Asks about a thousand times a second for users drawn uniformly, until the log is folded.
    private mutating func profiles(
        _ group: String, _ users: Int, _ running: RunningPipeline, until records: Int64
    ) async throws {
        var random = SeededRandom(seed: Self.seed, stream: 1 << 50)
        var samples: [Double] = []
        var others = OtherRequests()
        let start = host.clock.monotonicNanoseconds()
        let first = try await running.appliedCount()
        var applied = first
        while applied < records {
            let user = MixedLog.user(Int(random.next() % UInt64(users)))
            let asked = host.clock.monotonicNanoseconds()
            applied = try await running.pipeline.profiles(of: [user], asOf: nil).offset
            samples.append(Double(host.clock.monotonicNanoseconds() - asked) / 1e3)
            if samples.count % 20 == 1 { try await others.askStatus(running, host) }
            if samples.count % 50 == 1 { try await others.askBatch(users, running, host) }
            try await Task.sleep(for: .milliseconds(1))
        }
        let seconds = Double(host.clock.monotonicNanoseconds() - start) / 1e9
        addPercentiles(group, "profile of a uniformly drawn user", samples, target: 1000)
        report.add(group, "ingest meanwhile", "records/s", [Double(records - first) / seconds])
        report.note(
            group,
            "\(samples.count) requests, one at a time, a millisecond apart; one in 20 followed by a status, "
                + "one in 50 by a batch")
        add(others, to: group)
    }

    private mutating func add(_ others: OtherRequests, to group: String) {
        addPercentiles(
            group, "batch of \(OtherRequests.batchCount) uniformly drawn users", others.batches,
            target: nil)
        addPercentiles(group, "status", others.statuses, target: nil)
    }

    private mutating func profilesAtIdle(_ users: Int, _ running: RunningPipeline) async throws {
        var random = SeededRandom(seed: Self.seed, stream: 1 << 51)
        var samples: [Double] = []
        var again: [Double] = []
        var different: Int64 = 0
        var lengths: [Double] = []
        var others = OtherRequests()
        for _ in 0..<size(20_000, small: 500) {
            let user = MixedLog.user(Int(random.next() % UInt64(users)))
            let first = host.clock.monotonicNanoseconds()
            let reply = try await running.pipeline.profiles(of: [user], asOf: nil)
            let second = host.clock.monotonicNanoseconds()
            let same = try await running.pipeline.profiles(of: [user], asOf: nil)
            samples.append(Double(second - first) / 1e3)
            again.append(Double(host.clock.monotonicNanoseconds() - second) / 1e3)
            precondition(reply.rows.first?.isKnown == true, "user \(user) is unknown")
            lengths.append(Double(reply.rows.first?.rowCount ?? 0))
            if reply.rows.first?.values != same.rows.first?.values { different += 1 }
        }
        let group = "profiles, idle"
        addPercentiles(group, "profile of a uniformly drawn user", samples, target: nil)
        addPercentiles(group, "the same at once again, cached", again, target: 200)
        let shares = [0.5, 0.9, 0.99, 0.999].map { "\(Int(percentile(lengths, $0)))" }
        report.note(
            group,
            "\(samples.count) users, one request at a time; rows a user, p50 / p90 / p99 / p99.9: "
                + shares.joined(separator: " / "))
        for _ in 0..<size(200, small: 3) {
            try await others.askStatus(running, host)
            try await others.askBatch(users, running, host)
        }
        add(others, to: group)
        let beside = try await profilesBesideBatches(users, running)
        addPercentiles(group, "profile while batches are asked", beside, target: nil)
        report.check("profiles, idle: cached ones that differ", wanted: 0, got: different)
    }

    /// A profile at a time while another caller asks for one batch after the other.
    private func profilesBesideBatches(
        _ users: Int, _ running: RunningPipeline
    ) async throws -> [Double] {
        let batches = Task {
            var others = OtherRequests()
            while !Task.isCancelled { try await others.askBatch(users, running, host) }
        }
        var random = SeededRandom(seed: Self.seed, stream: 1 << 54)
        var samples: [Double] = []
        for _ in 0..<size(2000, small: 10) {
            let user = MixedLog.user(Int(random.next() % UInt64(users)))
            let asked = host.clock.monotonicNanoseconds()
            _ = try await running.pipeline.profiles(of: [user], asOf: nil)
            samples.append(Double(host.clock.monotonicNanoseconds() - asked) / 1e3)
        }
        batches.cancel()
        try await batches.value
        return samples
    }

    private mutating func addPercentiles(
        _ group: String, _ name: String, _ samples: [Double], target: Double?
    ) {
        report.add(group, "\(name): p50", "us", [percentile(samples, 0.5)])
        report.add(
            group, "\(name): p99", "us", [percentile(samples, 0.99)],
            target: target.map(Target.below))
        report.add(group, "\(name): p99.9", "us", [percentile(samples, 0.999)])
    }
}

/// What callers ask beside single profiles, and how long each took, in microseconds.
private struct OtherRequests {
    static let batchCount = 500

    var batches: [Double] = []
    var statuses: [Double] = []
    private var random = SeededRandom(seed: Bench.seed, stream: 1 << 53)

    mutating func askBatch(_ users: Int, _ running: RunningPipeline, _ host: Host) async throws {
        let drawn = (0..<Self.batchCount).map { _ in
            MixedLog.user(Int(random.next() % UInt64(users)))
        }
        let start = host.clock.monotonicNanoseconds()
        let reply = try await running.pipeline.profiles(of: drawn, asOf: nil)
        batches.append(Double(host.clock.monotonicNanoseconds() - start) / 1e3)
        precondition(reply.rows.count == drawn.count, "a batch without all of its users")
    }

    mutating func askStatus(_ running: RunningPipeline, _ host: Host) async throws {
        let start = host.clock.monotonicNanoseconds()
        _ = try await running.pipeline.status()
        statuses.append(Double(host.clock.monotonicNanoseconds() - start) / 1e3)
    }
}

/// Event to visible.
extension Bench {
    private mutating func visibility(
        _ log: PreparedLog, _ users: Int, _ running: RunningPipeline
    ) async throws {
        let writer = try SegmentWriter(host: host, directory: log.directory)
        var random = SeededRandom(seed: Self.seed, stream: 1 << 52)
        var samples: [Double] = []
        var line: [UInt8] = []
        let count = size(500, small: 20)
        for index in 0..<count {
            let user = MixedLog.user(Int(random.next() % UInt64(users)))
            let known = try await running.pipeline.profiles(of: [user], asOf: nil).rows[0]
            line.removeAll(keepingCapacity: true)
            RecordWriter.append(
                Event(
                    user: user, seconds: (known.newestSeconds ?? 0) + 5, kind: .pageVisit,
                    key: Int64(index)), to: &line)
            line.removeLast()
            let start = host.clock.monotonicNanoseconds()
            try writer.append(line)
            try writer.flush()
            while try await running.pipeline.profiles(of: [user], asOf: nil).rows[0].eventCount
                == known.eventCount
            {
                await Task.yield()
            }
            samples.append(Double(host.clock.monotonicNanoseconds() - start) / 1e6)
        }
        try writer.close()
        let group = "event to visible"
        report.add(group, "append, flush, poll the profile: p50", "ms", [percentile(samples, 0.5)])
        report.add(
            group, "append, flush, poll the profile: p99", "ms", [percentile(samples, 0.99)],
            target: .below(250))
        report.note(group, "\(count) records, the log otherwise quiet")
        let applied = try await running.appliedCount()
        report.check("latency: records", wanted: log.records + Int64(count), got: applied)
    }
}
