import ControlProtocol
import Daemon
import Pipeline
import Storage
import TestSupport
import Testing

/// `profile.explain` and `profile.history` on the wire.
@Suite struct InquiryMethodTests {
    private let service = MockService()
    private let table: MethodTable

    init() {
        table = MethodTable(service: service, names: OneName(), clock: SimulatedClock())
    }

    private func answer(
        _ method: String, _ params: JSONValue = [:], role: Role = .reader
    ) async -> Result<JSONValue, ControlError> {
        guard case .object(let members) = params else { return .success(.null) }
        return await table.answer(
            Request(id: .number(1), method: method, params: members), role: role)
    }

    private func code(
        _ method: String, _ params: JSONValue, role: Role = .reader
    ) async -> ControlError.Code? {
        guard case .failure(let error) = await answer(method, params, role: role) else {
            return nil
        }
        return error.code
    }

    @Test func `explains what a probability is without a session, and by how much that differs`()
        async throws
    {
        let json = try await answer("profile.explain", ["user": "85123A"]).get()
        #expect(json["user"] == "77" && json["original"] == "85123A" && json["known"] == true)
        #expect(json["space"] == 1 && json["generation"] == 2 && json["trained"] == true)
        #expect(json["as_of"]?.integer == 1_700_000_000 && json["offset"] == 10)
        #expect(json["reason"] == .null)
        let row = ExplanationRow(json: json)
        #expect(row.windowRows == 3 && row.olderRows == 7 && row.sessionCount == 2)
        #expect(row.unchanged == ["older_rows", "row_counts", "scores"])
        #expect(row.prediction.churn == 0.25)
        #expect(row.prediction.categories.map(\.id) == ["12", "11"])
        #expect(row.prediction.items.map(\.name) == ["WHITE MUG"])
        let first = try #require(row.sessions.first)
        #expect(first.held == [0, 0, 1, 0, 0] && first.rows == 1 && !first.isWhole)
        #expect(first.began == 1_699_900_000 && first.ended == 1_699_900_000)
        #expect(first.churn == .init(with: 0.25, without: 0.75) && first.churn?.effect == -0.5)
        // In the order of the prediction's lists, not of the space's.
        #expect(first.categories.map(\.id) == ["12", "11"])
        #expect(first.categories.map(\.change.without) == [0.75, 0.25])
        #expect(first.categories.map(\.change.effect) == [0, 0.25])
        #expect(first.items.map(\.change.effect) == [-0.125])
        let second = try #require(row.sessions.last)
        #expect(second.held == [1, 0, 0, 0, 1] && second.rows == 2 && second.isWhole)
        #expect(second.ended == 1_699_990_000 && second.churn?.effect == 0.125)
        #expect(ExplanationRow(json: .object(row.members)) == row)
    }

    @Test func `explains as many sessions and targets as are asked for, of the generation asked`()
        async throws
    {
        let json = try await answer(
            "profile.explain", ["user": 5, "limit": 1, "targets": 1, "as_of": 9, "space": 3]
        ).get()
        let row = ExplanationRow(json: json)
        #expect(row.sessions.count == 1 && row.sessionCount == 2)
        #expect(row.prediction.categories.count == 1 && row.sessions[0].categories.count == 1)
        #expect(json["as_of"] == 9)
        let none = try await answer("profile.explain", ["user": 5, "targets": 0]).get()
        #expect(ExplanationRow(json: none).prediction.items.isEmpty)
        #expect(service.calls == ["explain 5 9 space(3)", "explain 5 -1"])
    }

    @Test func `explains nothing of a user it does not know, nor without a network`() async throws {
        let unknown = try await answer("profile.explain", ["user": 404]).get()
        #expect(unknown["known"] == false && unknown["sessions"] == [])
        #expect(unknown["churn"] == .null && unknown["session_count"] == 0)
        let bare = try await answer("profile.explain", ["user": 5, "generation": 0]).get()
        let row = ExplanationRow(json: bare)
        #expect(row.reason?.contains("no network that predicts") == true && row.prediction.known)
        #expect(row.sessions.count == 2 && row.sessions[0].churn == nil)
        #expect(row.unchanged == ["row_counts", "scores"])
    }

    @Test func `tells a user's snapshots in order, with vectors where they are asked for`()
        async throws
    {
        let json = try await answer("profile.history", ["user": "85123A"]).get()
        #expect(json["user"] == "77" && json["original"] == "85123A" && json["known"] == true)
        #expect(json["older"] == 4 && json["encoding"] == .null)
        let rows = (json["snapshots"]?.elements ?? []).map(HistoryRow.init)
        #expect(rows.map(\.version) == [1, 2, 3] && rows.map(\.known) == [true, true, false])
        #expect(rows.map(\.previous) == [nil, 1, 2])
        #expect(rows.map(\.isCurrent) == [false, true, false])
        #expect(rows.map { $0.parts.first?.cosine } == [nil, 0.96, nil])
        #expect(rows.map { $0.parts.first?.norm } == [5, 10, nil])
        #expect(rows.map(\.reason) == ["there is none before it", nil, "it cannot be read"])
        #expect(rows[2].problem == "snapshots/3: missing")
        #expect(rows.allSatisfy { $0.vector == .null })
        for row in rows { #expect(HistoryRow(json: row.json) == row) }
        let more = try await answer(
            "profile.history",
            ["user": 5, "limit": 1000, "space": 1, "encoding": "float32"]
        ).get()
        let vectors = (more["snapshots"]?.elements ?? []).map(HistoryRow.init).map(\.vector)
        #expect(more["encoding"] == "float32" && more["original"] == nil)
        #expect(VectorEncoding.float32.values(of: vectors[1]) == [8, 6] && vectors[2] == .null)
        let unknown = try await answer("profile.history", ["user": 404]).get()
        #expect(unknown["known"] == false)
        #expect(service.calls == ["history 77 10 -1", "history 5 1000 1", "history 404 10 -1"])
    }

    @Test(
        arguments: [
            ("profile.explain", [:]), ("profile.explain", ["user": []]),
            ("profile.explain", ["users": [1]]), ("profile.explain", ["user": 1, "limit": 0]),
            ("profile.explain", ["user": 1, "limit": 1001]),
            ("profile.explain", ["user": 1, "targets": 101]),
            ("profile.explain", ["user": 1, "targets": -1]),
            ("profile.explain", ["user": 1, "as_of": -1]),
            ("profile.explain", ["user": 1, "space": 1, "generation": 1]),
            ("profile.explain", ["user": "no such"]), ("profile.history", [:]),
            ("profile.history", ["user": true]), ("profile.history", ["user": 1, "limit": 0]),
            ("profile.history", ["user": 1, "limit": 1001]),
            ("profile.history", ["user": 1, "encoding": "float64"]),
            ("profile.history", ["user": 1, "space": -1]),
            ("profile.history", ["user": 1, "generation": 1]),
            ("profile.history", ["user": "no such"]),
        ] as [(String, JSONValue)])
    func `refuses parameters that make no sense`(method: String, params: JSONValue) async {
        #expect(await code(method, params) == .invalidParams)
        #expect(service.calls.isEmpty)
    }

    @Test(arguments: ["profile.explain", "profile.history"])
    func `asks for a reader, and passes the pipeline's errors on`(method: String) async {
        #expect(await code(method, ["user": 1], role: .none) == .forbidden)
        #expect(service.calls.isEmpty)
        service.fail(with: .notServed(asked: "space 3", served: "generation 1 of space 1"))
        #expect(await code(method, ["user": 1]) == .notServed)
    }
}
