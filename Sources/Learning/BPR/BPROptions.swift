/// How BPR factors are trained; the defaults of each preset are the published ones (reference §6).
package struct BPROptions: Sendable, Equatable, Codable {
    /// K ≥ 1.
    package var factorCount: Int
    /// η per step.
    package var rate: Float
    /// Penalty on each touched row per step.
    package var regularization: Float
    /// Passes; one is as many steps as there are pairs.
    package var epochCount: Int
    /// Users and items are dealt into so many shards; a cell of both is one thread's work.
    ///
    /// Part of the definition of the result, which no thread count changes.
    package var shardCount = 4
    /// Steps between two dealings of the items; never more than an epoch's.
    package var stretchStepCount = 1 << 21
    package var seed: UInt64 = 42

    /// Sets what has no common default.
    package init(factorCount: Int, rate: Float, regularization: Float, epochCount: Int) {
        self.factorCount = factorCount
        self.rate = rate
        self.regularization = regularization
        self.epochCount = epochCount
    }

    /// Categories: trial 451 of the published search.
    package static let category = Self(
        factorCount: 146, rate: 0.001_310_001_6, regularization: 0.000_144_134_13,
        epochCount: 432)
    /// Items: trial 1453.
    package static let item = Self(
        factorCount: 232, rate: 0.037_373_872, regularization: 0.044_218_495, epochCount: 427)
}

/// What a product event of each kind adds to its pair's weight.
///
/// The sums are sampling weights of positives; the published library ignored them (reference §6).
package struct BPRWeights: Sendable, Equatable, Codable {
    package var buy: Float
    package var add: Float
    package var remove: Float

    /// Sets all three.
    package init(buy: Float, add: Float, remove: Float) {
        self.buy = buy
        self.add = add
        self.remove = remove
    }

    package static let category = Self(buy: 0.6261, add: 1.7788, remove: 0.4345)
    package static let item = Self(buy: 1.2900, add: 1.1509, remove: -0.1788)
}
