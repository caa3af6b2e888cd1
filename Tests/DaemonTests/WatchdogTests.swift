import Daemon
import Foundation
import Pipeline
import Storage
import Synchronization
import TestSupport
import Testing

/// Who feeds systemd's watchdog: the pipeline, by going on.
@Suite struct WatchdogTests {
    /// Runs a daemon over a mock pipeline while `body` does things to it; what systemd was told, a
    /// datagram a line.
    private func notices(
        _ body: @Sendable (ServerFixture) async throws -> Void
    ) async throws -> [String] {
        let directory = try TemporaryDirectory()
        var configuration = Configuration()
        configuration.socketPath = directory.path + "/ubpd.sock"
        let fixture = ServerFixture(configuration: configuration)
        let (address, mark) = (directory.path + "/notify", directory.path + "/bound")
        async let heard = Child.python(
            """
            import socket, sys
            s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
            s.bind(sys.argv[1])
            s.settimeout(60)
            open(sys.argv[2], "w").close()
            text = ""
            while "STOPPING=1" not in text:
                text = s.recv(4096).decode()
                print(text.replace("\\n", " | "), flush=True)
            """, [address, mark])
        try await ServerFixture.until("Python") { try RealDisk().status(mark) != nil }
        let service = fixture.service
        let daemon = DaemonService(
            configuration: configuration,
            pipeline: AssembledPipeline(
                service: service, names: OneName(), run: { await service.run() }),
            host: .simulated(disk: MemoryDisk()),
            serviceManager: ServiceManager(notifySocket: address, watchdogMicroseconds: 30_000),
            logger: ServerFixture.logger)
        async let end: Void = daemon.run(handlesSignals: false)
        try await body(fixture)
        try await service.drain()
        try await end
        let lines = try await heard.output.split(separator: "\n").map(String.init)
        _ = consume directory
        return lines
    }

    private func untilAsked(_ fixture: ServerFixture, times count: Int) async throws {
        let seen = fixture.service.calls.count
        try await ServerFixture.until("\(count) answers") {
            fixture.service.calls.count >= seen + count
        }
    }

    @Test func `is fed while the pipeline goes round, though nothing happens`() async throws {
        let lines = try await notices { try await untilAsked($0, times: 20) }
        #expect(lines.contains { $0.hasPrefix("READY=1") })
        #expect(lines.filter { $0.contains("WATCHDOG=1") }.count >= 15, "\(lines)")
    }

    @Test func `is not fed by a pipeline that answers and does not go on`() async throws {
        let lines = try await notices { fixture in
            fixture.service.state.withLock { $0.isHung = true }
            try await untilAsked(fixture, times: 20)
        }
        // The first look has nothing to compare with.
        #expect(lines.filter { $0.contains("WATCHDOG=1") }.count <= 2, "\(lines)")
    }

    @Test func `gives no more time to a drain that stands still`() async throws {
        let lines = try await notices { fixture in
            fixture.service.state.withLock {
                $0.report.state = "draining"
                $0.isHung = true
            }
            try await untilAsked(fixture, times: 20)
        }
        #expect(lines.filter { $0.contains("EXTEND_TIMEOUT_USEC") }.count <= 1, "\(lines)")
    }
}
