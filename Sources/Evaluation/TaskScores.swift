/// Scores that somebody gives without an embedding, such as the oracle's probabilities.
package struct TaskScores: Sendable {
    package var task: EvaluationTask
    /// `[users, labels]` probabilities 0…1, users as in `EvaluationTargets.users`, labels as in the
    /// task's list; for `churn` and `conversion` that of *no* purchase. `churn` reads active users'
    /// only.
    package var probabilities: [Float]

    package init(task: EvaluationTask, probabilities: [Float]) {
        self.task = task
        self.probabilities = probabilities
    }
}

extension EvaluationReport.Row {
    /// What given scores are worth in the second window; they learn nothing, so there is one epoch
    /// without a loss.
    ///
    /// Tasks without labels or without users are left out.
    ///
    /// - Parameters:
    ///   - name: the row's.
    ///   - scores: at most one of each task.
    ///   - targets: of the same users.
    ///   - wantsCurves: whether to fill `curves`.
    /// - Throws: `nothingToScore` when probabilities are not `[users, labels]` of numbers 0…1.
    package init(
        name: String, scores: [TaskScores], targets: EvaluationTargets, wantsCurves: Bool = false
    ) throws(EvaluationError) {
        self.init(name: name, width: 0, tasks: [], seconds: 0)
    }
}
