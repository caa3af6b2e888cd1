import EventLog
import Features
import Learning
import Pipeline
import Profiles
import Sessions
import Storage

/// Folds a log once, up to the end of the label horizon, for what models say of held-out users at
/// the cut and what these bought after it.
///
/// The states are those of a live daemon when its log clock reaches T, out of the same `Intake` and
/// `Reducer`, each model with its own statistics. Only users of the hold-out are kept, and no more
/// of them than asked for.
struct GateFold {
    private let host: Host
    private let options: RefreshOptions
    private let window: LabelWindow
    private let gateOptions: GateOptions
    private let report: (RefreshProgress) -> Void

    init(
        host: Host, options: RefreshOptions, window: LabelWindow, gateOptions: GateOptions,
        progress: @escaping (RefreshProgress) -> Void
    ) {
        precondition(
            (1...Int(UInt16.max)).contains(gateOptions.userCount)
                && gateOptions.leastUserCount >= 1 && gateOptions.resampleCount >= 1,
            "GateFold: \(gateOptions)")
        self.host = host
        self.options = options
        self.window = window
        self.gateOptions = gateOptions
        report = progress
    }

    /// Reads the log; the models' orders of events must be one.
    ///
    /// - Parameters:
    ///   - models: whose profiles and predictions are wanted.
    ///   - targets: whose purchases are labels.
    /// - Returns: the users, and a view of each model.
    /// - Throws: `noFuture` when the log ends before the cut.
    func run(
        _ models: [ProfileModel], targets: TargetLists
    ) throws(RefreshError) -> GateUsers {
        var pass = GatePass(
            models: models, targets: targets, window: window, options: gateOptions)
        var intake = Intake(options: options.clock)
        let meter = LogMeter(host: host, logDirectory: options.logDirectory)
        // Purchases of the horizon's end may come late by what the order of events allows.
        let end = window.labels.upperBound + options.fold.order.latenessSeconds
        try LogPass(host: host, options: options).forEach(
            { entry, offset in
                _ = intake.take(entry, at: offset) { event, place in pass.take(event, at: place) }
                guard let now = intake.clock.seconds else { return true }
                pass.reach(now)
                return now < end
            },
            progress: { decoded, left in
                let reading = meter.reading(decoded: decoded, left: left)
                report(
                    RefreshProgress(
                        step: "gate", stepIndex: 0, stepCount: 1, fraction: reading.fraction,
                        bytesPerSecond: reading.bytesPerSecond, secondsLeft: reading.secondsLeft))
            })
        guard pass.isCut else {
            throw .noFuture(cutSeconds: window.cutSeconds, clockSeconds: intake.clock.seconds)
        }
        return pass.views()
    }
}
