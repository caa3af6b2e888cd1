import Learning
import Profiles
import Storage

/// Decides whether a candidate generation may go live (DESIGN §6, step 5; docs/gate.md).
///
/// Both models are read on the same held-out users at the cut. The candidate is refused when it is
/// worse than the live model by more than a tolerance, beyond what resampling the users explains,
/// or when a part of its profile is not finite or has collapsed.
package struct Gate {
    private let options: GateOptions
    private let window: LabelWindow
    private let fold: GateFold

    /// - Parameters:
    ///   - host: where the log is.
    ///   - options: the log and the rules of the fold.
    ///   - window: the cut and the label horizon, those of the training.
    ///   - gateOptions: what is asked of a candidate.
    ///   - progress: called after each chunk of the log.
    package init(
        host: Host, options: RefreshOptions, window: LabelWindow,
        gateOptions: GateOptions = GateOptions(),
        progress: @escaping (RefreshProgress) -> Void = { _ in }
    ) {
        self.options = gateOptions
        self.window = window
        fold = GateFold(
            host: host, options: options, window: window, gateOptions: gateOptions,
            progress: progress)
    }

    /// Judges a candidate against what is live.
    ///
    /// On equal terms, both with statistics of fit(T): those of a serving generation have read the
    /// label horizon.
    ///
    /// - Parameters:
    ///   - candidate: the new space or generation.
    ///   - live: what answers now, or `ProfileModel.builtIn`.
    /// - Returns: what was found; a candidate that is refused is no error.
    /// - Throws: when the log cannot be read, or ends before the cut.
    package func run(
        candidate: ProfileModel, live: ProfileModel
    ) throws(RefreshError) -> GateReport {
        let targets = Self.common(candidate.targets, live.targets)
        let users = try fold.run([candidate, live], targets: targets)
        var report = GateReport(
            cutSeconds: window.cutSeconds,
            horizonSeconds: window.horizonSeconds, fitUserCount: users.fitCount,
            userCount: users.users.count - users.fitCount, resampleCount: options.resampleCount)
        var verdict = GateVerdict(users: users, targets: targets, options: options)
        report.parts = verdict.judgeParts()
        verdict.judgeChurn()
        verdict.judgeTargets()
        verdict.judgeProbes()
        report.metrics = verdict.metrics
        report.refusals = verdict.refusals
        return report
    }

    /// What both models predict, in the candidate's order; the other's lists when one has none.
    private static func common(_ candidate: TargetLists, _ live: TargetLists) -> TargetLists {
        func common(_ candidate: [Int64], _ live: [Int64]) -> [Int64] {
            if candidate.isEmpty || live.isEmpty { return candidate + live }
            let known = Set(live)
            return candidate.filter(known.contains)
        }
        return TargetLists(
            categories: common(candidate.categories, live.categories),
            items: common(candidate.items, live.items))
    }
}
