import ArgumentParser
import Storage

/// Measures what DESIGN §12 asks for; docs/benchmarks.md says what came out.
@main
struct Benchmark: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "Benchmarks", abstract: "Measure ubpd against the numbers it wants to beat.",
        subcommands: [
            All.self, EndToEndCommand.self, StagesCommand.self, GRUCommand.self,
        ],
        defaultSubcommand: All.self)
}

/// Options of every group.
struct CommonOptions: ParsableArguments {
    @Flag(help: "Take seconds: only show that every figure comes out and all counts agree.")
    var small = false

    @Option(help: "Write the figures with all samples into this file, too.")
    var json: String?

    @Option(help: "Directory on the disk to be measured; one is made in it and removed.")
    var work = "/var/tmp"

    @Option(help: "The real shop's table; left out when it is not there.")
    var data = "../shared/data/online_retail.csv.lz4"

    /// Runs groups, prints the tables, and throws when a count or a figure is wrong.
    func run(_ body: (inout Bench) async throws -> Void) async throws {
        let host = Host.real
        let directory = "\(work)/ubpd-bench-\(String(host.randomness.next(), radix: 16))"
        try host.disk.makeDirectory(directory)
        var bench = Bench(
            host: host, isSmall: small, work: directory, data: data,
            report: Report(machine: try Machine(host.disk)))
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
            try bench.stages()
            try await bench.endToEnd()
        }
    }
}

struct EndToEndCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "end-to-end", abstract: "Events a second from segment to committed state.")
    @OptionGroup var common: CommonOptions

    func run() async throws { try await common.run { try await $0.endToEnd() } }
}

struct StagesCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "stages", abstract: "Time and events a second of each stage.")
    @OptionGroup var common: CommonOptions

    func run() async throws { try await common.run { try $0.stages() } }
}

struct GRUCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "gru", abstract: "Rows a second of the GRU step.")
    @OptionGroup var common: CommonOptions

    func run() async throws { try await common.run { try $0.gru() } }
}
