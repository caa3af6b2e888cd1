import ControlProtocol
import Daemon
import Foundation
import Logging
import Pipeline
import Snapshots
import Storage
import Synchronization
import TestSupport
import Testing

/// Every method that changes something: its guards, its id, and its entry in the audit.
@Suite struct MutationTests {
    /// A mutation with parameters that are right, what the pipeline is then asked, and some that
    /// are wrong.
    struct Case: Sendable, CustomTestStringConvertible {
        var method: Method
        var params: JSONValue = [:]
        /// Begins the call that changes something; nil for what the pipeline has no part in.
        var call: String?
        var bad: JSONValue
        var other: JSONValue

        var testDescription: String { method.rawValue }
    }

    static let cases: [Case] = [
        Case(
            method: .snapshotCreate, call: "create", bad: ["timeout": "long"],
            other: ["timeout": 5]),
        Case(
            method: .snapshotRollback, params: ["version": 1, "reason": "bad"],
            call: "rollback 1 bad false", bad: ["version": "one", "reason": "x"],
            other: ["version": 1, "reason": "worse"]),
        Case(
            method: .snapshotRelease, call: "release false", bad: ["version": 1],
            other: ["expect_version": 2]),
        Case(
            method: .snapshotPin, params: ["version": 1], call: "pin 1  false",
            bad: ["version": -1], other: ["version": 1, "reason": "x"]),
        Case(
            method: .snapshotUnpin, params: ["version": 1], call: "unpin 1 false",
            bad: ["version": 1, "reason": "x"], other: ["version": 2]),
        Case(
            method: .snapshotPrune, call: "prune false", bad: ["keep": 3],
            other: ["expect_version": 2]),
        Case(
            method: .generationActivate, params: ["generation": 3],
            call: "activate 3 false false", bad: ["generation": "x"], other: ["generation": 4]),
        Case(
            method: .refreshCancel, call: "cancel false", bad: ["pid": 1],
            other: ["expect_version": 2]),
        Case(
            method: .userForget, params: ["user": "7", "reason": "asked"],
            call: "forget 7 asked false false", bad: ["user": "7", "reason": 5],
            other: ["user": "8", "reason": "asked"]),
        Case(
            method: .quarantineReplay, params: ["keys": ["17/4711"]],
            call: "replay 17/4711 false", bad: ["keys": "17/4711"], other: ["keys": ["17/4712"]]),
        Case(
            method: .checkpoint, call: "checkpoint", bad: ["now": 1],
            other: ["expect_version": 2]),
        Case(
            method: .reload, call: "retention 14 7", bad: ["file": "x"],
            other: ["expect_version": 2]),
        Case(
            method: .logLevel, params: ["level": "debug"], call: nil, bad: ["level": "loud"],
            other: ["level": "error"]),
        Case(method: .drain, call: "drain", bad: ["dry_run": "yes"], other: ["expect_version": 2]),
    ]

    private let fixture: MutationFixture

    init() throws {
        fixture = try MutationFixture(registry: .inMemory())
        let condition = RefreshCondition(
            step: "x", stepIndex: 1, stepCount: 2, fraction: 0.5, started: 1, updated: 2, pid: 3,
            state: "running")
        fixture.service.state.withLock { $0.refresh = condition }
    }

    private func changes(_ wanted: Case) -> Int {
        fixture.service.calls.count { $0 == wanted.call }
    }

    @Test func `has a case for every mutation that is there`() async {
        let here = Set(Self.cases.map(\.method))
        let missing = Method.allCases.filter { $0.isMutation && !here.contains($0) }
        for method in missing {
            #expect(await fixture.code(method, [:]) == .notAvailable, "\(method.rawValue)")
        }
        let open = Method.allCases.filter { $0.isMutation && !$0.needsOperator }
        #expect(open.isEmpty)
    }

    @Test(arguments: cases)
    func `is done and entered`(wanted: Case) async throws {
        _ = try await fixture.answer(wanted.method, wanted.params).get()
        #expect(changes(wanted) == (wanted.call == nil ? 0 : 1), "\(fixture.service.calls)")
        let entry = try #require(try await fixture.entries().last)
        #expect(entry.method == wanted.method.rawValue && entry.outcome == "done")
        #expect(entry.user == 1000 && entry.group == 100 && entry.process == 4242)
        #expect(entry.role == "operator" && entry.seconds == 1_000_000 && entry.request == nil)
        #expect(try JSONParser.parse(Array(entry.parameters.utf8)) == wanted.params.canonical)
    }

    @Test(arguments: cases)
    func `with bad parameters is refused and entered`(wanted: Case) async throws {
        let before = fixture.service.calls
        #expect(await fixture.code(wanted.method, wanted.bad) == .invalidParams)
        #expect(fixture.service.calls == before)
        #expect(try await fixture.entries().last?.outcome == "invalid_params")
        let wrong: [(String, JSONValue)] = [
            ("id", 7), ("id", ""), ("id", "a\u{0}"), ("expect_version", "x"),
        ]
        for (name, value) in wrong {
            let params = wanted.params.with(name, value)
            #expect(await fixture.code(wanted.method, params) == .invalidParams, "\(name)")
        }
        #expect(changes(wanted) == 0)
    }

    @Test(arguments: cases)
    func `is refused to who may not, and that is entered`(wanted: Case) async throws {
        for role in [Role.none, .reader] {
            let code = await fixture.code(wanted.method, wanted.params.with("id", "x"), role: role)
            #expect(code == .forbidden)
        }
        #expect(fixture.service.calls.isEmpty)
        let entries = try await fixture.entries()
        #expect(entries.map(\.outcome) == ["forbidden", "forbidden"])
        #expect(entries.map(\.role) == ["none", "reader"])
        // The id is still free.
        #expect(await fixture.code(wanted.method, wanted.params.with("id", "x")) == nil)
    }

    @Test(arguments: cases)
    func `in a dry run changes nothing, takes no id and leaves no entry`(
        wanted: Case
    ) async throws {
        let params = wanted.params.with("dry_run", true).with("id", "x")
        for _ in 0..<2 {
            #expect(try await fixture.answer(wanted.method, params).get()["dry_run"] == true)
        }
        #expect(changes(wanted) == 0 && fixture.level.current == .info)
        #expect(try await fixture.entries().isEmpty)
        #expect(await fixture.code(wanted.method, wanted.params.with("id", "x")) == nil)
    }

    @Test(arguments: cases)
    func `counts on the version it names`(wanted: Case) async throws {
        let params = wanted.params.with("expect_version", 1)
        #expect(await fixture.code(wanted.method, params) == .expectVersion)
        #expect(changes(wanted) == 0)
        #expect(try await fixture.entries().last?.outcome == "expect_version")
    }

    @Test(arguments: cases)
    func `under an id is done once`(wanted: Case) async throws {
        let params = wanted.params.with("id", "mine")
        let first = try await fixture.answer(wanted.method, params).get()
        let calls = fixture.service.calls
        // In another order, and with what says nothing, it is the same request.
        let same = params.with("dry_run", false).reversed
        #expect(try await fixture.answer(wanted.method, same).get() == first)
        #expect(fixture.service.calls == calls)
        #expect(try await fixture.entries().count == 1)
        let other = wanted.other.with("id", "mine")
        #expect(await fixture.code(wanted.method, other) == .idReused)
        #expect(fixture.service.calls == calls)
        #expect(try await fixture.entries().map(\.outcome) == ["done", "id_reused"])
        let elsewhere: Method = wanted.method == .checkpoint ? .snapshotPrune : .checkpoint
        #expect(await fixture.code(elsewhere, ["id": "mine"]) == .idReused)
    }

    @Test func `after a refusal that did nothing, an id may be used again`() async throws {
        fixture.service.fail(with: .storage("disk full"))
        #expect(await fixture.code(.checkpoint, ["id": "x"]) == .storage)
        fixture.service.fail(with: nil)
        #expect(await fixture.code(.checkpoint, ["id": "x"]) == nil)
        #expect(try await fixture.entries().map(\.outcome) == ["storage", "done"])
    }

    @Test func `while a request is carried out, its id is busy`() async throws {
        fixture.service.state.withLock { $0.isGated = true }
        let fixture = fixture
        async let first = fixture.answer(.checkpoint, ["id": "x"])
        try await ServerFixture.until("the checkpoint") {
            fixture.service.state.withLock { !$0.gates.isEmpty }
        }
        #expect(await fixture.code(.checkpoint, ["id": "x"]) == .busy)
        fixture.service.openGates()
        let result = try await first.get()
        #expect(try await fixture.answer(.checkpoint, ["id": "x"]).get() == result)
        #expect(fixture.service.calls.count { $0 == "checkpoint" } == 1)
    }

    @Test func `knows ids and chain after a restart, and what it did not finish`() async throws {
        let directory = try TemporaryDirectory()
        var first: JSONValue?
        do {
            let registry = try Registry(stateDirectory: directory.path, on: RealDisk())
            let fixture = try MutationFixture(registry: registry)
            first = try await fixture.answer(.snapshotPrune, ["id": "night"]).get()
            // The daemon is killed between taking the id and the answer.
            _ = try registry.claimRequest(
                "killed", method: "checkpoint",
                digest: ContentHash.hex(of: Array("checkpoint\n{}".utf8)), seconds: 1_000_000)
        }
        let fixture = try MutationFixture(
            registry: Registry(stateDirectory: directory.path, on: RealDisk()))
        #expect(try await fixture.answer(.snapshotPrune, ["id": "night"]).get() == first)
        #expect(fixture.service.calls.isEmpty)
        #expect(await fixture.code(.checkpoint, ["id": "killed"]) == .unfinished)
        #expect(fixture.service.calls.isEmpty)
        #expect(try await fixture.entries().map(\.outcome) == ["done", "unfinished"])
        let verdict = try await fixture.answer(.auditVerify, [:]).get()
        #expect(verdict["whole"] == true && verdict["entries"] == 2)
        let judge = try await Child.run(
            ["python3", goldenPath("audit_chain.py"), directory.path + "/ubpd.sqlite"])
        #expect(judge.output == "whole 2 \(verdict["head"]?["hash"]?.text ?? "none")\n")
    }

    @Test func `lists the audit by pages and by method`() async throws {
        for method in [Method.checkpoint, .snapshotPrune, .checkpoint] {
            _ = try await fixture.answer(method, [:]).get()
        }
        let page = try await fixture.answer(.auditList, ["limit": 2]).get()
        #expect(page["entries"]?.elements?.map { $0["sequence"] } == [1, 2] && page["next"] == 2)
        let rest = try await fixture.answer(.auditList, ["after": 2, "limit": 2]).get()
        #expect(rest["entries"]?.elements?.count == 1 && rest["next"] == .null)
        #expect(rest["head"]?["sequence"] == 3)
        let some = try await fixture.answer(.auditList, ["method": "checkpoint"]).get()
        #expect(some["entries"]?.elements?.map { $0["sequence"] } == [1, 3])
        let bad: [JSONValue] = [["limit": 0], ["after": -1], ["method": 3], ["x": 1]]
        for params in bad { #expect(await fixture.code(.auditList, params) == .invalidParams) }
    }

    @Test func `verifies against an end that somebody remembers`() async throws {
        for _ in 0..<3 { _ = try await fixture.answer(.checkpoint, [:]).get() }
        let hashes = try await fixture.entries().map(\.hash)
        func verify(_ sequence: Int64, _ hash: String) async throws -> JSONValue {
            try await fixture.answer(
                .auditVerify, ["sequence": .int(sequence), "hash": .string(hash)]
            ).get()
        }
        #expect(try await verify(2, hashes[1].uppercased())["whole"] == true)
        let other = try await verify(2, hashes[0])
        #expect(other["whole"] == false && other["broken"]?["sequence"] == 2)
        let cut = try await verify(4, hashes[2])
        #expect(cut["whole"] == false && cut["broken"]?["sequence"] == 4)
        let zeros = JSONValue.string(String(repeating: "0", count: 64))
        let bad: [JSONValue] = [
            ["sequence": 1], ["hash": zeros], ["sequence": 0, "hash": zeros],
            ["sequence": 1, "hash": "12"],
        ]
        for params in bad { #expect(await fixture.code(.auditVerify, params) == .invalidParams) }
    }

    @Test func `keeps long parameters and secrets out of the audit`() async throws {
        let users = JSONValue.array((0..<5000).map { .int(Int64($0)) })
        _ = try await fixture.answer(.snapshotCreate, ["users": users, "timeout": 5]).get()
        let long = try #require(try await fixture.entries().last).parameters
        let kept = try JSONParser.parse(Array(long.utf8))
        #expect(kept["timeout"] == 5 && kept["users"]?["sha256"]?.text?.count == 64)
        #expect(kept["users"]?["bytes"] == .int(Int64(users.encoded.count)))
        #expect(await fixture.code(.drain, ["password": "hunter2", "id": "i"]) == .invalidParams)
        let entry = try #require(try await fixture.entries().last)
        #expect(entry.parameters == #"{"password":"left out"}"# && entry.request == "i")
        let many = JSONValue.object((0..<3000).map { .init("p\($0)", 1) })
        #expect(await fixture.code(.drain, many) == .invalidParams)
        let short = try #require(try await fixture.entries().last).parameters
        #expect(short.utf8.count < 200)
    }

    @Test func `lets nobody fill the audit with what is forbidden`() async throws {
        for _ in 0..<40 { #expect(await fixture.code(.drain, [:], role: .none) == .forbidden) }
        #expect(try await fixture.entries().count == 32)
        fixture.clock.advance(seconds: 60)
        #expect(await fixture.code(.drain, [:], role: .none) == .forbidden)
        #expect(try await fixture.entries().count == 33)
    }
}

extension JSONValue {
    /// The same object with one member more, or another value of it.
    func with(_ name: String, _ value: JSONValue) -> JSONValue {
        guard case .object(let members) = self else { return self }
        return .object(members.filter { $0.name != name } + [.init(name, value)])
    }

    /// The same object with its members in the other order.
    var reversed: JSONValue {
        guard case .object(let members) = self else { return self }
        return .object(members.reversed())
    }
}
