import Kernels
import Storage

/// One shard of a batch, laid out for computing, and where its gradient goes.
struct ShardTask<Network: TrainableNetwork>: Sendable {
    /// Its place in the batch: sums and gradients are added in this order.
    let index: Int
    let shard: Network.Shard
    /// Nil for evaluation; else overwritten by the thread that computes the shard.
    let gradients: Matrix<Network.Scalar>?
}

/// What all shards of a batch have in common.
struct BatchContext<Scalar: TrainingScalar>: Sendable {
    let weights: Matrix<Scalar>
    /// The same as bfloat16; nil when products do not read such.
    let narrowed: Matrix<UInt16>?
    /// `[terms]` over the whole batch.
    let counts: [Double]
    /// The optimiser step that is computed, from 1; nil for evaluation, which drops nothing out.
    let step: Int?
    let seed: UInt64
    let precision: ProductPrecision
}

/// Threads that compute the shards of a batch, each with a workspace of its own.
///
/// Which thread computes a shard changes nothing: a shard's sums and gradient are its own.
struct ShardCrew<Network: TrainableNetwork>: Sendable {
    private let workers: [ShardWorker<Network>]

    init(network: Network, threadCount: Int, niceness: Int32) {
        workers = (0..<threadCount).map {
            ShardWorker(network: network, name: "shard-\($0)", niceness: niceness)
        }
    }

    /// Computes all shards; each term's sum by shard, in the order of the tasks.
    func run(
        _ tasks: [ShardTask<Network>], _ context: BatchContext<Network.Scalar>
    ) async -> [[Double]] {
        await withTaskGroup(of: [(Int, [Double])].self) { group in
            for (number, worker) in workers.enumerated() {
                let share = tasks.indices.filter { $0 % workers.count == number }
                    .map { (place: $0, task: tasks[$0]) }
                guard !share.isEmpty else { continue }
                group.addTask { await worker.run(share, context) }
            }
            var sums = [[Double]](repeating: [], count: tasks.count)
            for await part in group {
                for (place, values) in part { sums[place] = values }
            }
            return sums
        }
    }

    /// Ends the threads.
    func stop() {
        for worker in workers { worker.stop() }
    }
}

/// One thread that computes shards.
private actor ShardWorker<Network: TrainableNetwork> {
    private nonisolated let executor: ThreadExecutor
    private let network: Network
    private let workspace = Workspace<Network.Scalar>()

    nonisolated var unownedExecutor: UnownedSerialExecutor { executor.unowned }

    init(network: Network, name: String, niceness: Int32) {
        executor = ThreadExecutor(name: name, niceness: niceness)
        self.network = network
    }

    func run(
        _ share: [(place: Int, task: ShardTask<Network>)],
        _ context: BatchContext<Network.Scalar>
    ) -> [(Int, [Double])] {
        share.map { place, task in
            let pass = NetworkPass(
                layout: network.layout, weights: context.weights, narrowed: context.narrowed,
                gradients: task.gradients, overwriting: true,
                dropout: context.step.map {
                    DropoutSource(seed: context.seed, step: $0, shard: task.index)
                },
                precision: context.precision, workspace: workspace)
            let sums = network.run(task.shard, batchCounts: context.counts, pass)
            pass.endGradients()
            return (place, sums)
        }
    }

    nonisolated func stop() { executor.stop() }
}
