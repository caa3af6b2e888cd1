import ControlProtocol
import Daemon
import Foundation
import Storage
import Synchronization
import TestSupport
import Testing

/// The server as its peers see it; Python's sockets and json judge the framing from outside.
@Suite struct ControlServerTests {
    @Test func `answers pipelined requests in order, however the bytes arrive`() async throws {
        try await ServerFixture.serve { fixture in
            let output = try await fixture.python(
                """
                random.seed(1)
                s = connect()
                methods = ["status", "version", "profile.get", "nonsense", "snapshot.list"]
                want = [(i, random.choice(methods)) for i in range(300)]
                data = b"".join(
                    request(i, m, **({"user": i} if m == "profile.get" else {})) for i, m in want)
                data += json.dumps({"jsonrpc": "2.0", "method": "status"}).encode() + b"\\r\\n\\n"
                import threading
                def send():
                    at = 0
                    while at < len(data):
                        n = random.choice([1, 7, 100, 5000])
                        s.sendall(data[at:at + n]); at += n
                    s.shutdown(socket.SHUT_WR)
                threading.Thread(target=send).start()
                lines = s.makefile("rb").read().split(b"\\n")
                assert lines.pop() == b""
                replies = [json.loads(l) for l in lines]
                assert [r["id"] for r in replies] == list(range(300)), len(replies)
                for (i, m), r in zip(want, replies):
                    assert set(r) == {"jsonrpc", "id", "error" if m == "nonsense" else "result"}
                    assert r["jsonrpc"] == "2.0"
                    if m == "profile.get": assert r["result"]["user"] == str(i)
                    if m == "nonsense": assert r["error"]["code"] == -32601
                print("good")
                """)
            #expect(output == "good\n")
        }
    }

    @Test func `answers rubbish with errors and goes on`() async throws {
        try await ServerFixture.serve {
            $0.control.requestBytes = 2000
            $0.control.operatorRequestBytes = 2000
        } _: { fixture in
            let output = try await fixture.python(
                """
                s = connect()
                f = s.makefile("rb")
                def error(line):
                    s.sendall(line + b"\\n")
                    return json.loads(f.readline())["error"]
                print(error(b"rubbish")["code"], error(b"\\xff\\xfe")["code"], error(b"[]")["code"])
                print(error(b'{"jsonrpc":"2.0","id":1}')["code"], error(b"[" * 1000)["code"])
                e = error(b"x" * 100000)
                print(e["code"], e["data"]["name"], bool(e["data"]["hint"]))
                s.sendall(request("last", "version"))
                print(json.loads(f.readline())["id"])
                s.sendall(request("no newline", "version")[:-1])
                s.shutdown(socket.SHUT_WR)
                print(json.loads(f.readline())["id"], f.readline())
                """)
            #expect(
                output == """
                    -32700 -32700 -32600
                    -32600 -32700
                    7 too_large True
                    last
                    no newline b''

                    """)
        }
    }

    @Test func `survives a fuzzed socket`() async throws {
        try await ServerFixture.serve {
            $0.control.requestBytes = 4000
            $0.control.operatorRequestBytes = 4000
        } _: { fixture in
            let output = try await fixture.python(
                """
                random.seed(2)
                good = [request(i, m, **p) for i, (m, p) in enumerate([
                    ("status", {}), ("profile.get", {"user": 1}), ("snapshot.list", {}),
                    ("snapshot.rollback", {"version": 1, "reason": "x", "dry_run": True}),
                    ("profile.batch", {"users": [1, 2, "3"], "encoding": "float32"})])]
                for round in range(400):
                    s = connect()
                    s.settimeout(5)
                    for _ in range(random.randrange(1, 6)):
                        data = bytearray(random.choice(good))
                        for _ in range(random.randrange(8)):
                            at = random.randrange(len(data))
                            kind = random.randrange(4)
                            if kind == 0: data[at] = random.randrange(256)
                            elif kind == 1: del data[at:at + random.randrange(1, 5)]
                            elif kind == 2: data[at:at] = random.randbytes(random.randrange(1, 40))
                            else: data[at:at] = b'[' * random.randrange(200)
                            if not data: data = bytearray(b"\\n")
                        try: s.sendall(bytes(data))
                        except OSError: break
                    if random.random() < 0.3:
                        s.shutdown(socket.SHUT_WR)
                        for line in s.makefile("rb"):
                            reply = json.loads(line)
                            assert reply["jsonrpc"] == "2.0" and ("result" in reply) != ("error" in reply)
                    elif random.random() < 0.3:
                        # A reset in the middle instead of an orderly end.
                        s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                    s.close()
                print(call(connect(), "after", "status")["result"]["state"])
                """)
            #expect(output == "live\n")
            #expect(
                !fixture.service.calls.contains {
                    $0.hasPrefix("rollback") && $0.hasSuffix("false")
                })
        }
    }

    @Test func `makes its file with the mode asked for and no wider moment`() async throws {
        try await ServerFixture.serve {
            $0.control.mode = 0o640
        } _: { fixture in
            let output = try await fixture.python(
                """
                st = os.stat(sys.argv[1])
                print(oct(st.st_mode), sorted(os.listdir(os.path.dirname(sys.argv[1]))))
                """)
            #expect(output == "0o140640 ['ubpd.sock', 'ubpd.sock.lock']\n")
        }
    }

    @Test func `lets no second daemon at the same socket`() async throws {
        try await ServerFixture.serve { fixture in
            do {
                _ = try fixture.makeServer()
                Issue.record("two servers on one socket")
            } catch let error as DaemonError {
                #expect(error.exitCode == 69 && error.description.contains("another daemon"))
            }
            // The first is as it was.
            let state = try await fixture.withPeer { peer in
                try await peer.send(1, .status)
                return try await peer.receive()?.result.get()["state"]
            }
            #expect(state == "live")
        }
    }

    @Test func `replaces a socket that nobody listens on, and nothing else`() async throws {
        let directory = try TemporaryDirectory()
        var configuration = Configuration()
        configuration.socketPath = directory.path + "/ubpd.sock"
        let fixture = ServerFixture(configuration: configuration)
        // As a killed daemon leaves it.
        _ = try await fixture.python(
            "s = socket.socket(socket.AF_UNIX); s.bind(sys.argv[1]); s.listen(); s.close()")
        #expect(try RealDisk().status(fixture.path)?.kind == .other)
        _ = try ListeningSocket(path: fixture.path, mode: 0o600, backlog: 1)
        // A listener that takes no lock is respected too.
        let output = try await fixture.python(
            """
            os.unlink(sys.argv[1])
            s = socket.socket(socket.AF_UNIX); s.bind(sys.argv[1]); s.listen()
            print(os.fork() and 1)
            """)
        #expect(!output.isEmpty)
        try RealDisk().remove(fixture.path)
        _ = try RealDisk().open(fixture.path, .create)
        #expect(throws: StorageError.exists(path: fixture.path)) {
            try ListeningSocket(path: fixture.path, mode: 0o600, backlog: 1)
        }
        #expect(try RealDisk().status(fixture.path)?.kind == .file)
        _ = consume directory
    }

    @Test func `bounds connections`() async throws {
        try await ServerFixture.serve {
            $0.control.connections = 3
        } _: { fixture in
            let output = try await fixture.python(
                """
                held = [connect() for _ in range(3)]
                for s in held: call(s, 1, "version")
                extra = connect().makefile("rb")
                print(json.loads(extra.readline())["error"]["data"]["name"], extra.readline())
                print(call(held[0], 2, "status")["result"]["daemon"]["connections"])
                """)
            #expect(output == "busy b''\n3\n")
        }
    }

    @Test func `bounds requests in flight, over all connections`() async throws {
        try await ServerFixture.serve {
            $0.control.requestsInFlight = 1
        } _: { fixture in
            fixture.service.state.withLock { $0.isGated = true }
            try await fixture.withPeer { first in
                try await first.send(1, .checkpoint)
                try await ServerFixture.until("the checkpoint") {
                    fixture.service.state.withLock { !$0.gates.isEmpty }
                }
                let refused = try await fixture.withPeer { second in
                    try await second.send(2, .status)
                    return try await second.receive()
                }
                #expect(refused?.code == .busy && refused?.id == .number(2))
                fixture.service.openGates()
                #expect(try await first.receive()?.code == nil)
            }
        }
    }

    @Test func `closes connections that stand idle, but none that waits for us`() async throws {
        try await ServerFixture.serve {
            $0.control.idleSeconds = 1
        } _: { fixture in
            fixture.service.state.withLock { $0.isGated = true }
            let output = try await fixture.python(
                """
                waiting = connect()
                waiting.sendall(request(1, "checkpoint"))
                # Each idle connection measures one idle time of the daemon.
                for _ in range(3): print(connect().recv(1))
                print(call(connect(), 2, "snapshot.release")["id"])
                print(json.loads(waiting.makefile("rb").readline())["id"])
                """)
            #expect(output == "b''\nb''\nb''\n2\n1\n")
        }
    }

    @Test func `reads no further from a peer that does not read, and closes it`() async throws {
        try await ServerFixture.serve {
            $0.control.idleSeconds = 1
        } _: { fixture in
            fixture.service.state.withLock { $0.width = 100_000 }
            let output = try await fixture.python(
                """
                s = connect()
                try:
                    for i in range(100000): s.sendall(request(i, "profile.get", user=i))
                except OSError: pass
                p = select.poll(); p.register(s, 0)
                print(p.poll(60000)[0][1] & select.POLLHUP == select.POLLHUP)
                print(call(connect(), 1, "version")["id"])
                """)
            #expect(output == "True\n1\n")
            // Replies of 1 MB: one in our hands, at most one more that the kernel took.
            #expect(fixture.service.calls.count <= 3)
        }
    }

    @Test(.enabled(if: Accounts.ownUser == 0, "only root can act as somebody else"))
    func `knows peers by user and by any of their groups`() async throws {
        try await ServerFixture.serve {
            $0.control.mode = 0o666
            $0.control.readers = [.groupNumber(4242)]
            $0.control.operators = [.userNumber(4343)]
        } _: { fixture in
            let program = """
                os.setgroups([int(g) for g in sys.argv[4:]]); os.setgid(int(sys.argv[3]))
                os.setuid(int(sys.argv[2]))
                s = connect()
                for m in ["version", "checkpoint"]:
                    print(call(s, 1, m).get("error", {"data": {"name": "fine"}})["data"]["name"])
                """
            #expect(try await fixture.python(program, "65534", "65534") == "forbidden\nforbidden\n")
            #expect(try await fixture.python(program, "65534", "4242") == "fine\nforbidden\n")
            let member = try await fixture.python(program, "65534", "65534", "7", "4242")
            #expect(member == "fine\nforbidden\n")
            #expect(try await fixture.python(program, "4343", "65534") == "fine\nfine\n")
            #expect(try await fixture.python(program, "0", "0") == "fine\nfine\n")
        }
    }
}
