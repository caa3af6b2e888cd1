import EventLog
import Events
import Features
import Learning
import Pipeline
import Refresh
import Sessions
import Storage
import TestSupport
import Testing

@Suite struct ExampleFoldTests {
    /// Somewhat before the middle of the first two busy days of a `ShopLog`.
    static let cut = ShopLog.start + 40_000

    static let statistics = FrozenStatistics.lively(
        keyCount: 30, topItems: [1, 3, 5, 7, 9], topCategories: [2, 4])

    static func options(threads: Int = 1) -> RefreshOptions {
        var options = RefreshOptions(logDirectory: "/log", stateDirectory: "/state", seed: 3)
        options.clock.heldLimit = ShopLog.heldLimit
        options.threadCount = threads
        // One chunk is read while another one is folded.
        options.reader.chunkRecordCount = 60
        return options
    }

    /// Folds `/log` into `/examples`.
    static func fold(
        on host: Host, cut: Int64 = cut, threads: Int = 1,
        _ change: (inout ExampleFoldOptions) -> Void = { _ in },
        progress: @escaping (RefreshProgress) -> Void = { _ in }
    ) throws -> ExampleFoldReport {
        var examples = ExampleFoldOptions(window: LabelWindow(cutSeconds: cut))
        change(&examples)
        return try ExampleFold(
            host: host, options: options(threads: threads), examples: examples,
            statistics: statistics,
            vocabulary: RowVocabulary(statistics), targets: TargetLists(statistics),
            progress: progress
        ).run(to: "/examples")
    }

    /// By user.
    static func read(_ disk: MemoryDisk) throws -> [UserID: TrainingExample] {
        let file = try ExampleFile("/examples", on: disk)
        let all = try file.examples(Array(0..<file.count))
        return Dictionary(
            uniqueKeysWithValues: all.enumerated().map { (file.user($0), $1) })
    }

    static func bytes(_ disk: MemoryDisk) -> [UInt8]? {
        disk.contents().first { $0.path == "/examples" }?.bytes
    }

    @Test func `the file is the same bytes in one pass over the log or in many`() throws {
        let disk = MemoryDisk()
        let host = Host.simulated(disk: disk)
        try ShopLog(seed: 1).write(to: "/log", on: host)
        let whole = try Self.fold(on: host)
        #expect(whole.passCount == 1 && whole.exampleCount > 40)
        #expect(whole.rowCount > 400 && whole.futureRowCount > 400 && whole.buyerCount > 20)
        let wanted = try #require(Self.bytes(disk))
        for budget in [400_000, 100_000, 1] as [Int64] {
            let parts = try Self.fold(on: host) { $0.memoryByteCount = budget }
            #expect(parts.passCount > 1)
            #expect(Self.bytes(disk) == wanted)
            var same = parts
            same.passCount = 1
            #expect(same == whole)
        }
        #expect(try Self.fold(on: host) { $0.memoryByteCount = 1 }.passCount > 40)
    }

    @Test func `the file is the same bytes on one thread or several`() throws {
        let disk = MemoryDisk()
        let host = Host.simulated(disk: disk)
        try ShopLog(seed: 4).write(to: "/log", on: host)
        let alone = try Self.fold(on: host)
        let wanted = try #require(Self.bytes(disk))
        let cases: [(Int, Int64)] = [(2, 2 << 30), (3, 400_000), (8, 60_000), (2, 1)]
        for (threads, budget) in cases {
            var shared = try Self.fold(on: host, threads: threads) { $0.memoryByteCount = budget }
            #expect((shared.passCount > 1) == (budget < 2 << 30))
            #expect(Self.bytes(disk) == wanted)
            shared.passCount = 1
            #expect(shared == alone)
        }
    }

    @Test func `a repeated event id moves the clock in no pass`() throws {
        // User 1 repeats an id at a time behind the cut; live, the repetition does not count.
        let disk = MemoryDisk()
        let host = Host.simulated(disk: disk)
        let log = TestRecords(host: host, directory: "/log")
        for user in 1...40 as ClosedRange<Int64> {
            log.event(user, Self.cut - 5000 + user, .addToCart, 3, id: "first-\(user)")
        }
        for user in 1...40 as ClosedRange<Int64> {
            log.event(user, Self.cut + 5, .addToCart, 4, id: "first-\(user)")
        }
        for user in 1...40 as ClosedRange<Int64> { log.event(user, Self.cut - 100, .addToCart, 5) }
        for user in 50...52 as ClosedRange<Int64> { log.event(user, Self.cut, .pageVisit, 5) }
        try log.close()
        let whole = try Self.fold(on: host)
        let wanted = Self.bytes(disk)
        #expect(whole.exampleCount == 40 && whole.leftOutCount == 3 && whole.rowCount == 80)
        let parts = try Self.fold(on: host) { $0.memoryByteCount = 30_000 }
        #expect(parts.passCount > 1 && Self.bytes(disk) == wanted)
        let shared = try Self.fold(on: host, threads: 2)
        #expect(shared == whole && Self.bytes(disk) == wanted)
    }

    @Test func `nothing of the future enters what is read before the cut`() throws {
        let first = MemoryDisk()
        let log = ShopLog(seed: 1)
        try log.write(to: "/log", on: .simulated(disk: first))
        _ = try Self.fold(on: .simulated(disk: first))
        let known = try Self.read(first)
        // The same past, then another future: a marker item that everybody buys, and a catalogue
        // that says other things of every item.
        let second = MemoryDisk()
        let host = Host.simulated(disk: second)
        let place = try Self.crossing(of: "/log", on: .simulated(disk: first))
        let other = TestRecords(host: host, directory: "/log")
        for record in log.records.prefix(place) { other.line(record) }
        for item in 0..<40 as Range<Int64> { other.update(item, category: 900 + item, price: 99) }
        for user in log.users { other.event(user.rawValue, Self.cut + 60, .productBuy, 1) }
        try other.close()
        _ = try Self.fold(on: host)
        let marked = try Self.read(second)
        #expect(Set(known.keys) == Set(marked.keys) && known.count > 40)
        for (user, example) in marked {
            let before = try #require(known[user])
            #expect(example.rows == before.rows && example.tokens == before.tokens)
            #expect(example.endBucket == before.endBucket)
            #expect(example.endRow == before.endRow && example.endRow.count == RowLayout.width)
            #expect(example.labels?.churned == false)
            #expect(example.futureRows != before.futureRows)
        }
        // And fit(T) reads the same statistics from both.
        let fits = try [first, second].map { disk in
            let fit = try StatisticsPasses(
                host: .simulated(disk: disk), options: Self.options(),
                window: FitWindow(to: Self.cut)
            ).run()
            #expect(fit.to <= Self.cut)
            return try StatisticsFiles.spaceFiles(fit.statistics).merging(
                StatisticsFiles.generationFiles(fit.statistics)
            ) { $1 }
        }
        #expect(fits[0] == fits[1])
    }

    @Test func `fit(T) reads what stands in its window and nothing else`() throws {
        let disk = MemoryDisk()
        let host = Host.simulated(disk: disk)
        let from = Self.cut - 1000
        let log = TestRecords(host: host, directory: "/log")
        for user in 1...5 as ClosedRange<Int64> {
            log.event(user, from - 1, .productBuy, 1)
            log.event(user, from, .productBuy, 2)
            log.event(user, Self.cut - 1, .productBuy, 3)
        }
        log.event(1, Self.cut, .productBuy, 4)
        log.event(2, Self.cut - 1, .productBuy, 5)
        for user in 1...3 as ClosedRange<Int64> { log.event(user, Self.cut, .productBuy, 4) }
        log.event(5, Self.cut - 1, .productBuy, 6)
        try log.close()
        let fit = try StatisticsPasses(
            host: host, options: Self.options(), window: FitWindow(from: from, to: Self.cut)
        ).run()
        let bought = (1...6).map { fit.statistics.statistic(.items, $0).counts[0] }
        #expect(bought == [0, 5, 5, 0, 1, 0])
        #expect(fit.from == from && fit.to == Self.cut)
        #expect(throws: RefreshError.self) {
            try StatisticsPasses(
                host: host, options: Self.options(), window: FitWindow(to: from - 10)
            ).run()
        }
    }

    @Test func `rows, tokens, future and labels of users one can follow by hand`() throws {
        let disk = MemoryDisk()
        let host = Host.simulated(disk: disk)
        let cut = Self.cut
        let log = TestRecords(host: host, directory: "/log")
        log.update(3, category: 2, price: 50)
        log.event(1, cut - 9000, .pageVisit, 7)
        log.event(1, cut - 500, .addToCart, 3)
        log.event(2, cut - 100, .pageVisit, 8)
        log.event(3, cut - 50, .productBuy, 25)
        for user in 90...92 as ClosedRange<Int64> { log.event(user, cut, .pageVisit, 1) }
        // Late for the read at the cut, though not for the fold.
        log.event(1, cut - 400, .productBuy, 3)
        log.event(1, cut + 10, .productBuy, 29)
        // Goes on with the session that was open at the cut, then buys.
        log.event(2, cut + 100, .pageVisit, 9)
        log.event(2, cut + 9000, .productBuy, 3)
        // Half-open: the purchase at the horizon's end is no label, but a row of the future.
        let day: Int64 = 86_400
        for (after, buys) in [(6, false), (12, false), (14, true), (20, false), (26, false)]
            + [(28, true)] as [(Int64, Bool)]
        {
            for user in 90...92 as ClosedRange<Int64> {
                log.event(user, cut + after * day, .pageVisit, 1)
            }
            if buys { log.event(3, cut + after * day, .productBuy, 3) }
        }
        try log.close()
        let report = try Self.fold(on: host)
        #expect(report.exampleCount == 3 && report.leftOutCount == 3 && report.buyerCount == 2)
        let examples = try Self.read(disk)
        func one(_ id: Int64) throws -> TrainingExample {
            try #require(examples[UserID(rawValue: id)])
        }
        let first = try one(1)
        let vocabulary = RowVocabulary(Self.statistics)
        let weekday = Int32(Calendar.weekday(cut) - 1)
        // The visit's row stands where its session ends, 2400 s after it.
        #expect(
            first.tokens == [
                RowToken(type: 3, url: vocabulary.url(7), weekday: weekday, gap: 0),
                RowToken(
                    type: 1, category: vocabulary.category(2), price: 50,
                    item: vocabulary.item(3), weekday: weekday,
                    gap: Int32(LogBuckets.index(seconds: 9000 - 2400 - 500))),
            ])
        #expect(first.rows.count == 2 * RowLayout.width && first.endBucket == 9)
        #expect(Self.oneHots(first.rows) == [3, 1])
        // The late purchase is neither past nor future, and no label; the next one is both.
        #expect(Self.oneHots(first.futureRows) == [0])
        let targets = TargetLists(Self.statistics)
        #expect(first.labels?.items == targets.place(ofItem: 29).map { [$0] })
        let second = try one(2)
        #expect(Self.oneHots(second.rows) == [3] && Self.oneHots(second.futureRows) == [0])
        #expect(second.labels?.categories == targets.place(ofCategory: 2).map { [$0] })
        let third = try one(3)
        #expect(third.labels?.churned == true && Self.oneHots(third.futureRows) == [0])
        #expect(third.tokens.first?.category == -1 && third.tokens.first?.price == -1)
    }

    @Test func `keeps the latest rows of the past and the first of the future`() throws {
        let disk = MemoryDisk()
        let host = Host.simulated(disk: disk)
        try ShopLog(seed: 1).write(to: "/log", on: host)
        _ = try Self.fold(on: host)
        let all = try Self.read(disk)
        _ = try Self.fold(on: host) {
            $0.rowLimit = 5
            $0.futureRowLimit = 3
        }
        let few = try Self.read(disk)
        #expect(few.count == all.count)
        for (user, example) in few {
            let whole = try #require(all[user])
            #expect(example.rows == Array(whole.rows.suffix(5 * RowLayout.width)))
            #expect(example.tokens == Array(whole.tokens.suffix(5)))
            #expect(example.futureRows == Array(whole.futureRows.prefix(3 * RowLayout.width)))
        }
    }

    @Test func `a log that ends before the cut has no future, and leaves no file`() throws {
        let disk = MemoryDisk()
        let host = Host.simulated(disk: disk)
        try ShopLog(seed: 1, count: 300).write(to: "/log", on: host)
        let error = #expect(throws: RefreshError.self) {
            try Self.fold(on: host, cut: 2_000_000_000)
        }
        guard case .noFuture = error else {
            Issue.record("\(String(describing: error))")
            return
        }
        #expect(disk.contents().allSatisfy { $0.path.hasPrefix("/log/") })
    }

    @Test func `tells how far it is`() throws {
        let clock = SimulatedClock(seconds: 5)
        let host = Host.simulated(disk: MemoryDisk(), clock: clock)
        try ShopLog(seed: 1).write(to: "/log", on: host)
        var fractions: [Double] = []
        let note: (RefreshProgress) -> Void = { progress in
            fractions.append(progress.fraction)
            clock.advance(seconds: 1)
            if progress.fraction > 0.5, progress.fraction < 1 {
                #expect((progress.secondsLeft ?? 0) > 0 && progress.bytesPerSecond > 0)
            }
        }
        let shrink: (inout ExampleFoldOptions) -> Void = { $0.memoryByteCount = 300_000 }
        _ = try Self.fold(on: host, shrink, progress: note)
        #expect(fractions.count > 2 && abs((fractions.last ?? 0) - 1) < 1e-9)
    }

    /// Kinds of rows by the place of their one-hot.
    static func oneHots(_ rows: [UInt16]) -> [Int] {
        stride(from: 0, to: rows.count, by: RowLayout.width).map { start in
            (0..<5).first { rows[start + $0] != 0 } ?? -1
        }
    }

    /// Records before the one at which the log clock reaches the cut.
    static func crossing(of directory: String, on host: Host) throws -> Int {
        let reader = try LogReader(host: host, directory: directory, options: LogReaderOptions())
        let parser = RecordParser(earliest: 0, latest: 4_102_444_799)
        var intake = Intake(options: options().clock)
        while let chunk = try reader.next() {
            for (index, entry) in parser.parse(chunk).entries.enumerated() {
                let offset = chunk.firstOffset + LogOffset(index)
                _ = intake.take(entry, at: offset) { _, _ in
                    Reducer.Outcome(admission: .pending, foldedCount: 1)
                }
                if let now = intake.clock.seconds, now >= cut { return Int(offset) }
            }
        }
        return -1
    }
}

/// A log written record by record.
final class TestRecords {
    private let writer: SegmentWriter?
    private var failure: (any Error)?

    init(host: Host, directory: String) {
        do {
            writer = try SegmentWriter(host: host, directory: directory)
        } catch {
            writer = nil
            failure = error
        }
    }

    func line(_ bytes: [UInt8]) {
        do { try writer?.append(bytes) } catch { failure = error }
    }

    func event(
        _ user: Int64, _ seconds: Int64, _ kind: EventKind, _ key: Int64, id: String? = nil
    ) {
        var bytes: [UInt8] = []
        RecordWriter.append(
            Event(user: UserID(rawValue: user), seconds: seconds, kind: kind, key: key),
            eventID: id, to: &bytes)
        line(Array(bytes.dropLast()))
    }

    func update(_ item: Int64, category: Int64?, price: UInt8?) {
        var bytes: [UInt8] = []
        RecordWriter.append(
            CatalogueUpdate(item: ItemID(rawValue: item), category: category, price: price),
            seconds: 0, to: &bytes)
        line(Array(bytes.dropLast()))
    }

    /// Throws the first thing that went wrong.
    func close() throws {
        try writer?.close()
        if let failure { throw failure }
    }
}
