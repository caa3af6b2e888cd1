/// What DESIGN §12 asks of a figure.
struct Target: Codable, Sendable {
    enum Direction: String, Codable { case atLeast, below }

    var direction: Direction
    var value: Double

    static func atLeast(_ value: Double) -> Target { Target(direction: .atLeast, value: value) }
    static func below(_ value: Double) -> Target { Target(direction: .below, value: value) }

    /// How good `measured` is: above 1 meets the target.
    func ratio(_ measured: Double) -> Double {
        direction == .atLeast ? measured / value : value / measured
    }
}

/// One number that was measured, with all samples of it.
struct Figure: Codable, Sendable {
    var group: String
    var name: String
    var unit: String
    var samples: [Double]
    var target: Target?
    /// What `median` is compared with in the ratio column; the target when there is one.
    var base: Double?

    var median: Double { percentile(samples, 0.5) }
    var low: Double { samples.min() ?? .nan }
    var high: Double { samples.max() ?? .nan }

    /// Target or base over or under the median; nil when there is neither.
    var ratio: Double? { target?.ratio(median) ?? base.map { median / $0 } }
}

/// The sample below which a share `p` of them lies, nearest rank; NaN of none.
func percentile(_ samples: [Double], _ p: Double) -> Double {
    guard !samples.isEmpty else { return .nan }
    let sorted = samples.sorted()
    let rank = Int((p * Double(sorted.count)).rounded(.up)) - 1
    return sorted[min(max(rank, 0), sorted.count - 1)]
}

/// A count that must come out as it is known to be.
struct Check: Codable, Sendable {
    var name: String
    var wanted: Int64
    var got: Int64

    var holds: Bool { wanted == got }
}

/// Everything a run found out.
struct Report: Codable, Sendable {
    var machine: Machine
    var figures: [Figure] = []
    var checks: [Check] = []
    var notes: [String: [String]] = [:]

    init(machine: Machine) { self.machine = machine }

    /// Notes a figure; `target` and `base` give its ratio.
    mutating func add(
        _ group: String, _ name: String, _ unit: String, _ samples: [Double],
        target: Target? = nil, base: Double? = nil
    ) {
        figures.append(
            Figure(
                group: group, name: name, unit: unit, samples: samples, target: target, base: base))
    }

    /// Notes a sentence below a group's table.
    mutating func note(_ group: String, _ text: String) { notes[group, default: []].append(text) }

    /// Notes a count and what it has to be.
    mutating func check(_ name: String, wanted: Int64, got: Int64) {
        checks.append(Check(name: name, wanted: wanted, got: got))
    }

    /// What is wrong: counts that differ, figures that are no positive numbers.
    var faults: [String] {
        checks.filter { !$0.holds }.map { "\($0.name): \($0.got), want \($0.wanted)" }
            + figures.filter { figure in
                figure.samples.isEmpty || !figure.samples.allSatisfy { $0.isFinite && $0 > 0 }
            }.map { "\($0.group): \($0.name): not a positive number: \($0.samples)" }
    }
}
