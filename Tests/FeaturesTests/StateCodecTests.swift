import Events
import Features
import Sessions
import Storage
import Testing

@Suite struct StateCodecTests {
    private let options = FoldOptions()

    /// States of many shapes: empty, young, with sessions, with waiting events.
    private func states(_ seed: UInt64) -> [UserState] {
        var fold = FoldHarness(options, .lively)
        var states = [fold.state]
        for event in randomUser(seed, count: 60, hasIDs: true) {
            fold.admit(event)
            states.append(fold.state)
        }
        return states
    }

    private func decode(_ bytes: [UInt8], like state: UserState) throws -> UserState {
        try StateCodec.decode(bytes, options: options) { total throws(ByteReader.Failure) in
            // As the store does: the rows beside the record must be as many as it says.
            guard total == state.rows.totalCount else { throw .malformed(at: 0, what: "rows") }
            return state.rows
        }
    }

    @Test(arguments: 0..<5 as Range<UInt64>)
    func `every state comes back, and equal states are equal bytes`(seed: UInt64) throws {
        let states = states(seed)
        var seen: [[UInt8]: UserState] = [:]
        for state in states {
            let bytes = StateCodec.encode(state)
            #expect(try decode(bytes, like: state) == state)
            #expect(seen.updateValue(state, forKey: bytes) == nil)
        }
    }

    @Test func `the row count reaches who makes the window`() throws {
        let state = try #require(states(1).last)
        var asked: Int64?
        _ = try StateCodec.decode(StateCodec.encode(state), options: options) { total in
            asked = total
            return state.rows
        }
        #expect(asked == state.rows.totalCount)
        #expect(state.rows.totalCount > 0)
    }

    @Test func `a record cut anywhere is refused`() throws {
        let state = try #require(states(2).last)
        let bytes = StateCodec.encode(state)
        for count in 0..<bytes.count {
            #expect(throws: ByteReader.Failure.self, "\(count) of \(bytes.count) bytes") {
                try decode(Array(bytes.prefix(count)), like: state)
            }
        }
        #expect(throws: ByteReader.Failure.self) { try decode(bytes + [0], like: state) }
    }

    @Test func `damage is an error or another state, never a crash`() throws {
        let state = try #require(states(3).last)
        let bytes = StateCodec.encode(state)
        var refused = 0
        for index in bytes.indices {
            for value in [0x00, 0xFF, 0x80, bytes[index] ^ 1, bytes[index] ^ 0x40] as [UInt8] {
                var damaged = bytes
                damaged[index] = value
                if damaged == bytes { continue }
                do {
                    let other = try decode(damaged, like: state)
                    let isOther = StateCodec.encode(other) == damaged
                    #expect(isOther, "byte \(index) means nothing or is changed")
                } catch {
                    #expect(error is ByteReader.Failure)
                    refused += 1
                }
            }
        }
        #expect(refused > 0)
    }

    @Test func `another version is refused by name`() throws {
        let state = try #require(states(4).first)
        var bytes = StateCodec.encode(state)
        bytes[0] = 1
        #expect {
            try decode(bytes, like: state)
        } throws: { error in
            "\(error)".contains("another version")
        }
    }

    @Test func `row keys come back`() throws {
        let keys = [
            RowKey(kind: .productBuy, seconds: -5, key: .min, category: .max, price: 99, gap: 31),
            RowKey(kind: .pageVisit, seconds: .max, key: 0, gap: 0),
            RowKey(kind: .searchQuery, seconds: 0, key: -1, category: nil, price: 0, gap: 7),
        ]
        var out = ByteWriter()
        for key in keys { StateCodec.put(key, &out) }
        var input = ByteReader(out.bytes)
        for key in keys { #expect(try StateCodec.rowKey(&input) == key) }
        #expect(input.isAtEnd)
        // A gap of no class there is.
        var damaged = out.bytes
        damaged[damaged.count - 1] = 32
        var other = ByteReader(damaged)
        for _ in 0..<2 { _ = try StateCodec.rowKey(&other) }
        #expect(throws: ByteReader.Failure.self) { try StateCodec.rowKey(&other) }
    }
}
