import ControlProtocol
import Foundation
import Storage
import TestSupport
import Testing

/// The programs as an operator uses them.
@Suite(.serialized) struct ProgramTests {
    private func bytes(_ path: String) throws -> [UInt8] {
        try RealDisk().bytes(of: path, limit: 1 << 28)
    }

    private func refresh(_ log: String, _ state: String) async throws {
        let child = try await Programs.ubpd([
            "refresh", "--untrained", "--seed", "7", "--log-dir", log, "--state-dir", state,
        ])
        try #require(child.status == 0, "\(child.error)")
    }

    @Test func `an independent fold gives the same profiles, and the same fit`() async throws {
        let directory = try TemporaryDirectory()
        let (log, state) = ("\(directory.path)/log", "\(directory.path)/state")
        try await Programs.makeLog(log, users: 120)
        try await refresh(log, state)
        let daemon = try RunningDaemon(log: log, state: state)
        _ = try await daemon.snapshot()
        let judge = goldenPath("independent_fold.py")
        let common = [
            "python3", judge, "--log-dir", log, "--state-dir", state, "--generation", "1",
        ]
        let profiles = try await Child.run(
            common + ["--users", "200", "--socket", daemon.socket])
        #expect(profiles.status == 0, "\(profiles.output)\(profiles.error)")
        let fit = try await Child.run(common + ["--verify-fit"])
        #expect(fit.status == 0, "\(fit.output)\(fit.error)")
    }

    /// The real shop's table, where it is at hand.
    private static let realTable =
        ProcessInfo.processInfo.environment["UBPD_DATA"]
        ?? "\(Programs.root)/../shared/data/online_retail.csv.lz4"

    @Test(.enabled(if: FileManager.default.fileExists(atPath: realTable)))
    func `on the real shop's log too, with every record accounted for`() async throws {
        let directory = try TemporaryDirectory()
        let (log, state) = ("\(directory.path)/log", "\(directory.path)/state")
        let imported = try await Programs.ubpd([
            "import", "--format", "csv", "--map", "cancellation=remove_from_cart", "--in",
            Self.realTable, "--log-dir", log,
        ])
        try #require(imported.status == 0, "\(imported.error)")
        try await refresh(log, state)
        let daemon = try RunningDaemon(log: log, state: state)
        _ = try await daemon.snapshot()
        let counters = try #require(try await daemon.control(["status"])["counters"])
        #expect(counters["read"] == .int(406_829))
        let sum = try [
            "applied", "late", "duplicate", "suppressed", "quarantined", "pending", "held",
        ]
        .reduce(Int64(0)) { sum, name in
            guard case .int(let count)? = counters[name] else {
                throw Failure(what: "no counter \(name)")
            }
            return sum + count
        }
        #expect(sum == 406_829)
        guard case .int(let updates)? = counters["catalogue"] else {
            throw Failure(what: "no catalogue counter")
        }
        #expect(imported.output.contains("product_update: \(updates)"))
        let judge = try await Child.run([
            "python3", "\(Programs.root)/Tests/Golden/independent_fold.py", "--log-dir", log,
            "--state-dir", state, "--generation", "1", "--users", "200", "--socket",
            daemon.socket,
        ])
        #expect(judge.status == 0, "\(judge.output)\(judge.error)")
        #expect(judge.output.contains("200 users"))
    }

    @Test func `a second import into the same log is refused unless it is asked for`()
        async throws
    {
        let directory = try TemporaryDirectory()
        let table = "\(directory.path)/table.csv"
        let text = "client_id,timestamp,event_type,sku\n7,2024-01-01 10:00:00,product_buy,A1\n"
        let file = try RealDisk().open(table, .create)
        try file.write(Array(text.utf8), at: 0)
        let arguments = ["import", "--in", table, "--log-dir", "\(directory.path)/log"]
        let first = try await Programs.ubpd(arguments)
        #expect(first.status == 0, "\(first.error)")
        let second = try await Programs.ubpd(arguments)
        #expect(second.status != 0 && second.error.contains("--append"), "\(second.error)")
        let third = try await Programs.ubpd(arguments + ["--append"])
        #expect(third.status == 0, "\(third.error)")
        #expect(
            try RealDisk().names(in: "\(directory.path)/log").filter { $0.hasSuffix(".lz4") }.count
                == 2)
    }

    @Test func `every instruction level publishes the same bytes`() async throws {
        let directory = try TemporaryDirectory()
        let log = "\(directory.path)/log"
        try await Programs.makeLog(log, users: 8)
        var published: [[UInt8]] = []
        for level in ["portable", "avx2", "avx512"] {
            let state = "\(directory.path)/\(level)"
            try await refresh(log, state)
            let daemon = try RunningDaemon(
                log: log, state: state, settings: ["encoders.kernels=\(level)"])
            // A machine without the level says so and stops; the levels it has must agree.
            guard let path = try? await daemon.snapshot() else {
                #expect(level != "portable", "every machine has the portable level")
                continue
            }
            published.append(try bytes("\(path)/embeddings.npy"))
        }
        for other in published { #expect(other == published[0]) }
    }

    @Test func `serves the stats part without a generation, and says what to do`() async throws {
        let directory = try TemporaryDirectory()
        let (log, state) = ("\(directory.path)/log", "\(directory.path)/state")
        try await Programs.makeLog(log, users: 8)
        let daemon = try RunningDaemon(log: log, state: state)
        _ = try await daemon.snapshot()
        let status = try await daemon.wait { $0["lag"]?["bytes"] == .int(0) }
        #expect(status["generation"] == .int(0))
        guard case .array(let degraded)? = status["degraded"] else {
            Issue.record("no degraded list")
            return
        }
        #expect("\(degraded)".contains("ubpd refresh"))
    }

    @Test func `a daemon that was killed goes on where it had committed`() async throws {
        let directory = try TemporaryDirectory()
        let log = "\(directory.path)/log"
        try await Programs.makeLog(log, users: 300)
        var published: [[UInt8]] = []
        for isKilled in [false, true] {
            let state = "\(directory.path)/\(isKilled)"
            try await refresh(log, state)
            let settings = ["commit.catch_up_bytes=65536", "batch.records=256"]
            if isKilled {
                let victim = try RunningDaemon(log: log, state: state, settings: settings)
                _ = try await victim.wait { status in
                    guard case .int(let offset)? = status["committed"]?["offset"] else {
                        return false
                    }
                    return offset > 0
                }
                victim.signal(SIGKILL)
                #expect(victim.exitStatus() == -SIGKILL)
            }
            let daemon = try RunningDaemon(log: log, state: state, settings: settings)
            let path = try await daemon.snapshot()
            published.append(try bytes("\(path)/embeddings.npy"))
            published.append(try bytes("\(path)/client_ids.npy"))
            daemon.signal(SIGTERM)
            #expect(daemon.exitStatus() == 0)
        }
        #expect(published[0] == published[2] && published[1] == published[3])
        #expect(published[0].count > 128)
    }

    @Test func `a second daemon on the same state says so and leaves the first alone`()
        async throws
    {
        let directory = try TemporaryDirectory()
        let (log, state) = ("\(directory.path)/log", "\(directory.path)/state")
        try await Programs.makeLog(log, users: 8)
        let first = try RunningDaemon(log: log, state: state)
        _ = try await first.wait { _ in true }
        let second = try await Programs.ubpd([
            "run", "--log-dir", log, "--state-dir", state, "--socket", "\(state).other",
        ])
        #expect(second.status == 69 && second.error.contains("state"), "\(second.error)")
        _ = try await first.control(["version"])
    }
}
