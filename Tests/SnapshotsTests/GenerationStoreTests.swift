import Snapshots
import Storage
import TestSupport
import Testing

@Suite struct GenerationStoreTests {
    private let files: [String: [UInt8]] = [
        "encoders/sra.safetensors": Array("weights".utf8), "scalers.json": [],
    ]

    private func space(_ id: Int64) -> SpaceManifest {
        SpaceManifest(
            id: id, trained: false, seed: .max, fitFrom: 0, fitTo: 86_400, numbers: ["width": 744])
    }

    private func generation(_ id: Int64, space: Int64 = 1) -> GenerationManifest {
        GenerationManifest(
            id: id, space: space, trained: false, seed: 7, fitFrom: 0, fitTo: 86_400)
    }

    private func makeStore(_ disk: any Disk, _ directory: String) -> GenerationStore {
        let host = Host(
            disk: disk, clock: SimulatedClock(), randomness: SeededRandomness(seed: 1))
        return GenerationStore(stateDirectory: directory, on: host)
    }

    @Test func `publishes, verifies and finds the newest`() async throws {
        let directory = try TemporaryDirectory()
        let store = makeStore(RealDisk(), directory.path)
        #expect(try store.newestGood() == nil)
        #expect(try store.nextSpaceID() == 1)
        let space = try store.publishSpace(space(1), files: files)
        #expect(space.manifest.files.keys.sorted() == files.keys.sorted())
        let first = try store.publishGeneration(generation(1), files: ["tables/items": [1, 2]])
        let second = try store.publishGeneration(generation(2)) { directory in
            try RealDisk().open(directory + "/factors", .create).write([3], at: 0)
        }
        #expect(first.space == space)
        #expect(try store.scan().good == [first, second])
        #expect(try store.scan().degraded == [])
        #expect(try store.newestGood() == second)
        #expect(try store.nextGenerationID() == 3)
        // The daemon's own file beside the published ones disturbs nobody.
        _ = try RealDisk().open(second.path + "/state.sqlite", .create)
        #expect(try store.verifyGeneration(2) == second)
        let text = try RealDisk().text(of: space.path + "/manifest.json", limit: 10_000)
        #expect(text.contains("\"seed\" : 18446744073709551615"))
        let printed = try await Child.python(
            "import json, sys; print(json.load(open(sys.argv[1]))['files']['scalers.json'])",
            [space.path + "/manifest.json"])
        #expect(
            try printed.successful().output
                == "{'bytes': 0, 'sha256': '\(ContentHash.hex(of: []))'}\n")
    }

    @Test func `a damaged generation is named and skipped`() throws {
        let disk = MemoryDisk()
        let store = makeStore(disk, "/state")
        _ = try store.publishSpace(space(1), files: files)
        _ = try store.publishSpace(space(2), files: files)
        let good = try store.publishGeneration(generation(1), files: ["a": [1]])
        for id in 2...4 as ClosedRange<Int64> {
            _ = try store.publishGeneration(generation(id), files: ["a": [1]])
        }
        _ = try store.publishGeneration(generation(5, space: 2), files: ["a": [1]])
        try disk.open(store.path(ofGeneration: 2) + "/a", .update).write([2], at: 0)
        try disk.open(store.path(ofGeneration: 3) + "/manifest.json", .update).truncate(to: 50)
        try disk.remove(store.path(ofGeneration: 4) + "/a")
        try disk.remove(store.path(ofSpace: 2) + "/scalers.json")
        let scan = try store.scan()
        #expect(scan.good == [good])
        #expect(
            scan.degraded.map { $0.prefix { $0 != ":" } } == [
                "space 2", "generation 2", "generation 3", "generation 4", "generation 5",
            ])
        #expect(try store.newestGood() == good)
    }

    @Test func `a generation needs its space, a good id and good names`() throws {
        let disk = MemoryDisk()
        let store = makeStore(disk, "/state")
        #expect(throws: SnapshotError.self) {
            try store.publishGeneration(generation(1), files: ["a": [1]])
        }
        _ = try store.publishSpace(space(1), files: files)
        #expect(throws: SnapshotError.self) { try store.publishSpace(space(1), files: files) }
        for name in ["../a", "/a", "a//b", "manifest.json", "", "a.partial-1"] {
            #expect(throws: SnapshotError.badName(name)) {
                try store.publishGeneration(generation(1), files: [name: [1]])
            }
        }
        #expect(throws: SnapshotError.self) {
            try store.publishGeneration(generation(1)) { _ in
                throw StorageError.missing(path: "the log")
            }
        }
        #expect(try disk.names(in: "/state/spaces") == ["1"])
        #expect(try store.scan().good == [])
    }

    @Test func `a crash at any operation leaves it whole or absent`() throws {
        let measured = MemoryDisk()
        _ = try makeStore(measured, "/state").publishSpace(space(1), files: files)
        var outcomes: Set<Int64> = []
        for operation in 0...measured.operationCount {
            let disk = MemoryDisk()
            let store = makeStore(disk, "/state")
            disk.inject(.powerLoss, at: operation)
            let finished = (try? store.publishSpace(space(1), files: files)) != nil
            disk.crash(operation % 2 == 0 ? .nothing : .some(seed: UInt64(operation)))
            _ = try store.removeLeftovers()
            #expect(try store.scan().degraded == [])
            outcomes.insert(try store.nextSpaceID())
            #expect(try !finished || store.nextSpaceID() == 2)
        }
        #expect(outcomes == [1, 2])
    }

    @Test func `what a kill left aside goes, but for what may be being written now`() throws {
        let disk = MemoryDisk()
        let store = makeStore(disk, "/state")
        // Nothing is published: all there is may be a refresh's first.
        try disk.makeDirectory("/state/spaces/1.partial-a")
        #expect(try store.removeLeftovers() == [])
        for id in 1...2 as ClosedRange<Int64> {
            _ = try store.publishSpace(space(id), files: files)
            _ = try store.publishGeneration(generation(id), files: ["a": [1]])
        }
        for name in ["1.partial-b", "2.partial-c", "3.partial-d", "x.partial-e"] {
            let path = "/state/generations/" + name
            try disk.makeDirectory(path)
            _ = try disk.open(path + "/state.sqlite", .create)
        }
        #expect(try store.removeLeftovers() == ["1.partial-a", "1.partial-b", "2.partial-c"])
        #expect(try disk.names(in: "/state/spaces") == ["1", "2"])
        #expect(
            try disk.names(in: "/state/generations") == ["1", "2", "3.partial-d", "x.partial-e"])
        #expect(try store.scan().good.map(\.manifest.id) == [1, 2])
    }

    @Test func `the registry adopts a generation once`() throws {
        let store = makeStore(MemoryDisk(), "/state")
        let registry = try Registry.inMemory()
        _ = try store.publishSpace(space(1), files: files)
        let published = try store.publishGeneration(generation(1), files: ["a": [1]])
        try registry.adopt(published, offset: 70, seconds: 1000)
        try registry.adopt(published, offset: 90, seconds: 2000)
        let records = try registry.generations()
        #expect(records.map(\.id) == [1])
        #expect(records.first?.adoptedOffset == 70)
        #expect(records.first?.adoptedSeconds == 1000)
        let other = makeStore(MemoryDisk(), "/state")
        _ = try other.publishSpace(space(1), files: files)
        let changed = try other.publishGeneration(generation(1), files: ["a": [2]])
        #expect(throws: SnapshotError.self) {
            try registry.adopt(changed, offset: 90, seconds: 2000)
        }
    }
}
