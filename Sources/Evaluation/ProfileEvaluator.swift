import Storage

/// Scores representations of users by the challenge's protocol: one fresh downstream network a task,
/// trained on the first window, scored on the second after each epoch
/// (reference/evaluation-protocol.md §3, §4).
package struct ProfileEvaluator: Sendable {
    /// How; the defaults are what `ubpd evaluate` does.
    package struct Options: Sendable {
        package var network: DownstreamConfiguration = .small
        /// Of the initial weights, the same for each task; the published one.
        package var seed: UInt64 = 1278
        /// Tasks that are trained at a time, ≥ 1; results do not depend on it.
        package var threadCount = 2
        /// Added to the process's, 0…19.
        package var niceness: Int32 = 0
        package var epochCount = 3
        /// Whether to fill `curves`.
        package var wantsCurves = false
        /// Chosen columns of the users are kept in memory up to so many bytes, and read from the
        /// file for each batch above that.
        package var memoryByteLimit = 1 << 30

        package init() {}
    }

    package let host: Host
    package let targets: EvaluationTargets
    package let options: Options

    package init(host: Host, targets: EvaluationTargets, options: Options = Options()) {
        self.host = host
        self.targets = targets
        self.options = options
    }

    /// Trains and scores; tasks without labels or without users are left out.
    ///
    /// - Parameters:
    ///   - table: must have a row for each of the targets' users, in the order in which the network
    ///     is to see them; rows of others are passed over.
    ///   - columns: which of its columns, side by side in this order; nil for all.
    ///   - name: of the row.
    ///   - tasks: which, reported in this order.
    ///   - progress: called after each epoch and about once a second, from the training threads.
    /// - Returns: the figures of the best epochs.
    /// - Throws: `cancelled` when the calling task is; `diverged`, `flawedTable`, `noSuchColumns`.
    package func evaluate(
        _ table: EmbeddingTable, columns: [Range<Int>]? = nil, name: String,
        tasks: [EvaluationTask] = EvaluationTask.allCases,
        progress: @escaping @Sendable (EvaluationProgress) -> Void = { _ in }
    ) async throws(EvaluationError) -> EvaluationReport.Row {
        let start = host.clock.monotonicNanoseconds()
        let rows = try EmbeddingTable.Rows(
            table, of: targets.users, columns: columns, memoryByteLimit: options.memoryByteLimit)
        let queue = TaskQueue(tasks.filter { targets.isScorable($0) })
        let workers = (0..<max(1, min(options.threadCount, queue.count))).map {
            EvaluationWorker(evaluator: self, rows: rows, name: name, number: $0)
        }
        defer { for worker in workers { worker.stop() } }
        let results = await withTaskGroup(of: [TaskOutcome].self) { group in
            for worker in workers {
                group.addTask { await worker.run(queue, progress) }
            }
            var outcomes: [TaskOutcome] = []
            for await part in group {
                outcomes += part
                if part.contains(where: \.isFailure) { group.cancelAll() }
            }
            return outcomes.sorted { $0.place < $1.place }.map(\.result)
        }
        // What ended the others is told before that they were ended.
        let errors = results.compactMap { result -> EvaluationError? in
            if case .failure(let error) = result { error } else { nil }
        }
        if let error = errors.first(where: { $0 != .cancelled(name: name) }) ?? errors.first {
            throw error
        }
        let seconds = Double(host.clock.monotonicNanoseconds() - start) / 1e9
        return EvaluationReport.Row(
            name: name, width: rows.width, tasks: results.compactMap { try? $0.get() },
            seconds: seconds)
    }
}

/// How far the evaluation of a representation is.
package struct EvaluationProgress: Sendable, Equatable {
    package var name: String
    package var task: EvaluationTask
    /// From 0; what is trained or scored.
    package var epoch: Int
    package var epochCount: Int
    /// Users of this epoch that are done, of so many.
    package var done: Int
    package var total: Int
    /// Score of the epochs so far.
    package var scores: [Double]
}
