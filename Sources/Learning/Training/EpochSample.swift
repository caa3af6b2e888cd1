import Storage

/// Which examples each epoch trains on, when there are more of them than one epoch is to read.
///
/// All examples are shuffled once; each epoch takes the next `epochExampleCount` of them and begins anew
/// behind the last. So no example is read twice before every other was read once, each is as likely
/// to be read as any other, and what is learned of rates needs no correction. It is sampling without
/// replacement (random reshuffling, doi:10.48550/arXiv.2006.05988) whose report comes earlier.
package struct EpochSample: Sendable, Equatable {
    /// Draws of the order; not those of the batches, which are numbered by epoch.
    private static let stream: UInt64 = 0xE90C_5A3B

    /// Examples of an epoch, at most as many as there are.
    package let epochExampleCount: Int
    /// Examples there are.
    private let count: Int
    // Shuffled; nil when an epoch takes all of them. 4 bytes an example.
    private let order: [UInt32]?

    /// - Parameters:
    ///   - count: examples there are.
    ///   - limit: most examples of an epoch, ≥ 1; nil takes all of them each time.
    ///   - seed: of the training.
    package init(count: Int, limit: Int?, seed: UInt64) {
        precondition(limit.map { $0 > 0 } ?? true, "EpochSample: a limit of \(limit ?? 0)")
        self.count = count
        epochExampleCount = min(count, limit ?? count)
        guard epochExampleCount < count else {
            order = nil
            return
        }
        var random = SeededRandom(seed: seed, stream: Self.stream)
        var order = (0..<count).map(UInt32.init)
        order.shuffle(with: &random)
        self.order = order
    }

    /// Which examples an epoch trains on.
    ///
    /// - Parameter epoch: from 0.
    /// - Returns: `[epochExampleCount]` their places, ascending.
    package func places(_ epoch: Int) -> [Int] {
        guard let order else { return Array(0..<count) }
        let start = epoch * epochExampleCount % count
        return (start..<start + epochExampleCount).map { Int(order[$0 % count]) }.sorted()
    }
}

extension Array {
    /// Fisher and Yates's shuffle (Durstenfeld 1964); the library's own may change with a release.
    mutating func shuffle(with random: inout SeededRandom) {
        guard count > 1 else { return }
        for last in (1..<count).reversed() {
            let draw = random.next().multipliedFullWidth(by: UInt64(last + 1)).high
            swapAt(last, Int(draw))
        }
    }
}
