import EventLog
import Events
import Features
import Pipeline
import Refresh
import Storage
import TestSupport
import Testing

@Suite struct StatisticsPassesTests {
    private static func options(
        memory: Int64 = 2 << 30, threads: Int = 1
    ) -> RefreshOptions {
        var options = ExampleFoldTests.options(threads: threads)
        options.memoryByteCount = memory
        return options
    }

    private static func fit(
        _ disk: MemoryDisk, memory: Int64 = 2 << 30, threads: Int = 1,
        window: FitWindow = FitWindow(), space: FrozenStatistics? = nil
    ) throws -> FittedStatistics {
        try StatisticsPasses(
            host: .simulated(disk: disk), options: options(memory: memory, threads: threads),
            window: window, space: space
        ).run()
    }

    private static func files(_ statistics: FrozenStatistics) throws -> [String: [UInt8]] {
        try StatisticsFiles.spaceFiles(statistics).merging(
            StatisticsFiles.generationFiles(statistics)
        ) { $1 }
    }

    private static func shop(seed: UInt64) throws -> MemoryDisk {
        let disk = MemoryDisk()
        try ShopLog(seed: seed).write(to: "/log", on: .simulated(disk: disk))
        return disk
    }

    @Test(arguments: [FitWindow(), FitWindow(to: ExampleFoldTests.cut)])
    func `the fit is the same bytes in one pass or in many`(window: FitWindow) throws {
        let disk = try Self.shop(seed: 1)
        let whole = try Self.fit(disk, window: window)
        let wanted = try Self.files(whole.statistics)
        #expect(whole.passCount == 3 && whole.userCount > 40 && whole.rowCount > 400)
        #expect(whole.counters.isBalanced && whole.counters.late > 0)
        #expect(whole.counters.duplicate > 0)
        var rangeCounts: Set<Int> = []
        var budgets: [Int64] = [1 << 20]
        while let last = budgets.last, last > 25_000 { budgets.append(last * 3 / 5) }
        for memory in budgets + [1] {
            let parts = try Self.fit(disk, memory: memory, window: window)
            #expect(try Self.files(parts.statistics) == wanted, "\(memory) bytes")
            #expect(parts.from == whole.from && parts.to == whole.to)
            #expect(parts.userCount == whole.userCount && parts.rowCount == whole.rowCount)
            #expect(parts.counters == whole.counters)
            rangeCounts.insert((parts.passCount - 1) / 2)
        }
        #expect(rangeCounts.contains(1) && rangeCounts.contains(2))
        #expect(rangeCounts.contains { (5...20).contains($0) } && rangeCounts.contains { $0 > 30 })
    }

    @Test(arguments: [2 << 30, 60_000, 1] as [Int64])
    func `the fit is the same on one thread or several, pass by pass`(memory: Int64) throws {
        let disk = try Self.shop(seed: 4)
        let alone = try Self.fit(disk, memory: memory)
        #expect((alone.passCount > 3) == (memory < 2 << 30) && alone.counters.late > 0)
        for threads in [2, 3, 8] {
            let shared = try Self.fit(disk, memory: memory, threads: threads)
            #expect(try Self.files(shared.statistics) == Self.files(alone.statistics))
            #expect(shared.counters == alone.counters && shared.passCount == alone.passCount)
            #expect(shared.userCount == alone.userCount && shared.rowCount == alone.rowCount)
        }
    }

    @Test func `a log that cannot be read is an error on several threads too`() throws {
        let disk = try Self.shop(seed: 1)
        let host = Host.simulated(disk: disk)
        var options = Self.options(threads: 3)
        options.end = RecordPlace(segment: 1_000, recordIndex: 1)
        #expect(throws: RefreshError.self) {
            try StatisticsPasses(host: host, options: options, window: FitWindow()).run()
        }
    }

    @Test func `a repeated event id moves the clock in no pass`() throws {
        // Users 1 to 40 repeat an id six days later. If that moved the clock, an event four days after
        // it would be let through; so it is too far ahead of everybody, and held.
        let disk = MemoryDisk()
        let log = TestRecords(host: .simulated(disk: disk), directory: "/log")
        let (start, day) = (ShopLog.start, 86_400 as Int64)
        let users = 1...40 as ClosedRange<Int64>
        for user in users { log.event(user, start, .addToCart, 3, id: "first-\(user)") }
        for user in users { log.event(user, start + 6 * day, .addToCart, 4, id: "first-\(user)") }
        log.event(7, start + 10 * day, .addToCart, 5)
        try log.close()
        let whole = try Self.fit(disk)
        #expect(whole.counters.held == 1 && whole.counters.duplicate == 40)
        #expect(whole.statistics.statistic(.items, 3).counts[1] == 40)
        #expect(whole.statistics.statistic(.items, 5).counts[1] == 0)
        for memory in [20_000, 1] as [Int64] {
            let parts = try Self.fit(disk, memory: memory)
            #expect(parts.passCount > 3)
            #expect(try Self.files(parts.statistics) == Self.files(whole.statistics))
            #expect(parts.counters == whole.counters)
        }
    }

    @Test func `in a given space one pass fits tables and top lists, and nothing else`() throws {
        let first = try Self.shop(seed: 1)
        let space = try Self.fit(first).statistics
        let again = try Self.fit(first, space: space)
        #expect(again.passCount == 1)
        #expect(try Self.files(again.statistics) == Self.files(space))
        let second = try Self.shop(seed: 2)
        let own = try Self.fit(second)
        let given = try Self.fit(second, space: space)
        #expect(
            try StatisticsFiles.spaceFiles(given.statistics) == StatisticsFiles.spaceFiles(space))
        #expect(given.statistics.tables != space.tables)
        // Clusters are the space's; everything else is what a fit of its own finds.
        for table in [KeyTable.items, .categories, .urls, .queries] {
            #expect(given.statistics.tables[table] == own.statistics.tables[table])
        }
        #expect(
            given.statistics.tables[.nameClusters] != own.statistics.tables[.nameClusters])
        #expect(given.statistics.topItems == own.statistics.topItems)
        #expect(given.counters == own.counters && given.rowCount == own.rowCount)
        #expect(given.from == own.from && given.to == own.to)
        let parts = try Self.fit(second, memory: 60_000, space: space)
        #expect(parts.passCount > 1)
        #expect(try Self.files(parts.statistics) == Self.files(given.statistics))
        #expect(throws: RefreshError.self) {
            try Self.fit(second, window: FitWindow(to: 10), space: space)
        }
    }

    // Entropy of (3, 1) by the published formula, as in ScalerTests.
    @Test func `counts of a busy user are exact, and entropy is over users`() throws {
        let disk = MemoryDisk()
        let log = TestRecords(host: .simulated(disk: disk), directory: "/log")
        let start = ShopLog.start
        for round in 0..<40 as Range<Int64> {
            for item in 1...40 as ClosedRange<Int64> where item > round {
                log.event(1, start + round * 40 + item, .addToCart, item)
            }
        }
        log.event(2, start + 2000, .addToCart, 3)
        for user in 3...4 as ClosedRange<Int64> {
            log.event(user, start + 2000, .pageVisit, 9)
            log.event(user, start + 2001, .pageVisit, 10)
        }
        try log.close()
        for memory in [2 << 30, 1] as [Int64] {
            let fit = try Self.fit(disk, memory: memory)
            for item in 1...40 as ClosedRange<Int64> {
                let count = fit.statistics.statistic(.items, item).counts
                #expect(count[1] == item + (item == 3 ? 1 : 0) && count[0] == 0 && count[2] == 0)
            }
            let entropy = fit.statistics.statistic(.items, 3).entropy
            #expect(abs(entropy - 0.811_278_121_731_597) < 1e-12)
            // Two sessions of one visit each to url 9 first; url 10 began none.
            let first = fit.statistics.statistic(.urls, 9)
            #expect(first.counts[0] == 2 && abs(first.entropy - 0.999_999_997_335_957_6) < 1e-12)
            let second = fit.statistics.statistic(.urls, 10)
            #expect(second.counts[0] == 2 && second.entropy == 0)
            #expect(fit.userCount == 4 && fit.rowCount == 823)
        }
    }

    @Test func `tells how far it is over all passes`() throws {
        let clock = SimulatedClock(seconds: 5)
        let host = Host.simulated(disk: MemoryDisk(), clock: clock)
        try ShopLog(seed: 1).write(to: "/log", on: host)
        var seen: [String: [RefreshProgress]] = [:]
        _ = try UntrainedRefresh(host: host, options: Self.options(memory: 60_000)) { progress in
            seen[progress.step, default: []].append(progress)
            clock.advance(seconds: 1)
        }.run()
        for step in ["names and queries", "key statistics", "scalers"] {
            let readings = try #require(seen[step])
            let fractions = readings.map(\.fraction)
            #expect(zip(fractions, fractions.dropFirst()).allSatisfy { $0 <= $1 })
            #expect(abs((fractions.last ?? 0) - 1) < 1e-9)
            for one in readings.dropFirst() {
                #expect(one.bytesPerSecond > 0)
                #expect(one.fraction > 0.999 || (one.secondsLeft ?? 0) > 0)
            }
        }
        // More than one pass was told of.
        #expect((seen["scalers"]?.count ?? 0) > 2 * (seen["names and queries"]?.count ?? 0))
    }
}
