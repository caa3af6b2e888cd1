import Kernels
import Storage

/// Checkpoints and progress.
extension Trainer {
    /// Takes over the checkpoint, if there is one of this training.
    func resume() throws(LearningError) {
        guard let path = options.checkpointPath else { return }
        do throws(StorageError) {
            // What a kill in the middle of a write left behind.
            let parent = path.parentPath ?? "."
            let prefix = (path.split(separator: "/").last ?? "") + "."
            for name in try host.disk.names(in: parent)
            where AtomicFile.isLeftover(name) && name.hasPrefix(prefix) {
                try host.disk.remove(parent + "/" + name)
            }
        } catch {
            throw .storage(error)
        }
        guard
            let checkpoint = try Checkpoint(
                path, layout: network.layout, settings: settings, on: host.disk)
        else { return }
        weights.copy(from: checkpoint.weights)
        first.copy(from: checkpoint.first)
        second.copy(from: checkpoint.second)
        best = checkpoint.best
        state = checkpoint.state
        checkpointStep = state.step
    }

    /// Leaves a checkpoint and throws when the task was cancelled.
    func endIfCancelled() throws(LearningError) {
        guard Task.isCancelled else { return }
        try writeCheckpoint()
        throw .cancelled(network: options.name, epoch: state.epoch, step: state.step)
    }

    /// Whether enough steps or seconds have passed.
    var isCheckpointDue: Bool {
        guard options.checkpointPath != nil else { return false }
        let seconds =
            Double(host.clock.monotonicNanoseconds() - checkpointNanoseconds) / 1e9
        return state.step - checkpointStep >= options.checkpointSteps
            || seconds >= options.checkpointSeconds
    }

    /// Makes the state as it is now the one to resume from.
    func writeCheckpoint() throws(LearningError) {
        guard let path = options.checkpointPath else { return }
        let checkpoint = Checkpoint(
            state: state, settings: settings, weights: weights, first: first, second: second,
            best: best)
        try checkpoint.write(to: path, layout: network.layout, on: host)
        checkpointNanoseconds = host.clock.monotonicNanoseconds()
        checkpointStep = state.step
    }

    /// Tells the caller how far this is.
    func reportProgress(
        _ plan: BatchPlan, epochRows: Int64, _ sums: [Double], _ counts: [Double], _ norm: Double
    ) {
        let seconds = Double(host.clock.monotonicNanoseconds() - startNanoseconds) / 1e9
        let rate = seconds > 0 ? Double(rowsDone) / seconds : 0
        let left =
            Double(options.epochCount - state.epoch)
            - Double(state.batch) / Double(max(1, plan.count))
        let losses = zip(network.terms, zip(sums, counts)).map { term, pair in
            (name: term.name, loss: pair.1 > 0 ? pair.0 / pair.1 : 0)
        }
        report(
            TrainingProgress(
                network: options.name, epoch: state.epoch, epochCount: options.epochCount,
                step: state.step, epochStep: state.batch, epochStepCount: plan.count,
                losses: losses, gradientNorm: norm, rowsPerSecond: rate,
                secondsLeft: rate > 0 ? left * Double(epochRows) / rate : nil))
    }
}
