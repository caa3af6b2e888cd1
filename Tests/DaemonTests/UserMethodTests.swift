import ControlProtocol
import Daemon
import Storage
import Synchronization
import TestSupport
import Testing

@Suite struct UserMethodTests {
    private let service = MockService()
    private let table: MethodTable

    init() { table = MethodTable(service: service, names: OneName(), clock: SimulatedClock()) }

    private func answer(
        _ method: String, _ params: [JSONValue.Member] = [], role: Role = .operator
    ) async -> Result<JSONValue, ControlError> {
        await table.answer(Request(id: .number(1), method: method, params: params), role: role)
    }

    private func code(
        _ method: String, _ params: [JSONValue.Member] = [], role: Role = .operator
    ) async -> ControlError.Code? {
        guard case .failure(let error) = await answer(method, params, role: role) else {
            return nil
        }
        #expect(!error.message.isEmpty && !error.hint.isEmpty, "\(error)")
        return error.code
    }

    @Test func `forgets a user under either name, and only checks in a dry run`() async throws {
        var parameters = UserForgetParameters(user: .text("85123A"), reason: "case 12")
        let result = try await answer("user.forget", parameters.members).get()
        let reply = UserForgetReply(json: result)
        #expect(reply.user == "77" && reply.original == "85123A" && reply.input == 5)
        #expect(reply.place == "3/4" && reply.offset == 10 && reply.events == 12 && reply.rows == 7)
        parameters.user = .number(3)
        parameters.allowsReturn = true
        parameters.guards.isDryRun = true
        let dry = UserForgetReply(
            json: try await answer("user.forget", parameters.members).get())
        #expect(dry.input == nil && dry.isDryRun && dry.allowsReturn && dry.original == nil)
        #expect(
            service.state.withLock { $0.calls.filter { $0.hasPrefix("forget") } } == [
                "forget 77 case 12 false false", "forget 3 case 12 true true",
            ])
        parameters.guards.expectVersion = 99
        #expect(await code("user.forget", parameters.members) == .expectVersion)
    }

    @Test func `lists who was forgotten, a page at a time`() async throws {
        let all = try await answer("user.suppressions").get()
        let entries = (all["suppressions"]?.elements ?? []).map(SuppressionReply.init)
        #expect(entries.map(\.user) == ["77"] && entries[0].original == "85123A")
        #expect(entries[0].reason == "case 12" && entries[0].erasedSeconds == nil)
        #expect(all["pending"] == 1 && all["next"] == .null)
        let none = try await answer("user.suppressions", [.init("after", 5)]).get()
        #expect(none["suppressions"]?.elements?.isEmpty == true)
    }

    @Test func `exports what is held, by name, and says so when it is nothing`() async throws {
        let export = try await answer("user.export", [.init("user", "77")]).get()
        #expect(export["known"] == true && export["suppressed"] == false)
        #expect(export["suppressions"]?.elements?.count == 1)
        let url = export["state"]?["tables"]?["urls"]?.elements?.first
        #expect(url?["key"] == "4711" && url?["page_visit"] == 2)
        #expect(export["state"]?["rows"]?["total"] == 0)
        // Item 0 is an item; a search is about none.
        #expect(export["held"]?.elements?.map { $0["sku"] } == [nil, "0"])
        let parts = export["profile"]?.elements ?? []
        #expect(!parts.isEmpty && parts.allSatisfy { $0["values"]?.elements?.isEmpty == false })
        // It is a document that comes back as it was.
        #expect(try JSONParser.parse(export.encoded)["user"] == "77")
        let unknown = try await answer("user.export", [.init("user", 404)]).get()
        #expect(unknown["known"] == false && unknown["state"] == .null)
        #expect(unknown["profile"] == .null)
    }

    @Test(arguments: ["user.forget", "user.export", "user.suppressions"])
    func `readers may not, and bad parameters are named`(method: String) async {
        #expect(await code(method, [.init("user", 3)], role: .reader) == .forbidden)
        #expect(await code(method, [.init("usr", 3)]) == .invalidParams)
        if method == "user.suppressions" {
            #expect(await code(method, [.init("limit", 0)]) == .invalidParams)
            #expect(await code(method, [.init("after", -1)]) == .invalidParams)
            return
        }
        #expect(await code(method) == .invalidParams)
        #expect(await code(method, [.init("user", true)]) == .invalidParams)
        #expect(await code(method, [.init("user", "nobody of that name")]) == .invalidParams)
        if method == "user.forget" {
            let long = JSONValue.string(String(repeating: "x", count: 501))
            #expect(
                await code(method, [.init("user", 3), .init("reason", long)]) == .invalidParams)
        }
    }
}
