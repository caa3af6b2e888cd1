import Storage
import TestSupport
import Testing

@Suite struct MemoryDiskTests {
    private let disk = MemoryDisk(capacity: 100)

    private func bytes(_ path: String) throws -> [UInt8] {
        var buffer: [UInt8] = []
        let file = try disk.open(path, .read)
        while try file.read(64, at: Int64(buffer.count), into: &buffer) > 0 {}
        return buffer
    }

    @Test func `a crash loses what was not synced`() throws {
        let file = try disk.open("/file", .create)
        try file.write([1, 2], at: 0)
        try file.sync()
        disk.crash()
        #expect(try disk.names(in: "/") == [])

        let second = try disk.open("/file", .create)
        try second.write([1, 2], at: 0)
        try second.sync()
        try disk.syncDirectory("/")
        try second.write([3, 4, 5], at: 0)
        disk.crash()
        #expect(try bytes("/file") == [1, 2])
        #expect(throws: StorageError.self) { try second.write([1], at: 0) }
    }

    @Test func `a rename is durable when its directory was synced`() throws {
        let file = try disk.open("/a", .create)
        try file.write([1], at: 0)
        try file.sync()
        try disk.syncDirectory("/")
        try disk.rename("/a", to: "/b")
        disk.crash()
        #expect(try disk.names(in: "/") == ["a"])
        try disk.rename("/a", to: "/b")
        try disk.syncDirectory("/")
        disk.crash()
        #expect(try disk.names(in: "/") == ["b"])
        #expect(try bytes("/b") == [1])
    }

    @Test func `unsynced changes may also survive, in order`() throws {
        var outcomes: Set<[String]> = []
        for seed in 0..<64 {
            let disk = MemoryDisk()
            for name in ["a", "b", "c"] { _ = try disk.open("/" + name, .create) }
            disk.crash(.some(seed: UInt64(seed)))
            outcomes.insert(try disk.names(in: "/"))
        }
        #expect(outcomes == [[], ["a"], ["a", "b"], ["a", "b", "c"]])
    }

    @Test func `a crash spares the bytes that were synced and not changed since`() throws {
        var lengths: Set<Int> = []
        for seed in 0..<64 {
            let disk = MemoryDisk()
            let file = try disk.open("/file", .create)
            try file.write([1, 2, 3, 4, 5, 6], at: 0)
            try file.sync()
            try disk.syncDirectory("/")
            try file.write([40, 50], at: 3)
            try file.write([7, 8], at: 6)
            disk.crash(.some(seed: UInt64(seed)))
            let left = try disk.bytes(of: "/file", limit: 8)
            #expect(left.starts(with: [1, 2, 3]))
            for (index, choices) in [[4, 40], [5, 50], [6], [0, 7], [0, 8]].enumerated()
            where index + 3 < left.count {
                #expect(choices.contains(Int(left[index + 3])), "\(left), seed \(seed)")
            }
            lengths.insert(left.count)
        }
        #expect(lengths == [6, 8])
    }

    @Test func `faults meet the operation they were meant for`() throws {
        let file = try disk.open("/file", .create)
        try file.write([1, 2, 3, 4], at: 0)
        disk.inject(.shortRead(3), at: disk.operationCount)
        var buffer: [UInt8] = []
        #expect(try file.read(10, at: 0, into: &buffer) == 3)
        #expect(try file.read(10, at: 3, into: &buffer) == 1)
        disk.inject(.error(5), at: disk.operationCount + 1)
        try file.write([9], at: 0)
        #expect(throws: StorageError.self) { try file.write([8], at: 0) }
        #expect(try bytes("/file") == [9, 2, 3, 4])
        #expect(throws: StorageError.self) {
            try file.write([UInt8](repeating: 1, count: 101), at: 0)
        }
        #expect(try disk.freeByteCount("/") == 96)
        disk.checkInvariants()
    }

    @Test func `after a failed fsync a later one proves nothing`() throws {
        let file = try disk.open("/file", .create)
        try disk.syncDirectory("/")
        try file.write([1], at: 0)
        disk.inject(.syncFailure, at: disk.operationCount)
        #expect(throws: StorageError.self) { try file.sync() }
        try file.sync()
        disk.crash()
        #expect(try bytes("/file") == [])
    }

    @Test func `power loss stops everything until the restart`() throws {
        disk.inject(.powerLoss, at: 1)
        let file = try disk.open("/file", .create)
        #expect(throws: StorageError.self) { try file.write([1], at: 0) }
        #expect(throws: StorageError.self) { try disk.names(in: "/") }
        disk.crash()
        #expect(try disk.names(in: "/") == [])
    }

    @Test func `a watch ends when something changes`() throws {
        let watch = disk.watch("/")
        let start = RealClock().monotonicNanoseconds()
        _ = try disk.open("/file", .create)
        watch.wait(milliseconds: 60_000)
        watch.wake()
        watch.wait(milliseconds: 60_000)
        #expect(RealClock().monotonicNanoseconds() - start < 60_000_000_000)
    }

    @Test func `a simulated clock moves when told`() {
        let clock = SimulatedClock(seconds: 10)
        clock.advance(seconds: 2.5)
        #expect(clock.seconds() == 12)
        #expect(clock.monotonicNanoseconds() == 12_500_000_000)
        #expect(SeededRandomness(seed: 3).next() == SeededRandomness(seed: 3).next())
    }
}
