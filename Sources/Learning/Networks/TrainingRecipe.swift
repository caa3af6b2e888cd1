/// How a network is trained: the constants of the optimiser and of the loop around it.
package struct TrainingRecipe: Sendable, Equatable {
    /// η > 0, constant.
    package var learningRate: Double
    /// λ ≥ 0.
    package var weightDecay: Double
    /// AdamW when true, Adam when false; β and ε are PyTorch's.
    package var isDecoupled: Bool
    /// Users a step.
    package var batchSize: Int
    /// Passes over all examples.
    package var epochCount: Int
    /// Largest Euclidean norm of a step's gradient over all weights; longer ones are scaled down.
    package var largestGradientNorm: Double

    package init(
        learningRate: Double, weightDecay: Double, isDecoupled: Bool, batchSize: Int,
        epochCount: Int, largestGradientNorm: Double
    ) {
        self.learningRate = learningRate
        self.weightDecay = weightDecay
        self.isDecoupled = isDecoupled
        self.batchSize = batchSize
        self.epochCount = epochCount
        self.largestGradientNorm = largestGradientNorm
    }

    /// As published for SRA (reference §3).
    package static let sra = Self(
        learningRate: 1e-3, weightDecay: 0, isDecoupled: false, batchSize: 128, epochCount: 1,
        largestGradientNorm: 1)
    /// As published for FIP (reference §4).
    package static let fip = Self(
        learningRate: 1e-3, weightDecay: 0, isDecoupled: false, batchSize: 256, epochCount: 3,
        largestGradientNorm: 1)
    /// As published for MTL (reference §5.3).
    package static let mtl = Self(
        learningRate: 1e-3, weightDecay: 0.01, isDecoupled: true, batchSize: 128, epochCount: 9,
        largestGradientNorm: 1)
    /// As published for MTL Propensity.
    package static let mtlPropensity = Self(
        learningRate: 7.523_742_884_534_85e-5, weightDecay: 2.621_087_878_265_44e-6,
        isDecoupled: true, batchSize: 128, epochCount: 7, largestGradientNorm: 1)
    /// As published for MTL Churn.
    package static let mtlChurn = Self(
        learningRate: 1e-3, weightDecay: 0.01, isDecoupled: true, batchSize: 128, epochCount: 6,
        largestGradientNorm: 1)
    /// Our own choice for ESA, whose authors published none.
    package static let esa = Self(
        learningRate: 1e-3, weightDecay: 0, isDecoupled: false, batchSize: 128, epochCount: 3,
        largestGradientNorm: 1)
}
