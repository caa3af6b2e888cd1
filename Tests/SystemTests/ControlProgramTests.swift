import ControlProtocol
import Foundation
import Storage
import TestSupport
import Testing

/// Changing a running daemon: by its socket and by SIGHUP, with its registry on disk.
@Suite(.serialized) struct ControlProgramTests {
    private func write(_ text: String, to path: String) throws {
        try Data(text.utf8).write(to: URL(filePath: path), options: .atomic)
    }

    private func until(_ what: String, _ condition: () async throws -> Bool) async throws {
        for _ in 0..<3000 {
            if try await condition() { return }
            try await Task.sleep(for: .milliseconds(20))
        }
        throw Failure(what: "waited a minute for \(what)")
    }

    @Test func `carries ids out once and keeps its audit, also when it is killed`() async throws {
        let directory = try TemporaryDirectory()
        let (log, state) = ("\(directory.path)/log", "\(directory.path)/state")
        try await Programs.makeLog(log, users: 30)
        var made: [JSONValue] = []
        for round in 0..<2 {
            let daemon = try RunningDaemon(log: log, state: state)
            _ = try await daemon.wait { $0["state"] == "live" }
            for _ in 0..<2 {
                made.append(
                    try await daemon.control([
                        "snapshot", "create", "--wait-for-lag", "0", "--id", "first",
                    ]))
            }
            let list = try await daemon.control(["snapshot", "list"])
            #expect(list["snapshots"]?.elements?.count == 1)
            if round == 0 {
                _ = try await daemon.control(["snapshot", "pin", "1", "--reason", "kept"])
                _ = try await daemon.control(["snapshot", "rollback", "1", "--reason", "drill"])
            }
            let shown = try await daemon.control(["snapshot", "show", "1"])
            #expect(shown["pin"] == "kept")
            let same = try await daemon.control(["snapshot", "diff", "1", "1"])
            #expect(same["users"]?["both"] == shown["users"] && same["comparable"] == true)
            daemon.signal(SIGKILL)
            #expect(daemon.exitStatus() == -SIGKILL)
        }
        #expect(made.count == 4 && made.allSatisfy { $0 == made[0] })
        let judge = try await Child.run(
            ["python3", goldenPath("audit_chain.py"), "\(state)/ubpd.sqlite"])
        #expect(judge.output.hasPrefix("whole 3 "), "\(judge.output)\(judge.error)")
        let daemon = try RunningDaemon(log: log, state: state)
        _ = try await daemon.wait { _ in true }
        let audit = try await daemon.control(["audit", "list"])
        let entries = (audit["entries"]?.elements ?? []).map(AuditReply.init)
        #expect(
            entries.map(\.method) == ["snapshot.create", "snapshot.pin", "snapshot.rollback"])
        #expect(entries.allSatisfy { $0.outcome == "done" && $0.process ?? 0 > 0 })
        #expect(entries.first?.user == Int64(Accounts.ownUser))
        #expect(try await daemon.control(["audit", "verify"])["whole"] == true)
    }

    /// Python takes systemd's part and writes down what it is told.
    @Test func `reloads by SIGHUP, keeps the old when the new is bad, and tells systemd`()
        async throws
    {
        let directory = try TemporaryDirectory()
        let (log, state) = ("\(directory.path)/log", "\(directory.path)/state")
        let (file, told) = ("\(directory.path)/ubpd.yaml", "\(directory.path)/told")
        let address = "\(directory.path)/notify"
        try await Programs.makeLog(log, users: 10)
        try write("control:\n  connections: 20\n", to: file)
        async let listener = Child.python(
            """
            import socket, sys
            s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
            s.bind(sys.argv[1])
            s.settimeout(120)
            with open(sys.argv[2], "w", buffering=1) as out:
                text = ""
                while "STOPPING=1" not in text:
                    text = s.recv(4096).decode()
                    out.write(text.replace("\\n", " | ") + "\\n")
            """, [address, told])
        try await until("the listener") { FileManager.default.fileExists(atPath: told) }
        let daemon = try RunningDaemon(
            log: log, state: state, prefix: ["env", "NOTIFY_SOCKET=\(address)"],
            options: ["--config", file])
        func lines() throws -> [Substring] {
            try String(contentsOfFile: told, encoding: .utf8).split(separator: "\n")
        }
        try await until("READY") { try lines().contains { $0.hasPrefix("READY=1") } }
        try write("control:\n  connections: 0\n", to: file)
        daemon.signal(SIGHUP)
        // A daemon without a generation is degraded in any case.
        func refusal(_ status: JSONValue) -> String? {
            status["degraded"]?.elements?.compactMap(\.text).first { $0.contains("not reloaded") }
        }
        let problem = refusal(try await daemon.wait { refusal($0) != nil }) ?? ""
        #expect(problem.contains("\(file):2:control.connections: want"), "\(problem)")
        try write("control:\n  connections: 30\norder:\n  lateness_seconds: 60\n", to: file)
        daemon.signal(SIGHUP)
        _ = try await daemon.wait { refusal($0) == nil }
        let again = try await daemon.control(["daemon", "reload"])
        #expect(again["applied"] == [] && again["restart_needed"] == ["order.lateness_seconds"])
        let audit = try await daemon.control(["audit", "list", "--method", "reload"])
        let entries = (audit["entries"]?.elements ?? []).map(AuditReply.init)
        #expect(entries.map(\.outcome) == ["bad_configuration", "done", "done"])
        #expect(entries.map(\.role) == ["signal", "signal", "operator"])
        daemon.signal(SIGTERM)
        #expect(daemon.exitStatus() == 0)
        #expect(try await listener.status == 0)
        let heard = try lines()
        let reloads = heard.indices.filter { heard[$0].hasPrefix("RELOADING=1 | MONOTONIC_USEC=") }
        #expect(reloads.count == 3)
        for index in reloads {
            #expect(heard[heard.index(after: index)...].contains { $0 == "READY=1" })
        }
    }
}
