import EventLog
import Events
import Pipeline
import Refresh
import Storage

/// A daemon's pipeline takes a refresh over, and goes back, while it is asked and written to.
extension Bench {
    /// Serves the first generation, refreshes beside it while the log grows by a day, and measures
    /// how the second takes over.
    ///
    /// - Returns: the refresh that ran beside the pipeline.
    mutating func takeOver(
        _ shop: RefreshedShop, _ plan: RefreshPlan
    ) async throws -> RefreshRun {
        let options = PipelineOptions(logDirectory: shop.log, stateDirectory: shop.state)
        let running = try RunningPipeline(host: host, options: options)
        try await running.catchUp(to: shop.recordCount)
        // The gate may have refused a shop this small; what it costs to serve is the same.
        _ = try await running.pipeline.activate(1, force: true, dryRun: false)
        try await wait(for: 1, running)
        let growth = ShopGrowth(shop, host: host)
        try await running.catchUp(to: try growth.write(1))
        let later = Int(shop.eventCount) / plan.dayCount
        let second = try await run(.sameSpace, shop, plan) { step in
            // The plan has pinned the log's end: what comes now is for the daemon alone.
            if step == "gate" { _ = try growth.write(later) }
        }
        let published = host.clock.monotonicNanoseconds()
        if !second.outcome.report.refusals.isEmpty {
            _ = try await running.pipeline.activate(2, force: true, dryRun: false)
        }
        let takeover = try await watch(from: 1, to: 2, since: published, running, growth)
        let group = "takeover, \(rounded(Double(shop.userCount))) users"
        add(takeover, group, "a new generation, its log a day longer")
        var back: [Takeover] = []
        for round in 0..<size(6, small: 2) {
            let (old, new): (Int64, Int64) = round % 2 == 0 ? (2, 1) : (1, 2)
            try await waitUntilAlone(running)
            let asked = host.clock.monotonicNanoseconds()
            _ = try await running.pipeline.activate(new, force: true, dryRun: false)
            back.append(try await watch(from: old, to: new, since: asked, running, growth))
        }
        add(back, group)
        report.note(
            group,
            "\(later) events more than the refresh had read; profiles of any users and single "
                + "records all along; the desk looks for new directories every two seconds")
        try await running.catchUp(to: growth.recordCount)
        let status = try await running.pipeline.status()
        report.check("takeover: records", wanted: growth.recordCount, got: status.recordCount)
        report.check("takeover: users", wanted: Int64(shop.userCount), got: status.users)
        report.check(
            "takeover: generation", wanted: back.count % 2 == 0 ? 2 : 1,
            got: status.generation)
        try growth.close()
        try await running.stop()
        return second
    }

    /// One takeover as a client sees it.
    struct Takeover {
        /// From the word, or the publishing, to the first answer; and to its being opened.
        var seconds = 0.0
        var openedSeconds = 0.0
        /// Between the old one's last answer and the new one's first.
        var readGap = 0.0
        /// From a record's write to its fold, the longest of those around the swap.
        var ingestGap = 0.0
        /// Milliseconds of all the reads before the swap.
        var reads: [Double] = []
        /// Answers of the old generation after one of the new, or of neither.
        var wrongCount: Int64 = 0
    }

    /// Asks and writes until `new` has answered for a while.
    private func watch(
        from old: Int64, to new: Int64, since start: UInt64, _ running: RunningPipeline,
        _ growth: ShopGrowth
    ) async throws -> Takeover {
        let clock = host.clock
        let pulse = IngestPulse()
        let writes = Task.detached { () -> [(start: UInt64, end: UInt64)] in
            var samples: [(start: UInt64, end: UInt64)] = []
            while await !pulse.isOver {
                let begin = clock.monotonicNanoseconds()
                let wanted = try growth.write(1)
                while try await running.appliedCount() < wanted { await Task.yield() }
                samples.append((begin, clock.monotonicNanoseconds()))
                try await Task.sleep(for: .milliseconds(1))
            }
            return samples
        }
        var takeover = Takeover()
        var lastOld = start
        var firstNew: UInt64?
        var opened: UInt64?
        var random = SeededRandom(seed: Self.seed, stream: 1 << 54)
        while true {
            if opened == nil {
                let status = try await running.pipeline.status()
                if status.generations.contains(where: { $0.generation == new }) {
                    opened = clock.monotonicNanoseconds()
                }
            }
            let user = growth.user(&random)
            let asked = clock.monotonicNanoseconds()
            let reply = try await running.pipeline.profiles(of: [user], asOf: nil)
            let answered = clock.monotonicNanoseconds()
            if let firstNew {
                if reply.generation != new { takeover.wrongCount += 1 }
                if answered - firstNew > 200_000_000 { break }
            } else if reply.generation == new {
                firstNew = answered
            } else {
                if reply.generation != old { takeover.wrongCount += 1 }
                takeover.reads.append(Double(answered - asked) / 1e6)
                lastOld = answered
            }
            guard clock.monotonicNanoseconds() - start < 600_000_000_000 else {
                throw BenchError.stopped("generation \(new) did not take over in ten minutes")
            }
            try await Task.sleep(for: .microseconds(200))
        }
        await pulse.end()
        let samples = try await writes.value
        let swap = firstNew ?? lastOld
        takeover.seconds = Double(swap - start) / 1e9
        takeover.openedSeconds = Double(max(opened ?? swap, start + 1) - start) / 1e9
        takeover.readGap = Double(swap - lastOld) / 1e6
        let around = samples.filter { $0.end >= lastOld && $0.start <= swap }
        takeover.ingestGap = around.map { Double($0.end - $0.start) / 1e6 }.max() ?? 0
        return takeover
    }

    private mutating func add(_ takeover: Takeover, _ group: String, _ name: String) {
        report.add(group, "\(name): published to served", "s", [takeover.seconds])
        report.add(group, "\(name): of that until it was open", "s", [takeover.openedSeconds])
        addPauses([takeover], group, name)
    }

    private mutating func add(_ back: [Takeover], _ group: String) {
        let name = "a generation that was active before"
        report.add(group, "\(name): asked for to served", "s", back.map(\.seconds))
        report.add(group, "\(name): of that until it was open", "s", back.map(\.openedSeconds))
        addPauses(back, group, name)
    }

    private mutating func addPauses(_ takeovers: [Takeover], _ group: String, _ name: String) {
        report.add(
            group, "\(name): read to read across the swap", "ms", takeovers.map(\.readGap))
        let writes = takeovers.map(\.ingestGap).filter { $0 > 0 }
        if !writes.isEmpty {
            report.add(group, "\(name): a record written across the swap", "ms", writes)
        }
        let reads = takeovers.flatMap(\.reads)
        if !reads.isEmpty {
            report.add(group, "\(name): reads before it, p50", "ms", [percentile(reads, 0.5)])
            report.add(group, "\(name): reads before it, p99", "ms", [percentile(reads, 0.99)])
        }
        report.check(
            "takeover: answers of the wrong generation", wanted: 0,
            got: takeovers.reduce(0) { $0 + $1.wrongCount })
    }

    /// Waits until a generation answers.
    private func wait(for generation: Int64, _ running: RunningPipeline) async throws {
        for _ in 0..<60_000 {
            let reply = try await running.pipeline.profiles(of: [], asOf: nil)
            if reply.generation == generation { return }
            try await Task.sleep(for: .milliseconds(10))
        }
        throw BenchError.stopped("generation \(generation) did not take over in ten minutes")
    }

    /// Waits until the one that gave way has committed and left, so that it is opened again.
    private func waitUntilAlone(_ running: RunningPipeline) async throws {
        for _ in 0..<60_000 {
            if try await running.pipeline.status().generations.count == 1 { return }
            try await Task.sleep(for: .milliseconds(10))
        }
        throw BenchError.stopped("a generation did not leave in ten minutes")
    }
}

/// Tells a writer to stop.
private actor IngestPulse {
    private(set) var isOver = false

    func end() { isOver = true }
}
