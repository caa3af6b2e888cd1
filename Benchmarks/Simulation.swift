import ArgumentParser
import EventLog
import Events
import Simulation
import Storage

/// How fast a made-up shop's log is written.
extension Bench {
    mutating func simulation() throws {
        let users = size(200_000, small: 1000)
        let days = size(141, small: 14)
        say("simulation: \(users) users")
        let group = "simulation on one thread, \(users) users, \(days) days, with its truth"
        var options = SimulationOptions(userCount: users, dayCount: days, seed: Self.seed)
        options.chunkUserCount = 4096
        var runs: [SimulationReport] = []
        for round in 0..<repetitions {
            let directory = "\(work)/simulation-\(round)"
            runs.append(
                try ShopSimulator(options: options, directory: directory, host: host).run())
            if round > 0 { try host.disk.remove(directory) }
        }
        report.add(
            group, "events, LZ4 and disk included", "/s", runs.map(\.eventsPerSecond),
            target: .atLeast(300_000))
        report.add(
            group, "users lived through", "/s", runs.map { Double(users) / $0.livingSeconds })
        for run in runs {
            report.check(
                "simulation: records", wanted: Int64(runs[0].recordCount),
                got: Int64(run.recordCount))
        }
        report.check(
            "simulation: records that parse", wanted: Int64(runs[0].recordCount),
            got: try parsedCount("\(work)/simulation-0/log"))
        try host.disk.remove("\(work)/simulation-0")
    }

    private func parsedCount(_ log: String) throws -> Int64 {
        let reader = try LogReader(host: host, directory: log)
        let parser = RecordParser()
        var count: Int64 = 0
        while let chunk = try reader.next() {
            let parsed = parser.parse(chunk)
            count += Int64(parsed.entries.count - parsed.refusedCount)
        }
        return count
    }
}

struct SimulationCommand: GroupCommand {
    static let configuration = CommandConfiguration(
        commandName: "simulation", abstract: "Events a second of a simulated shop.")
    @OptionGroup var common: CommonOptions

    static func measure(_ bench: inout Bench) async throws { try bench.simulation() }
}
