import ControlProtocol
import Daemon
import EventLog
import Events
import Pipeline
import Storage
import Synchronization
import TestSupport
import Testing

@Suite struct MethodTableTests {
    private let service = MockService()
    private let table: MethodTable

    init() {
        table = MethodTable(
            service: service, names: OneName(), profileBatch: 3, clock: SimulatedClock())
    }

    private func answer(
        _ method: String, _ params: JSONValue = [:], role: Role = .operator
    ) async -> Result<JSONValue, ControlError> {
        guard case .object(let members) = params else { return .success(.null) }
        return await table.answer(
            Request(id: .number(1), method: method, params: members), role: role, connections: 2)
    }

    private func result(
        _ method: String, _ params: JSONValue = [:], role: Role = .operator
    )
        async throws -> JSONValue
    {
        try await answer(method, params, role: role).get()
    }

    private func code(
        _ method: String, _ params: JSONValue = [:], role: Role = .operator
    ) async
        -> ControlError.Code?
    {
        guard case .failure(let error) = await answer(method, params, role: role) else {
            return nil
        }
        #expect(!error.message.isEmpty && !error.hint.isEmpty, "\(error)")
        return error.code
    }

    @Test func `answers status under the names that scripts rely on`() async throws {
        let status = try await result("status", role: .reader)
        let counters = try #require(status["counters"])
        for name in [
            "read", "applied", "late", "duplicate", "suppressed", "quarantined", "pending", "held",
            "catalogue",
        ] {
            #expect(counters[name]?.integer != nil, "\(name)")
        }
        #expect(counters["read"] == 10 && counters["pending"] == 1)
        for name in ["bytes", "events", "seconds"] { #expect(status["lag"]?[name] == 0) }
        #expect(status["generation"] == 1 && status["degraded"] == [])
        #expect(status["snapshot"]?["current"] == 2 && status["state"] == "live")
        #expect(status["daemon"]?["connections"] == 2)
    }

    @Test func `answers version`() async throws {
        #expect(try await result("version", role: .reader)["version"] == .string(Version.program))
    }

    @Test func `answers a profile with its names, text and number alike`() async throws {
        let profile = try await result("profile.get", ["user": "85123A"], role: .reader)
        #expect(profile["user"] == "77" && profile["original"] == "85123A")
        #expect(profile["known"] == true && profile["width"] == 3 && profile["as_of"] == 100)
        #expect(profile["vector"] == .floats([0.1, 1.1, 2.1]))
        for (name, value) in [
            ("space", 1), ("generation", 2), ("offset", 10), ("staleness_seconds", 0), ("rows", 5),
            ("events", 6), ("pending", 1), ("newest", 99),
        ] as [(String, JSONValue)] {
            #expect(profile[name] == value, "\(name)")
        }
        #expect(profile["parts"]?.elements?.count == 2)
        let other = try await result("profile.get", ["user": 404, "as_of": 7])
        #expect(other["known"] == false && other["original"] == nil && other["as_of"] == 7)
        #expect(service.calls == ["profiles [77] -1", "profiles [404] 7"])
    }

    @Test func `foretells the most probable first, and calls targets by the shop's names`()
        async throws
    {
        let reply = try await result(
            "profile.predict", ["users": ["85123A", 404]], role: .reader)
        #expect(reply["space"] == 1 && reply["generation"] == 2 && reply["offset"] == 10)
        #expect(reply["as_of"]?.integer == 1_700_000_000)
        let rows = (reply["predictions"]?.elements ?? []).map(PredictionRow.init)
        let known = try #require(rows.first)
        #expect(known.user == "77" && known.original == "85123A" && known.churn == 0.25)
        #expect(known.categories.map(\.id) == ["12", "11"])
        #expect(known.categories.map(\.probability) == [0.75, 0.5])
        #expect(known.categories.map(\.score) == [nil, 2])
        // Equally probable ones stay as listed.
        #expect(known.items.map(\.id) == ["9", "8", "7"])
        #expect(known.items.map(\.name) == ["WHITE MUG", nil, nil])
        #expect(rows.last?.known == false && rows.last?.items.isEmpty == true)
        let short = try await result("profile.predict", ["user": 5, "limit": 1, "generation": 3])
        #expect(short["predictions"]?.elements?.first?["items"]?.elements?.count == 1)
        #expect(service.calls == ["predictions [77, 404]", "predictions [5] generation(3)"])
    }

    @Test func `refuses a prediction that names nobody, too many, or twice`() async {
        #expect(await code("profile.predict") == .invalidParams)
        #expect(await code("profile.predict", ["user": 1, "users": [2]]) == .invalidParams)
        #expect(await code("profile.predict", ["user": 1, "limit": 101]) == .invalidParams)
        #expect(await code("profile.predict", ["users": [1, 2, 3, 4]]) == .tooLarge)
        #expect(service.calls.isEmpty)
    }

    @Test func `answers batches in the order asked, in any encoding`() async throws {
        let batch = try await result(
            "profile.batch", ["users": [5, "85123A", "6"], "encoding": "float16"], role: .reader)
        let users = batch["profiles"]?.elements?.compactMap { $0["user"]?.text }
        #expect(users == ["5", "77", "6"])
        let vector = try #require(batch["profiles"]?.elements?.first?["vector"])
        #expect(VectorEncoding.float16.values(of: vector)?.count == 3)
        #expect(await code("profile.batch", ["users": [1, 2, 3, 4]]) == .tooLarge)
    }

    @Test func `creates snapshots of the users named, ascending and once each`() async throws {
        let reply = try await result(
            "snapshot.create",
            ["wait_for_lag": 0, "timeout": 5, "users": [9, "85123A", 3, 9]])
        #expect(reply["version"] == 3 && reply["path"] == "/state/snapshots/3")
        let request = try #require(service.state.withLock { $0.request })
        #expect(request.waitForLagBytes == 0 && request.timeoutSeconds == 5)
        #expect(request.users?.map(\.rawValue) == [3, 9, 77])
    }

    @Test func `lists, shows and verifies snapshots`() async throws {
        let list = try await result("snapshot.list", role: .reader)
        #expect(list["snapshots"]?.elements?.map { $0["version"] } == [1, 2])
        let one = try await result("snapshot.show", ["version": 2], role: .reader)
        #expect(one["current"] == true)
        #expect(one["hashes"] == ["client_ids.npy": "aa", "embeddings.npy": "bb"])
        #expect(try await result("snapshot.verify", ["version": 1])["version"] == 1)
        #expect(await code("snapshot.show", ["version": 9]) == .unknownSnapshot)
    }

    @Test func `rolls back and releases, or only says that it would`() async throws {
        let dry = try await result(
            "snapshot.rollback", ["version": 1, "reason": "bad", "dry_run": true])
        #expect(dry["dry_run"] == true && dry["current"] == 1 && dry["hold"] == "bad")
        _ = try await result("snapshot.rollback", ["version": 1, "reason": "bad"])
        #expect(try await result("snapshot.release")["hold"] == .null)
        _ = try await result("snapshot.release", ["dry_run": true])
        let calls = service.calls.filter { $0 != "status" }
        #expect(
            calls == [
                "rollback 1 bad true", "rollback 1 bad false", "release false", "release true",
            ])
    }

    @Test func `changes nothing in a dry run`() async throws {
        for method in ["snapshot.create", "checkpoint", "drain"] {
            #expect(try await result(method, ["dry_run": true])["dry_run"] == true)
        }
        #expect(service.calls == ["status", "status", "status"])
    }

    @Test func `lists the quarantine by pages, segment and reason`() async throws {
        let page = try await result("quarantine.list", ["reason": "not_json", "limit": 1])
        let entry = try #require(page["entries"]?.elements?.first)
        #expect(entry["key"] == "17/4711" && entry["segment"] == 17 && entry["record"] == 4711)
        #expect(entry["reason_code"] == "not_json" && entry["refused"] == 1_700_000_000)
        #expect(entry["kept_bytes"] == 5 && entry["replayed"] == false)
        #expect(entry["base64"] == nil && entry["text"] == nil)
        #expect(page["next"] == "17/4711" && page["quarantine"]?["dropped"] == 7)
        _ = try await result("quarantine.list", ["after": "17/4711", "segment": 17])
        #expect(
            service.calls == [
                "quarantine nil nil not_json 1", "quarantine 17/4711 17 nil 100",
            ])
    }

    @Test func `shows a quarantined record, and says which is none`() async throws {
        let entry = try await result("quarantine.show", ["key": "17/4711"])
        #expect(entry["text"] == "{oops" && entry["base64"] == "e29vcHM=")
        #expect(QuarantineEntryReply(json: entry).bytes == Array("{oops".utf8))
        #expect(await code("quarantine.show", ["key": "17/4712"]) == .unknownEntry)
    }

    @Test func `replays what it can, says why not the rest, and only looks when told to`()
        async throws
    {
        let keys: JSONValue = ["17/4711", "17/4712"]
        let dry = try await result("quarantine.replay", ["keys": keys, "dry_run": true])
        #expect(dry["dry_run"] == true && dry["taken"] == 1 && dry["refused"] == 1)
        let real = try await result("quarantine.replay", ["keys": keys])
        #expect(real["dry_run"] == false && real["taken"] == 1)
        let entries = real["entries"]?.elements ?? []
        #expect(entries.map { $0["key"] } == ["17/4711", "17/4712"])
        #expect(entries.first?["taken"] == true && entries.last?["reason_code"] == "replayed")
        #expect(
            service.calls.filter { $0 != "status" } == [
                "replay 17/4711 17/4712 true", "replay 17/4711 17/4712 false",
            ])
        let many = JSONValue.array((0...1000).map { .string("1/\($0)") })
        #expect(await code("quarantine.replay", ["keys": many]) == .tooLarge)
    }

    @Test func `commits and drains`() async throws {
        #expect(try await result("checkpoint")["committed"]?["offset"] == 10)
        #expect(try await result("drain")["drained"] == true)
        #expect(service.calls.suffix(1) == ["drain"])
    }

    @Test(arguments: ["snapshot.create", "snapshot.release", "checkpoint", "drain"])
    func `refuses a mutation that counts on another version`(method: String) async {
        #expect(await code(method, ["expect_version": 1]) == .expectVersion)
        #expect(service.calls == ["status"])
        #expect(await code(method, ["expect_version": 2]) == nil)
    }

    @Test func `hands down what a mutation counts on, to be compared where it is carried out`()
        async
    {
        let rollback: JSONValue = ["version": 1, "reason": "bad", "expect_version": 2]
        #expect(await code("snapshot.rollback", rollback) == nil)
        #expect(await code("snapshot.release", ["expect_version": 2]) == nil)
        #expect(
            service.calls.filter { $0 != "status" } == [
                "rollback 1 bad false expecting 2", "release false expecting 2",
            ])
        service.fail(with: .notExpected(expected: 3, current: nil))
        #expect(await code("snapshot.release") == .expectVersion)
    }

    @Test(
        arguments: [
            ("status", ["x": 1]), ("version", ["x": 1]), ("profile.get", [:]),
            ("profile.get", ["user": .double(1.5)]), ("profile.get", ["user": "unknown text"]),
            ("profile.get", ["user": 1, "as_of": "soon"]),
            ("profile.get", ["user": 1, "as_of": -1]),
            ("profile.get", ["user": 1, "encoding": "float64"]), ("profile.get", ["users": [1]]),
            ("profile.batch", [:]), ("profile.batch", ["users": 1]),
            ("profile.batch", ["users": [[]]]),
            ("snapshot.create", ["wait_for_lag": -1]), ("snapshot.create", ["timeout": "long"]),
            ("snapshot.create", ["users": []]), ("snapshot.create", ["users": ["no such text"]]),
            ("snapshot.create", ["dryrun": true]),
            ("snapshot.list", ["all": true]), ("snapshot.show", [:]),
            ("snapshot.show", ["version": -1]), ("snapshot.verify", ["version": .double(0.5)]),
            ("snapshot.rollback", ["version": 1]), ("snapshot.rollback", ["reason": "x"]),
            ("snapshot.rollback", ["version": 1, "reason": ""]),
            ("snapshot.rollback", ["version": 1, "reason": "x", "dry_run": 1]),
            ("snapshot.release", ["version": 1]), ("checkpoint", ["now": true]),
            ("drain", ["dry_run": "yes"]), ("quarantine.list", ["limit": 0]),
            ("quarantine.list", ["limit": 1001]), ("quarantine.list", ["after": "17"]),
            ("quarantine.list", ["segment": -1]), ("quarantine.list", ["reason": 7]),
            ("quarantine.show", [:]), ("quarantine.show", ["key": "1"]),
            ("quarantine.show", ["key": 1]), ("quarantine.show", ["key": "01/2"]),
            ("quarantine.replay", [:]), ("quarantine.replay", ["keys": []]),
            ("quarantine.replay", ["keys": "1/2"]), ("quarantine.replay", ["keys": [12]]),
            ("quarantine.replay", ["keys": ["1/2", "x"]]),
            ("quarantine.replay", ["keys": ["1/2"], "dryrun": true]),
        ] as [(String, JSONValue)])
    func `refuses bad parameters before anything happens`(method: String, params: JSONValue) async {
        #expect(await code(method, params) == .invalidParams)
        #expect(service.calls.isEmpty)
    }

    @Test(arguments: Method.allCases)
    func `holds every method to its role`(method: Method) async {
        #expect(await code(method.rawValue, role: .none) == .forbidden)
        if case .failure(let error) = await answer(method.rawValue, role: .none) {
            let wanted = method.needsOperator ? "needs an operator" : "needs a reader"
            #expect(error.message == "`\(method.rawValue)` \(wanted)")
        }
        let asReader = await code(method.rawValue, role: .reader)
        #expect((asReader == .forbidden) == method.needsOperator)
        #expect(await code(method.rawValue) != .forbidden)
        #expect(await code(method.rawValue) != .methodNotFound)
    }

    @Test func `says what is not there yet, and what never will be`() async {
        #expect(await code("finetune.start") == .notAvailable)
        guard case .failure(let error) = await answer("snapshot.lsit") else {
            Issue.record("answered")
            return
        }
        #expect(error.code == .methodNotFound && error.hint.contains("`snapshot.list`"))
    }

    @Test func `gives each of the pipeline's errors its code`() async {
        let cases: [(PipelineError, ControlError.Code)] = [
            (.tooManyUsers(asked: 9, limit: 1), .tooLarge),
            (.unknownSnapshot(version: 1), .unknownSnapshot),
            (.damagedSnapshot(path: "snapshots/3", reason: "r"), .damagedSnapshot),
            (.held(reason: "r"), .held), (.timedOut(what: "w", seconds: 1), .timedOut),
            (.notQuarantined(RecordPlace(segment: 1, recordIndex: 2)), .unknownEntry),
            (.tooManyRecords(asked: 9, limit: 1), .tooLarge), (.inputsWaiting(count: 3), .busy),
            (.stopping, .stopping), (.storage("disk"), .storage), (.state("s"), .state),
        ]
        for (error, want) in cases {
            service.fail(with: error)
            #expect(await code("snapshot.verify", ["version": 1]) == want)
        }
    }
}
