import ArgumentParser
import Encoders
import EventLog
import Events
import Pipeline
import Refresh
import Simulation
import Storage

/// The batch refresh by step, at several sizes, and a daemon that takes its result over.
extension Bench {
    /// What is asked of the group.
    struct RefreshPlan {
        var userCounts: [Int]
        var dayCount: Int
        var threadCount: Int
        /// Most epochs of a network; 0 leaves the published ones.
        var epochLimit: Int
        /// Most users that an epoch trains on; 0 for a tenth of the shop's, so that each epoch
        /// meets other users, as in a shop of many more than `train.epoch_users`.
        var epochUserLimit = 0
    }

    /// Sizes and epochs when nobody says anything.
    var refreshPlan: RefreshPlan {
        RefreshPlan(
            userCounts: isSmall ? [300] : [10_000, 100_000], dayCount: size(141, small: 42),
            threadCount: 2, epochLimit: 0)
    }

    /// Refreshes of both kinds at every size, and what takes them over.
    mutating func refreshes(_ asked: RefreshPlan? = nil) async throws {
        let plan = asked ?? refreshPlan
        var nights: [RefreshExtrapolation.Measured] = []
        var spaces: [RefreshExtrapolation.Measured] = []
        for users in plan.userCounts.sorted() {
            let shop = try RefreshedShop(
                userCount: users, dayCount: plan.dayCount,
                directory: "\(work)/refreshed-\(users)", host: host)
            let first = try await run(.newSpace, shop, plan)
            addSteps(first, shop, plan)
            let second = try await takeOver(shop, plan)
            addSteps(second, shop, plan)
            check(first, second, shop)
            spaces.append(measured(first, shop))
            nights.append(measured(second, shop))
            try host.disk.remove(shop.directory)
        }
        addExtrapolation(nights, "an ordinary night", hours: 2)
        addExtrapolation(spaces, "a new space", hours: 6)
    }

    private func measured(
        _ run: RefreshRun, _ shop: RefreshedShop
    ) -> RefreshExtrapolation.Measured {
        .init(
            outcome: run.outcome, costs: run.costs, events: shop.eventCount,
            decodeSeconds: shop.decodeSeconds)
    }

    /// A refresh that has ended: its steps, and what it made.
    struct RefreshRun {
        var kind: RefreshJobOptions.Kind
        var costs: [RefreshStepCost] = []
        var stepCount = 0
        var outcome: RefreshOutcome
    }

    /// Runs a refresh to its end; `note` is told of each step that begins.
    func run(
        _ kind: RefreshJobOptions.Kind, _ shop: RefreshedShop, _ plan: RefreshPlan,
        note: (String) async throws -> Void = { _ in }
    ) async throws -> RefreshRun {
        say("refresh: \(kind.rawValue), \(shop.userCount) users")
        let process = try RefreshProcess(
            log: shop.log, state: shop.state, kind: kind, threads: plan.threadCount,
            epochs: plan.epochLimit,
            epochUsers: plan.epochUserLimit > 0 ? plan.epochUserLimit : max(1, shop.userCount / 10),
            isQuick: isSmall)
        var run: RefreshRun?
        var costs: [RefreshStepCost] = []
        while let line = try process.next() {
            if let cost = line.step { costs.append(cost) }
            if let next = line.next {
                say("refresh, \(kind.rawValue): \(next)")
                try await note(next)
            }
            if let outcome = line.outcome {
                run = RefreshRun(
                    kind: kind, costs: costs, stepCount: line.stepCount, outcome: outcome)
            }
        }
        try process.finish()
        guard let run else { throw BenchError.worker("a refresh said nothing at its end") }
        return run
    }

    private mutating func addSteps(
        _ run: RefreshRun, _ shop: RefreshedShop, _ plan: RefreshPlan
    ) {
        let outcome = run.outcome
        let group = "refresh, \(run.kind.rawValue), \(rounded(Double(shop.userCount))) users"
        let seconds = run.costs.reduce(0) { $0 + $1.seconds }
        for cost in run.costs {
            report.add(group, cost.name, "s", [cost.seconds], base: seconds)
            // The system counts in hundredths; a step may take less.
            if cost.processorSeconds > 0 {
                report.add(group, "\(cost.name): processor", "s", [cost.processorSeconds])
            }
            report.add(group, "\(cost.name): peak", "MB", [Double(cost.peakByteCount) / 1e6])
        }
        let processor = run.costs.reduce(0) { $0 + $1.processorSeconds }
        report.add(group, "all", "s", [seconds])
        report.add(group, "all: processor", "s", [processor])
        report.add(group, "events", "/s", [Double(shop.eventCount) / seconds])
        report.add(group, "rows", "/s", [Double(outcome.report.rows) / seconds])
        report.note(
            group,
            "\(shop.eventCount) events, \(outcome.report.rows) rows, \(outcome.exampleCount) "
                + "examples of \(outcome.exampleRowCount) rows, \(outcome.itemPairs) and "
                + "\(outcome.categoryPairs) pairs of \(rounded(100 * outcome.userShare)) % of "
                + "their users; \(plan.threadCount) threads")
        let epochs = outcome.epochs.sorted { $0.key < $1.key }.map { "\($0.key) \($0.value)" }
        report.note(
            group,
            "epochs of \(outcome.epochUserLimit) users: \(epochs.joined(separator: ", ")), factors \(outcome.itemEpochs) and "
                + "\(outcome.categoryEpochs)")
        for refusal in outcome.report.refusals { report.note(group, "refused: \(refusal)") }
    }

    private mutating func check(
        _ first: RefreshRun, _ second: RefreshRun, _ shop: RefreshedShop
    ) {
        for run in [first, second] {
            let name = "refresh, \(run.kind.rawValue), \(shop.userCount) users"
            let made = run.outcome.report
            report.check("\(name): users", wanted: Int64(shop.userCount), got: made.users)
            // The second reads the event that the takeover has appended before it as well.
            let records = shop.recordCount + (run.kind == .sameSpace ? 1 : 0)
            report.check("\(name): records", wanted: records, got: made.records)
            // The plan is one more, and has no number.
            report.check(
                "\(name): steps", wanted: Int64(run.stepCount + 1), got: Int64(run.costs.count))
        }
        let (old, new) = (first.outcome, second.outcome)
        report.check("refresh: its space", wanted: old.report.space, got: new.report.space)
        report.check(
            "refresh: its generation", wanted: old.report.generation + 1, got: new.report.generation
        )
        report.check("refresh: rows", wanted: old.report.rows, got: new.report.rows)
        report.check("refresh: pairs", wanted: old.itemPairs, got: new.itemPairs)
    }

    private mutating func addExtrapolation(
        _ runs: [RefreshExtrapolation.Measured], _ name: String, hours: Double
    ) {
        let whole = RefreshExtrapolation(runs)
        let group = "19 M users and 169 M events, extrapolated: \(name)"
        for step in whole.steps where step.unitSeconds > 0 {
            report.add(
                group, "\(step.name), processor time per \(step.unit.rawValue)", "us",
                [step.unitSeconds * 1e6])
            report.add(
                group, "\(step.name)", "h", [step.processorSeconds / 3600],
                base: whole.processorSeconds / 3600)
        }
        report.add(group, "all, processor time", "h", [whole.processorSeconds / 3600])
        report.add(
            group, "all, by the clock on two cores", "h",
            [whole.seconds(cores: 2) / 3600], target: .below(hours))
        let sizes = runs.map { rounded(Double($0.outcome.report.users)) }
        let amounts = whole.amounts
        report.note(
            group,
            "lines through \(sizes.joined(separator: " and ")) users; "
                + "\(rounded(amounts.examples)) examples, \(rounded(amounts.epochExamples)) of them "
                + "an epoch, \(rounded(amounts.rows)) rows and "
                + "\(rounded(amounts.factorSteps)) updates of factors a window, in proportion; "
                + "published epochs")
        report.note(
            group,
            "memory holds users at \(Int(RefreshExtrapolation.userByteCount)) bytes each, so that "
                + "steps that fold users decode the log \(rounded(whole.passCount)) times")
    }
}

/// A simulated shop that is refreshed: its log grows, and a daemon's state lies beside it.
struct RefreshedShop {
    let userCount: Int
    let directory: String
    let users: [UserID]
    let eventCount: Int64
    let recordCount: Int64
    /// After all events.
    let endSeconds: Int64
    /// Processor time that reading and parsing the log takes, on one thread.
    let decodeSeconds: Double

    var log: String { directory + "/log" }
    var state: String { directory + "/state" }

    /// Simulates below `directory`, which must not be there.
    init(userCount: Int, dayCount: Int, directory: String, host: Host) throws {
        var options = SimulationOptions(
            userCount: userCount, dayCount: dayCount, seed: Bench.seed)
        options.chunkUserCount = 4096
        let report = try ShopSimulator(options: options, directory: directory, host: host).run()
        let ids = try NpyReader("\(directory)/truth/client_ids.npy", on: host.disk)
        self.userCount = userCount
        self.directory = directory
        users = try ids.int64s(rows: 0..<ids.header.shape[0]).map { UserID(rawValue: $0) }
        eventCount = Int64(report.eventCount)
        recordCount = Int64(report.recordCount)
        endSeconds = options.startSeconds + Int64(dayCount) * 86_400
        let usage = Usage(host.disk)
        let before = try usage.threads()
        let reader = try LogReader(host: host, directory: directory + "/log")
        let parser = RecordParser()
        while let chunk = try reader.next() { _ = parser.parse(chunk) }
        decodeSeconds = try usage.seconds(since: before).values.reduce(0, +)
    }
}

/// Users of several shops: numbers with commas between.
struct UserCounts: ExpressibleByArgument {
    var counts: [Int]

    init?(argument: String) {
        let words = argument.split(separator: ",", omittingEmptySubsequences: false)
        counts = words.compactMap { Int($0) }
        guard counts.count == words.count, counts.allSatisfy({ $0 > 0 }) else { return nil }
    }
}

struct RefreshCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "refresh",
        abstract: "The batch refresh by step, its activation, and what a large shop's would take.")
    @OptionGroup var common: CommonOptions

    @Option(help: "Most epochs of a new space's network; the published ones without it.")
    var epochs = 0

    @Option(help: "Most users of an epoch; a tenth of the shop's without it.")
    var epochUsers = 0

    @Option(help: "Threads of trainings.")
    var threads = 2

    func run() async throws {
        try await common.run { bench in
            var plan = bench.refreshPlan
            plan.userCounts = common.users?.counts ?? plan.userCounts
            plan.epochLimit = epochs
            plan.epochUserLimit = epochUsers
            plan.threadCount = threads
            try await bench.refreshes(plan)
        }
    }
}
