import EventLog
import Storage
import TestSupport
import Testing

@Suite struct QuarantineStoreTests {
    private let clock = SimulatedClock(seconds: 1000)
    private let disk: MemoryDisk
    private let host: Host

    init() throws {
        disk = MemoryDisk(clock: clock)
        host = Host.simulated(disk: disk, clock: clock)
        try disk.makeDirectory("/state/quarantine")
        for path in ["/", "/state", "/state/quarantine"] { try disk.syncDirectory(path) }
    }

    private func store(
        _ options: QuarantineStore.Options = QuarantineStore.Options()
    ) throws
        -> QuarantineStore
    {
        try QuarantineStore(host: host, directory: "/state/quarantine", options: options)
    }

    private func entry(_ number: Int, byteCount: Int = 20) -> QuarantineEntry {
        QuarantineEntry(
            key: RecordPlace(segment: Int64(number / 10), recordIndex: Int64(number)),
            position: Int64(number * 100),
            byteCount: 50, reason: "`timestamp` is missing in record \(number)",
            bytes: [UInt8](repeating: UInt8(truncatingIfNeeded: number), count: byteCount))
    }

    private func texts(_ store: QuarantineStore) throws -> [Int64] {
        try store.list(limit: 10_000).map(\.key.recordIndex)
    }

    @Test func `keeps what it is given, across a restart`() throws {
        let first = try store()
        for number in [3, 1, 25] { #expect(try first.put(entry(number))) }
        try first.sync()
        let second = try store()
        for store in [first, second] {
            #expect(try texts(store) == [1, 3, 25])
            let found = try #require(try store.entry(entry(25).key))
            #expect(found.reason == entry(25).reason && found.bytes == entry(25).bytes)
            #expect(found.position == 2500 && found.byteCount == 50 && found.seconds == 1000)
        }
        #expect(try second.list(after: entry(1).key, limit: 1).map(\.key) == [entry(3).key])
        #expect(try second.entry(entry(4).key) == nil)
    }

    @Test func `what a rewrite that was killed left is removed, entries stay`() throws {
        let first = try store()
        #expect(try first.put(entry(7)))
        try first.sync()
        let kept = try disk.names(in: "/state/quarantine")
        #expect(kept.count == 1)
        for name in kept {
            let leftover = "/state/quarantine/\(name).partial-5e"
            try disk.open(leftover, .create).write(entry(8).bytes, at: 0)
        }
        #expect(try texts(store()) == [7])
        #expect(try disk.names(in: "/state/quarantine") == kept)
    }

    @Test func `a repeat is harmless`() throws {
        let first = try store()
        #expect(try first.put(entry(7)))
        let byteCount = first.byteCount
        #expect(try !first.put(entry(7)))
        #expect(first.byteCount == byteCount && first.count == 1)
        try first.sync()
        #expect(try !store().put(entry(7)))
    }

    @Test func `the oldest leave when there are too many, and are counted`() throws {
        var options = QuarantineStore.Options(entryCount: 40)
        let many = try store(options)
        for number in 0..<100 { try many.put(entry(number)) }
        #expect(many.count <= 40 && many.count > 30)
        #expect(many.count + many.droppedCount == 100)
        #expect(try texts(many) == (Int64(many.droppedCount)..<100).map { $0 })
        try many.sync()
        #expect(try store(options).droppedCount == many.droppedCount)

        options = QuarantineStore.Options(byteCount: 40_000, recordByteCount: 500)
        let large = try store(options)
        for number in 100..<300 { try large.put(entry(number, byteCount: 1000)) }
        #expect(large.byteCount <= 40_000)
        #expect(large.count + large.droppedCount == 300)
        #expect(try large.entry(entry(299).key)?.bytes.count == 500)
    }

    @Test func `old files expire`() throws {
        let store = try store(QuarantineStore.Options(entryCount: 8))
        for number in 0..<4 {
            try store.put(entry(number))
            clock.advance(seconds: 100)
        }
        try store.expire(before: 1200)
        #expect(try texts(store) == [2, 3])
        try store.expire(before: 5000)
        #expect(store.count == 0 && store.droppedCount == 4)
        #expect(try store.put(entry(9)))
        #expect(try texts(store) == [9])
    }

    @Test func `a file that is written to every day does not keep its first entries for ever`()
        throws
    {
        let store = try store(QuarantineStore.Options(fileSeconds: 300))
        for number in 0..<20 {
            try store.put(entry(number))
            clock.advance(seconds: 100)
        }
        // Refused at 1000, 1100 … 2900, three a file: all but the last eight files have left.
        #expect(try texts(store) == (0..<20).map { $0 })
        try store.expire(before: 2000)
        #expect(try texts(store) == (9..<20).map { $0 })
        #expect(store.droppedCount == 9)
    }

    @Test func `lists by segment and by reason code, a page at a time`() throws {
        let store = try store()
        for number in 0..<30 {
            var entry = entry(number)
            entry.reason = number % 3 == 0 ? "not_json: byte 0" : "an LZ4 block: of no sense"
            try store.put(entry)
        }
        #expect(entry(0).reasonCode == "damaged")
        #expect(
            try store.list(segment: 1, limit: 99).map(\.key.recordIndex) == (10..<20).map { $0 })
        let first = try store.list(code: "not_json", limit: 4)
        #expect(first.map(\.key.recordIndex) == [0, 3, 6, 9])
        let rest = try store.list(after: first.last?.key, code: "not_json", limit: 99)
        #expect(rest.map(\.key.recordIndex) == [12, 15, 18, 21, 24, 27])
        #expect(try store.list(segment: 0, code: "damaged", limit: 99).count == 6)
        #expect(try store.list(code: "too_deep", limit: 99) == [])
        #expect(try self.store().list(segment: 2, code: "not_json", limit: 99).count == 3)
    }

    @Test func `a place is written and read in one form only`() throws {
        let place = RecordPlace(segment: 17, recordIndex: 4711)
        #expect(place.description == "17/4711" && RecordPlace("17/4711") == place)
        for text in ["", "17", "17/", "/1", "17/4711/2", "017/1", "-1/2", "1/-2", "1/+2", "a/b"] {
            #expect(RecordPlace(text) == nil, "\(text)")
        }
        #expect(place < place.next && place.next < RecordPlace(segment: 18, recordIndex: 0))
    }

    @Test(arguments: 0..<30)
    func `a crash at any operation loses nothing that was synced`(seed: UInt64) throws {
        let options = QuarantineStore.Options(entryCount: 4000)
        var next = 0
        var synced = 0
        for operation in stride(from: Int(seed) + 1, to: 200, by: 30) {
            disk.inject(.powerLoss, at: disk.operationCount + operation)
            do {
                let store = try store(options)
                next = synced
                while true {
                    try store.put(entry(next))
                    next += 1
                    if next % 3 == 0 {
                        try store.sync()
                        synced = next
                    }
                }
            } catch EventLogError.storage {}
            disk.crash()
            let found = try Set(texts(try store(options)))
            #expect((0..<synced).allSatisfy { found.contains(Int64($0)) })
        }
        let store = try store(options)
        for found in try store.list(limit: 10_000) {
            #expect(found.reason == entry(Int(found.key.recordIndex)).reason)
        }
    }

    @Test func `a damaged file gives what stands before the damage`() throws {
        let first = try store()
        for number in 0..<10 { try first.put(entry(number)) }
        try first.sync()
        let path = try #require(disk.contents().first { $0.path.hasSuffix(".quarantine") }).path
        let file = try disk.open(path, .update)
        try file.write([0xFF], at: try file.status().byteCount / 2)
        let second = try store()
        #expect(second.damagedFileCount == 1)
        #expect(second.count > 2 && second.count < 10)
        #expect(try second.put(entry(9)))
        try second.sync()
        let third = try store()
        #expect(third.damagedFileCount == 0 && third.count == second.count)
        try file.write([0], at: 0)
        #expect(try store().count == 0)
    }
}
