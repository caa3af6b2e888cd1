import EventLog
import Events
import Features
import Import
import Pipeline
import Refresh
import Storage

/// A log on disk, how much is in it, and a generation fitted to one like it.
struct PreparedLog: Sendable {
    var name: String
    var directory: String
    var events: Int64
    /// What a reader counts: events and catalogue updates.
    var records: Int64
    /// A state directory that holds nothing but a space and a generation.
    var fitted: String
}

/// What every group of benchmarks is given: where to work, how much, and where to report.
struct Bench {
    static let seed: UInt64 = 2025

    let host: Host
    let isSmall: Bool
    /// A directory of the real disk, removed at the end.
    let work: String
    /// The real shop's table.
    let data: String
    var report: Report
    /// Users of the generated log that is folded end to end and by stage.
    var mixUserCount: Int
    /// Logs written so far; groups share them.
    private var written: [String: MixedLog.Counts] = [:]
    private var retail: PreparedLog?
    private var shop: ShopExamples?
    /// Users of the simulated shop that networks learn from.
    var modelUserCount = 200_000

    init(host: Host, isSmall: Bool, work: String, data: String) throws {
        self.host = host
        self.isSmall = isSmall
        self.work = work
        self.data = data
        mixUserCount = isSmall ? 2000 : 200_000
        report = Report(machine: try Machine(host.disk))
    }

    /// Repetitions of what takes seconds.
    var repetitions: Int { 3 }

    /// Full size, or the size that only shows that the benchmark works.
    func size(_ full: Int, small: Int) -> Int { isSmall ? small : full }

    /// Writes a generated log of so many users, in one part or several.
    mutating func mixedLog(
        users: Int, parts: [String] = ["log"]
    ) throws -> (PreparedLog, MixedLog.Counts) {
        let root = "\(work)/mix-\(users)-\(parts.count)"
        let directories = parts.map { "\(root)/\($0)" }
        let counts: MixedLog.Counts
        if let known = written[root] {
            counts = known
        } else {
            say("writing a log of \(users) users")
            counts = try MixedLog(userCount: users, seed: Self.seed).write(
                to: directories, host: host)
            written[root] = counts
        }
        let fitted = try fittedState()
        return (
            PreparedLog(
                name: "mix", directory: directories[0], events: counts.events,
                records: counts.records, fitted: fitted), counts
        )
    }

    /// A generation fitted to a generated log of moderate size, as yesterday's would be.
    private func fittedState() throws -> String {
        let users = size(50_000, small: 1000)
        let state = "\(work)/fit-\(users)"
        if try host.disk.status(state) != nil { return state }
        let log = "\(work)/fit-log-\(users)"
        _ = try MixedLog(userCount: users, seed: Self.seed + 1).write(to: [log], host: host)
        try refresh(log: log, state: state)
        try host.disk.remove(log)
        return state
    }

    /// Imports the real shop's table and fits a generation to it; nil when the table is not there.
    mutating func retailLog() throws -> PreparedLog? {
        if let retail { return retail }
        guard try host.disk.status(data) != nil else { return nil }
        let directory = "\(work)/retail-log"
        let state = "\(work)/retail-fit"
        var options = ImportOptions()
        try options.addMapping("cancellation=remove_from_cart")
        var sink = LogSink(try SegmentWriter(host: host, directory: directory))
        let result = try Importer(options: options, directory: directory, host: host).run(
            try tableSource(data, on: host.disk), into: &sink)
        try refresh(log: directory, state: state)
        retail = PreparedLog(
            name: "retail", directory: directory,
            events: Int64(result.writtenCounts.values.reduce(0, +)),
            records: Int64(result.recordCount), fitted: state)
        return retail
    }

    /// Examples of a simulated shop; made once for all groups, which ask for the same.
    mutating func shopExamples(users: Int, days: Int) throws -> ShopExamples {
        if let shop, shop.userCount == users, shop.dayCount == days { return shop }
        say("simulating a shop of \(users) users, and making examples")
        let made = try ShopExamples(
            userCount: users, dayCount: days, directory: "\(work)/shop-\(users)-\(days)",
            host: host)
        shop = made
        return made
    }

    private func refresh(log: String, state: String) throws {
        _ = try UntrainedRefresh(
            host: host,
            options: RefreshOptions(logDirectory: log, stateDirectory: state, seed: Self.seed)
        ) { _ in }.run()
    }

    /// A new state directory with the log's generation and nothing else.
    func freshState(_ log: PreparedLog, _ name: String) throws -> String {
        let state = "\(work)/\(name)"
        try host.disk.remove(state)
        for file in try host.disk.filesBelow(log.fitted) {
            let target = "\(state)/\(file)"
            try host.disk.makeDirectory(
                target.split(separator: "/", omittingEmptySubsequences: false)
                    .dropLast().joined(separator: "/"))
            let bytes = try host.disk.bytes(of: "\(log.fitted)/\(file)", limit: 1 << 30)
            try host.disk.open(target, .create).write(bytes, at: 0)
        }
        return state
    }

    /// Options as the daemon's defaults are.
    func options(_ log: PreparedLog, state: String) -> PipelineOptions {
        var options = PipelineOptions(logDirectory: log.directory, stateDirectory: state)
        options.reader = LogReaderOptions(chunkByteCount: 256 * 1024)
        return options
    }

    /// Says what is being done, on standard error.
    func say(_ text: String) { standardError("bench: \(text)") }
}
