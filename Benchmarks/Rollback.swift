import Pipeline
import Snapshots
import Storage
import Synchronization
import TestSupport

/// The real disk, which remembers when `current` was last moved.
final class CurrentNotingDisk: WrappingDisk {
    let real = RealDisk()
    private let clock: any Clock
    private let movedAt = Atomic<UInt64>(0)

    init(clock: any Clock) { self.clock = clock }

    /// On the clock's monotonic scale, nanoseconds; 0 before the first move.
    var lastMove: UInt64 { movedAt.load(ordering: .acquiring) }

    func setLink(_ path: String, to target: String) throws(StorageError) {
        try real.setLink(path, to: target)
        guard path.hasSuffix("/current") else { return }
        movedAt.store(clock.monotonicNanoseconds(), ordering: .releasing)
    }
}

/// Rollbacks and releases between two snapshots, timed while `current` and profiles are read.
struct RollbackTimes {
    /// What a reader has found so far.
    struct Reads: Sendable {
        var count: Int64 = 0
        var failures: Int64 = 0
    }

    private let running: RunningPipeline
    private let host: Host
    private let disk: CurrentNotingDisk
    private let first: SnapshotReport
    private let second: SnapshotReport
    private let current: String
    /// What may be read behind `current`.
    private let manifests: [[UInt8]]
    /// Milliseconds of each.
    private(set) var rollbacks: [Double] = []
    /// Until whoever opens `current` finds the former snapshot; the rest waits for the disk.
    private(set) var moves: [Double] = []
    private(set) var releases: [Double] = []
    /// Moves after which `current` was somewhere else.
    private(set) var misplacedCount: Int64 = 0
    private(set) var files = Reads()
    private(set) var profiles = Reads()
    /// Records folded meanwhile, and in how many seconds.
    private(set) var folded: (count: Int64, seconds: Double) = (0, 0)

    /// Publishes the two snapshots; `disk` is the pipeline's.
    init(
        state: String, running: RunningPipeline, host: Host, disk: CurrentNotingDisk
    ) async throws {
        self.running = running
        self.host = host
        self.disk = disk
        current = "\(state)/snapshots/current"
        first = try await running.pipeline.createSnapshot(SnapshotRequest())
        let before = try host.disk.bytes(of: "\(current)/manifest.json", limit: 1 << 20)
        second = try await running.pipeline.createSnapshot(SnapshotRequest())
        let after = try host.disk.bytes(of: "\(current)/manifest.json", limit: 1 << 20)
        manifests = [before, after]
    }

    /// Rolls back and releases so many times.
    mutating func measure(users: Int, count: Int) async throws {
        try await measure(users: users) { moves, _ in moves < count }
    }

    /// Rolls back and releases until so many records are folded, at least once.
    mutating func measure(users: Int, until records: Int64) async throws {
        try await measure(users: users) { moves, applied in moves == 0 || applied < records }
    }

    private mutating func measure(
        users: Int, while wants: (_ moves: Int, _ applied: Int64) -> Bool
    ) async throws {
        let pulse = Pulse()
        let (host, running, current, manifests) = (host, running, current, manifests)
        let files = Task.detached {
            await pulse.repeating {
                let bytes = try? host.disk.bytes(of: current + "/manifest.json", limit: 1 << 20)
                return bytes.map(manifests.contains) ?? false
            }
        }
        let profiles = Task.detached {
            var random = SeededRandom(seed: Bench.seed, stream: 1 << 55)
            return await pulse.repeating {
                let user = MixedLog.user(Int(random.next() % UInt64(users)))
                let reply = try? await running.pipeline.profiles(of: [user], asOf: nil)
                return reply?.rows.count == 1
            }
        }
        let start = host.clock.monotonicNanoseconds()
        let before = try await running.appliedCount()
        var applied = before
        while wants(rollbacks.count, applied) {
            try await move()
            applied = try await running.appliedCount()
            try await Task.sleep(for: .milliseconds(5))
        }
        folded.count = applied - before
        folded.seconds = Double(host.clock.monotonicNanoseconds() - start) / 1e9
        await pulse.end()
        self.files = await files.value
        self.profiles = await profiles.value
    }

    /// There and back.
    private mutating func move() async throws {
        let start = host.clock.monotonicNanoseconds()
        let moved = try await running.pipeline.rollback(
            to: first.version, reason: "benchmark", dryRun: false)
        let end = host.clock.monotonicNanoseconds()
        rollbacks.append(Double(end - start) / 1e6)
        let move = disk.lastMove
        guard (start...end).contains(move) else {
            throw BenchError.wrong(["a rollback that did not move current"])
        }
        moves.append(Double(move - start) / 1e6)
        if moved.current != first.version { misplacedCount += 1 }
        let released = try await running.pipeline.release(dryRun: false)
        releases.append(Double(host.clock.monotonicNanoseconds() - end) / 1e6)
        if released.current != second.version { misplacedCount += 1 }
    }
}

/// Tells readers to stop.
private actor Pulse {
    private var isOver = false

    func end() { isOver = true }

    /// Reads again and again, at least once; false is a failure.
    nonisolated func repeating(_ read: () async -> Bool) async -> RollbackTimes.Reads {
        var reads = RollbackTimes.Reads()
        repeat {
            if await !read() { reads.failures += 1 }
            reads.count += 1
            await Task.yield()
        } while await !isOver
        return reads
    }
}

extension Report {
    /// The times, and that nobody who read meanwhile was let down.
    mutating func add(_ times: RollbackTimes, to group: String) {
        addMilliseconds(
            group, "rollback: until `current` has moved", times.moves, target: .below(50))
        addMilliseconds(group, "rollback", times.rollbacks, target: .below(50))
        addMilliseconds(group, "release", times.releases)
        if times.folded.count > 0 {
            add(
                group, "ingest meanwhile", "records/s",
                [Double(times.folded.count) / times.folded.seconds])
        }
        let reads = [(times.files, "reads of `current`"), (times.profiles, "profiles")]
        for (read, what) in reads {
            check("\(group): failed \(what)", wanted: 0, got: read.failures)
        }
        check("\(group): `current` elsewhere", wanted: 0, got: times.misplacedCount)
        note(
            group,
            "\(times.rollbacks.count) rollbacks, each released again; meanwhile "
                + reads.map { "\($0.count) \($1), \($0.failures) failed" }
                .joined(separator: "; "))
    }

    /// The target is the p99's.
    private mutating func addMilliseconds(
        _ group: String, _ what: String, _ samples: [Double], target: Target? = nil
    ) {
        add(group, "\(what): p50", "ms", [percentile(samples, 0.5)])
        add(group, "\(what): p99", "ms", [percentile(samples, 0.99)], target: target)
        add(group, "\(what): longest", "ms", [samples.max() ?? .nan])
    }
}
