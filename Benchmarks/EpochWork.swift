import Encoders
import Features
import Kernels
import Learning
import Storage

/// One epoch of a network over a simulated shop's users; also what a peer is asked to do.
struct EpochWork: Codable {
    /// `sra`, `mtl` or `esa`.
    var network: String
    /// `padded`, or `bucketed`: padded as well, with sequences of similar length in a batch.
    var form: String
    var precision: String
    var threads: Int
    /// Where examples and initial weights are, as safetensors.
    var examples: String
    var weights: String
    /// Places of each batch's examples, in the order of the steps.
    var batches: [[Int]]
}

/// An epoch by our trainer.
struct EpochTraining<Network: TrainableNetwork<Float>> {
    let network: Network
    let recipe: TrainingRecipe
    let source: MemoryExamples
    let host: Host

    /// What one epoch comes to.
    struct Outcome {
        var seconds: Double
        var losses: [Double]
        var stepCount: Int
    }

    private var seed: UInt64 { Bench.seed }

    private func sizes(_ form: String) -> BatchPlan.Sizes {
        BatchPlan.Sizes(batchCount: recipe.batchSize, windowCount: form == "bucketed" ? 50 : 1)
    }

    /// The batches of the epoch: as a shuffle deals them, which ours are, or bucketed.
    func batches(_ form: String) -> [[Int]] {
        let lengths = (0..<source.count).map { UInt16(source.rowCount($0)) }
        let plan = BatchPlan(lengths: lengths, sizes: sizes(form), seed: seed, epoch: 0)
        return (0..<plan.count).map(plan.batch)
    }

    /// Initial weights as the trainer draws them.
    func writeWeights(to path: String) throws {
        try SafetensorsFile(network.layout.tensors(network.layout.initialWeights(seed: seed)))
            .write(to: path, on: host.disk)
    }

    /// One epoch from the initial weights, reading and laying out of the batches included.
    func run(
        threads: Int, precision: String, form: String = "padded"
    ) async throws -> Outcome {
        var options = TrainerOptions(name: "bench", seed: seed, recipe: recipe)
        options.epochCount = 1
        options.sizes = sizes(form)
        options.threadCount = threads
        options.precision = ProductPrecision(rawValue: precision) ?? .float32
        let trainer = try Trainer(
            network: network, source: source, training: Array(0..<source.count),
            options: options, host: host)
        let start = host.clock.monotonicNanoseconds()
        let result = try await trainer.run()
        return Outcome(
            seconds: Double(host.clock.monotonicNanoseconds() - start) / 1e9,
            losses: result.epochs.last?.training ?? [], stepCount: result.stepCount)
    }
}

/// Examples in memory, as the peer has them.
struct MemoryExamples: ExampleSource {
    let all: [TrainingExample]
    let fingerprint: UInt64 = 1

    var count: Int { all.count }

    /// Rows of all examples.
    var rowCount: Int { all.reduce(0) { $0 + $1.rows.count } / RowLayout.width }

    func rowCount(_ index: Int) -> Int { all[index].rows.count / RowLayout.width }

    func examples(_ indices: [Int]) throws(LearningError) -> [TrainingExample] {
        indices.map { all[$0] }
    }

    /// Writes rows `[R, 64]`, lengths `[N]`, tokens `[R, 7]`, END's buckets `[N]`, churn `[N]` and
    /// bought entries `[M, 3]` (user, list, place) for a peer.
    func write(to path: String, on disk: any Disk) throws {
        var labels: [Int64] = []
        for (user, example) in all.enumerated() {
            for place in example.labels?.categories ?? [] {
                labels += [Int64(user), 0, Int64(place)]
            }
            for place in example.labels?.items ?? [] { labels += [Int64(user), 1, Int64(place)] }
        }
        let tokens = all.flatMap { example in
            example.tokens.flatMap { token in
                ESAField.allCases.map { Int64($0.index(in: token)) }
            }
        }
        func int64(_ name: String, _ values: [Int64], _ shape: [Int]) -> SafetensorsFile.Tensor {
            SafetensorsFile.Tensor(name: name, shape: shape, values: .int64(values))
        }
        try SafetensorsFile(tensors: [
            SafetensorsFile.Tensor(
                name: "rows", shape: [rowCount, RowLayout.width],
                values: .float16(all.flatMap(\.rows))),
            int64("lengths", all.indices.map { Int64(rowCount($0)) }, [count]),
            int64("tokens", tokens, [rowCount, ESAField.allCases.count]),
            int64("ends", all.map { Int64($0.endBucket) }, [count]),
            int64("churn", all.map { $0.labels?.churned == true ? 1 : 0 }, [count]),
            int64("labels", labels, [labels.count / 3, 3]),
        ]).write(to: path, on: disk)
    }
}
