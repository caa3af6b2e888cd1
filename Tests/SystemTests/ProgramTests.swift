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
        #expect(second.status != 0 && second.error.contains("state"), "\(second.error)")
        _ = try await first.control(["version"])
    }
}
