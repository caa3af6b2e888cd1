import Simulation
import Storage
import TestSupport
import Testing

/// What a simulation refuses.
@Suite struct SimulationErrorTests {
    private func run(
        _ options: SimulationOptions, on disk: MemoryDisk, isReplacing: Bool = false
    ) throws(SimulationError) {
        _ = try ShopSimulator(
            options: options, directory: "/shop", host: .simulated(disk: disk)
        ).run(isReplacing: isReplacing)
    }

    @Test func `numbers out of range are refused, by name and with the range`() {
        var bad = [
            smallShop(users: 0), smallShop(users: 50_000_001), smallShop(days: 7),
            smallShop(days: 3651), smallShop(users: 40_000_000, days: 3650), smallShop(),
            smallShop(), smallShop(), smallShop(),
        ]
        bad[5].lateShare = 1.5
        bad[6].lateShare = .nan
        bad[7].startSeconds = 3
        bad[8].startSeconds = 4_102_358_400
        for options in bad {
            let error = #expect(throws: SimulationError.self) { try options.check() }
            #expect(error.map { "\($0)".contains("want") } ?? false)
        }
        #expect(throws: Never.self) { try smallShop(users: 1, days: 8).check() }
    }

    @Test func `a directory with a log is left alone unless it may be replaced`() throws {
        let disk = MemoryDisk()
        try run(smallShop(users: 50), on: disk)
        let files = disk.contents().map(\.path)
        let error = #expect(throws: SimulationError.occupied(directory: "/shop", segmentCount: 1)) {
            try run(smallShop(users: 60), on: disk)
        }
        #expect("\(error, default: "")".contains("--replace"))
        #expect(disk.contents().map(\.path) == files)
        try run(smallShop(users: 60), on: disk, isReplacing: true)
        let fresh = MemoryDisk()
        try run(smallShop(users: 60), on: fresh)
        #expect(disk.contents().map(\.bytes) == fresh.contents().map(\.bytes))
    }

    @Test func `what no simulation has written is never replaced`() throws {
        let disk = MemoryDisk()
        try disk.makeDirectory("/shop/log")
        let segment = "/shop/log/00000000000000000000.ndjson.lz4"
        try disk.open(segment, .create).write([1], at: 0)
        #expect(throws: SimulationError.foreign(directory: "/shop")) {
            try run(smallShop(), on: disk, isReplacing: true)
        }
        #expect(try disk.bytes(of: segment, limit: 10) == [1])
    }

    @Test func `a disk that is too small is found out first`() throws {
        let disk = MemoryDisk(capacity: 1 << 20)
        let error = #expect(throws: SimulationError.self) { try run(smallShop(), on: disk) }
        #expect("\(error, default: "")".contains("MB are free"))
        #expect(disk.contents().isEmpty)
    }

    @Test func `a disk that fails leaves no manifest behind`() throws {
        let counting = MemoryDisk()
        try run(smallShop(users: 300), on: counting)
        for operation in stride(from: 3, to: counting.operationCount - 1, by: 7) {
            let disk = MemoryDisk()
            disk.inject(.error(5), at: operation)
            #expect(throws: SimulationError.self) { try run(smallShop(users: 300), on: disk) }
            #expect(!disk.contents().contains { $0.path == "/shop/truth/manifest.json" })
        }
    }
}
