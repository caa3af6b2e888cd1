import ControlProtocol
import Daemon
import Foundation
import TestSupport
import Testing

/// Seeded nonsense for every method, from Python: the daemon answers each line and lives on.
@Suite struct FuzzTests {
    /// Every parameter that any method takes.
    private static let names = [
        "user", "users", "as_of", "encoding", "space", "generation", "limit", "version",
        "wait_for_lag", "timeout", "reason", "dry_run", "expect_version", "id", "from", "to",
        "force", "after", "segment", "key", "keys", "level", "method", "sequence", "hash",
    ]

    @Test func `answers every method with parameters of every type`() async throws {
        try await ServerFixture.serve { fixture in
            let output = try await fixture.python(
                """
                random.seed(3)
                methods, names = sys.argv[2].split(), sys.argv[3].split()
                # A drained daemon would answer no more; the mock's does, so it stays in the list.
                deep = []
                for _ in range(40): deep = [deep]
                values = [None, True, False, 0, -1, 1, 2**63 - 1, -2**63, 2**64, 1.5, -0.0, 1e308,
                          "", "x", "1", "0" * 64, "17/4711", "\\u0000", "\\ud83d\\ude00", "x" * 5000,
                          [], [[]], [1, "a", None], list(range(2000)), {}, {"a": {"b": []}}, deep]
                s = connect()
                f = s.makefile("rb")
                count = 0
                def ask(method, params):
                    global count
                    count += 1
                    s.sendall(json.dumps({"jsonrpc": "2.0", "id": count, "method": method,
                                          "params": params}).encode() + b"\\n")
                    reply = json.loads(f.readline())
                    assert reply["id"] in (count, None), reply
                    if "error" in reply:
                        error = reply["error"]
                        assert error["data"]["name"] != "internal_error", (method, params, error)
                        assert error["message"] and error["data"]["hint"], reply
                for method in methods:
                    for name in names:
                        for value in random.sample(values, 6): ask(method, {name: value})
                    for _ in range(40):
                        chosen = random.sample(names, random.randrange(1, 6))
                        ask(method, {n: random.choice(values) for n in chosen})
                verdict = call(s, 0, "audit.verify")["result"]
                print(count > 5000, verdict["whole"], verdict["entries"] > 1000)
                """, Method.allCases.map(\.rawValue).joined(separator: " "),
                Self.names.joined(separator: " "))
            #expect(output == "True True True\n")
        }
    }

    @Test func `outlives bytes of any kind in lines of any length`() async throws {
        try await ServerFixture.serve {
            $0.control.requestBytes = 20_000
            $0.control.operatorRequestBytes = 20_000
        } _: { fixture in
            let output = try await fixture.python(
                """
                random.seed(4)
                def piece():
                    kind = random.randrange(7)
                    if kind == 0: return random.randbytes(random.randrange(1, 3000))
                    if kind == 1: return b"x" * random.randrange(15000, 90000)
                    if kind == 2: return b"[" * random.randrange(1, 19000)
                    if kind == 3: return b'{"a":' * random.randrange(1, 3000)
                    if kind == 4: return request(1, "audit.list", limit=1)[:random.randrange(1, 60)]
                    if kind == 5: return b"\\n" * random.randrange(1, 50)
                    return request(1, "snapshot.prune", dry_run=True)
                for round in range(150):
                    s = connect()
                    s.settimeout(10)
                    try:
                        for _ in range(random.randrange(1, 8)):
                            s.sendall(piece())
                            if random.random() < 0.5: s.sendall(b"\\n")
                        if random.random() < 0.5:
                            s.shutdown(socket.SHUT_WR)
                            for line in s.makefile("rb"): json.loads(line)
                    except OSError: pass
                    s.close()
                print(call(connect(), "after", "status")["result"]["state"])
                """)
            #expect(output == "live\n")
            #expect(!fixture.service.calls.contains("prune false"))
        }
    }
}
