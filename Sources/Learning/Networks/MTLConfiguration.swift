import Features

/// Sizes, dropouts and loss weights of an `MTLNetwork`; the published ones by default.
package struct MTLConfiguration: Sendable, Equatable {
    /// D.
    package var inputWidth = RowLayout.width
    /// H of each GRU; the last is E, the width of everything up to the latent layer.
    package var encoderWidths = [128]
    /// Of the attention; divides E.
    package var attentionHeads = 2
    /// Of the transformer layer's feed-forward part.
    package var forwardWidth = 256
    /// Of the residual block's inner layer.
    package var residualWidth = 512
    /// Z.
    package var latentWidth = 128
    /// Of a task head's two hidden layers.
    package var headWidths = [512, 256]
    /// Target categories, 1…100.
    package var categoryCount = 100
    /// Target items, 1…100.
    package var itemCount = 100
    /// p between GRU layers; acts in stacks only.
    package var encoderDropout = 0.0
    /// p in the transformer layer.
    package var attentionDropout = 0.1
    /// p inside the residual block and before the latent layer.
    package var residualDropout = 0.3
    /// p in the task heads.
    package var headDropout = 0.2
    /// λ of churn, categories, items.
    package var taskWeights = [0.3, 0.35, 0.35]

    package init() {}

    /// MTL as published (reference §5.3).
    package static let mtl = Self()

    /// MTL Propensity: churn learns nothing.
    package static let propensity: Self = {
        var configuration = Self()
        configuration.taskWeights = [0, 0.5, 0.5]
        configuration.encoderDropout = 0.1165
        configuration.attentionDropout = 0.2099
        configuration.residualDropout = 0.2217
        configuration.headDropout = 0.1728
        return configuration
    }()

    /// MTL Churn: only churn learns, and the latent vector is short.
    package static let churn: Self = {
        var configuration = Self()
        configuration.taskWeights = [1, 0, 0]
        configuration.latentWidth = 32
        return configuration
    }()
}

extension MTLConfiguration {
    /// These sizes with an output for each target; an empty list takes one that is never wanted.
    package func sized(for targets: TargetLists) -> Self {
        var sized = self
        sized.categoryCount = max(1, targets.categories.count)
        sized.itemCount = max(1, targets.items.count)
        return sized
    }
}
