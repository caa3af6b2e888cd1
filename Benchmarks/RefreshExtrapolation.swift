import Encoders
import Learning
import Refresh

/// Published epochs, whatever was run.
enum RefreshEpochs {
    static func published(_ name: EncoderName) -> Int {
        switch name {
        case .sra, .previousSRA: TrainingRecipe.sra.epochCount
        case .fip: TrainingRecipe.fip.epochCount
        case .mtl, .previousMTL: TrainingRecipe.mtl.epochCount
        case .mtlPropensity: TrainingRecipe.mtlPropensity.epochCount
        case .mtlChurn: TrainingRecipe.mtlChurn.epochCount
        case .esa: TrainingRecipe.esa.epochCount
        }
    }
}

/// How much a refresh had to do, by what its steps' times grow with.
struct RefreshAmounts {
    var events: Double
    var users: Double
    var rows: Double
    var examples: Double
    /// Those of them that an epoch trains on.
    var epochExamples: Double
    /// Updates of one training of items and categories.
    var factorSteps: Double

    /// The challenge's: 19 M users and 169 M events; everything else in proportion to the events
    /// or the users of what was measured, with the published epochs of factors.
    init(challengeLike measured: RefreshAmounts, publishedOver factors: Double) {
        events = 169e6
        users = 19e6
        rows = measured.rows / measured.events * events
        examples = measured.examples / measured.users * users
        epochExamples = min(examples, Double(Self.epochUserLimit))
        factorSteps = measured.factorSteps / measured.events * events * factors
    }

    /// `train.epoch_users`, as it is configured.
    private static let epochUserLimit = 1_000_000

    init(_ outcome: RefreshOutcome, events: Int64) {
        self.events = Double(events)
        users = Double(outcome.report.users)
        rows = Double(outcome.report.rows)
        examples = Double(outcome.exampleCount)
        epochExamples = min(examples, Double(outcome.epochUserLimit))
        factorSteps = Double(outcome.factorSteps)
    }
}

/// What a step's time grows with, by its title.
enum RefreshUnit: String {
    case event, user, row
    case example = "example and epoch"
    case factorStep = "pair and epoch"
    /// One of the users that the gate, or the scaling of columns, looks at: a bounded number.
    case chosen = "user looked at"

    /// - Parameter title: as `progress.json` names the step.
    init(step title: String) {
        if title.hasPrefix("train ") || title.hasPrefix("heads of ") {
            self = .example
        } else if title.hasPrefix("factors") {
            self = .factorStep
        } else if Self.bounds[title] != nil {
            self = .chosen
        } else if title == "publishing" || title == "space and generation" {
            self = .user
        } else {
            self = .event
        }
    }

    /// Steps that look at so many users at most, and at such a share of those with an example.
    static let bounds = [
        "gate": (share: 0.1, limit: 40_000.0), "scaling of columns": (share: 1, limit: 20_000),
    ]

    /// Units there are of a step; `epochs` of its network.
    func count(_ step: String, _ amounts: RefreshAmounts, epochs: Int) -> Double {
        switch self {
        case .chosen:
            Self.bounds[step].map { min($0.limit, $0.share * amounts.examples) } ?? amounts.examples
        case .event: amounts.events
        case .user: amounts.users
        case .row: amounts.rows
        case .example: amounts.epochExamples * Double(max(1, epochs))
        case .factorStep: amounts.factorSteps
        }
    }
}

/// A refresh of the challenge's size, step by step, from ones of a kind that were measured.
///
/// A step's processor time is a line through the two largest sizes, or through the largest and the
/// origin where there is one alone, or where a line through two would begin below 0.
struct RefreshExtrapolation {
    /// A refresh that was measured.
    struct Measured {
        var outcome: RefreshOutcome
        var costs: [RefreshStepCost]
        /// Of its log, and the processor time that reading and parsing it takes, once.
        var events: Int64
        var decodeSeconds: Double

        var amounts: RefreshAmounts { RefreshAmounts(outcome, events: events) }

        /// Units of a step that were done.
        func count(_ step: String) -> Double {
            let network = RefreshExtrapolation.network(step)
            let epochs = network.flatMap { outcome.epochs[$0.rawValue] } ?? 1
            return max(1, RefreshUnit(step: step).count(step, amounts, epochs: epochs))
        }

        func processorSeconds(_ step: String) -> Double? {
            costs.first { $0.name == step }?.processorSeconds
        }
    }

    /// One step at the challenge's size.
    struct Step {
        var name: String
        var unit: RefreshUnit
        /// Processor time of one unit more.
        var unitSeconds: Double
        var processorSeconds: Double
        /// Cores that it keeps busy, of as many as there may be.
        var coreCount: Double
    }

    /// Steps that fold users in ranges which memory holds, and read the log for each.
    private static let rangedSteps = [
        "statistics before the cut", "statistics of the live space", "examples", "statistics",
    ]
    /// Of a user's state in memory with its tables (docs/benchmarks.md), rounded up.
    static let userByteCount = 2200.0
    static let memoryByteCount = Double(2 << 30)

    private(set) var steps: [Step] = []
    let amounts: RefreshAmounts
    /// Times that each ranged step reads the log.
    let passCount: Double

    /// - Parameter runs: of one kind, ascending by size; one at least.
    init(_ runs: [Measured]) {
        let largest = runs[runs.count - 1]
        let measured = largest.amounts
        let outcome = largest.outcome
        let items = Double(outcome.itemPairs)
        let categories = Double(outcome.categoryPairs)
        let published =
            items * Double(BPROptions.item.epochCount)
            + categories * Double(BPROptions.category.epochCount)
        amounts = RefreshAmounts(
            challengeLike: measured,
            publishedOver: published / max(1, Double(outcome.factorSteps)))
        passCount = (amounts.users * Self.userByteCount / Self.memoryByteCount).rounded(.up)
        // The plan reads the log and does little else, as steps do that look at few users.
        let read = Self.line("plan", runs)
        for cost in largest.costs {
            let name = cost.name
            let unit = RefreshUnit(step: name)
            let line = Self.line(name, runs)
            let epochs = Self.network(name).map(RefreshEpochs.published) ?? 1
            let decoding = largest.decodeSeconds / measured.events
            let again =
                Self.rangedSteps.contains(name)
                ? (passCount - 1) * decoding * amounts.events
                : unit == .chosen ? read.slope * (amounts.events - measured.events) : 0
            steps.append(
                Step(
                    name: name, unit: unit, unitSeconds: line.slope,
                    processorSeconds: line.start
                        + line.slope * unit.count(name, amounts, epochs: epochs) + again,
                    coreCount: Self.coreCount(cost, unit)))
        }
    }

    private static func line(
        _ step: String, _ runs: [Measured]
    ) -> (start: Double, slope: Double) {
        let largest = runs[runs.count - 1]
        let (count, seconds) = (largest.count(step), largest.processorSeconds(step) ?? 0)
        if runs.count > 1, let before = runs[runs.count - 2].processorSeconds(step) {
            let slope = (seconds - before) / max(1, count - runs[runs.count - 2].count(step))
            let start = seconds - slope * count
            if slope > 0, start >= 0 { return (start, slope) }
        }
        return (0, seconds / count)
    }

    /// The network of a step's title; nil for other steps.
    static func network(_ title: String) -> EncoderName? {
        title.split(separator: " ").last.flatMap { EncoderName(rawValue: String($0)) }
    }

    var processorSeconds: Double { steps.reduce(0) { $0 + $1.processorSeconds } }

    /// By the clock on so many cores: trainings share them, passes over ranges of users do as far as
    /// was measured, all else takes one.
    func seconds(cores: Double) -> Double {
        steps.reduce(0) { $0 + $1.processorSeconds / min(cores, $1.coreCount) }
    }

    private static func coreCount(_ cost: RefreshStepCost, _ unit: RefreshUnit) -> Double {
        if unit == .example || unit == .factorStep { return .infinity }
        guard rangedSteps.contains(cost.name), cost.seconds > 0 else { return 1 }
        return max(1, cost.processorSeconds / cost.seconds)
    }
}
