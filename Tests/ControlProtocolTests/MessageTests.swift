import ControlProtocol
import Testing

@Suite struct MessageTests {
    private func refusal(_ line: String) -> Request.Refusal? {
        do throws(Request.Refusal) {
            _ = try Request(line: Array(line.utf8), byteLimit: 10_000)
            return nil
        } catch {
            return error
        }
    }

    @Test func `reads requests and notifications`() throws {
        let line = #"{"jsonrpc":"2.0","id":"x","method":"profile.get","params":{"user":5}}"#
        let request = try Request(line: Array(line.utf8), byteLimit: 1000)
        #expect(
            request == Request(id: .text("x"), method: "profile.get", params: [.init("user", 5)]))
        #expect(String(decoding: request.encoded, as: UTF8.self) == line)
        let bare = #"{"jsonrpc":"2.0","method":"status"}"#
        #expect(try Request(line: Array(bare.utf8), byteLimit: 1000).id == nil)
        let null = #"{"jsonrpc":"2.0","id":null,"method":"status"}"#
        #expect(try Request(line: Array(null.utf8), byteLimit: 1000).id == .null)
    }

    @Test(arguments: [
        (#"nonsense"#, ControlError.Code.parseError, RequestID.null),
        (#"[]"#, .invalidRequest, .null),
        (#"[{"jsonrpc":"2.0","id":1,"method":"status"}]"#, .invalidRequest, .null),
        (#"{"id":1,"method":"status"}"#, .invalidRequest, .number(1)),
        (#"{"jsonrpc":"1.0","id":2,"method":"status"}"#, .invalidRequest, .number(2)),
        (#"{"jsonrpc":"2.0","id":3}"#, .invalidRequest, .number(3)),
        (#"{"jsonrpc":"2.0","id":4,"method":7}"#, .invalidRequest, .number(4)),
        (#"{"jsonrpc":"2.0","id":1.5,"method":"status"}"#, .invalidRequest, .null),
        (#"{"jsonrpc":"2.0","id":{},"method":"status"}"#, .invalidRequest, .null),
        (#"{"jsonrpc":"2.0","id":"a","method":"s","params":[1]}"#, .invalidParams, .text("a")),
        (#"{"jsonrpc":"2.0","id":"b","method":"s","param":{}}"#, .invalidRequest, .text("b")),
    ])
    func `refuses what is no request, under its id`(
        line: String, code: ControlError.Code, id: RequestID
    ) {
        let refusal = refusal(line)
        #expect(refusal?.error.code == code)
        #expect(refusal?.id == id)
        #expect(refusal?.error.hint.isEmpty == false)
    }

    @Test func `keeps the numbers of its error codes`() {
        let numbers = ControlError.Code.allCases.map(\.number)
        #expect(
            numbers == [
                -32_700, -32_600, -32_601, -32_602, -32_603, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12,
                13, 14, 15, 16, 17, 20, 21, 22,
            ])
    }

    @Test func `carries results and errors in replies`() throws {
        let good = Reply(id: .number(4), result: .success(["a": [1, 2]]))
        let bad = Reply(
            id: .text("q"),
            result: .failure(ControlError(.held, "it is held", hint: "release it")))
        for reply in [good, bad] {
            #expect(reply.line.last == 0x0A)
            #expect(try Reply(line: reply.line.dropLast(), byteLimit: 1000) == reply)
        }
        for line in [
            "{}", #"{"jsonrpc":"2.0","id":1}"#, #"{"jsonrpc":"2.0","id":1,"result":1,"error":{}}"#,
        ] {
            #expect(throws: JSONError.self) {
                try Reply(line: Array(line.utf8), byteLimit: 1000)
            }
        }
    }

    @Test func `reads back the parameters it writes`() throws {
        let get = ProfileParameters(users: [.number(-5)], asOf: 100, encoding: .float16)
        #expect(try ProfileParameters(get.members(isBatch: false), isBatch: false) == get)
        let foretell = PredictionParameters(users: [.number(3), .text("A1")], limit: 0)
        #expect(try PredictionParameters(foretell.members) == foretell)
        let batch = ProfileParameters(users: [.number(1), .text("A1"), .number(.max)])
        #expect(try ProfileParameters(batch.members(isBatch: true), isBatch: true) == batch)
        var create = SnapshotCreateParameters()
        create.waitForLag = 0
        create.timeoutSeconds = 2.5
        create.users = [.text("x")]
        create.guards.expectVersion = 3
        #expect(try SnapshotCreateParameters(create.members) == create)
        var rollback = RollbackParameters(version: 3, reason: "bad")
        rollback.guards.isDryRun = true
        #expect(try RollbackParameters(rollback.members) == rollback)
        var forget = UserForgetParameters(user: .text("85123A"), reason: "case 12")
        forget.allowsReturn = true
        forget.guards.isDryRun = true
        #expect(try UserForgetParameters(forget.members) == forget)
        let export = UserExportParameters(user: .number(.min))
        #expect(try UserExportParameters(export.members) == export)
        var suppressions = UserSuppressionsParameters()
        suppressions.after = 7
        #expect(try UserSuppressionsParameters(suppressions.members) == suppressions)
        let show = SnapshotParameters(version: 1)
        #expect(try SnapshotParameters(show.members) == show)
    }

    @Test func `takes user ids as numbers and as text`() {
        #expect(UserReference(json: "9007199254740993") == .number(9_007_199_254_740_993))
        #expect(UserReference(json: 12) == .number(12))
        #expect(UserReference(json: "85123A") == .text("85123A"))
        for json: JSONValue in ["", true, .double(1.5), .null, [1]] {
            #expect(UserReference(json: json) == nil)
        }
        #expect(UserReference(json: .string(String(repeating: "x", count: 257))) == nil)
    }

    @Test(arguments: VectorEncoding.allCases)
    func `carries vectors in every encoding`(encoding: VectorEncoding) throws {
        let values: [Float] = [0, 1, -2.5, 0.1, 65_504, 1e-3, -0.0]
        let json = try JSONParser.parse(encoding.json(values).encoded)
        let back = try #require(encoding.values(of: json))
        if encoding == .float16 {
            #expect(back == values.map { Float(Float16($0)) })
        } else {
            #expect(back == values)
        }
    }

    // numpy 2.4: base64.b64encode(np.array([1, -2.5, 0.1, 1e6], t).tobytes()) for t in <f4, <f2
    @Test func `encodes vectors as numpy's bytes`() {
        let values: [Float] = [1, -2.5, 0.1, 1e6]
        #expect(VectorEncoding.float32.json(values) == "AACAPwAAIMDNzMw9ACR0SQ==")
        #expect(VectorEncoding.float16.json(values) == "ADwAwWYuAHw=")
    }

    @Test func `reads back the replies it writes`() throws {
        let snapshot = SnapshotReply(
            version: 3, path: "/s/3", isCurrent: true, users: 9, width: 744, space: 1,
            generation: 2, trained: false, asOf: nil, offset: 77, bytes: 1000, created: 5,
            parent: 2, hashes: [.init("a.npy", "ff"), .init("b.npy", "00")])
        #expect(SnapshotReply(json: try JSONParser.parse(snapshot.json.encoded)) == snapshot)
        let current = CurrentReply(
            previous: nil, current: 4, hold: "why", seconds: 0.25, isDryRun: true)
        #expect(CurrentReply(json: current.json) == current)
        var status = StatusReply()
        status.state = "live"
        status.counters = [.init("read", 5)]
        status.applied.offset = 5
        status.etaSeconds = 1.5
        status.hold = "x"
        status.memory = [.init(name: "rows", bytes: 10, bytesPerUser: 2.5)]
        status.degraded = ["no encoders"]
        #expect(StatusReply(json: try JSONParser.parse(status.json.encoded)) == status)
        let header = ProfileHeader(
            space: 1, generation: 2, trained: true, asOf: 9, offset: 8, stalenessSeconds: 7,
            width: 3, parts: [.init(name: "p", start: 0, end: 3)])
        #expect(ProfileHeader(json: .object(header.members)) == header)
        let row = ProfileRow(
            user: "1", original: "A", known: true, vector: "AAAA", rows: 1, events: 2, pending: 0,
            newest: 5)
        #expect(ProfileRow(json: .object(row.members)) == row)
        let prediction = PredictionRow(
            user: "1", original: "A", known: true, churn: 0.5,
            categories: [.init(id: "3", name: nil, probability: 1, score: -1)],
            items: [.init(id: "9223372036854775807", name: "mug", probability: 0.25, score: nil)])
        #expect(PredictionRow(json: .object(prediction.members)) == prediction)
        var forgotten = UserForgetReply(user: "1")
        forgotten.input = 3
        forgotten.place = "3/4"
        forgotten.events = 9
        #expect(UserForgetReply(json: try JSONParser.parse(forgotten.json.encoded)) == forgotten)
        var suppression = SuppressionReply(user: "1")
        suppression.erasedSeconds = 5
        suppression.snapshots = 2
        #expect(SuppressionReply(json: suppression.json) == suppression)
    }
}
