import ControlProtocol
import Daemon
import Foundation
import Pipeline
import Storage
import Synchronization
import TestSupport
import Testing

@Suite struct DaemonServiceTests {
    private func daemon(
        _ fixture: ServerFixture, manager: ServiceManager = ServiceManager(notifySocket: nil),
        run: (@Sendable () async throws -> Void)? = nil
    ) -> DaemonService {
        let service = fixture.service
        return DaemonService(
            configuration: fixture.configuration,
            pipeline: AssembledPipeline(
                service: service, names: OneName(), run: run ?? { await service.run() }),
            host: .simulated(disk: MemoryDisk()), serviceManager: manager,
            logger: ServerFixture.logger)
    }

    private func fixture(in directory: borrowing TemporaryDirectory) -> ServerFixture {
        var configuration = Configuration()
        configuration.socketPath = directory.path + "/ubpd.sock"
        return ServerFixture(configuration: configuration)
    }

    private func untilServed(_ fixture: ServerFixture) async throws {
        try await ServerFixture.until("the socket") {
            try RealDisk().status(fixture.path) != nil
        }
    }

    @Test func `drains when asked over the socket, answering what is under way`() async throws {
        let directory = try TemporaryDirectory()
        let fixture = fixture(in: directory)
        fixture.service.state.withLock { $0.isGated = true }
        let daemon = daemon(fixture)
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await daemon.run(handlesSignals: false) }
            try await untilServed(fixture)
            try await fixture.withPeer { waiting in
                try await waiting.send(1, .checkpoint)
                try await ServerFixture.until("the checkpoint") {
                    fixture.service.state.withLock { !$0.gates.isEmpty }
                }
                let drained = try await fixture.withPeer { peer in
                    try await peer.send(2, .drain)
                    return try await peer.receive()?.result.get()["drained"]
                }
                #expect(drained == true)
                try await ServerFixture.until("the socket to go") {
                    try RealDisk().status(fixture.path) == nil
                }
                fixture.service.openGates()
                #expect(try await waiting.receive()?.id == .number(1))
                #expect(try await waiting.receive() == nil)
            }
            try await group.waitForAll()
        }
        _ = consume directory
    }

    @Test func `stops with the pipeline's error and its exit code`() async throws {
        let directory = try TemporaryDirectory()
        let fixture = fixture(in: directory)
        let daemon = daemon(fixture, run: { throw PipelineError.storage("disk full") })
        do {
            try await daemon.run(handlesSignals: false)
            Issue.record("ended well")
        } catch {
            #expect(error.exitCode == 74 && error.description == "disk full")
        }
        #expect(try RealDisk().status(fixture.path) == nil)
        _ = consume directory
    }

    @Test func `an error has the exit code that the man page lists`() {
        let codes: [(error: PipelineError, code: Int32)] = [
            (.stateDirectoryInUse(path: "/state"), 69), (.stopping, 69), (.otherLog("cut"), 65),
            (.storage("failed"), 74), (.state("does not fit"), 70),
        ]
        for (error, code) in codes {
            #expect(DaemonError.pipeline(error).exitCode == code, "\(error)")
        }
    }

    @Test func `refuses to start without a place for its socket`() async throws {
        var configuration = Configuration()
        configuration.socketPath = "/nonexistent/ubpd.sock"
        let daemon = daemon(ServerFixture(configuration: configuration))
        do {
            try await daemon.run(handlesSignals: false)
            Issue.record("ended well")
        } catch {
            #expect(error.exitCode == 73)
        }
    }

    /// Python takes systemd's part: a datagram socket that prints what it gets, one a line.
    @Test(arguments: ["/notify", "@"])
    func `tells systemd when it is ready and when it stops`(kind: String) async throws {
        let directory = try TemporaryDirectory()
        let fixture = fixture(in: directory)
        fixture.service.state.withLock { $0.report.state = "recovering" }
        let address = kind == "@" ? "@ubpd-test-\(UUID())" : directory.path + kind
        let mark = directory.path + "/bound"
        async let heard = Child.python(
            """
            import socket, sys
            address = sys.argv[1]
            s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
            s.bind("\\0" + address[1:] if address[0] == "@" else address)
            s.settimeout(60)
            open(sys.argv[2], "w").close()
            text = ""
            while "STOPPING=1" not in text:
                text = s.recv(4096).decode()
                print(text.replace("\\n", " | "), flush=True)
            """, [address, mark])
        try await ServerFixture.until("Python") { try RealDisk().status(mark) != nil }
        let daemon = daemon(
            fixture, manager: ServiceManager(notifySocket: address, watchdogMicroseconds: 30_000))
        async let end: Void = daemon.run(handlesSignals: false)
        try await ServerFixture.until("two answers while recovering") {
            fixture.service.calls.count >= 2
        }
        fixture.service.state.withLock { $0.report.state = "live" }
        let seen = fixture.service.calls.count
        try await ServerFixture.until("answers while live") {
            fixture.service.calls.count >= seen + 4
        }
        fixture.service.fail(with: .stopping)
        fixture.service.fail(with: nil)
        try await fixture.service.drain()
        try await end
        let lines = try await heard.output.split(separator: "\n").map(String.init)
        #expect(lines.first == "STATUS=Recovering")
        let ready = try #require(
            lines.firstIndex { $0.hasPrefix("READY=1 | STATUS=Caught up; 4 users") })
        #expect(lines[1..<ready].allSatisfy { $0.contains("EXTEND_TIMEOUT_USEC=60000000") })
        #expect(ready >= 2 && lines.dropFirst(ready + 1).contains("WATCHDOG=1"))
        #expect(lines.filter { $0.hasPrefix("READY=1") }.count == 1)
        #expect(lines.last?.contains("STOPPING=1") == true)
        _ = consume directory
    }

    @Test func `sends nothing where nobody listens`() {
        #expect(!ServiceManager(notifySocket: nil).send(.ready))
        #expect(!ServiceManager(notifySocket: "/nonexistent/notify").send(.ready))
        #expect(!ServiceManager(notifySocket: String(repeating: "x", count: 200)).isPresent)
        #expect(ServiceManager.Notice.status("a\nb").text == "STATUS=a b")
        #expect(
            ServiceManager.Notice.reloading(monotonicMicroseconds: 5).text
                == "RELOADING=1\nMONOTONIC_USEC=5")
    }
}
