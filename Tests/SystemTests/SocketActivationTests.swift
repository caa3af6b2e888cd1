import ControlProtocol
import Foundation
import Storage
import TestSupport
import Testing

/// The daemon with a socket that somebody else has bound, as systemd's socket activation has it.
@Suite(.serialized) struct SocketActivationTests {
    /// Python takes systemd's part (sd_listen_fds(3)): binds and listens, then becomes the program.
    ///
    /// Arguments: kind, number of descriptors, the socket's path, the program's words.
    private static let activator = """
        import os, socket, sys
        kind, count, path, *words = sys.argv[1:]
        s = socket.socket(socket.AF_UNIX, getattr(socket, kind))
        s.bind(path)
        if kind == "SOCK_STREAM" and count != "unheard":
            s.listen(8)
        open(path + ".ready", "w").close()
        n = 1 if count == "unheard" else int(count)
        saved = os.dup(s.fileno())
        for descriptor in range(3, 3 + n):
            os.dup2(saved, descriptor, inheritable=True)
        os.environ.update(LISTEN_FDS=str(n), LISTEN_PID=str(os.getpid()))
        os.execvp(words[0], words)
        """

    private func prefix(
        _ path: String, kind: String = "SOCK_STREAM", count: String = "1"
    ) -> [String] {
        ["python3", "-c", Self.activator, kind, count, path]
    }

    @Test func `answers on it, those who came early too, and leaves its file`() async throws {
        let directory = try TemporaryDirectory()
        let (log, state) = ("\(directory.path)/log", "\(directory.path)/state")
        try await Programs.makeLog(log, users: 8)
        let daemon = try RunningDaemon(log: log, state: state, prefix: prefix("\(state).sock"))
        let disk = RealDisk()
        let end = ContinuousClock().now + .seconds(30)
        while try disk.status(daemon.socket + ".ready") == nil, ContinuousClock().now < end {}
        // The daemon is not up yet, and nobody is refused.
        _ = try await daemon.control(["version"])
        _ = try await daemon.wait { $0["lag"]?["bytes"] == .int(0) }
        daemon.signal(SIGTERM)
        #expect(daemon.exitStatus() == 0)
        #expect(try disk.status(daemon.socket) != nil, "the file is systemd's")
    }

    @Test(
        arguments: [
            ("SOCK_DGRAM", "1", "stream"), ("SOCK_STREAM", "unheard", "listens"),
            ("SOCK_STREAM", "2", "2 sockets"),
        ])
    func `refuses to start with anything else`(
        kind: String, count: String, reason: String
    ) async throws {
        let directory = try TemporaryDirectory()
        let path = "\(directory.path)/given.sock"
        let child = try await Child.run(
            prefix(path, kind: kind, count: count) + [
                "\(Programs.directory)/ubpd", "run", "--log-dir", "\(directory.path)/log",
                "--state-dir", "\(directory.path)/state", "--socket", path,
            ])
        #expect(child.status == 78, "\(child.error)")
        #expect(child.error.contains("socket activation") && child.error.contains(reason))
    }

    @Test func `refuses one that is bound elsewhere than the configuration says`() async throws {
        let directory = try TemporaryDirectory()
        let child = try await Child.run(
            prefix("\(directory.path)/given.sock") + [
                "\(Programs.directory)/ubpd", "run", "--log-dir", "\(directory.path)/log",
                "--state-dir", "\(directory.path)/state", "--socket",
                "\(directory.path)/wanted.sock",
            ])
        #expect(child.status == 78, "\(child.error)")
        #expect(child.error.contains("ListenStream=") && child.error.contains("wanted.sock"))
    }
}
