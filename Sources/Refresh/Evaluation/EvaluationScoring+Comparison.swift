import Evaluation
import Storage

/// What profiles are compared with.
extension EvaluationScoring {
    /// The organisers' features, written once.
    func baselineTable() throws -> EmbeddingTable {
        let path = directory.scratchPath + "/baseline"
        if try host.disk.status(path) == nil {
            _ = try AggregatedBaseline(
                events: subject.shop, cutoffSeconds: subject.split.cutoffSeconds
            ).write(to: path, on: host)
        }
        return try EmbeddingTable(directory: path, on: host.disk)
    }

    /// What the simulator's own probabilities are worth; nil when no row asks.
    func oracleRow(_ rows: [EvaluationRow]) throws -> EvaluationReport.Row? {
        guard rows.contains(where: { $0.content == .oracle }), let truth = options.truthDirectory
        else { return nil }
        reporter.begin("the oracle")
        let oracle = try Oracle(
            truth: truth, users: targets.users, split: subject.split, on: host.disk)
        let questions = options.tasks.map { task in
            Oracle.Question(task: task, labels: targets[task].ids)
        }
        let answers = oracle.probabilities(questions, items: subject.shop.items)
        return try EvaluationReport.Row(
            name: oracle.knowledge.rawValue,
            scores: zip(questions, answers).map {
                TaskScores(task: $0.task, probabilities: $1)
            },
            targets: targets, wantsCurves: options.wantsPage)
    }
}
