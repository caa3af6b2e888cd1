import Evaluation
import Events
import Storage
import TestSupport
import Testing

/// The judge is `aggregated_baseline.py`, a second implementation in numpy.
@Suite struct AggregatedBaselineTests {
    private static let cutoff: Int64 = 1_700_000_000

    /// A made-up log, as records for the judge and as what an evaluation reads.
    private struct MadeUpLog {
        var lines: [String] = []
        var entries: [ShopEvents.Entry] = []
        var items: [ItemID: ShopEvents.Item] = [:]
        var users: [UserID]

        init(users: [Int64]) { self.users = users.map(UserID.init(rawValue:)) }

        var events: ShopEvents { ShopEvents(users: users, entries: entries, items: items) }

        mutating func item(_ sku: Int64, category: Int64?, price: UInt8?) {
            let fields =
                (category.map { ",\"category\":\($0)" } ?? "")
                + (price.map { ",\"price\":\($0)" } ?? "")
            lines.append(
                "{\"event_type\":\"product_update\",\"timestamp\":1,\"sku\":\(sku)\(fields)}")
            items[ItemID(rawValue: sku)] = ShopEvents.Item(category: category, price: price)
        }

        mutating func add(
            _ kind: EventKind, user: Int, secondsBefore: Int64, key: Int64 = 0,
            query: [UInt8]? = nil
        ) {
            let seconds = AggregatedBaselineTests.cutoff - secondsBefore
            let field =
                switch kind {
                case .pageVisit: ",\"url\":\(key)"
                case .searchQuery: query.map { ",\"query\":\($0)" } ?? ""
                default: ",\"sku\":\(key)"
                }
            lines.append(
                "{\"event_type\":\"\(kind.name)\",\"client_id\":\(users[user].rawValue),"
                    + "\"timestamp\":\(seconds)\(field)}")
            entries.append(
                ShopEvents.Entry(
                    user: UInt32(user), kind: kind, seconds: seconds, key: key,
                    query: query.map(TextVector.init)))
        }
    }

    /// Users of all sorts; visits come out of time order, and each sort of tie occurs.
    private static func everySort() -> MadeUpLog {
        var log = MadeUpLog(users: [-7, 3, 12, 40, 41, 900, 9_007_199_254_740_993])
        var random = SeededRandom(seed: 11, stream: 0)
        func below(_ count: Int64) -> Int64 { Int64(random.nextUnit() * Double(count)) }
        for sku in 1...30 as ClosedRange<Int64> {
            log.item(
                sku, category: sku % 9 == 0 ? nil : sku % 4,
                price: sku % 11 == 0 ? nil : UInt8(sku % 13 * 7))
        }
        // 28 days back at most, so that windows of 1, 7 and 30 days differ; some behind the cutoff.
        for _ in 0..<600 {
            let kind = EventKind.allCases[Int(below(5))]
            let user = Int(below(5))
            // User 2 never buys, user 3 only visits and searches.
            if kind == .productBuy, user == 2 { continue }
            if kind.isProduct, user == 3 { continue }
            let query = (0..<16).map { _ in UInt8(below(256)) }
            log.add(
                kind, user: user, secondsBefore: below(40 * 86_400) - 3600, key: 1 + below(34),
                query: kind == .searchQuery && below(5) > 0 ? query : nil)
        }
        // Equal counts are ranked as first seen; exactly at a window's edge; a loud visitor.
        log.add(.pageVisit, user: 5, secondsBefore: 1, key: 77)
        log.add(.pageVisit, user: 5, secondsBefore: 1 + 86_400, key: 77)
        log.add(.pageVisit, user: 5, secondsBefore: 2 + 86_400, key: 78)
        for index in 0..<2051 as Range<Int64> {
            log.add(.pageVisit, user: 1, secondsBefore: 2 + index * 700, key: 1 + index % 3)
        }
        return log
    }

    private func compare(
        _ log: MadeUpLog, _ order: AggregatedBaseline.RowOrder
    ) async throws -> AggregatedBaseline.Summary {
        let folder = try TemporaryDirectory()
        try AtomicFile.write(
            Array((log.lines.joined(separator: "\n") + "\n").utf8),
            to: folder.path + "/records.ndjson", on: .real)
        let baseline = AggregatedBaseline(
            events: log.events, cutoffSeconds: Self.cutoff,
            options: AggregatedBaseline.Options(rowOrder: order))
        let summary = try baseline.write(to: folder.path + "/ours", on: .real)
        #expect(summary.width == baseline.width)
        let judge = try await Child.run(
            [
                "python3", "-B", goldenPath("aggregated_baseline.py"),
                folder.path + "/records.ndjson", folder.path + "/judge",
                "--cutoff", "\(Self.cutoff)",
            ] + (order == .firstSeen ? ["--first-seen"] : [])
                + ["--also"] + log.users.map { "\($0.rawValue)" })
        #expect(judge.status == 0, "\(judge.error)")
        let disk = RealDisk()
        for name in ["client_ids.npy", "embeddings.npy"] {
            let ours = try disk.bytes(of: "\(folder.path)/ours/\(name)", limit: 1 << 24)
            let other = try disk.bytes(of: "\(folder.path)/judge/\(name)", limit: 1 << 24)
            #expect(ours == other, "\(name)")
            #expect(!ours.isEmpty)
        }
        #expect(try disk.names(in: folder.path).sorted() == ["judge", "ours", "records.ndjson"])
        return summary
    }

    @Test(arguments: [AggregatedBaseline.RowOrder.users, .firstSeen])
    func `its bytes are those of an independent implementation`(
        order: AggregatedBaseline.RowOrder
    ) async throws {
        let summary = try await compare(Self.everySort(), order)
        // Three windows of 10 skus, 4 categories and 10 prices; of 10 urls.
        #expect(summary.width == 3 * (1 + 3 * (10 + 4 + 10)) + (1 + 3 * 10) + 16)
        #expect(summary.users == 7)
        #expect(summary.usersWithoutEvents == 1)
        #expect(summary.eventsWithoutProperties > 10)
        #expect(summary.infiniteValues == 0)
    }

    @Test func `types without an event leave their total alone`() async throws {
        var log = MadeUpLog(users: [5, 6])
        log.add(.productBuy, user: 1, secondsBefore: 1, key: 1)
        let summary = try await compare(log, .users)
        // No catalogue, so there is a sku and nothing else to count.
        #expect(summary.width == (1 + 3) + 1 + 1 + 1 + 16)
        #expect(summary.usersWithoutEvents == 1 && summary.eventsWithoutProperties == 1)
    }

    @Test func `what happens at the cutoff or later is not counted`() async throws {
        var log = MadeUpLog(users: [5])
        log.add(.pageVisit, user: 0, secondsBefore: 1, key: 1)
        log.add(.pageVisit, user: 0, secondsBefore: 0, key: 2)
        log.add(.searchQuery, user: 0, secondsBefore: 0, query: [UInt8](repeating: 9, count: 16))
        #expect(try await compare(log, .users).width == 1 + 1 + 1 + (1 + 3) + 16)
    }

    @Test func `more events than a half can hold are infinite, and said to be`() async throws {
        var log = MadeUpLog(users: [5])
        for _ in 0..<65_520 { log.add(.pageVisit, user: 0, secondsBefore: 1, key: 1) }
        // The total, and the url in three windows.
        #expect(try await compare(log, .users).infiniteValues == 4)
    }

    @Test func `the organisers' order is by type first`() throws {
        var log = MadeUpLog(users: [1, 2, 3, 4])
        log.add(.pageVisit, user: 0, secondsBefore: 9, key: 1)
        log.add(.addToCart, user: 3, secondsBefore: 8, key: 1)
        log.add(.productBuy, user: 2, secondsBefore: 7, key: 1)
        let host = Host.simulated(disk: MemoryDisk(), clock: SimulatedClock(seconds: 0))
        for (order, ids) in [
            (AggregatedBaseline.RowOrder.firstSeen, [3, 4, 1, 2] as [Int64]),
            (.users, [1, 2, 3, 4]),
        ] {
            let directory = "/\(order)"
            _ = try AggregatedBaseline(
                events: log.events, cutoffSeconds: Self.cutoff,
                options: AggregatedBaseline.Options(rowOrder: order)
            ).write(to: directory, on: host)
            let reader = try NpyReader(directory + "/client_ids.npy", on: host.disk)
            #expect(try reader.int64s(rows: 0..<4) == ids)
        }
    }

    @Test func `a directory that exists is refused and left as it was`() throws {
        let disk = MemoryDisk()
        let host = Host.simulated(disk: disk, clock: SimulatedClock(seconds: 0))
        let events = MadeUpLog(users: [1]).events
        let baseline = AggregatedBaseline(events: events, cutoffSeconds: 0)
        try disk.makeDirectory("/there")
        #expect(throws: StorageError.exists(path: "/there")) {
            try baseline.write(to: "/there", on: host)
        }
        #expect(try disk.names(in: "/there").isEmpty)
    }

    @Test func `what cannot be finished leaves nothing behind`() throws {
        let folder = try TemporaryDirectory()
        let real = Host.real
        let host = Host(disk: StuckDisk(), clock: real.clock, randomness: real.randomness)
        let baseline = AggregatedBaseline(events: MadeUpLog(users: [1]).events, cutoffSeconds: 0)
        #expect(throws: StorageError.syncFailed(path: "a", reason: "stuck")) {
            try baseline.write(to: folder.path + "/baseline", on: host)
        }
        #expect(try real.disk.names(in: folder.path).isEmpty)
    }
}

/// A disk that cannot rename.
private struct StuckDisk: WrappingDisk {
    let real = RealDisk()

    func rename(_ path: String, to target: String) throws(StorageError) {
        throw .syncFailed(path: "a", reason: "stuck")
    }
}
