import Events
import Storage

/// What a simulation wrote.
package struct SimulationReport: Sendable {
    package let directory: String
    package let userCount: Int
    package let itemCount: Int
    package let categoryCount: Int
    /// Events by event type.
    package let eventCounts: [String: Int]
    /// `product_update` records.
    package let updateCount: Int
    /// Visits over visit sessions of all users, by the rule of no gap above 2400 s.
    package let visitsPerSession: Double
    package let calibration: Calibration
    /// Seconds of the first part, of writing the log, and of all.
    package internal(set) var livingSeconds = 0.0
    package internal(set) var writingSeconds = 0.0
    package internal(set) var elapsedSeconds = 0.0

    init(_ counts: PopulationCounts, shop: Shop, updateCount: Int, directory: String) {
        self.directory = directory
        userCount = counts.events.count
        itemCount = shop.items.count
        categoryCount = shop.categories.count
        eventCounts = Dictionary(
            uniqueKeysWithValues: EventKind.allCases.map {
                ($0.name, counts.kinds[Int($0.rawValue)])
            })
        self.updateCount = updateCount
        visitsPerSession = Double(counts.kinds[0]) / Double(max(1, counts.sessionCount))
        calibration = Calibration(counts, shop: shop)
    }

    /// All events.
    package var eventCount: Int { eventCounts.values.reduce(0, +) }
    /// Events and catalogue updates.
    package var recordCount: Int { eventCount + updateCount }
    /// Events a second, end to end.
    package var eventsPerSecond: Double { Double(eventCount) / max(elapsedSeconds, 1e-9) }

    /// For people.
    package var text: String {
        var lines = [
            "\(directory)/log: \(recordCount) records, \(userCount) users, \(itemCount) items, "
                + "\(categoryCount) categories"
        ]
        for kind in EventKind.allCases {
            lines.append("  \(kind.name): \(eventCounts[kind.name] ?? 0)")
        }
        lines.append("  product_update: \(updateCount)")
        lines.append("\(directory)/truth: see its manifest.json, and docs/simulation.md")
        lines.append(
            "took \(tenths(elapsedSeconds)) s, \(Int(eventsPerSecond)) events/s "
                + "(users \(tenths(livingSeconds)) s, log \(tenths(writingSeconds)) s)")
        return lines.joined(separator: "\n")
    }

    /// For programs: one JSON object on one line.
    package var json: String {
        let events = EventKind.allCases.map { "\"\($0.name)\":\(eventCounts[$0.name] ?? 0)" }
        let figures = calibration.figures.map { figure in
            "{\"name\":\"\(figure.name)\",\"published\":\(figure.published),"
                + "\"simulated\":\(figure.simulated),\"ratio\":\(figure.ratio),"
                + "\"tolerance\":\(figure.tolerance.map { "\($0)" } ?? "null"),"
                + "\"holds\":\(figure.holds)}"
        }
        return "{\"users\":\(userCount),\"records\":\(recordCount),"
            + "\"events\":{\(events.joined(separator: ","))},\"catalogue\":\(updateCount),"
            + "\"items\":\(itemCount),\"categories\":\(categoryCount),"
            + "\"visits_per_session\":\(visitsPerSession),"
            + "\"calibration\":[\(figures.joined(separator: ","))],"
            + "\"events_per_second\":\(eventsPerSecond),\"seconds\":\(elapsedSeconds)}"
    }

    private func tenths(_ seconds: Double) -> String { "\((seconds * 10).rounded() / 10)" }
}

/// How far a simulation is.
package struct SimulationProgress: Sendable, CustomStringConvertible {
    /// What it is doing.
    package enum Phase: String, Sendable {
        case living = "users"
        case writing = "events written"
    }

    package let phase: Phase
    package let done: Int
    package let total: Int
    /// Seconds since the phase began.
    package let elapsedSeconds: Double

    /// Things done a second.
    package var rate: Double { Double(done) / max(elapsedSeconds, 1e-9) }
    /// Seconds until the phase ends, at this rate.
    package var secondsLeft: Double { Double(total - done) / max(rate, 1e-9) }

    package var description: String {
        "\(phase.rawValue): \(done) of \(total), \(Int(rate))/s, "
            + "\(Int(secondsLeft.rounded(.up))) s left"
    }
}

/// Tells of progress, not too often.
struct Ticker {
    private let phase: SimulationProgress.Phase
    private let total: Int
    private let clock: any Clock
    private let report: (SimulationProgress) -> Void
    private let start: UInt64
    private var last: UInt64
    private var nextCheck = 0

    init(
        _ phase: SimulationProgress.Phase, total: Int, _ clock: any Clock,
        _ report: @escaping (SimulationProgress) -> Void
    ) {
        self.phase = phase
        self.total = total
        self.clock = clock
        self.report = report
        start = clock.monotonicNanoseconds()
        last = start
    }

    mutating func tick(_ done: Int) {
        guard done >= nextCheck else { return }
        nextCheck = done + 8_192
        let now = clock.monotonicNanoseconds()
        guard now - last >= 500_000_000 else { return }
        last = now
        report(
            SimulationProgress(
                phase: phase, done: done, total: total,
                elapsedSeconds: Double(now - start) / 1e9))
    }
}
