import Events
import Profiles
import Snapshots
import Storage
import TestSupport
import Testing

@Suite struct SnapshotWriterTests {
    @Test func `numpy loads both files and finds the rows`() async throws {
        let directory = try TemporaryDirectory()
        let fixture = try SnapshotFixture.onDisk(directory.path)
        _ = try fixture.store.recover()
        try fixture.write(users: 1000)
        let printed = try await Child.python(
            """
            import hashlib, json, sys
            import numpy as np
            d = sys.argv[1]
            ids = np.load(d + "/client_ids.npy")
            rows = np.load(d + "/embeddings.npy")
            want = np.array([[np.float32(r) / np.float32(3) - np.float32(c) for c in range(4)]
                             for r in range(1000)], np.float32).astype(np.float16)
            m = json.load(open(d + "/manifest.json"))
            digest = lambda n: hashlib.sha256(open(d + "/" + n, "rb").read()).hexdigest()
            print(ids.dtype, rows.dtype, ids.shape, rows.shape, rows.flags.c_contiguous,
                  np.array_equal(ids, (np.arange(1000) - 1) * 18014398509482),
                  np.array_equal(rows.view(np.uint16), want.view(np.uint16)),
                  [digest(n) == f["sha256"] for n, f in sorted(m["files"].items())],
                  m["users"], m["width"], m["parent"], m["as_of"], m["cursor"]["recordCount"],
                  m["heads"], m["population"], m["parts"][1]["name"],
                  m["targets"])
            """, [fixture.store.path(of: 1)])
        #expect(
            try printed.successful().output == """
                int64 float16 (1000,) (1000, 4) True True True [True, True] 1000 4 None \
                1667952000 77 None {'active_days': 90} stats \
                {'categories': ['7'], 'items': ['9007199254740993']}

                """)
        try fixture.store.verify(1)
        #expect(try RealDisk().link(directory.path + "/snapshots/current") == "1")
        #expect(
            try RealDisk().names(in: fixture.store.path(of: 1)) == [
                "client_ids.npy", "embeddings.npy", "manifest.json",
            ])
    }

    @Test func `two identical writes give identical bytes`() throws {
        var images: [[(path: String, bytes: [UInt8])]] = []
        for seconds in [5, 1_700_000_000] as [Int64] {
            let disk = MemoryDisk()
            let host = Host.simulated(
                disk: disk, clock: SimulatedClock(seconds: seconds), seed: UInt64(seconds))
            let fixture = SnapshotFixture(
                host: host, stateDirectory: "/state", registry: try .inMemory())
            try fixture.write()
            try fixture.write(salt: 1)
            images.append(disk.contents())
        }
        #expect(images[0].map(\.path) == images[1].map(\.path))
        #expect(images[0].map(\.bytes) == images[1].map(\.bytes))
        #expect(images[0].count == 7)
    }

    @Test func `an empty snapshot and one of many blocks are good too`() throws {
        let (fixture, _) = try SnapshotFixture.inMemory()
        try fixture.write(users: 0)
        try fixture.store.verify(1)
        // 300,000 users of 8 bytes each fill two blocks of 1 MiB and a part of a third.
        let manifest = try fixture.write(users: 300_000)
        try fixture.store.verify(2)
        #expect(manifest.files["client_ids.npy"]?.byteCount == Int64(128 + 8 * 300_000))
        #expect(manifest.parent == 1)
    }

    @Test func `rows must ascend, fit and be finite`() throws {
        let (fixture, disk) = try SnapshotFixture.inMemory()
        let writer = try fixture.store.begin(SnapshotFixture.plan())
        let (one, two) = (UserID(rawValue: 1), UserID(rawValue: 2))
        try writer.append(two, values: [1, 2, 3, 4].span)
        for user in [one, two] {
            #expect(throws: SnapshotError.notAscending(user: user, previous: two)) {
                try writer.append(user, values: [1, 2, 3, 4].span)
            }
        }
        let three = UserID(rawValue: 3)
        #expect(throws: SnapshotError.wrongWidth(user: three, expected: 4, found: 3)) {
            try writer.append(three, values: [1, 2, 3].span)
        }
        // 65520 is the smallest number that rounds to infinity.
        for bad in [Float.nan, .infinity, -.infinity, 65520] {
            #expect(throws: SnapshotError.notFinite(user: three, column: 2)) {
                try writer.append(three, values: [1, 2, bad, 4].span)
            }
        }
        try writer.append(three, values: [65519, -65519, 0, 5e-8].span)
        #expect(writer.userCount == 2)
        writer.cancel()
        writer.cancel()
        #expect(disk.contents().isEmpty)
    }

    @Test func `one snapshot is written at a time`() throws {
        let (fixture, _) = try SnapshotFixture.inMemory()
        do {
            let writer = try fixture.store.begin(SnapshotFixture.plan())
            #expect(writer.version == 1)
            #expect(throws: SnapshotError.busy(version: 1)) {
                try fixture.store.begin(SnapshotFixture.plan())
            }
        }
        // The first was dropped; its leftover goes at the next start and its version is free.
        #expect(try fixture.write().version == 1)
        #expect(try fixture.restarted().store.recover().leftovers.count == 1)
    }

    @Test func `asks for disk space first`() throws {
        let host = Host.simulated(disk: MemoryDisk(capacity: 100_000))
        let fixture = SnapshotFixture(
            host: host, stateDirectory: "/state", registry: try .inMemory())
        for users in [3000, Int.max] {
            #expect {
                try fixture.store.begin(SnapshotFixture.plan(users: users))
            } throws: { error in
                guard case .diskFull(_, let needed, 100_000)? = error as? SnapshotError else {
                    return false
                }
                return needed >= min(users, 1 << 40) * 16
            }
        }
        #expect(try fixture.write().version == 1)
    }

    @Test(arguments: [
        [], [ProfileLayout.Part(name: "a", start: 1, end: 2)],
        [
            ProfileLayout.Part(name: "a", start: 0, end: 2),
            ProfileLayout.Part(name: "a", start: 2, end: 3),
        ],
        [
            ProfileLayout.Part(name: "a", start: 0, end: 2),
            ProfileLayout.Part(name: "b", start: 3, end: 4),
        ],
        [ProfileLayout.Part(name: "a", start: 0, end: 0)],
    ])
    func `parts must cover the columns`(parts: [ProfileLayout.Part]) throws {
        let (fixture, _) = try SnapshotFixture.inMemory()
        var plan = SnapshotFixture.plan()
        plan.parts = parts
        #expect(throws: SnapshotError.self) { try fixture.store.begin(plan) }
    }
}
