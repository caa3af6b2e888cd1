import ControlProtocol
import Daemon
import Foundation
import Logging
import Snapshots
import Storage
import Synchronization
import TestSupport
import Testing

/// Reading the configuration again, and the log level.
@Suite struct ReloadTests {
    private let fixture: MutationFixture

    init() throws { fixture = try MutationFixture(registry: .inMemory()) }

    private func set(_ yaml: String) { fixture.yaml.text.withLock { $0 = yaml } }

    @Test func `applies what it can, and names what needs a restart`() async throws {
        set(
            """
            control: {readers: [1234], connections: 7, profile_batch: 9, mode: 0600}
            snapshot: {retain: 3, retain_days: 2}
            order: {lateness_seconds: 60}
            bpr: {item_epochs: 5}
            log: {level: warning}
            """)
        let dry = try await fixture.answer(.reload, ["dry_run": true]).get()
        #expect(fixture.settings.current.control.connections == 64)
        let reply = try await fixture.answer(.reload, [:]).get()
        #expect(reply["changes"] == dry["changes"])
        #expect(
            reply["applied"] == [
                "snapshot.retain", "snapshot.retain_days", "control.readers",
                "control.connections", "log.level",
            ])
        #expect(
            reply["restart_needed"] == [
                "order.lateness_seconds", "control.mode", "control.profile_batch",
            ])
        #expect(reply["next_refresh"] == ["bpr.item_epochs"])
        let first = reply["changes"]?.elements?.first
        #expect(
            first == [
                "key": "order.lateness_seconds", "from": "300", "to": "60", "effect": "restart",
            ])
        let now = fixture.settings.current
        #expect(now.control.connections == 7 && now.control.profileBatch == 500)
        let reader = PeerCredentials(processID: 1, user: 1234, groups: [1234])
        #expect(now.policy.role(of: reader) == .reader)
        #expect(fixture.level.current == .warning)
        #expect(fixture.service.calls.last == "retention 3 2")
        // What needs a restart goes on differing; the rest is as the file says.
        let again = try await fixture.answer(.reload, [:]).get()
        #expect(again["applied"] == [] && again["next_refresh"] == [])
        #expect(again["restart_needed"] == reply["restart_needed"])
    }

    @Test(arguments: Reloader.liveKeys.sorted())
    func `applies every key that it says it applies`(key: String) async throws {
        let values = [
            "control.readers": "[1]", "control.operators": "[2]", "log.level": "error",
            "control.request_bytes": "65536",
        ]
        let (section, name) = try #require(key.split(separator: ".").pair)
        set("\(section): {\(name): \(values[key] ?? "4096")}")
        let before = fixture.settings.current
        let reply = try await fixture.answer(.reload, [:]).get()
        #expect(reply["applied"] == [.string(key)])
        switch section {
        case "control":
            #expect(fixture.settings.current.control != before.control)
        case "log": #expect(fixture.level.current == .error)
        default: #expect(fixture.service.calls.last != "retention 14 7")
        }
        #expect(try await fixture.answer(.reload, [:]).get()["changes"] == [])
    }

    @Test func `refuses a bad file by line and key, keeps the old one and says so`() async throws {
        set("control:\n  connections: 0\n  conections: 5\n")
        guard case .failure(let error) = await fixture.answer(.reload, [:]) else {
            Issue.record("it was taken")
            return
        }
        #expect(error.code == .badConfiguration && error.hint.contains("as it was"))
        #expect(error.message.contains("ubpd.yaml:2:control.connections: want an integer"))
        #expect(error.message.contains("ubpd.yaml:3:control.conections"))
        #expect(error.message.contains("did you mean `control.connections`?"))
        #expect(fixture.settings.current.control == Configuration().control)
        let status = StatusReply(json: try await fixture.answer(.status, [:]).get())
        #expect(status.degraded.count == 1)
        #expect(status.degraded.first?.contains("not reloaded") == true)
        // A name that the machine does not know is no better.
        set("control: {readers: ['user:no-such-user-here']}")
        #expect(await fixture.code(.reload, [:]) == .badConfiguration)
        set("")
        #expect(await fixture.code(.reload, [:]) == nil)
        let after = StatusReply(json: try await fixture.answer(.status, [:]).get())
        #expect(after.degraded == [])
        #expect(
            try await fixture.entries().map(\.outcome) == [
                "bad_configuration", "bad_configuration", "done",
            ])
    }

    @Test func `a dry run of a bad file says what is wrong, and nothing is degraded`() async throws
    {
        set("nonsense: 1\n")
        #expect(await fixture.code(.reload, ["dry_run": true]) == .badConfiguration)
        #expect(fixture.reloader.problem == nil)
    }

    @Test func `shows and changes the log level, which a reload of the same file leaves`()
        async throws
    {
        let shown = try await fixture.answer(.logLevel, [:]).get()
        #expect(shown["level"] == "info" && shown["configured"] == "info")
        #expect(try await fixture.entries().isEmpty)
        let set = try await fixture.answer(.logLevel, ["level": "trace"]).get()
        #expect(set["level"] == "trace" && set["previous"] == "info")
        #expect(fixture.level.current == .trace)
        _ = try await fixture.answer(.reload, [:]).get()
        #expect(fixture.level.current == .trace)
        self.set("log: {level: error}")
        _ = try await fixture.answer(.reload, [:]).get()
        #expect(fixture.level.current == .error)
        let names = Logger.Level.allCases.map(\.rawValue)
        #expect(LogLevelParameters.levels == names)
    }

    @Test func `lets every logger follow the level`() {
        let heard = Heard()
        let level = LogLevelSetting(.info)
        let logger = Logger(label: "test") { _ in AdjustableLogHandler(heard, level) }
        let copy = logger
        logger.debug("one")
        level.current = .debug
        copy.debug("two")
        logger.debug("three", metadata: ["a": "b"])
        #expect(heard.box.lines.withLock { $0 } == ["two", "three"])
    }

    private final class Lines: Sendable {
        let lines = Mutex<[String]>([])
    }

    /// Remembers what is logged.
    private struct Heard: LogHandler {
        let box = Lines()
        var logLevel = Logger.Level.trace
        var metadata: Logger.Metadata = [:]

        subscript(metadataKey key: String) -> Logger.Metadata.Value? {
            get { metadata[key] }
            set { metadata[key] = newValue }
        }

        func log(event: LogEvent) { box.lines.withLock { $0.append("\(event.message)") } }
    }

    @Test func `without a configuration to read it is not available`() async throws {
        let table = MethodTable(service: MockService(), clock: SimulatedClock())
        for method in ["reload", "log.level", "audit.list", "audit.verify"] {
            let result = await table.answer(Request(id: nil, method: method), role: .operator)
            guard case .failure(let error) = result else {
                Issue.record("\(method) was answered")
                continue
            }
            #expect(error.code == .notAvailable)
        }
    }
}

extension Array where Element == Substring {
    /// Both of two.
    fileprivate var pair: (Substring, Substring)? { count == 2 ? (self[0], self[1]) : nil }
}
