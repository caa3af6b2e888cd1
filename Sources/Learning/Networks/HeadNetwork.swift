import Kernels

/// The task heads of an `MTLNetwork` alone, on latent vectors that a frozen encoder made.
///
///     logits of a task = W₆ drop(GELU(W₃ drop(GELU(W₀ z + b₀)) + b₃)) + b₆
///     loss = Σ λ · mean BCE over the tasks with λ > 0
///
/// What a nightly generation refits (DESIGN §6). A task without weight has no tensors here: its head
/// would learn nothing, and is left as it is. Names, losses, dropouts and their draws are the whole
/// network's, so that on the same z the gradients are its own.
package struct HeadNetwork<Scalar: TrainingScalar>: TrainableNetwork {
    /// What the network reads of some examples.
    package struct Shard: Sendable {
        /// `[B, Z]`.
        package let latents: Matrix<Scalar>
        /// `[B, outputs]` of each task with weight.
        package let labels: [Matrix<Scalar>]

        package init(latents: Matrix<Scalar>, labels: [Matrix<Scalar>]) {
            self.latents = latents
            self.labels = labels
        }
    }

    /// Of the whole network.
    package let configuration: MTLConfiguration
    /// The heads' tensors, in the order of the whole network's `state_dict`.
    package let layout: ParameterLayout
    /// Of churn, categories and items those with weight.
    package let terms: [LossTerm]
    /// Which of churn, categories and items they are: 0…2.
    package let tasks: [Int]
    private let heads: [TaskHead]

    /// The heads of a network of this configuration; traps when no task has weight.
    package init(_ configuration: MTLConfiguration) {
        self.configuration = configuration
        let tasks = configuration.taskWeights.indices.filter { configuration.taskWeights[$0] > 0 }
        precondition(!tasks.isEmpty, "HeadNetwork: no task has weight")
        var layout = ParameterLayout()
        heads = tasks.map { configuration.head(of: $0, in: &layout) }
        terms = tasks.map {
            LossTerm(
                name: MTLConfiguration.taskNames[$0], weight: configuration.taskWeights[$0])
        }
        self.tasks = tasks
        self.layout = layout
    }

    /// Users times outputs of each task.
    package func counts(_ shard: Shard) -> [Double] { shard.labels.map { Double($0.count) } }

    /// One pass over a shard; see `TrainableNetwork`.
    package func run(
        _ shard: Shard, batchCounts: [Double], _ pass: NetworkPass<Scalar>
    ) -> [Double] {
        terms.indices.map { index in
            let trace = heads[index].forward(shard.latents, pass)
            let sum = Scalar.binaryCrossEntropy(
                trace.logits, labels: shard.labels[index],
                scale: Scalar(terms[index].scale(batchCount: batchCounts[index])))
            if pass.wantsGradients { _ = heads[index].backward(trace.logits, trace, pass) }
            return sum
        }
    }

    /// No labels, or some beyond the outputs: of another space's target lists.
    package func flaw(of example: TrainingExample) -> String? {
        configuration.labelFlaw(of: example)
    }

    /// Lays out examples; traps on one without labels or whose latent vector is not `[Z]`.
    package func shard(_ examples: [TrainingExample]) -> Shard {
        let width = configuration.latentWidth
        var latents: [Scalar] = []
        latents.reserveCapacity(examples.count * width)
        for example in examples {
            precondition(
                example.latents.count == width, "HeadNetwork: z of \(example.latents.count)")
            for value in example.latents { latents.append(Scalar(value)) }
        }
        return Shard(
            latents: Matrix(latents, rows: examples.count, columns: width),
            labels: tasks.map { configuration.labels(of: $0, examples) })
    }
}

extension MTLConfiguration {
    /// The names of the three tasks' heads.
    package static let taskNames = ["churn", "category", "item"]
    /// Number of the first of the heads' dropouts.
    private static let headSite = 6

    /// Width of a task's logits.
    private func outputCount(_ task: Int) -> Int { [1, categoryCount, itemCount][task] }

    /// The head of a task, whose tensors are appended to the layout.
    func head(of task: Int, in layout: inout ParameterLayout) -> TaskHead {
        TaskHead(
            Self.taskNames[task],
            widths: [latentWidth] + headWidths + [outputCount(task)],
            dropout: headDropout, firstSite: Self.headSite + 2 * task, in: &layout)
    }

    /// What is wrong with an example's labels for these outputs; nil for nothing.
    func labelFlaw(of example: TrainingExample) -> String? {
        guard let labels = example.labels else { return "it has no labels" }
        func flaw(_ name: String, _ indices: [UInt8], _ count: Int) -> String? {
            indices.first { Int($0) >= count }.map {
                "\(name) label \($0) of \(count): examples of other target lists"
            }
        }
        return flaw("category", labels.categories, categoryCount)
            ?? flaw("item", labels.items, itemCount)
    }

    /// `[B, outputs]` what users did of a task; traps on an example with a flaw.
    func labels<Scalar: TrainingScalar>(
        of task: Int, _ examples: [TrainingExample]
    ) -> Matrix<Scalar> {
        let matrix = Matrix<Scalar>(rows: examples.count, columns: outputCount(task))
        for (row, example) in examples.enumerated() {
            guard labelFlaw(of: example) == nil, let labels = example.labels else {
                preconditionFailure(
                    "MTLNetwork: example \(row): \(labelFlaw(of: example) ?? "no labels")")
            }
            switch task {
            case 0: matrix[row, 0] = labels.churned ? 1 : 0
            case 1: for category in labels.categories { matrix[row, Int(category)] = 1 }
            default: for item in labels.items { matrix[row, Int(item)] = 1 }
            }
        }
        return matrix
    }
}
