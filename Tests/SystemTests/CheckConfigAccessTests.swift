import Foundation
import Storage
import TestSupport
import Testing

/// What `ubpd check-config` says of owners and modes to a user whom they keep out.
@Suite(.timeLimit(.minutes(5)))
struct CheckConfigAccessTests {
    private static let nobody = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"]

    /// Whether this is root, whom no mode of a file keeps out, and can be somebody else.
    private static func canBecomeNobody() async throws -> Bool {
        try await Child.run(nobody + ["test", "-x", "\(Programs.directory)/ubpd"]).status == 0
    }

    /// Something that an operator got wrong, and the only thing that is to be said of it.
    struct Case: Sendable, CustomTestStringConvertible {
        /// Commands in the directory that holds everything, all of it nobody's but for these.
        var spoil: String
        /// The start of the line behind the place, with `DIR` for the directory.
        var key: String
        var words: String
        var isError = true

        var testDescription: String { spoil }
    }

    private static let cases = [
        Case(
            spoil: "chown 1 state && chmod 777 state", key: "state_dir",
            words: "DIR/state belongs to the user 1, and this is the user 65534", isError: false),
        Case(
            spoil: "chmod 500 state", key: "state_dir",
            words: "DIR/state is not readable and writable for this user"),
        Case(
            spoil: "chmod 300 state", key: "state_dir",
            words: "DIR/state is not readable and writable for this user"),
        Case(
            spoil: "chown -R root state", key: "state_dir",
            words: "DIR/state is not readable and writable for this user"),
        Case(
            spoil: "chown root state/snapshots", key: "state_dir",
            words: "DIR/state/snapshots is not writable for this user"),
        Case(
            spoil: "chmod 500 state/generations", key: "state_dir",
            words: "DIR/state/generations is not writable for this user"),
        Case(
            spoil: "rm -r state && chown root . && chmod 755 .", key: "state_dir",
            words: "DIR/state is not there, and cannot be made in DIR"),
        Case(
            spoil: "rm -r state && touch state", key: "state_dir",
            words: "DIR/state is no directory"),
        Case(
            spoil: "chmod 000 log", key: "log_dir",
            words: "DIR/log is not readable for this user"),
        Case(
            spoil: "chown root log/*.lz4 && chmod 600 log/*.lz4", key: "log_dir",
            words: "DIR/log/00000000000000000001.ndjson.lz4 is not readable for this user"),
        Case(
            spoil: "chmod 500 run", key: "socket", words: "DIR/run is not writable for this user"),
        Case(
            spoil: "chmod 500 text", key: "metrics.textfile",
            words: "DIR/text is not writable for this user", isError: false),
    ]

    @Test(.enabled { try await canBecomeNobody() }, arguments: cases)
    func `says it, and nothing else, and is content without it`(_ wrong: Case) async throws {
        let directory = try TemporaryDirectory()
        let path = directory.path
        try await Programs.makeLog("\(path)/log", users: 3)
        for part in ["run", "text", "state/snapshots", "state/generations"] {
            try RealDisk().makeDirectory("\(path)/\(part)")
        }
        let yaml = """
            log_dir: \(path)/log
            state_dir: \(path)/state
            socket: \(path)/run/ubpd.sock
            metrics:
              textfile: \(path)/text/ubpd.prom

            """
        try Data(yaml.utf8).write(to: URL(filePath: "\(path)/ubpd.yaml"))
        try await shell("chown -R 65534:65534 . && chmod 755 .", in: path)
        let good = try await check(path)
        #expect(good.status == 0 && good.error.isEmpty, "\(good.error)")
        #expect(good.output == "the configuration is good\n")
        try await shell(wrong.spoil, in: path)
        let bad = try await check(path)
        let words = wrong.words.replacing("DIR", with: path)
        let lines = bad.error.split(separator: "\n")
        #expect(lines.count == 1, "\(bad.error)")
        #expect(lines.first?.hasPrefix(wrong.isError ? "error: " : "warning: ") == true)
        #expect(lines.first?.contains(":\(wrong.key): \(words); ") == true, "\(bad.error)")
        #expect(bad.status == (wrong.isError ? 78 : 0))
        let end = wrong.isError ? "" : "the configuration is good, with 1 warning\n"
        #expect(bad.output == end)
    }

    private func shell(_ commands: String, in path: String) async throws {
        _ = try await Child.run(["sh", "-ec", "cd \(path) && \(commands)"]).successful()
    }

    private func check(_ path: String) async throws -> Child {
        try await Child.run(
            Self.nobody + ["\(Programs.directory)/ubpd", "check-config"]
                + ["--config", "\(path)/ubpd.yaml"])
    }
}
