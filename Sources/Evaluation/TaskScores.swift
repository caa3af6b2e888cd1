/// Scores that somebody gives without an embedding, such as the oracle's probabilities.
package struct TaskScores: Sendable {
    package var task: EvaluationTask
    /// `[users, labels]` probabilities 0…1, users as in `EvaluationTargets.users`, labels as in the
    /// task's list; for `churn` and `conversion` that of *no* purchase.
    ///
    /// `churn` looks at the active users' only.
    package var probabilities: [Float]

    package init(task: EvaluationTask, probabilities: [Float]) {
        self.task = task
        self.probabilities = probabilities
    }
}

extension EvaluationReport.Row {
    /// What given scores are worth in the second window.
    ///
    /// They learn nothing, so there is one epoch without a loss; probabilities are ranked as they
    /// are. Tasks without labels or without users are left out.
    ///
    /// - Parameters:
    ///   - name: the row's.
    ///   - scores: at most one of each task, reported in this order.
    ///   - targets: of the same users.
    ///   - wantsCurves: whether to fill `curves`.
    /// - Throws: `badScores` when probabilities are not `[users, labels]` of numbers 0…1.
    package init(
        name: String, scores: [TaskScores], targets: EvaluationTargets, wantsCurves: Bool = false
    ) throws(EvaluationError) {
        var results: [EvaluationReport.TaskResult] = []
        for given in scores where targets.isScorable(given.task) {
            let task = targets[given.task]
            let wanted = targets.users.count * task.labelCount
            guard given.probabilities.count == wanted else {
                throw .badScores(
                    name: name, task: given.task,
                    reason: "\(given.probabilities.count) probabilities, \(wanted) wanted")
            }
            if let bad = given.probabilities.firstIndex(where: { !($0 >= 0 && $0 <= 1) }) {
                throw .badScores(
                    name: name, task: given.task,
                    reason: "\(given.probabilities[bad]) of user \(bad / task.labelCount), label "
                        + "\(bad % task.labelCount)")
            }
            let users = targets.users(of: given.task, Array(0..<UInt32(targets.users.count)))
            var metrics = TaskMetrics(
                userCount: users.count, popularity: task.task.isBinary ? nil : task.popularity,
                keepsProbabilities: wantsCurves)
            for user in users {
                let start = Int(user) * task.labelCount
                metrics.add(
                    probabilities: Array(given.probabilities[start..<start + task.labelCount]))
            }
            let positives = EvaluationTargets.positives(
                task.validation, of: users, labelCount: task.labelCount)
            results.append(
                EvaluationReport.TaskResult(
                    task, users: users.count, epochs: [metrics.figures(positives: positives)],
                    losses: [], curves: metrics.curves(positives: positives)))
        }
        self.init(name: name, width: 0, tasks: results, seconds: 0)
    }
}

extension EvaluationTargets {
    /// Of users, by index, those that a task is asked of, in their order.
    func users(of task: EvaluationTask, _ users: [UInt32]) -> [UInt32] {
        task == .churn ? users.filter { isActive[Int($0)] } : users
    }
}
