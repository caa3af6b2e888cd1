import Features
import Storage
import TestSupport
import Testing

@Suite struct StatisticsFilesTests {
    private func write(_ statistics: FrozenStatistics, _ directory: String, _ disk: any Disk) throws
    {
        try disk.makeDirectory(directory + "/space")
        try disk.makeDirectory(directory + "/generation/tables")
        let files = try [
            "space": StatisticsFiles.spaceFiles(statistics),
            "generation": StatisticsFiles.generationFiles(statistics),
        ]
        for (folder, files) in files {
            for (name, bytes) in files {
                try disk.open("\(directory)/\(folder)/\(name)", .create).write(bytes, at: 0)
            }
        }
    }

    private func read(_ directory: String, _ disk: any Disk) throws -> FrozenStatistics {
        try StatisticsFiles.read(
            space: directory + "/space", generation: directory + "/generation", on: disk)
    }

    private func expectSame(_ left: FrozenStatistics, _ right: FrozenStatistics) {
        for table in KeyTable.allCases {
            #expect(left.tables[table] ?? [:] == right.tables[table] ?? [:], "\(table)")
        }
        #expect(left.topItems == right.topItems)
        #expect(left.topCategories == right.topCategories)
        #expect(left.nameCentroids == right.nameCentroids)
        #expect(left.queryCentroids == right.queryCentroids)
        #expect(left.scalers.map(\.scalers) == right.scalers.map(\.scalers))
        #expect(left.scalers.map(\.table) == right.scalers.map(\.table))
    }

    @Test func `what is written comes back, bit for bit`() throws {
        let disk = MemoryDisk()
        var statistics = FrozenStatistics.lively
        statistics.tables[.items, default: [:]][.min] = KeyStatistic(
            buy: 1 << 52, add: 3, remove: 0, entropy: 0.1 + 0.2)
        statistics.tables[.items, default: [:]][.max] = KeyStatistic(buy: 1, entropy: 1e-300)
        try write(statistics, "/a", disk)
        expectSame(try read("/a", disk), statistics)
        try write(.empty, "/b", disk)
        expectSame(try read("/b", disk), .empty)
        // The fold looks in the loaded tables, not only in the dictionaries compared above.
        #expect(try read("/a", disk).statistic(.items, .max).counts[0] == 1)
    }

    @Test func `more keys than are read at once come back`() throws {
        let disk = MemoryDisk()
        var statistics = FrozenStatistics.empty
        var table: [Int64: KeyStatistic] = [:]
        for key in 0..<(1 << 16) + 5 as Range<Int64> {
            table[key] = KeyStatistic(buy: key, entropy: Double(key))
        }
        statistics.tables[.urls] = table
        try write(statistics, "/a", disk)
        #expect(try read("/a", disk).tables[.urls] == table)
    }

    @Test func `numpy and Python's json read them`() async throws {
        let directory = try TemporaryDirectory()
        try write(.lively, directory.path, RealDisk())
        let printed = try await Child.python(
            """
            import json, sys, numpy as np
            root = sys.argv[1]
            for name in "items categories name-clusters urls queries query-clusters".split():
                keys = np.load(f"{root}/generation/tables/{name}.keys.npy")
                values = np.load(f"{root}/generation/tables/{name}.values.npy")
                assert keys.dtype == np.int64 and values.dtype == np.float64, name
                assert (keys == np.arange(12)).all(), keys
                assert values.shape == (12, 4) and (values[:, 0] == 3 * keys).all()
                assert (values[:, 3] == keys / 7).all()
            top = json.load(open(f"{root}/generation/tables/top.json"))
            assert top == {"items": ["1", "3", "5"], "categories": ["2"]}, top
            scalers = json.load(open(f"{root}/space/scalers.json"))
            assert sorted(scalers) == ["product", "search", "visit"]
            assert all(len(s) == 64 for s in scalers.values())
            assert scalers["product"][59] == {
                "treatment": "logarithm", "lambda": 0, "low": 0,
                "high": scalers["visit"][59]["high"]}, scalers["product"][59]
            print("read")
            """, [directory.path])
        #expect(try printed.successful().output == "read\n")
    }

    @Test func `damaged and missing files are typed errors`() throws {
        let disk = MemoryDisk()
        try write(.lively, "/a", disk)
        let names =
            KeyTable.allCases.flatMap {
                [
                    "generation/tables/\($0.rawValue).keys.npy",
                    "generation/tables/\($0.rawValue).values.npy",
                ]
            } + ["generation/tables/top.json", "space/scalers.json", "space/centroids.safetensors"]
        for name in names {
            let path = "/a/" + name
            let bytes = try disk.bytes(of: path, limit: 1 << 20)
            for count in [0, 7, bytes.count / 2, bytes.count - 1] {
                // A text whose last line end is gone is whole.
                if name.hasSuffix(".json"), count == bytes.count - 1 { continue }
                try disk.open(path, .update).truncate(to: Int64(count))
                #expect(throws: FeatureError.self, "\(name) cut to \(count)") {
                    try read("/a", disk)
                }
                try disk.open(path, .update).write(bytes, at: 0)
            }
            try disk.remove(path)
            #expect(throws: FeatureError.self) { try read("/a", disk) }
            try disk.open(path, .create).write(bytes, at: 0)
        }
        expectSame(try read("/a", disk), .lively)
    }

    @Test func `numbers that are no counts are refused`() throws {
        let disk = MemoryDisk()
        try write(.lively, "/a", disk)
        let path = "/a/generation/tables/items.values.npy"
        for bits in [Double.nan, .infinity, 0.5, 1e300] {
            let bytes = (0..<8).map { UInt8(truncatingIfNeeded: bits.bitPattern >> UInt64(8 * $0)) }
            try disk.open(path, .update).write(bytes, at: Int64(NpyHeader.byteCount))
            #expect(throws: FeatureError.self, "\(bits)") { try read("/a", disk) }
        }
    }
}
