import Daemon
import Logging
import Pipeline
import Storage
import Synchronization
import TestSupport
import Testing

/// What is degraded, in the journal.
@Suite struct DegradedJournalTests {
    private let heard = Heard()

    private var logger: Logger {
        let heard = heard
        return Logger(label: "test") { _ in heard }
    }

    @Test func `logs a line once when it comes and once when it is over`() {
        var journal = DegradedJournal()
        let (gap, gone) = ("log: no segment between 4 and 7", "log: /log is missing")
        for lines in [[gap], [gap], [gap, gone, gone], [gone, gap], [gap], [gap, gone], []] {
            journal.note(lines, to: logger)
        }
        #expect(
            heard.lines == [
                "warning degraded \(gap)", "warning degraded \(gone)",
                "notice no longer under degraded \(gone)", "warning degraded \(gone)",
                "notice no longer under degraded \(gap)",
                "notice no longer under degraded \(gone)",
            ])
    }

    @Test func `names no user`() {
        var journal = DegradedJournal()
        journal.note(["stopped: state.sqlite is damaged: user 900017: too short"], to: logger)
        #expect(
            heard.lines == ["warning degraded stopped: state.sqlite is damaged: a user: too short"])
        #expect(DegradedJournal.withoutUsers("user -17: too short") == "a user: too short")
        #expect(DegradedJournal.withoutUsers("4 users; segment 3") == "4 users; segment 3")
    }

    @Test func `a daemon looks for it as long as it runs`() async throws {
        let directory = try TemporaryDirectory()
        var configuration = Configuration()
        configuration.socketPath = directory.path + "/ubpd.sock"
        let fixture = ServerFixture(configuration: configuration)
        let (service, heard) = (fixture.service, heard)
        let problem = "log: /log is missing"
        let daemon = DaemonService(
            configuration: configuration,
            pipeline: AssembledPipeline(
                service: service, names: OneName(), run: { await service.run() }),
            host: .simulated(disk: MemoryDisk()),
            serviceManager: ServiceManager(notifySocket: nil, watchdogMicroseconds: 30_000),
            logger: logger)
        async let end: Void = daemon.run(handlesSignals: false)
        service.state.withLock { $0.report.degraded = [problem] }
        let seen = service.calls.count
        try await ServerFixture.until("many looks") { service.calls.count >= seen + 10 }
        service.state.withLock { $0.report.degraded = [] }
        try await ServerFixture.until("the end of it") {
            heard.lines.contains { $0.hasPrefix("notice no longer") }
        }
        try await service.drain()
        try await end
        #expect(
            heard.lines.filter { $0.contains(problem) } == [
                "warning degraded \(problem)", "notice no longer under degraded \(problem)",
            ])
        _ = consume directory
    }

    /// Remembers level, message and problem of what is logged.
    private struct Heard: LogHandler {
        private final class Box: Sendable {
            let lines = Mutex<[String]>([])
        }

        private let box = Box()
        var logLevel = Logger.Level.trace
        var metadata: Logger.Metadata = [:]

        var lines: [String] { box.lines.withLock { $0 } }

        subscript(metadataKey key: String) -> Logger.Metadata.Value? {
            get { metadata[key] }
            set { metadata[key] = newValue }
        }

        func log(event: LogEvent) {
            let problem = event.metadata?["problem"].map { " \($0)" } ?? ""
            box.lines.withLock { $0.append("\(event.level) \(event.message)\(problem)") }
        }
    }
}
