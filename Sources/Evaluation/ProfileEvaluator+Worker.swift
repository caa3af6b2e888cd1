import Storage
import Synchronization

/// What became of a task, and where it stood among those asked for.
struct TaskOutcome: Sendable {
    let place: Int
    let result: Result<EvaluationReport.TaskResult, EvaluationError>

    var isFailure: Bool {
        if case .failure = result { true } else { false }
    }
}

/// The tasks that no thread has taken yet.
///
/// Which thread takes one changes no result.
final class TaskQueue: Sendable {
    private let tasks: [EvaluationTask]
    private let next = Mutex(0)

    init(_ tasks: [EvaluationTask]) {
        self.tasks = tasks
    }

    var count: Int { tasks.count }

    func take() -> (place: Int, task: EvaluationTask)? {
        let place = next.withLock { next in
            defer { next += 1 }
            return next
        }
        return place < tasks.count ? (place, tasks[place]) : nil
    }
}

/// A thread that trains one task after the other.
actor EvaluationWorker {
    private nonisolated let executor: ThreadExecutor
    private let evaluator: ProfileEvaluator
    private let rows: EmbeddingTable.Rows
    private let name: String

    nonisolated var unownedExecutor: UnownedSerialExecutor { executor.unowned }

    init(evaluator: ProfileEvaluator, rows: EmbeddingTable.Rows, name: String, number: Int) {
        executor = ThreadExecutor(
            name: "evaluation-\(number)", niceness: evaluator.options.niceness)
        self.evaluator = evaluator
        self.rows = rows
        self.name = name
    }

    /// Trains tasks until none is left or one fails.
    func run(
        _ queue: TaskQueue, _ progress: @escaping @Sendable (EvaluationProgress) -> Void
    ) -> [TaskOutcome] {
        var outcomes: [TaskOutcome] = []
        while let (place, task) = queue.take() {
            var trainer = DownstreamTrainer(
                name: name, task: task, targets: evaluator.targets, rows: rows,
                options: evaluator.options, clock: evaluator.host.clock, progress: progress)
            do throws(EvaluationError) {
                outcomes.append(TaskOutcome(place: place, result: .success(try trainer.run())))
            } catch {
                outcomes.append(TaskOutcome(place: place, result: .failure(error)))
                break
            }
        }
        return outcomes
    }

    /// Ends the thread.
    nonisolated func stop() { executor.stop() }
}
