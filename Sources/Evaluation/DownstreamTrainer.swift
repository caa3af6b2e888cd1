import Kernels
import Learning
import Storage

/// Trains a fresh downstream network on one task and scores it after each epoch
/// (reference/evaluation-protocol.md §3, `tp/train_runner.py`).
///
/// On the calling thread, one batch after the other in the order of the rows, so that the result
/// depends on nothing but these numbers. Memory: weights, gradients and two moments, one batch, and
/// the scores of the second window, 4 bytes a user and label.
struct DownstreamTrainer {
    let name: String
    let targets: EvaluationTargets.TaskTargets
    let rows: EmbeddingTable.Rows
    let options: ProfileEvaluator.Options
    let clock: any Clock
    let progress: @Sendable (EvaluationProgress) -> Void

    private let network: DownstreamNetwork<Float>
    /// Which of the rows, in order, and whose they are.
    private let places: [Int]
    private let users: [UInt32]
    private let positives: [[Int]]
    private let workspace = Workspace<Float>()
    private let weights: Matrix<Float>
    private var epochs: [TaskMetrics.Figures] = []
    private var lastReport: UInt64

    init(
        name: String, task: EvaluationTask, targets: EvaluationTargets, rows: EmbeddingTable.Rows,
        options: ProfileEvaluator.Options, clock: any Clock,
        progress: @escaping @Sendable (EvaluationProgress) -> Void
    ) {
        self.name = name
        self.targets = targets[task]
        self.rows = rows
        self.options = options
        self.clock = clock
        self.progress = progress
        let asked = task == .churn ? targets.isActive : nil
        places = rows.users.indices.filter { asked?[Int(rows.users[$0])] ?? true }
        users = places.map { [rows] in rows.users[$0] }
        positives = EvaluationTargets.positives(
            self.targets.validation, of: users, labelCount: self.targets.labelCount)
        network = DownstreamNetwork(
            options.network, inputWidth: rows.width, outputWidth: self.targets.labelCount)
        weights = network.layout.initialWeights(seed: options.seed)
        lastReport = clock.monotonicNanoseconds()
    }

    /// All epochs.
    ///
    /// - Throws: `diverged`, `cancelled`, or what reading throws.
    mutating func run() throws(EvaluationError) -> EvaluationReport.TaskResult {
        var state = OptimizerState(count: network.layout.count)
        var losses: [Double] = []
        var best: TaskMetrics?
        for epoch in 0..<options.epochCount {
            losses.append(try train(epoch, &state))
            let metrics = try score(epoch)
            epochs.append(metrics.figures(positives: positives))
            if options.wantsCurves, TaskMetrics.bestEpoch(epochs.map(\.score)) == epoch {
                best = metrics
            }
            report(epoch, done: places.count)
        }
        return EvaluationReport.TaskResult(
            targets, users: places.count, epochs: epochs, losses: losses,
            curves: best?.curves(positives: positives))
    }

    /// Gradients, moments, and the steps that were taken.
    private struct OptimizerState {
        let gradients: Matrix<Float>
        let first: Matrix<Float>
        let second: Matrix<Float>
        var step = 0

        init(count: Int) {
            gradients = Matrix(rows: 1, columns: count)
            first = Matrix(rows: 1, columns: count)
            second = Matrix(rows: 1, columns: count)
        }
    }

    /// One pass over the users with the labels of the first window; their mean loss.
    private mutating func train(
        _ epoch: Int, _ state: inout OptimizerState
    ) throws(EvaluationError) -> Double {
        let pass = NetworkPass(
            layout: network.layout, weights: weights, gradients: state.gradients,
            workspace: workspace)
        var sum = 0.0
        for start in stride(from: 0, to: places.count, by: options.network.batchSize) {
            let batch = start..<min(places.count, start + options.network.batchSize)
            let x = try read(batch)
            state.step += 1
            state.gradients.fill(0)
            let loss = network.loss(x, labels: labels(batch), pass)
            try check(loss, "loss", epoch, step: state.step)
            try check(Float.sumOfSquares(state.gradients), "gradient", epoch, step: state.step)
            var step = AdamStep(number: state.step, learningRate: options.network.learningRate)
            step.weightDecay = options.network.weightDecay
            step.isDecoupled = true
            Float.adam(
                weights: weights, gradients: state.gradients, first: state.first,
                second: state.second, step: step)
            sum += loss * Double(batch.count)
            try pause(epoch, done: batch.upperBound)
        }
        return sum / Double(places.count)
    }

    /// The figures of the second window under the weights as they are.
    private mutating func score(_ epoch: Int) throws(EvaluationError) -> TaskMetrics {
        let pass = NetworkPass(layout: network.layout, weights: weights, workspace: workspace)
        var metrics = TaskMetrics(
            userCount: places.count,
            popularity: targets.task.isBinary ? nil : targets.popularity,
            keepsProbabilities: options.wantsCurves)
        // The batches of the metric are the protocol's, whatever the batches of training are.
        for start in stride(from: 0, to: places.count, by: TaskMetrics.batchSize) {
            let batch = start..<min(places.count, start + TaskMetrics.batchSize)
            let logits = network.forward(try read(batch), pass).logits
            try check(Float.sumOfSquares(logits), "logits", epoch, step: 0)
            metrics.add(logits: logits.values)
            try pause(epoch, done: batch.upperBound)
        }
        return metrics
    }

    /// `[B, E]` the inputs of consecutive users.
    private func read(_ batch: Range<Int>) throws(EvaluationError) -> Matrix<Float> {
        let x = workspace.matrix("x", rows: batch.count, columns: rows.width)
        try rows.read(places[batch], into: x)
        return x
    }

    /// `[B, m]` what they did in the first window.
    private func labels(_ batch: Range<Int>) -> Matrix<Float> {
        let labels = workspace.zeros("labels", rows: batch.count, columns: targets.labelCount)
        for (row, user) in users[batch].enumerated() {
            for label in targets.training.labels(of: Int(user)) { labels[row, Int(label)] = 1 }
        }
        return labels
    }

    private func check(
        _ value: Double, _ quantity: String, _ epoch: Int, step: Int
    ) throws(EvaluationError) {
        guard !value.isFinite else { return }
        throw .diverged(
            DownstreamDivergence(
                name: name, task: targets.task, epoch: epoch, step: step, quantity: quantity))
    }

    /// Ends when the task is cancelled; reports about once a second.
    private mutating func pause(_ epoch: Int, done: Int) throws(EvaluationError) {
        if Task.isCancelled { throw .cancelled(name: name) }
        let now = clock.monotonicNanoseconds()
        guard now - lastReport >= 1_000_000_000 else { return }
        lastReport = now
        report(epoch, done: done)
    }

    private func report(_ epoch: Int, done: Int) {
        progress(
            EvaluationProgress(
                name: name, task: targets.task, epoch: epoch, epochCount: options.epochCount,
                done: done, total: places.count, scores: epochs.map(\.score)))
    }
}
