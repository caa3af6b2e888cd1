import ControlProtocol
import Daemon
import Foundation
import Pipeline
import Synchronization
import TestSupport
import Testing

/// The program as scripts and people run it, against a server over a mock pipeline.
@Suite struct UBPCtlTests {
    /// Beside the test bundle, where the build puts every program.
    private static let program = URL(filePath: CommandLine.arguments[0])
        .deletingLastPathComponent().appending(path: "ubpctl").path

    private func run(
        _ fixture: ServerFixture, _ arguments: [String], input: String = ""
    ) async throws -> Child {
        try await Child.run(
            ["UBPD_SOCKET=\(fixture.path)", Self.program] + arguments, input: input)
    }

    private func json(_ child: Child) throws -> JSONValue {
        try JSONParser.parse(Array(child.output.utf8))
    }

    @Test func `prints words for people and one JSON document for scripts`() async throws {
        try await ServerFixture.serve { fixture in
            let verbs: [([String], String)] = [
                (["status"], "caught up"), (["version"], "ubpd \(Version.program)"),
                (["metrics"], "ubpd_records_read_total 10"),
                (["top", "--count", "1"], "A SECOND"),
                (["profile", "get", "5"], "1970-01-01 00:01:39 UTC"),
                (["profile", "get", "5", "404"], "no"),
                (["profile", "predict", "5"], "75.0 %"),
                (["profile", "predict", "404"], "no event of this user"),
                (["profile", "explain", "5"], "2 h 46 min before"),
                (["profile", "explain", "5", "--limit", "1"], "1 of 2"),
                (["profile", "explain", "5", "--generation", "0"], "no network that predicts"),
                (["profile", "explain", "404"], "no event of this user"),
                (["profile", "history", "5"], "0.9600"),
                (["profile", "history", "5", "--encoding", "numbers"], "snapshots/3: missing"),
                (["profile", "history", "404"], "the user in 0 of them; 4 older"),
                (["snapshot", "list"], "current"), (["snapshot", "show", "2"], "sha256 bb"),
                (["snapshot", "verify", "1"], "whole: 2 files"),
                (["snapshot", "create", "--wait-for-lag", "0"], "published snapshot 3: 4 users"),
                (["snapshot", "rollback", "1", "--reason", "bad"], "from 2 to 1"),
                (["snapshot", "rollback", "1", "--reason", "bad", "--dry-run"], "would move"),
                (["snapshot", "release"], "not held"), (["checkpoint"], "up to record 10"),
                (["quarantine", "list"], "more: --after 17/4711"),
                (["quarantine", "show", "17/4711"], "{oops"),
                (["quarantine", "replay", "17/4711"], "1 taken, 0 refused"),
                (["quarantine", "replay", "--all", "--dry-run"], "1 would be taken"),
                (["snapshot", "pin", "1", "--reason", "x"], "snapshot 1 is pinned"),
                (["generation", "show", "2"], "  64"), (["generation", "show", "2"], "0.5000"),
                (["snapshot", "unpin", "1"], "not pinned any more"),
                (["snapshot", "prune", "--dry-run"], "would free 2.0 KiB"),
                (["snapshot", "diff", "1", "2"], "85123A (77)"),
                (["snapshot", "diff", "9", "2"], "columns not compared: of another space"),
                (["daemon", "reload", "--id", "r1"], "nothing differs"),
                (["daemon", "log-level", "debug"], "from info to debug"),
                (["daemon", "log-level"], "(configured: info)"),
                (["audit", "list"], "snapshot.rollback"),
                (["audit", "verify"], "whole: "),
                (["call", "version"], Version.program), (["drain", "--dry-run"], "would drain"),
                (["drain"], "drained"),
            ]
            for (verb, words) in verbs {
                let plain = try await run(fixture, verb)
                #expect(plain.status == 0 && plain.error.isEmpty, "\(verb): \(plain.error)")
                #expect(plain.output.contains(words), "\(verb): \(plain.output)")
                #expect(!plain.output.contains("64.0000"))
            }
            for (verb, _) in verbs {
                #expect(try json(try await run(fixture, verb + ["--json"])) != .null)
                let before = try await run(fixture, ["--json"] + verb)
                #expect(try json(before) != .null && before.status == 0)
            }
        }
    }

    @Test func `watches, a line a change, and says what cannot be told`() async throws {
        try await ServerFixture.serve { fixture in
            let watch = ["profile", "watch", "--after"]
            let told = try await run(fixture, watch + ["7-50", "--count", "2"])
            let lines = told.output.split(separator: "\n")
            #expect(told.status == 0 && told.error.isEmpty && lines.count == 2)
            #expect(lines.first?.hasPrefix("85123A (77)  6 events, newest ") == true)
            #expect(lines.last == "404  forgotten")
            let documents = try await run(fixture, watch + ["7-50", "--count", "2", "--json"])
            let users = try documents.output.split(separator: "\n").map {
                try JSONParser.parse(Array($0.utf8))["user"]
            }
            #expect(users == ["77", "404"])
            let lost = try await run(fixture, watch + ["7-1", "--count", "1"])
            #expect(lost.output.hasPrefix("compacted: changes before revision 7-50 "))
            let wrong = try await run(fixture, watch + ["now"])
            #expect(wrong.status == 1 && wrong.error.contains("`after`"))
        }
    }

    private static let helpRequests: [(words: [String], status: Int32)] = [
        (["WRONG", "VERB", "--help"], 2), (["profile", "WRONG", "--help"], 2),
        (["--json", "WRONG", "-h"], 2), (["profile", "--help"], 0), (["--help"], 0),
        (["--version"], 0), (["help", "profile"], 0), (["profile", "get", "5", "--help"], 0),
        (["status", "--help"], 0),
    ]

    @Test(arguments: Self.helpRequests)
    func `help on what is not there is wrong usage`(words: [String], status: Int32) async throws {
        let child = try await Child.run([Self.program] + words)
        #expect(child.status == status, "\(child.output)\(child.error)")
        if status != 0 { #expect((child.output + child.error).contains("WRONG")) }
    }

    private static let typos: [(words: [String], has: String)] = [
        (["statu"], "\"statu\"; ubpctl has status, top, "),
        (["--socket", "x", "snapsho", "list"], "\"snapsho\"; ubpctl has "),
        (["snapshot", "lst"], "\"lst\"; snapshot has create, list, show, "),
    ]

    @Test(arguments: Self.typos)
    func `a word that is no command is told what there is`(
        words: [String], has: String
    ) async throws {
        let child = try await Child.run([Self.program] + words)
        #expect(child.status == 2 && child.error.hasPrefix("Error: there is no command \(has)"))
        let document = try json(try await Child.run([Self.program, "--json"] + words))
        #expect(document["error"]?["name"] == "usage")
        #expect(
            document["error"]?["message"]?.text?.hasPrefix("there is no command \(has)") == true)
    }

    @Test func `shows profiles by the names the shop knows`() async throws {
        try await ServerFixture.serve { fixture in
            let one = try await run(fixture, ["profile", "get", "85123A"])
            #expect(one.output.contains("85123A (77)") && one.output.contains("1..<3"))
            let unknown = try await run(fixture, ["profile", "get", "404"])
            #expect(unknown.status == 0 && unknown.output.contains("no event of this user"))
            let numbers = try json(try await run(fixture, ["profile", "get", "5", "--json"]))
            #expect(numbers["vector"] == [.double(0.1), .double(1.1), .double(2.1)])
        }
    }

    @Test func `takes a negative id behind the terminator, and says so elsewhere`() async throws {
        try await ServerFixture.serve { fixture in
            for verb in [["profile", "get"], ["--json", "profile", "get"], ["user", "export"]] {
                let taken = try await run(fixture, verb + ["--", "-5"])
                #expect(taken.status == 0 && taken.output.contains("-5"), "\(taken.error)")
                let refused = try await run(fixture, verb + ["-5"])
                #expect(refused.status == 2)
                #expect((refused.output + refused.error).contains("`ubpctl profile get -- -5`"))
            }
        }
    }

    @Test func `asks for many users in batches, from a file or standard input`() async throws {
        try await ServerFixture.serve { fixture in
            let ids = "1\n\n 2 \r\n3\n4\n5\n"
            let child = try await run(
                fixture, ["profile", "batch", "--size", "2", "--json"], input: ids)
            let batches = try json(child)["batches"]?.elements ?? []
            let users = batches.map { $0["profiles"]?.elements?.map { $0["user"] } ?? [] }
            #expect(users == [["1", "2"], ["3", "4"], ["5"]])
            #expect(fixture.service.calls.count == 3)
            let created = try await run(
                fixture, ["snapshot", "create", "--clients", "-"], input: ids)
            #expect(created.status == 0, "\(created.error)")
            let request = fixture.service.state.withLock { $0.request }
            #expect(request?.users?.count == 5)
            let calls = fixture.service.calls
            for verb in [["profile", "batch"], ["snapshot", "create", "--clients", "-"]] {
                let nobody = try await run(fixture, verb, input: "\n \n")
                #expect(nobody.status == 2 && nobody.error == "-: no user ids in it\n")
            }
            #expect(fixture.service.calls == calls)
        }
    }

    @Test func `prints a quarantined record's bytes alone, and tells of refused replays`()
        async throws
    {
        try await ServerFixture.serve { fixture in
            let raw = try await run(fixture, ["quarantine", "show", "17/4711", "--raw"])
            #expect(raw.status == 0 && raw.output == "{oops\n")
            let both = ["quarantine", "replay", "17/4711", "17/4712"]
            let words = try await run(fixture, both)
            #expect(words.status == 1 && words.error.isEmpty)
            #expect(words.output == "17/4712: it was replayed already\n1 taken, 1 refused\n")
            let document = try json(try await run(fixture, both + ["--json"]))
            #expect(document["taken"] == 1 && document["refused"] == 1)
            #expect(document["entries"]?.elements?.last?["reason_code"] == "replayed")
        }
    }

    @Test func `asks under an id, and tells of a broken chain`() async throws {
        try await ServerFixture.serve { fixture in
            for _ in 0..<2 {
                let child = try await run(fixture, ["checkpoint", "--id", "night-1"])
                #expect(child.status == 0 && child.output.contains("up to record 10"))
            }
            #expect(fixture.service.calls.count { $0 == "checkpoint" } == 1)
            let other = try await run(fixture, ["drain", "--id", "night-1", "--json"])
            #expect(other.status == 1)
            #expect(try json(other)["error"]?["name"] == "id_reused")
            let zeros = String(repeating: "0", count: 64)
            let wrong = ["audit", "verify", "--sequence", "1", "--hash", zeros]
            let broken = try await run(fixture, wrong)
            #expect(broken.status == 1 && broken.output.hasPrefix("BROKEN at entry 1: "))
            let document = try await run(fixture, wrong + ["--json"])
            #expect(try json(document)["whole"] == false && document.status == 1)
        }
    }

    @Test func `tells refusals, usage, silence and absence apart`() async throws {
        try await ServerFixture.serve { fixture in
            let cases: [([String], Int32, String)] = [
                (["snapshot", "show", "9"], 1, "unknown_snapshot"),
                (["call", "finetune.status"], 1, "not_available"),
                (["profile", "get", "no such"], 1, "invalid_params"),
                (["quarantine", "show", "9/9"], 1, "unknown_entry"),
                (["quarantine", "show", "9"], 1, "invalid_params"),
                (["quarantine", "replay"], 2, "usage"),
                (["quarantine", "replay", "1/2", "--all"], 2, "usage"),
                (["quarantine", "replay", "--all", "--id", "x"], 2, "usage"),
                (["checkpoint", "--id", ""], 1, "invalid_params"),
                (["profile", "explain", "5", "--limit", "0"], 2, "usage"),
                (["profile", "explain", "5", "--targets", "101"], 2, "usage"),
                (["profile", "explain", "no such"], 1, "invalid_params"),
                (["profile", "history", "5", "--encoding", "float64"], 2, "usage"),
                (["profile", "history", "no such"], 1, "invalid_params"),
                (["daemon", "log-level", "loud"], 1, "invalid_params"),
                (["snapshot", "rollback", "1"], 2, "usage"), (["nonsense"], 2, "usage"),
                (["call", "status", "[]"], 2, "usage"),
                (["status", "--socket", "/nonexistent"], 3, "no_connection"),
                (["status", "--socket", ""], 2, "usage"),
                (["status", "--socket", "/" + String(repeating: "x", count: 107)], 2, "usage"),
            ]
            for (arguments, status, name) in cases {
                let words = try await run(fixture, arguments)
                #expect(words.status == status && words.output.isEmpty, "\(arguments)")
                #expect(!words.error.isEmpty, "\(arguments)")
                let document = try await run(fixture, ["--json"] + arguments)
                #expect(document.status == status && document.error.isEmpty, "\(arguments)")
                #expect(try json(document)["error"]?["name"] == .string(name), "\(arguments)")
            }
            fixture.service.state.withLock { $0.isGated = true }
            let late = try await run(fixture, ["checkpoint", "--timeout", "0.2", "--json"])
            #expect(late.status == 4)
            #expect(try json(late)["error"]?["name"] == "no_answer")
            fixture.service.openGates()
            #expect(try await run(fixture, ["--help"]).status == 0)
            #expect(try await run(fixture, ["--version"]).output == Version.program + "\n")
        }
    }
}

/// What `top` makes of the histogram that `metrics` tells.
extension UBPCtlTests {
    @Test func `top tells what was asked since the look before, and how long it took`()
        async throws
    {
        try await ServerFixture.serve { fixture in
            for _ in 0..<3 { _ = try await run(fixture, ["version"]) }
            let child = try await run(
                fixture, ["top", "--json", "--count", "2", "--interval", "0.1"])
            #expect(child.status == 0, "\(child.error)")
            let looks = try child.output.split(separator: "\n").map {
                try JSONParser.parse(Array($0.utf8))
            }
            #expect(looks.count == 2 && looks.allSatisfy { $0["state"] == "live" })
            func requests(_ look: JSONValue, _ method: String) -> JSONValue? {
                look["requests"]?.elements?.first { $0["method"]?.text == method }
            }
            let first = try #require(looks.first)
            let last = try #require(looks.last)
            #expect(requests(first, "version")?["per_second"]?.number ?? 0 > 0)
            #expect(requests(first, "version")?["p99_seconds"]?.number ?? 0 > 0)
            // Nobody asked for the version between the looks; the first look itself asked for status.
            #expect(requests(last, "version")?["per_second"]?.number == 0)
            #expect(requests(last, "version")?["p99_seconds"] == .null)
            #expect(requests(last, "status")?["per_second"]?.number ?? 0 > 0)
        }
    }

    @Test(arguments: [
        ["top", "--interval", "0"], ["top", "--count", "0"], ["status", "--watch", "0"],
    ])
    func `refuses a pace that is none`(arguments: [String]) async throws {
        try await ServerFixture.serve { fixture in
            let child = try await run(fixture, arguments)
            #expect(child.status == 2 && child.error.contains("wants"), "\(child.error)")
        }
    }
}
