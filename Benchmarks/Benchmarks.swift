import ArgumentParser
import Storage

/// Measures what DESIGN §12 asks for; docs/benchmarks.md says what came out.
@main
struct Benchmark: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "Benchmarks", abstract: "Measure ubpd against the numbers it wants to beat.",
        subcommands: [
            All.self, EndToEndCommand.self, StagesCommand.self, GRUCommand.self,
            MemoryCommand.self, RecoveryCommand.self, LatencyCommand.self, DecodingCommand.self,
            WriteToFoldCommand.self, IdleCommand.self, SimulationCommand.self,
            TrainingCommand.self, EpochsCommand.self, ModelsCommand.self,
            BPRCommand.self, RefreshCommand.self, ProfilesCommand.self,
            Worker.self, RefreshWorker.self,
        ],
        defaultSubcommand: All.self)
}

/// Options of every group.
struct CommonOptions: ParsableArguments {
    @Flag(help: "Take seconds: only show that every figure comes out and all counts agree.")
    var small = false

    @Option(help: "Write the figures with all samples into this file, too.")
    var json: String?

    @Option(
        help: ArgumentHelp(
            "Users of the generated log, for end-to-end and stages, and of the shop, for models "
                + "and refresh, which takes several with commas between."))
    var users: UserCounts?

    @Option(help: "Directory on the disk to be measured; one is made in it and removed.")
    var work = "/var/tmp"

    @Option(help: "The real shop's table; left out when it is not there.")
    var data = "../shared/data/online_retail.csv.lz4"

    /// Runs groups, prints the tables, and throws when a count or a figure is wrong.
    func run(_ body: (inout Bench) async throws -> Void) async throws {
        let host = Host.real
        let directory = "\(work)/ubpd-bench-\(String(host.randomness.next(), radix: 16))"
        try host.disk.makeDirectory(directory)
        var bench = try Bench(host: host, isSmall: small, work: directory, data: data)
        bench.mixUserCount = users?.counts.first ?? bench.mixUserCount
        bench.modelUserCount = users?.counts.first ?? bench.modelUserCount
        do {
            try await body(&bench)
        } catch {
            try host.disk.remove(directory)
            throw error
        }
        try host.disk.remove(directory)
        print(bench.report.text)
        if let json {
            try host.disk.remove(json)
            try host.disk.open(json, .create).write(try bench.report.json(), at: 0)
        }
        let faults = bench.report.faults
        guard faults.isEmpty else { throw BenchError.wrong(faults) }
    }
}

struct All: AsyncParsableCommand {
    static let configuration = CommandConfiguration(abstract: "Every group.")
    @OptionGroup var common: CommonOptions

    func run() async throws {
        try await common.run { bench in
            try bench.gru()
            try await bench.training()
            try await bench.epochs()
            try await bench.bpr()
            try await bench.models()
            try bench.stages()
            try await bench.endToEnd()
            try bench.profiles()
            try await bench.latency()
            try bench.decoding()
            try await bench.writeToFold()
            try await bench.idle()
            try bench.memory()
            try bench.recovery()
            try bench.simulation()
            try await bench.refreshes()
        }
    }
}

/// One group of benchmarks as a subcommand.
protocol GroupCommand: AsyncParsableCommand {
    var common: CommonOptions { get }
    static func measure(_ bench: inout Bench) async throws
}

extension GroupCommand {
    func run() async throws { try await common.run(Self.measure) }
}

struct EndToEndCommand: GroupCommand {
    static let configuration = CommandConfiguration(
        commandName: "end-to-end", abstract: "Events a second from segment to committed state.")
    @OptionGroup var common: CommonOptions

    static func measure(_ bench: inout Bench) async throws { try await bench.endToEnd() }
}

struct StagesCommand: GroupCommand {
    static let configuration = CommandConfiguration(
        commandName: "stages", abstract: "Time and events a second of each stage.")
    @OptionGroup var common: CommonOptions

    static func measure(_ bench: inout Bench) async throws { try bench.stages() }
}

struct GRUCommand: GroupCommand {
    static let configuration = CommandConfiguration(
        commandName: "gru", abstract: "Rows a second of the GRU step.")
    @OptionGroup var common: CommonOptions

    static func measure(_ bench: inout Bench) async throws { try bench.gru() }
}

struct TrainingCommand: GroupCommand {
    static let configuration = CommandConfiguration(
        commandName: "training", abstract: "Training's work, against PyTorch where there is one.")
    @OptionGroup var common: CommonOptions

    static func measure(_ bench: inout Bench) async throws {
        try await bench.training()
        try await bench.epochs()
    }
}

struct MemoryCommand: GroupCommand {
    static let configuration = CommandConfiguration(
        commandName: "memory", abstract: "Bytes a user by part, in memory and on disk.")
    @OptionGroup var common: CommonOptions

    static func measure(_ bench: inout Bench) async throws { try bench.memory() }
}

struct RecoveryCommand: GroupCommand {
    static let configuration = CommandConfiguration(
        commandName: "recovery", abstract: "Time to READY and to full rate after SIGKILL.")
    @OptionGroup var common: CommonOptions

    static func measure(_ bench: inout Bench) async throws { try bench.recovery() }
}

struct LatencyCommand: GroupCommand {
    static let configuration = CommandConfiguration(
        commandName: "latency", abstract: "Profiles, event to visible, rollback.")
    @OptionGroup var common: CommonOptions

    static func measure(_ bench: inout Bench) async throws { try await bench.latency() }
}

struct DecodingCommand: GroupCommand {
    static let configuration = CommandConfiguration(
        commandName: "decoding", abstract: "Events a second of LZ4 and parsing on one thread.")
    @OptionGroup var common: CommonOptions

    static func measure(_ bench: inout Bench) async throws { try bench.decoding() }
}

struct WriteToFoldCommand: GroupCommand {
    static let configuration = CommandConfiguration(
        commandName: "write-to-fold", abstract: "Time from a record's write to its fold.")
    @OptionGroup var common: CommonOptions

    static func measure(_ bench: inout Bench) async throws { try await bench.writeToFold() }
}

struct IdleCommand: GroupCommand {
    static let configuration = CommandConfiguration(
        commandName: "idle", abstract: "Processor time with nothing to do, 1,000 segments there.")
    @OptionGroup var common: CommonOptions

    static func measure(_ bench: inout Bench) async throws { try await bench.idle() }
}
