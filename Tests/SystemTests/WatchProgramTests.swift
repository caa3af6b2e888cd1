import ControlProtocol
import Foundation
import Storage
import TestSupport
import Testing

/// A consumer in Python that keeps a table of users by the watch alone, over all that a daemon may go
/// through.
@Suite(.serialized, .timeLimit(.minutes(5))) struct WatchProgramTests {
    private func append(_ lines: some Sequence<Substring>, to log: String) async throws {
        let text = lines.joined(separator: "\n") + "\n"
        let child = try await Child.run(
            ["\(Programs.directory)/ubpd", "log", "append", "--no-check", "--log-dir", log],
            input: text)
        guard child.status == 0 else { throw Failure(what: child.error) }
    }

    @Test(arguments: [1000, 3])
    func `a table kept by the watch is what the daemon answers`(limit: Int) async throws {
        let directory = try TemporaryDirectory()
        let (log, state) = ("\(directory.path)/log", "\(directory.path)/state")
        let end = "\(directory.path)/end"
        let made = try await Child.run([
            "python3", "\(Programs.root)/scripts/demo_log.py", "--seed", "5", "--users", "120",
        ]).successful()
        let lines = made.output.split(separator: "\n")
        let ids = Set(lines.compactMap { $0.firstMatch(of: /"client_id": ?"?(-?\d+)/)?.1 }).sorted()
        let parts = 10
        try #require(ids.count > 100, "the log's users were not found")
        func part(_ index: Int) -> ArraySlice<Substring> {
            lines[lines.count * index / parts..<lines.count * (index + 1) / parts]
        }
        try await append(part(0), to: log)
        func start() throws -> RunningDaemon {
            try RunningDaemon(log: log, state: state, settings: ["commit.interval_milliseconds=50"])
        }
        var daemon = try start()
        _ = try await daemon.wait { $0["state"] == "live" }
        let arguments = [
            "python3", goldenPath("watch_fold.py"), daemon.socket, "120", "\(limit)", end,
        ]
        let asked = ids.joined(separator: " ")
        async let judge = Child.run(arguments, input: asked)
        for index in 1..<parts {
            try await append(part(index), to: log)
            switch index {
            case 2:
                _ = try await daemon.control([
                    "user", "forget", String(ids[7]), "--reason", "asked", "--yes",
                ])
            case 4, 6:
                _ = try await daemon.control(["snapshot", "create", "--wait-for-lag", "0"])
                daemon.signal(index == 4 ? SIGKILL : SIGTERM)
                _ = daemon.exitStatus()
                daemon = try start()
            case 8:
                let refresh = try await Programs.ubpd([
                    "refresh", "--untrained", "--seed", "1", "--log-dir", log, "--state-dir", state,
                ])
                #expect(refresh.status == 0, "\(refresh.error.suffix(300))")
                _ = try await daemon.wait { $0["generation"] == 1 }
            default: break
            }
        }
        _ = try await daemon.wait { _ in true }
        _ = try await daemon.control(["snapshot", "create", "--wait-for-lag", "0"])
        try Data().write(to: URL(filePath: end))
        let child = try await judge
        #expect(child.status == 0, "\(child.error.suffix(600))")
        let found = try JSONParser.parse(Array(child.output.utf8))
        #expect(found["differing_count"] == 0, "\(child.output.prefix(600))")
        #expect(found["users"]?.integer ?? 0 > 100 && found["users"] == found["answered"])
        // The generation alone must say so; the two restarts may.
        let compacted = found["compacted"]?.integer ?? 0
        #expect((1...3).contains(compacted), "\(child.output.prefix(600))")
        // How many are told one by one hangs on how many changes fall together; that some are shows
        // that the table was not only read anew.
        #expect(found["told"]?.integer ?? 0 > 0, "\(child.output.prefix(600))")
        daemon.signal(SIGTERM)
        #expect(daemon.exitStatus() == 0)
    }

    @Test func `the verb shows changes, waits for a daemon that restarts, and goes on`()
        async throws
    {
        let directory = try TemporaryDirectory()
        let (log, state) = ("\(directory.path)/log", "\(directory.path)/state")
        func record(_ user: Int, _ second: Int) -> Substring {
            """
            {"client_id": \(user), "timestamp": \(1_700_000_000 + second), \
            "event_type": "page_visit", "url": 5}
            """
        }
        try await append([record(1, 0)], to: log)
        var daemon = try RunningDaemon(log: log, state: state)
        _ = try await daemon.wait { $0["counters"]?["read"] == 1 }
        let now = try await daemon.control(["call", "profile.watch"])
        let after = now["revision"]?.text ?? ""
        let verb = [
            "\(Programs.directory)/ubpctl", "--socket", daemon.socket, "profile", "watch",
        ]
        async let seen = Child.run(verb + ["--after", after, "--count", "3", "--json"])
        _ = try await daemon.wait { $0["daemon"]?["connections"]?.integer ?? 0 >= 2 }
        try await append([record(2, 10)], to: log)
        _ = try await daemon.wait { $0["counters"]?["read"] == 2 }
        daemon.signal(SIGTERM)
        #expect(daemon.exitStatus() == 0)
        daemon = try RunningDaemon(log: log, state: state)
        try await append([record(3, 20)], to: log)
        _ = try await daemon.wait { $0["counters"]?["read"] == 3 }
        try await append([record(2, 30)], to: log)
        let child = try await seen
        #expect(child.status == 0, "\(child.error)")
        let changes = try child.output.split(separator: "\n").map {
            try JSONParser.parse(Array($0.utf8))
        }
        #expect(changes.map { $0["user"]?.text } == ["2", "3", "2"], "\(child.output)")
        #expect(changes.map { $0["events"]?.integer } == [1, 1, 2])
        let lost = try await Child.run(verb + ["--after", "1-1", "--count", "1"])
        #expect(lost.status == 0 && lost.output.hasPrefix("compacted: "), "\(lost.output)")
        let wrong = try await Child.run(verb + ["--after", "yesterday"])
        #expect(wrong.status == 1 && wrong.error.contains("`after`"), "\(wrong.error)")
        daemon.signal(SIGTERM)
        #expect(daemon.exitStatus() == 0)
    }
}
