import Events
import Features
import Learning
import Refresh
import Simulation
import Storage

/// A simulated shop, and examples of two cuts T and T + 14 d, both by what fit(T) knows.
///
/// T lies 28 days before the log's end, so that labels and future rows are complete at both, and
/// no purchase is a label of both.
struct ShopExamples {
    let userCount: Int
    let dayCount: Int
    let targets: TargetLists
    let vocabulary: RowVocabulary
    /// Of T: what is learned from.
    let early: ExampleFile
    /// Of T + 14 d: what is scored.
    let late: ExampleFile
    let lateCutSeconds: Int64
    /// P(a purchase within 14 days after the late cut) of every user, from the simulation's truth.
    let buyChance: [UserID: Float]
    let report: ExampleFoldReport
    /// Seconds that each step took: simulation, fit(T), examples of both cuts.
    let seconds: [(step: String, seconds: Double)]

    /// Simulates, fits and folds below `directory`, which must not be there.
    init(userCount: Int, dayCount: Int, directory: String, host: Host) throws {
        self.userCount = userCount
        self.dayCount = dayCount
        var meter = StepMeter(host)
        var simulation = SimulationOptions(
            userCount: userCount, dayCount: dayCount, seed: Bench.seed)
        simulation.chunkUserCount = 4096
        _ = try ShopSimulator(options: simulation, directory: directory, host: host).run()
        meter.end("simulation")
        func midnight(_ daysBeforeEnd: Int) -> Int64 {
            simulation.startSeconds + Int64(dayCount - daysBeforeEnd) * 86_400
        }
        let early = LabelWindow(cutSeconds: midnight(28))
        let late = LabelWindow(cutSeconds: midnight(14))
        let options = RefreshOptions(
            logDirectory: "\(directory)/log", stateDirectory: directory, seed: Bench.seed)
        let fit = try StatisticsPasses(
            host: host, options: options, window: FitWindow(to: early.cutSeconds)
        ).run()
        meter.end("fit(T)")
        let vocabulary = RowVocabulary(fit.statistics)
        let targets = TargetLists(fit.statistics)
        func examples(_ window: LabelWindow, _ name: String) throws -> ExampleFoldReport {
            defer { meter.end("examples, \(name) cut") }
            return try ExampleFold(
                host: host, options: options, examples: ExampleFoldOptions(window: window),
                statistics: fit.statistics, vocabulary: vocabulary, targets: targets
            ).run(to: "\(directory)/\(name)")
        }
        report = try examples(early, "early")
        _ = try examples(late, "late")
        self.early = try ExampleFile("\(directory)/early", on: host.disk)
        self.late = try ExampleFile("\(directory)/late", on: host.disk)
        self.targets = targets
        self.vocabulary = vocabulary
        lateCutSeconds = late.cutSeconds
        buyChance = try Self.chances("\(directory)/truth", weeksBeforeEnd: 2, host.disk)
        seconds = meter.seconds
    }

    /// Outputs of the list heads; an empty list has one that is never wanted.
    var categoryCount: Int { max(1, targets.categories.count) }
    var itemCount: Int { max(1, targets.items.count) }

    /// N: MTL reads the latest of a user's rows only.
    static let rowWindow = 64

    /// A user's example as MTL reads it.
    static func latest(_ example: TrainingExample) -> TrainingExample {
        var latest = example
        // Every example of a fold has END.
        latest.rows = example.latestRows(rowWindow, readsEndRow: true) ?? []
        latest.endRow = []
        latest.tokens =
            example.tokens.suffix(rowWindow) + [RowToken.end(bucket: example.endBucket)]
        return latest
    }

    /// The truth's chance of a purchase at the cutoff that many weeks before the end.
    private static func chances(
        _ truth: String, weeksBeforeEnd: Int, _ disk: any Disk
    ) throws -> [UserID: Float] {
        let ids = try NpyReader("\(truth)/client_ids.npy", on: disk)
        let chances = try NpyReader("\(truth)/buy_probability.npy", on: disk)
        let width = chances.rowElementCount
        var byUser: [UserID: Float] = [:]
        for start in stride(from: 0, to: ids.header.shape[0], by: 1 << 16) {
            let rows = start..<min(start + 1 << 16, ids.header.shape[0])
            let bytes = try chances.bytes(ofRows: rows)
            for (row, id) in try ids.int64s(rows: rows).enumerated() {
                let place = 2 * (row * width + width - 1 - weeksBeforeEnd)
                let bits = UInt16(bytes[place]) | UInt16(bytes[place + 1]) << 8
                byUser[UserID(rawValue: id)] = Float(Float16(bitPattern: bits))
            }
        }
        return byUser
    }
}

/// Seconds by the clock from step to step.
struct StepMeter {
    private let host: Host
    private var last: UInt64
    private(set) var seconds: [(step: String, seconds: Double)] = []

    init(_ host: Host) {
        self.host = host
        last = host.clock.monotonicNanoseconds()
    }

    /// Ends a step, which began when the one before it ended.
    mutating func end(_ step: String) {
        let now = host.clock.monotonicNanoseconds()
        seconds.append((step: step, seconds: Double(now - last) / 1e9))
        last = now
    }
}
