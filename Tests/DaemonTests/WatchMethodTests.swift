import ControlProtocol
import Daemon
import Foundation
import Pipeline
import Storage
import Synchronization
import TestSupport
import Testing

/// `profile.watch` over the socket, against a pipeline in memory where nothing happens.
@Suite struct WatchMethodTests {
    private let service = MockService()

    private func answer(
        _ params: JSONValue, role: Role = .reader
    ) async -> Result<JSONValue, ControlError> {
        let table = MethodTable(service: service, names: OneName(), clock: SimulatedClock())
        guard case .object(let members) = params else { return .success(.null) }
        return await table.answer(
            Request(id: .number(1), method: "profile.watch", params: members), role: role)
    }

    @Test func `answers the present revision, changes, and that it cannot tell`() async throws {
        let now = try await answer([:]).get()
        #expect(now["revision"] == "7-100" && now["changes"] == [] && now["compacted"] == false)
        #expect(now["space"] == 1 && now["generation"] == 2 && now["oldest"] == nil)
        let told = try await answer(["after": "7-50", "users": ["85123A", 404], "limit": 5]).get()
        let changes = told["changes"]?.elements ?? []
        #expect(changes.count == 2 && changes[0]["user"] == "77" && changes[0]["events"] == 6)
        #expect(changes[0]["original"] == "85123A" && changes[0]["newest"] == 99)
        #expect(changes[0]["revision"] == "7-99" && changes[0]["forgotten"] == false)
        #expect(changes[1]["forgotten"] == true && changes[1]["newest"] == .null)
        let lost = try await answer(["after": "7-1"]).get()
        #expect(lost["compacted"] == true && lost["oldest"] == "7-50")
        #expect(
            service.calls == [
                "watch everybody now 1000", "watch [77, 404] 7-50 5", "watch everybody 7-1 1000",
            ])
        let nothing = try await answer(["after": "7-100", "wait": 0]).get()
        #expect(nothing["changes"] == [] && nothing["revision"] == "7-100")
    }

    @Test(
        arguments: [
            ["after": "yesterday"], ["after": 5], ["limit": 0], ["limit": 10_001], ["wait": 61],
            ["wait": -1], ["wait": "long"], ["users": []], ["users": "5"], ["users": [true]],
            ["user": 5], ["encoding": "float16"],
        ] as [JSONValue])
    func `refuses what it does not understand`(params: JSONValue) async {
        guard case .failure(let error) = await answer(params) else {
            Issue.record("\(params) was taken")
            return
        }
        #expect(error.code == .invalidParams && !error.hint.isEmpty)
        #expect(service.calls == [])
    }

    @Test func `needs a reader, and takes no more users than one reply is for`() async {
        guard case .failure(let error) = await answer([:], role: .none) else {
            Issue.record("a stranger was answered")
            return
        }
        #expect(error.code == .forbidden)
        let many = JSONValue.array((0...500).map { .int($0) })
        guard case .failure(let other) = await answer(["users": many]) else {
            Issue.record("501 users were taken")
            return
        }
        #expect(other.code == .tooLarge)
    }

    private static let params: JSONValue = ["after": "7-100", "wait": 60]

    @Test func `waiting costs the other requests nothing, and has a bound of its own`() async throws
    {
        try await ServerFixture.serve {
            $0.control.requestsInFlight = 1
            $0.control.watches = 2
            $0.control.idleSeconds = 1
        } _: { fixture in
            @Sendable func waiting() -> Int { fixture.service.state.withLock { $0.waitingWatches } }
            try await fixture.withPeer { first in
                try await first.send(1, .profileWatch, Self.params)
                try await fixture.withPeer { second in
                    try await second.send(1, .profileWatch, Self.params)
                    try await ServerFixture.until("two watches") { waiting() == 2 }
                    try await fixture.withPeer { third in
                        try await third.send(1, .version)
                        #expect(try await third.receive()?.code == nil)
                        try await third.send(2, .profileWatch, Self.params)
                        #expect(try await third.receive()?.code == .busy)
                    }
                }
                // Who goes away does not wait any longer.
                try await ServerFixture.until("one watch") { waiting() == 1 }
                let other = try await fixture.withPeer { peer in
                    try await peer.send(1, .profileWatch, ["after": "7-100", "wait": .double(2.5)])
                    return try await peer.receive()
                }
                // Longer than the idle time, which cut neither of the two.
                #expect(other?.code == nil && other != nil && waiting() == 1)
            }
        }
    }

    @Test func `ends when the daemon does, with its reply`() async throws {
        let directory = try TemporaryDirectory()
        var configuration = Configuration()
        configuration.socketPath = directory.path + "/ubpd.sock"
        let fixture = ServerFixture(configuration: configuration)
        let server = try fixture.makeServer()
        let run = Task { try await server.run() }
        let reply = try await fixture.withPeer { peer in
            try await peer.send(1, .profileWatch, Self.params)
            try await ServerFixture.until("a watch") {
                fixture.service.state.withLock { $0.waitingWatches } == 1
            }
            run.cancel()
            return try await peer.receive()
        }
        #expect(reply?.code == nil && reply != nil)
        _ = try? await run.value
        _ = consume directory
    }
}
