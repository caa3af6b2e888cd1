import ControlProtocol
import Foundation
import Storage
import TestSupport
import Testing

/// `ubpd check-config` beside what the configuration names: it finds, and changes nothing.
@Suite(.serialized, .timeLimit(.minutes(5))) struct CheckConfigTests {
    /// Every file below a directory with its times, and a hash of its bytes.
    private static let listing = """
        import hashlib, os, sys
        for place, folders, files in sorted(os.walk(sys.argv[1])):
            print(place, sorted(folders), os.lstat(place).st_mtime_ns)
            for name in sorted(files):
                path = os.path.join(place, name)
                status = os.lstat(path)
                text = open(path, "rb").read() if os.path.isfile(path) else b""
                print(path, status.st_mtime_ns, hashlib.sha256(text).hexdigest())
        """

    private func tree(_ directory: String) async throws -> String {
        try await Child.python(Self.listing, [directory]).successful().output
    }

    private func check(
        _ directory: String, _ yaml: String = "", _ options: [String] = []
    ) async throws -> Child {
        let file = "\(directory)/ubpd.yaml"
        try Data(
            """
            log_dir: \(directory)/log
            state_dir: \(directory)/state
            socket: \(directory)/ubpd.sock
            \(yaml)

            """.utf8
        ).write(to: URL(filePath: file))
        return try await Programs.ubpd(["check-config", "--config", file] + options)
    }

    @Test(arguments: ["check-config --print", "check-config --keys", "log append --json"])
    func `a report that cannot be written is an error`(words: String) async throws {
        let directory = try TemporaryDirectory()
        let flag = words.hasSuffix("--keys") ? "" : " --log-dir '\(directory.path)/log'"
        let child = try await Child.run([
            "sh", "-c", "'\(Programs.directory)/ubpd' \(words)\(flag) >/dev/full",
        ])
        #expect(child.status == 74, "\(child.error)")
        #expect(child.error.contains("standard output cannot be written"), "\(child.error)")
    }

    @Test func `finds all that is wrong, says where, and changes nothing`() async throws {
        let directory = try TemporaryDirectory()
        let path = directory.path
        try RealDisk().makeDirectory("\(path)/log")
        try Data().write(to: URL(filePath: "\(path)/ubpd.sock"))
        let yaml = """
            control:
              readers: ["user:nobody-of-that-name"]
              operators: [0, "group:no-such-group"]
            metrics:
              textfile: \(path)/missing/ubpd.prom
            memory:
              resident_bytes: 1099511627776
            """
        let before = try await tree("\(path)/log")
        let found = try await check(path, yaml)
        #expect(found.status == 78 && found.output.isEmpty)
        let lines = found.error.split(separator: "\n")
        for (start, words) in [
            ("warning: \(path)/ubpd.yaml:1:log_dir: ", "no segment"),
            ("error: \(path)/ubpd.yaml:3:socket: ", "no socket"),
            ("error: \(path)/ubpd.yaml:10:memory.resident_bytes: ", "bytes of memory"),
            ("error: \(path)/ubpd.yaml:5:control.readers: ", "user:nobody-of-that-name"),
            ("error: \(path)/ubpd.yaml:6:control.operators: ", "group:no-such-group"),
            ("warning: \(path)/ubpd.yaml:8:metrics.textfile: ", "missing is no directory"),
        ] {
            let line = lines.first { $0.hasPrefix(start) }
            #expect(line?.contains(words) == true && line?.contains("; ") == true, "\(start)")
        }
        #expect(lines.count == 6, "\(found.error)")
        #expect(try await tree("\(path)/log") == before)
        #expect(try RealDisk().status("\(path)/state") == nil)
        let plain = try await check(path, "", ["--no-state"])
        #expect(plain.status == 0 && plain.output == "the configuration is good\n")
        let flag = try await check(path, "", ["--log-dir", "\(path)/nowhere"])
        #expect(flag.error.contains("warning: flag:log_dir: \(path)/nowhere is not there"))
    }

    @Test func `is quiet beside a running daemon, and tells another log from its own`() async throws
    {
        let directory = try TemporaryDirectory()
        let path = directory.path
        try await Programs.makeLog("\(path)/log", users: 10)
        let daemon = try RunningDaemon(log: "\(path)/log", state: "\(path)/state")
        _ = try await daemon.wait { $0["state"] == "live" }
        _ = try await daemon.control(["checkpoint"])
        let running = try await check(path)
        #expect(running.status == 0 && running.error.isEmpty, "\(running.error)")
        _ = try await daemon.control(["status"])
        daemon.signal(SIGKILL)
        _ = daemon.exitStatus()
        let killed = try await tree("\(path)/state")
        let found = try await check(path)
        #expect(found.status == 0 && found.error.isEmpty, "\(found.error)")
        #expect(try await tree("\(path)/state") == killed)
        // Drained, it leaves no write-ahead log; none is made.
        let next = try RunningDaemon(log: "\(path)/log", state: "\(path)/state")
        _ = try await next.wait { $0["state"] == "live" }
        next.signal(SIGTERM)
        #expect(next.exitStatus() == 0)
        let drained = try await tree("\(path)/state")
        #expect(try await check(path).output == "the configuration is good\n")
        #expect(try await tree("\(path)/state") == drained)

        let segment = "\(path)/log/00000000000000000001.ndjson.lz4"
        let name = { (number: Int) in "\(path)/log/0000000000000000000\(number).ndjson.lz4" }
        try await Programs.makeLog("\(path)/other", users: 3)
        for (moved, words) in [
            (name(7), "the first of \(path)/log is 7"),
            (name(0), "the last segment of \(path)/log is 0"),
        ] {
            try RealDisk().rename(segment, to: moved)
            let lost = try await check(path)
            #expect(lost.status == 0 && lost.error.contains(words), "\(lost.error)")
            try RealDisk().rename(moved, to: segment)
        }
        try RealDisk().remove(segment)
        _ = try await Child.run(["sh", "-c", "echo '{}' | lz4 -qc > \(segment)"]).successful()
        let foreign = try await check(path)
        #expect(foreign.error.contains("folded from another segment 1"), "\(foreign.error)")
    }

    @Test func `knows a registry of another version, and a damaged state`() async throws {
        let directory = try TemporaryDirectory()
        let path = directory.path
        try await Programs.makeLog("\(path)/log", users: 3)
        let daemon = try RunningDaemon(log: "\(path)/log", state: "\(path)/state")
        _ = try await daemon.wait { $0["state"] == "live" }
        daemon.signal(SIGTERM)
        #expect(daemon.exitStatus() == 0)
        _ = try await Child.python(
            """
            import sqlite3, sys
            registry = sqlite3.connect(sys.argv[1] + "/ubpd.sqlite")
            registry.execute("INSERT INTO grdb_migrations VALUES ('99: of tomorrow')")
            registry.commit()
            registry.execute("PRAGMA journal_mode = DELETE")
            registry.close()
            """, ["\(path)/state"]
        ).successful()
        let newer = try await check(path)
        #expect(newer.status == 78 && newer.error.contains("99: of tomorrow"), "\(newer.error)")
        _ = try await Child.python(
            """
            import os, sqlite3, sys
            registry = sqlite3.connect(sys.argv[1] + "/ubpd.sqlite")
            registry.execute("DELETE FROM grdb_migrations WHERE identifier LIKE '99:%'")
            registry.commit()
            registry.close()
            state = sys.argv[1] + "/generations/0/state.sqlite"
            open(state, "wb").write(b"no database " * 4096)
            # A process may end before its files are closed; pages in the log would heal this.
            for suffix in ("-wal", "-shm"):
                if os.path.exists(state + suffix):
                    os.remove(state + suffix)
            """, ["\(path)/state"]
        ).successful()
        let damaged = try await check(path)
        #expect(damaged.status == 0 && damaged.error.contains("it is damaged"), "\(damaged.error)")
    }
}
