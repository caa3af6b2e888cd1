import Encoders

/// One step of a refresh; it is done or it is not, and a later call begins with the first that is
/// not.
enum RefreshStep: Hashable, Sendable {
    /// fit(T).
    case statisticsThen
    /// fit(T) with the live space's scalers and centroids, for the gate.
    case liveStatistics
    case examples
    case train(EncoderName)
    /// A network's heads on what its frozen encoder says.
    case heads(EncoderName)
    /// BPR at T, for the gate, and now, for serving.
    case factorsThen
    case factorsNow
    /// How a new space scales its columns, from profiles at T.
    case scaling
    /// fit(now).
    case statisticsNow
    /// Space and generation as directories.
    case assembly
    case refold
    case gate
    case publishing

    /// Name of its directory of results; stable, and safe in a path.
    var name: String {
        switch self {
        case .statisticsThen: "statistics-then"
        case .liveStatistics: "statistics-live"
        case .examples: "examples"
        case .train(let name): "train-\(name.rawValue)"
        case .heads(let name): "heads-\(name.rawValue)"
        case .factorsThen: "factors-then"
        case .factorsNow: "factors-now"
        case .scaling: "scaling"
        case .statisticsNow: "statistics-now"
        case .assembly: "assembly"
        case .refold: "refold"
        case .gate: "gate"
        case .publishing: "publishing"
        }
    }

    /// What people read.
    var title: String {
        switch self {
        case .statisticsThen: "statistics before the cut"
        case .liveStatistics: "statistics of the live space"
        case .examples: "examples"
        case .train(let name): "train \(name.rawValue)"
        case .heads(let name): "heads of \(name.rawValue)"
        case .factorsThen: "factors before the cut"
        case .factorsNow: "factors"
        case .scaling: "scaling of columns"
        case .statisticsNow: "statistics"
        case .assembly: "space and generation"
        case .refold: "re-fold of every user"
        case .gate: "gate"
        case .publishing: "publishing"
        }
    }

    /// The steps of a refresh, in order; the plan before them is not one.
    ///
    /// `networks` of a new space are trained; of a kept one, they are those whose heads are
    /// refitted. `hasLive` says whether there is a live generation with a space of its own.
    static func all(
        _ kind: RefreshJobOptions.Kind, networks: [EncoderName], hasLive: Bool
    ) -> [RefreshStep] {
        var steps = [RefreshStep.statisticsThen]
        if kind == .newSpace, hasLive { steps.append(.liveStatistics) }
        if !networks.isEmpty { steps.append(.examples) }
        steps += networks.map { kind == .newSpace ? .train($0) : .heads($0) }
        steps.append(.factorsThen)
        if kind == .newSpace { steps.append(.scaling) }
        return steps + [.factorsNow, .statisticsNow, .assembly, .refold, .gate, .publishing]
    }
}
