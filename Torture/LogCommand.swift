import ArgumentParser
import Foundation
import Storage
import Synchronization

/// Tortures the log's reader.
struct LogCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "log",
        abstract: "Random writers, lives and damages of a log, against what must come out of it.")

    @Option(help: "How many rounds.")
    var rounds = 10_000

    @Option(help: "The first round's number.")
    var first = 0

    @Option(help: "What the rounds are made from.")
    var seed: UInt64 = 1

    @Option(help: "Go on for so many minutes instead of --rounds.")
    var minutes: Double?

    @Flag(help: "Use files below --work, and leave out faults and crashes of the machine.")
    var realDisk = false

    @Option(help: "Directory for --real-disk; one is made in it and removed.")
    var work = "/var/tmp"

    @Option(help: "Steps of a round to leave out, as a failure names them: 3,4,7.")
    var without = ""

    @Flag(help: "Show what the first round wrote, what was left of it, and what came out.")
    var explain = false

    func run() throws {
        let host = Host.real
        let directory = "\(work)/ubpd-torture-\(String(host.randomness.next(), radix: 16))"
        let watchdog = Watchdog(seed: seed, clock: host.clock)
        let torture = LogTorture(seed: seed, work: realDisk ? directory : nil) {
            watchdog.begin($0)
        }
        defer { if realDisk { try? host.disk.remove(directory) } }
        let left = Set(without.split(separator: ",").compactMap { Int($0) })
        if explain {
            for line in try torture.explanation(round: first, without: left) { print(line) }
        }
        let start = host.clock.monotonicNanoseconds()
        var seconds: Double { Double(host.clock.monotonicNanoseconds() - start) / 1e9 }
        var count = 0
        while minutes.map({ seconds < $0 * 60 }) ?? (count < rounds) {
            let round = first + count
            guard try torture.faults(round: round, without: left).isEmpty else {
                let failure = try torture.shrink(round: round)
                report(failure)
                throw ExitCode.failure
            }
            count += 1
        }
        print(
            "torture log: \(count) rounds of seed \(seed) in \(Int(seconds)) s, "
                + "no record lost, doubled or invented")
    }

    private func report(_ failure: LogTorture.Failure) {
        let without = failure.without.map(String.init).joined(separator: ",")
        print("round \(failure.round) of seed \(failure.seed) failed. What is left of it:")
        for step in failure.steps { print("  " + step) }
        for fault in failure.faults.prefix(8) { print("- " + fault) }
        print(
            "again: Torture log --seed \(failure.seed) --first \(failure.round) --rounds 1"
                + (realDisk ? " --real-disk" : "")
                + (without.isEmpty ? "" : " --without \(without)"))
    }
}

/// Ends the process, and says which round it was, when a round does not end.
final class Watchdog: Sendable {
    private static let longestSeconds: UInt64 = 120
    private let round: Mutex<(number: Int, since: UInt64)>
    private let clock: any Clock

    init(seed: UInt64, clock: any Clock) {
        self.clock = clock
        round = Mutex((-1, clock.monotonicNanoseconds()))
        Thread.detachNewThread { [self] in
            while true {
                Thread.sleep(forTimeInterval: 5)
                let (number, since) = round.withLock { $0 }
                let waited = clock.monotonicNanoseconds() - since
                if waited / 1_000_000_000 > Self.longestSeconds {
                    fatalError("round \(number) of seed \(seed) does not end")
                }
            }
        }
    }

    func begin(_ number: Int) {
        let now = clock.monotonicNanoseconds()
        round.withLock { $0 = (number, now) }
    }
}
