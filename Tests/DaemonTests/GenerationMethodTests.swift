import ControlProtocol
import Daemon
import Pipeline
import Storage
import Synchronization
import TestSupport
import Testing

/// The methods on generations, spaces and the refresh, and the choice of a generation in others.
@Suite struct GenerationMethodTests {
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

    private func code(_ method: String, _ params: JSONValue = [:]) async -> ControlError.Code? {
        guard case .failure(let error) = await answer(method, params) else { return nil }
        #expect(!error.message.isEmpty && !error.hint.isEmpty, "\(error)")
        return error.code
    }

    @Test func `lists and shows generations with what the gate said and where they stand`()
        async throws
    {
        let list = try await answer("generation.list", role: .reader).get()
        let replies = (list["generations"]?.elements ?? []).map(GenerationReply.init)
        #expect(replies.map(\.generation) == [1, 2])
        #expect(replies[0].standing?.role == "active" && replies[0].refusals.isEmpty)
        #expect(replies[0].takeovers.first?["seconds"] == 1_700_000_000)
        #expect(replies[1].refusals == ["churn: worse by 0.2"] && replies[1].standing == nil)
        let numbers: [JSONValue.Member] = [.init("gate.churn", .double(0.5)), .init("rows", 64)]
        #expect(replies[1].numbers.map(\.name) == numbers.map(\.name))
        #expect(replies[1].numbers.map(\.value.number) == numbers.map(\.value.number))
        let one = try await answer("generation.show", ["generation": 2], role: .reader).get()
        #expect(GenerationReply(json: one) == replies[1])
        #expect(one["accepted"] == false)
        #expect(await code("generation.show", ["generation": 9]) == .unknownGeneration)
    }

    @Test func `activates, refuses what the gate refused, and only looks when told to`()
        async throws
    {
        let dry = try await answer("generation.activate", ["generation": 3, "dry_run": true]).get()
        #expect(dry["dry_run"] == true && dry["previous"] == 1 && dry["generation"] == 3)
        #expect(await code("generation.activate", ["generation": 2]) == .refusedGeneration)
        let forced = try await answer("generation.activate", ["generation": 2, "force": true]).get()
        #expect(forced["active"] == false && forced["generation"] == 2)
        #expect(
            service.calls.filter { $0 != "status" } == [
                "activate 3 false true", "activate 2 false false", "activate 2 true false",
            ])
    }

    @Test func `lists spaces and who serves them`() async throws {
        let list = try await answer("space.list", role: .reader).get()
        let space = try #require(list["spaces"]?.elements?.first.map(SpaceReply.init))
        #expect(space.space == 1 && space.generations == [1] && space.served == 1)
        #expect(space.until == 1_800_000_000 && space.fitFrom == 5 && space.fitTo == 9)
    }

    @Test func `tells how a refresh stands and cancels it`() async throws {
        #expect(try await answer("refresh.status", role: .reader).get()["refresh"] == .null)
        #expect(await code("refresh.cancel") == .noRefresh)
        var condition = RefreshCondition(
            step: "training sra", stepIndex: 2, stepCount: 9, fraction: 0.25, started: 100,
            updated: 200, pid: 4711, state: "running")
        condition.isRunning = true
        let running = condition
        service.state.withLock { $0.refresh = running }
        let status = try await answer("refresh.status").get()
        let reply = RefreshReply(json: status["refresh"] ?? .null)
        #expect(reply.isRunning && reply.step == "training sra" && reply.pid == 4711)
        #expect(reply.stepIndex == 2 && reply.stepCount == 9 && reply.fraction == 0.25)
        let dry = try await answer("refresh.cancel", ["dry_run": true]).get()
        #expect(dry["cancelled"] == false && dry["refresh"]?["pid"] == 4711)
        #expect(try await answer("refresh.cancel").get()["cancelled"] == true)
        #expect(
            service.calls.filter { $0.hasPrefix("cancel") }.suffix(2) == [
                "cancel true", "cancel false",
            ])
    }

    @Test func `asks the generation or the space that a reader names`() async throws {
        _ = try await answer("profile.get", ["user": 5, "space": 7], role: .reader).get()
        _ = try await answer("profile.batch", ["users": [5], "generation": 8]).get()
        #expect(service.calls == ["profiles [5] -1 space(7)", "profiles [5] -1 generation(8)"])
        _ = try await answer("snapshot.create", ["space": 7]).get()
        #expect(service.state.withLock { $0.request?.selector } == .space(7))
        service.fail(with: .notServed(asked: "space 7", served: "generation 1 of space 1"))
        #expect(await code("profile.get", ["user": 5, "space": 7]) == .notServed)
    }

    @Test(
        arguments: [
            ("generation.list", ["all": true]), ("generation.show", [:]),
            ("generation.show", ["generation": -1]),
            ("generation.show", ["generation": 1, "force": true]),
            ("generation.activate", [:]), ("generation.activate", ["generation": "newest"]),
            ("generation.activate", ["generation": 1, "force": 1]),
            ("generation.activate", ["generation": 1, "dryrun": true]),
            ("space.list", ["space": 1]), ("refresh.status", ["x": 1]),
            ("refresh.cancel", ["pid": 12]), ("profile.get", ["user": 1, "space": -1]),
            ("profile.get", ["user": 1, "space": 1, "generation": 1]),
            ("snapshot.create", ["space": 1, "generation": 1]),
        ] as [(String, JSONValue)])
    func `refuses bad parameters before anything happens`(method: String, params: JSONValue) async {
        #expect(await code(method, params) == .invalidParams)
        #expect(service.calls.isEmpty)
    }

    @Test func `status shows who runs, the refresh and what happened`() async throws {
        let standing = GenerationStanding(
            generation: 2, space: 1, trained: true, role: "catching-up", state: "catching-up",
            offset: 5, lagBytes: 77, lagEvents: 7, etaSeconds: 1.5, until: nil)
        service.state.withLock {
            $0.report.generations = [standing]
            $0.report.notices = ["generation 1: removed, by retention"]
        }
        let status = StatusReply(json: try await answer("status").get())
        #expect(
            status.generations == [
                StandingReply(
                    generation: 2, space: 1, trained: true, role: "catching-up",
                    state: "catching-up", offset: 5, lagBytes: 77, lagEvents: 7, etaSeconds: 1.5,
                    until: nil)
            ])
        #expect(status.notices == ["generation 1: removed, by retention"] && status.refresh == nil)
    }
}
