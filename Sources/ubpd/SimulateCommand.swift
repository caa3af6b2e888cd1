import ArgumentParser
import Events
import Foundation
import Simulation
import Storage

/// `ubpd simulate`: a made-up shop → a log of any size, and what is true of it.
struct SimulateCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "simulate", abstract: "Write a made-up shop's log, and the truth beside it.",
        discussion: """
            OUT/log gets ordinary segments, OUT/truth npy files and a manifest.json. Equal options \
            give equal bytes. docs/simulation.md has the model and its calibration.
            """)

    @Option(help: "Users with at least one event, \(range(SimulationOptions.users)).")
    var users: Int

    @Option(help: "Days of the log, \(range(SimulationOptions.days)).")
    var days: Int

    @Option(help: "Seed of everything.")
    var seed: UInt64

    @Option(help: "Directory to write into; made when it is missing.", completion: .directory)
    var out: String

    @Flag(help: "Change tastes, popularity, prices and hazards at the middle.")
    var shift = false

    @Option(
        name: [.customLong("start"), .customLong("from")],
        help: "First day, YYYY-MM-DD; the wall clock plays no part.")
    var start = "2022-05-23"

    @Option(help: "Share of events that stand up to hours later in the log than their time, 0…1.")
    var late = 0.0

    @Flag(help: "Remove the simulation that OUT holds, first.")
    var replace = false

    @Flag(help: "Print the calibration table: published figures, simulated ones, ratios.")
    var calibration = false

    @Flag(help: "Report as one JSON object.")
    var json = false

    func run() throws {
        var options = SimulationOptions(userCount: users, dayCount: days, seed: seed)
        guard let seconds = CalendarTime.seconds(Array("\(start) 00:00:00".utf8).span) else {
            throw ValidationError("--start \(start): want a day that exists, YYYY-MM-DD")
        }
        options.startSeconds = seconds
        options.hasShift = shift
        options.lateShare = late
        let line = ProgressText()
        var texts: [String] = []
        do throws(SimulationError) {
            let report = try ShopSimulator(
                options: options, directory: out, host: Host.real
            ) { line.show($0.description) }.run(isReplacing: replace)
            line.end()
            texts.append(json ? report.json : report.text)
            if calibration { texts.append(report.calibration.table) }
        } catch {
            line.end()
            standardError("ubpd simulate: \(error)")
            throw ExitCode(error.exitCode)
        }
        for text in texts { try standardOutput(text) }
    }
}

/// Bounds as a help text shows them.
private func range(_ bounds: ClosedRange<Int>) -> String {
    "\(bounds.lowerBound)…\(bounds.upperBound)"
}

extension SimulationError {
    /// sysexits(3): usage, or trouble with files.
    fileprivate var exitCode: Int32 {
        switch self {
        case .badOption, .occupied, .foreign: 64
        case .diskFull, .log, .storage: 74
        }
    }
}
