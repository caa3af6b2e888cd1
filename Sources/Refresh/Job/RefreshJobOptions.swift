import Encoders
import EventLog
import Kernels
import Learning
import Pipeline
import Sessions

/// Everything that a whole refresh is told from outside (DESIGN §6).
package struct RefreshJobOptions: Sendable {
    /// What is made.
    package enum Kind: String, Sendable, Codable {
        /// A generation in the live space: tables, factors and heads anew.
        case sameSpace = "same-space"
        /// A space as well: encoders, scalers, centroids, vocabularies and target lists anew.
        case newSpace = "new-space"
    }

    package var kind: Kind
    /// Age of the live space from which `kind` becomes a new one, and below which the same.
    ///
    /// In days of event time, from the end of the log it was fitted to, to this log's end. Nil leaves
    /// `kind` as it is.
    package var renewAfterDays: Int64?
    /// The log, the fold, the state directory and the seed.
    package var refresh: RefreshOptions
    /// `refresh.memory_budget`: estimated bytes of what a step gathers, one step at a time.
    package var memoryByteCount: Int64 = 2 << 30
    /// Days of event time before the cut, and before now, that statistics and factors are fitted to.
    package var historyDays: Int64 = 365
    /// Days after the cut in which purchases are labels.
    package var labelDays: Int64 = 14
    /// Days after the cut whose rows FIP learns to predict.
    package var futureDays: Int64 = 28
    /// Threads of trainings and of folding users; they change no result.
    package var threadCount = 1
    /// Of the trainers' threads at least, 0…19; that of the process if it is more.
    package var niceness: Int32 = 0
    /// The networks of a new space, in any order.
    package var parts: [EncoderName] = EncoderName.trained
    /// In place of the recipes' epochs.
    package var epochCounts: [EncoderName: Int] = [:]
    /// `train.max_rows`.
    package var rowLimit = 512
    /// `train.epoch_users`: most users that an epoch trains on; nil takes all of them.
    package var epochUserLimit: Int?
    package var precision = ProductPrecision.float32
    package var sizes = NetworkSizes()
    /// Steps between two checkpoints of a network.
    package var checkpointSteps = 1000
    /// Seconds between two checkpoints of factors.
    package var factorCheckpointSeconds = 120.0
    package var itemFactors = BPROptions.item
    package var categoryFactors = BPROptions.category
    /// How much of the way from the live generation's factors to those trained anew a night in the
    /// same space goes, percent: 1…100, of which 100 takes nothing of the night before.
    package var factorPercent = 20
    /// Of the re-fold; it changes no result.
    package var level = InstructionLevel.best
    /// A demonstration: marked so in the manifests.
    package var isQuick = false
    /// Discards what an earlier call left instead of going on with it.
    package var mustRestart = false

    package init(kind: Kind, refresh: RefreshOptions) {
        self.kind = kind
        self.refresh = refresh
    }

    /// Makes it small: one epoch, few factors, and windows that shrink to what the log spans.
    package mutating func makeQuick() {
        isQuick = true
        for name in EncoderName.trained { epochCounts[name] = 1 }
        rowLimit = min(rowLimit, 64)
        for place in [\Self.itemFactors, \Self.categoryFactors] {
            self[keyPath: place] = BPROptions(
                factorCount: 16, rate: 0.05, regularization: 0.01, epochCount: 5)
        }
    }

    /// The networks in the order in which they are trained.
    var orderedParts: [EncoderName] { EncoderName.trained.filter(parts.contains) }

    /// Everything that the result depends on beside the log, as lines `key = value`.
    ///
    /// Threads, niceness and kernels are not among them.
    var settings: [String] {
        let fold = refresh.fold.numbers.sorted { $0.key < $1.key }
        let epochs = orderedParts.map { "\($0.rawValue) \(epochCounts[$0] ?? 0)" }
        return [
            "kind = \(kind.rawValue)", "seed = \(refresh.seed)", "quick = \(isQuick)",
            "refresh.history_days = \(historyDays)", "refresh.label_days = \(labelDays)",
            "refresh.future_days = \(futureDays)", "refresh.memory_budget = \(memoryByteCount)",
            "refresh.parts = \(orderedParts.map(\.rawValue).joined(separator: ", "))",
            "train.epochs = \(epochs.joined(separator: ", "))", "train.max_rows = \(rowLimit)",
            "train.epoch_users = \(epochUserLimit.map { "\($0)" } ?? "all")",
            // Made of other examples, it cannot be gone on with.
            "examples = with END", "train.precision = \(precision.rawValue)",
            "bpr, items = \(itemFactors)", "bpr, categories = \(categoryFactors)",
            "bpr, percent of a night = \(factorPercent)",
            "clock.users = \(refresh.clock.users)",
            "clock.max_jump_seconds = \(refresh.clock.maximumJumpSeconds)",
            "clock.held_events = \(refresh.clock.heldLimit)",
            "events = \(refresh.earliestSeconds) s … \(refresh.latestSeconds) s",
            "log.reader.record_bytes = \(refresh.reader.recordByteCount)", "sizes = \(sizes)",
        ] + fold.map { "\($0.key) = \($0.value)" }
    }
}
