import Features
import Learning
import Profiles

/// Takes the gate's metrics of two views of the same users, and says why it refuses.
struct GateVerdict {
    private(set) var metrics: [GateReport.Metric] = []
    private(set) var refusals: [String] = []

    private let users: GateUsers
    private let targets: TargetLists
    private let options: GateOptions
    private let candidate: GateView
    private let live: GateView
    private let bootstrap: PairedBootstrap
    /// Whole-profile probes, candidate's and live's, once they were needed.
    private var profileScores: [Scores?] = []

    /// Scores of the judged users, and what they come from.
    private struct Scores {
        /// `[judged, L]`.
        let values: [Float]
        let source: GateReport.Source
    }

    /// The users' two views: the candidate's and the live model's.
    init(users: GateUsers, targets: TargetLists, options: GateOptions) {
        precondition(users.views.count == 2, "GateVerdict: \(users.views.count) views")
        self.users = users
        self.targets = targets
        self.options = options
        candidate = users.views[0]
        live = users.views[1]
        var bootstrap = PairedBootstrap()
        bootstrap.resampleCount = options.resampleCount
        bootstrap.seed = options.seed
        self.bootstrap = bootstrap
    }

    /// Looks whether the candidate's parts are finite and still tell users apart.
    mutating func judgeParts() -> [GateReport.Part] {
        guard !users.users.isEmpty else { return [] }
        return candidate.parts.compactMap { part in
            guard let columns = candidate.columns(part) else { return nil }
            let health = PartHealth(columns, kind: part.healthKind)
            var verdict = health.verdict
            if verdict == .empty, !candidate.mayBeEmpty(part) { verdict = .collapsed }
            let name = part.rawValue
            switch verdict {
            case .healthy, .empty: break
            case .notFinite:
                let place = columns.firstNotFinite
                let user = place.map { "\(users.users[$0.row])" } ?? "?"
                refusals.append(
                    "part \(name): column \(place?.column ?? 0) of user \(user) is not finite; "
                        + "the part's weights are damaged, train it again")
            case .collapsed:
                let rank = health.effectiveRank.map { ", effective rank \(Self.text($0))" } ?? ""
                refusals.append(
                    "part \(name): collapsed, users differ in \(health.spreadCount) of "
                        + "\(health.columnCount) columns\(rank); train it again with another seed "
                        + "or a lower rate")
            }
            return GateReport.Part(
                name: name, health: verdict.rawValue, columnCount: health.columnCount,
                spreadCount: health.spreadCount, effectiveRank: health.effectiveRank,
                filledCount: health.filledCount)
        }
    }

    /// Compares churn heads; a probe of the whole profile stands for a model without one.
    mutating func judgeChurn() {
        guard candidate.churn != nil || live.churn != nil else { return }
        judge(
            "churn", churnScores(0), churnScores(1), labels: churned(users.judged),
            tolerance: options.tolerance)
    }

    /// Compares target lists; popularity stands for a model without the head.
    mutating func judgeTargets() {
        judgeList(
            "category", targets.categories, (candidate.categories, candidate.targets.categories),
            (live.categories, live.targets.categories), \.categories)
        judgeList(
            "sku", targets.items, (candidate.items, candidate.targets.items),
            (live.items, live.targets.items), \.items)
    }

    /// Compares linear probes of churn, part by part and of the whole profile.
    mutating func judgeProbes() {
        for part in candidate.parts {
            guard let columns = candidate.columns(part) else { continue }
            let chance = Scores(
                values: [Float](repeating: 0, count: users.judged.count), source: .chance)
            judge(
                "probe \(part.rawValue)", probe(columns),
                live.columns(part).map { probe($0) } ?? chance, labels: churned(users.judged),
                tolerance: options.probeTolerance)
        }
        judge(
            "probe profile", profileProbe(0), profileProbe(1), labels: churned(users.judged),
            tolerance: options.probeTolerance)
    }

    private mutating func judgeList(
        _ name: String, _ ids: [Int64], _ candidate: (logits: [Float]?, ids: [Int64]),
        _ live: (logits: [Float]?, ids: [Int64]), _ labels: KeyPath<TaskLabels, [UInt8]>
    ) {
        guard candidate.logits != nil || live.logits != nil, !ids.isEmpty else { return }
        var wanted = [Bool](repeating: false, count: users.judged.count * ids.count)
        for (row, user) in users.judged.enumerated() {
            for place in users.labels[user][keyPath: labels] {
                wanted[row * ids.count + Int(place)] = true
            }
        }
        judge(
            name, listScores(ids, candidate), listScores(ids, live), labels: wanted,
            columnCount: ids.count, tolerance: options.tolerance)
    }

    /// `[judged, ids]`: logits of these ids, or the candidate's order of them.
    private func listScores(_ ids: [Int64], _ view: (logits: [Float]?, ids: [Int64])) -> Scores {
        guard let logits = view.logits else {
            let ranks = ids.indices.map { -Float($0) }
            return Scores(
                values: users.judged.flatMap { _ in ranks }, source: .popularity)
        }
        let places = ids.compactMap { view.ids.firstIndex(of: $0) }
        var values: [Float] = []
        values.reserveCapacity(users.judged.count * ids.count)
        for user in users.judged {
            for place in places { values.append(logits[user * view.ids.count + place]) }
        }
        return Scores(values: values, source: .head)
    }

    private mutating func churnScores(_ index: Int) -> Scores? {
        let view = index == 0 ? candidate : live
        guard let churn = view.churn else { return profileProbe(index) }
        return Scores(values: users.judged.map { churn[$0] }, source: .head)
    }

    private mutating func profileProbe(_ index: Int) -> Scores? {
        if profileScores.isEmpty {
            profileScores = [probe(candidate.profile), probe(live.profile)]
        }
        return profileScores[index]
    }

    /// Scores of the judged users by a probe fitted to the others; nil when it cannot be fitted.
    private func probe(_ columns: UserColumns) -> Scores? {
        let labels = churned(users.fit)
        let churnedCount = labels.count { $0 }
        guard min(churnedCount, labels.count - churnedCount) >= options.leastUserCount,
            columns.firstNotFinite == nil
        else { return nil }
        // Columns in which nobody differs say the same of everybody.
        let scores =
            LinearProbe.best(columns.rows(users.fit), labels: labels)?
            .scores(columns.rows(users.judged))
        return Scores(
            values: scores ?? [Float](repeating: 0, count: users.judged.count), source: .probe)
    }

    private func churned(_ rows: [Int]) -> [Bool] { rows.map { users.labels[$0].churned } }

    /// Takes a metric, and refuses when it is worse beyond the tolerance and chance.
    private mutating func judge(
        _ name: String, _ new: Scores?, _ old: Scores?, labels: [Bool], columnCount: Int = 1,
        tolerance: Double
    ) {
        let isProbe = name.hasPrefix("probe")
        var metric = GateReport.Metric(
            name: name, candidateSource: new?.source ?? .probe, liveSource: old?.source ?? .probe,
            tolerance: tolerance, positiveUserCount: 0, negativeUserCount: 0)
        defer { metrics.append(metric) }
        guard let new, let old else {
            metric.notJudged =
                "no probe: fewer than \(options.leastUserCount) users of either kind to fit it "
                + "to, or columns that are not finite"
            return
        }
        let rankedOld = RankedScores(
            scores: old.values, labels: labels, columnCount: columnCount)
        guard
            let rankedNew = RankedScores(
                scores: new.values, labels: labels, columnCount: columnCount)
        else {
            metric.notJudged = "the candidate's scores are not finite"
            refusals.append(
                "\(name): the candidate's scores are not finite; its weights are damaged, train "
                    + "it again")
            return
        }
        metric.positiveUserCount = rankedNew.positiveUserCount
        metric.negativeUserCount = rankedNew.negativeUserCount
        guard let rankedOld else {
            metric.notJudged = "the live model's scores are not finite"
            return
        }
        let least = min(rankedNew.positiveUserCount, rankedNew.negativeUserCount)
        guard least >= options.leastUserCount,
            let change = bootstrap.change(candidate: rankedNew, live: rankedOld)
        else {
            metric.notJudged =
                "\(rankedNew.positiveUserCount) users with the label and "
                + "\(rankedNew.negativeUserCount) without, \(options.leastUserCount) of each wanted"
            return
        }
        metric.candidate = change.candidate
        metric.live = change.live
        metric.change = change.value
        metric.lower = change.lower
        metric.upper = change.upper
        guard change.upper < -tolerance else { return }
        refusals.append(Self.refusal(metric, change, isProbe: isProbe))
    }

    private static func refusal(
        _ metric: GateReport.Metric, _ change: PairedBootstrap.Change, isProbe: Bool
    ) -> String {
        let advice =
            isProbe
            ? "look at the losses of its training, and train it again with another seed"
            : "look at labels and losses of its training, and refresh again"
        return
            "\(metric.name): AUROC \(text(change.candidate)) by \(metric.candidateSource.rawValue), live "
            + "\(text(change.live)) by \(metric.liveSource.rawValue): change \(text(change.value)) "
            + "[\(text(change.lower)), \(text(change.upper))], certainly below "
            + "−\(text(metric.tolerance)); \(advice)"
    }

    /// Four decimals.
    private static func text(_ value: Double) -> String {
        let scaled = Int((abs(value) * 10_000).rounded())
        let digits = String(10_000 + scaled % 10_000).dropFirst()
        return "\(value < 0 && scaled > 0 ? "−" : "")\(scaled / 10_000).\(digits)"
    }
}
