/// Size and training constants of the downstream network (reference/evaluation-protocol.md §3).
package struct DownstreamConfiguration: Sendable, Equatable {
    /// As reports name it.
    package var name: String
    /// Width between the blocks, and inside of them.
    package var width: Int
    package var hiddenWidth: Int
    package var blockCount: Int
    /// Users a step, taken in the order of the table.
    package var batchSize = 128
    package var learningRate = 1e-3
    /// Of all parameters, decoupled.
    package var weightDecay = 0.01

    package init(name: String, width: Int, hiddenWidth: Int, blockCount: Int) {
        self.name = name
        self.width = width
        self.hiddenWidth = hiddenWidth
        self.blockCount = blockCount
    }

    /// The challenge's: 51 million parameters, hours on two cores.
    package static let published = Self(
        name: "published", width: 2048, hiddenWidth: 4096, blockCount: 3)
    /// The default: the same form, small enough for minutes on two cores.
    package static let small = Self(name: "small", width: 128, hiddenWidth: 256, blockCount: 2)
}
