/// Size and training constants of the downstream network (reference/evaluation-protocol.md §3).
package struct DownstreamConfiguration: Sendable, Equatable {
    /// As reports name it.
    package var name: String
    /// Width between the blocks, ≥ 1.
    package var width: Int
    /// Width inside of the blocks, ≥ 1.
    package var hiddenWidth: Int
    /// Blocks, ≥ 0.
    package var blockCount: Int
    /// Users a step, in the order of the table; the last step takes what is left.
    package var batchSize = 128
    /// η, constant.
    package var learningRate = 1e-3
    /// λ of all parameters, biases and norms too, decoupled.
    package var weightDecay = 0.01

    package init(name: String, width: Int, hiddenWidth: Int, blockCount: Int) {
        self.name = name
        self.width = width
        self.hiddenWidth = hiddenWidth
        self.blockCount = blockCount
    }

    /// The challenge's: 51 million parameters and more, hours on two cores.
    package static let published = Self(
        name: "published", width: 2048, hiddenWidth: 4096, blockCount: 3)
    /// The default: the same form, trained the same way, small enough for minutes on two cores.
    package static let small = Self(name: "small", width: 128, hiddenWidth: 256, blockCount: 2)
}
