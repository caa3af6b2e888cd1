import Storage

/// Gives indices the ids that the log shows: distinct, in 0..<idCount, without visible order.
///
/// id(i) = (a i + b) mod n with a prime to n, so that neighbours in the model (an item and its
/// urls, the users of one chunk) have ids that say nothing of it.
struct IDPermutation: Sendable {
    let idCount: Int
    private let factor: Int
    private let offset: Int

    /// For `count` indices; ids leave gaps, as a shop's do that has forgotten some.
    init(count: Int, seed: UInt64, table: Int) {
        idCount = count + count / 4 + 7
        var random = SeededRandom(seed, .ids, table)
        var factor = 0
        repeat {
            factor = idCount / 3 + random.below(idCount / 3)
        } while Self.greatestCommonDivisor(factor, idCount) != 1
        self.factor = factor
        offset = random.below(idCount)
    }

    /// The id of the index-th thing.
    func id(_ index: Int) -> Int64 { Int64((factor * index + offset) % idCount) }

    private static func greatestCommonDivisor(_ a: Int, _ b: Int) -> Int {
        var (a, b) = (a, b)
        while b != 0 { (a, b) = (b, a % b) }
        return a
    }
}
