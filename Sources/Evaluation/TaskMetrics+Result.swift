extension TaskMetrics {
    /// What one pass over the users is worth.
    package struct Figures: Sendable, Equatable {
        package var areas: Areas
        /// Of propensity tasks.
        package var diversity: Double?
        package var novelty: Double?

        /// AUROC; of propensity tasks 0.8 AUROC + 0.1 diversity + 0.1 novelty
        /// (`tp/metrics_containers.py`).
        package var score: Double {
            guard let diversity, let novelty else { return areas.mean }
            return 0.8 * areas.mean + 0.1 * diversity + 0.1 * novelty
        }
    }

    /// The figures once all users are added; `positives` as in `areas`.
    package func figures(positives: [[Int]]) -> Figures {
        Figures(areas: areas(positives: positives), diversity: diversity, novelty: novelty)
    }

    /// The first of the best epochs.
    package static func bestEpoch(_ scores: [Double]) -> Int {
        scores.indices.reduce(0) { scores[$1] > scores[$0] ? $1 : $0 }
    }
}

extension EvaluationReport.TaskResult {
    /// The result of a task from the figures of each of its epochs.
    ///
    /// - Parameters:
    ///   - targets: of the task.
    ///   - users: scored.
    ///   - epochs: figures of each, at least one.
    ///   - losses: mean training loss of each, or none.
    ///   - curves: of the best epoch.
    init(
        _ targets: EvaluationTargets.TaskTargets, users: Int, epochs: [TaskMetrics.Figures],
        losses: [Double], curves: EvaluationReport.Curves?
    ) {
        let scores = epochs.map(\.score)
        let best = TaskMetrics.bestEpoch(scores)
        let figures = epochs[best]
        self.init(
            task: targets.task, users: users, labels: targets.labelCount,
            positives: figures.areas.positives, auroc: figures.areas.mean,
            definedAUROC: figures.areas.definedMean, diversity: figures.diversity,
            novelty: figures.novelty, score: figures.score, bestEpoch: best,
            epochScores: scores, epochLosses: losses, curves: curves)
    }
}

extension EvaluationTargets {
    /// Of users in some order, for each label of a task those for whom it is true, ascending.
    static func positives(
        _ labels: SparseLabels, of users: [UInt32], labelCount: Int
    ) -> [[Int]] {
        var positives = [[Int]](repeating: [], count: labelCount)
        for (place, user) in users.enumerated() {
            for label in labels.labels(of: Int(user)) { positives[Int(label)].append(place) }
        }
        return positives
    }

    /// Whether a task can be asked of anybody: it has labels and users.
    package func isScorable(_ task: EvaluationTask) -> Bool {
        self[task].labelCount > 0 && (task == .churn ? activeUserCount : users.count) > 0
    }
}
