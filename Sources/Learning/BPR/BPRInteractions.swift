import Kernels
import Storage

/// The positives that BPR draws: distinct (user, item) pairs with their sampling weights.
package struct BPRInteractions: Sendable {
    /// The pairs whose weight is positive.
    package let pairs: BPRPairs
    /// I, the number of items.
    package let itemCount: Int
    /// The user of each pair, `[P]`.
    let users: [Int32]
    private let alias: AliasTable?

    /// Sums the weights of a pair's events; a pair whose sum is not positive is no positive.
    ///
    /// - Parameters:
    ///   - events: in any order; user in 0..<userCount, item in 0..<itemCount, or it traps.
    ///   - userCount: U.
    ///   - itemCount: I.
    package init(
        events: [(user: Int32, item: Int32, weight: Float)], userCount: Int, itemCount: Int
    ) {
        // Equal pairs' weights are summed in ascending order, so that the events' order is of no
        // consequence even to rounding.
        let sorted = events.sorted { ($0.user, $0.item, $0.weight) < ($1.user, $1.item, $1.weight) }
        var pairs: [(user: Int32, item: Int32)] = []
        var weights: [Float] = []
        var start = 0
        while start < sorted.count {
            var end = start
            var sum: Float = 0
            while end < sorted.count, sorted[end].user == sorted[start].user,
                sorted[end].item == sorted[start].item
            {
                sum += sorted[end].weight
                end += 1
            }
            if sum > 0 {
                precondition(
                    sorted[start].item >= 0 && Int(sorted[start].item) < itemCount,
                    "BPRInteractions: item \(sorted[start].item) of \(itemCount)")
                pairs.append((user: sorted[start].user, item: sorted[start].item))
                weights.append(sum)
            }
            start = end
        }
        self.pairs = BPRPairs(sorted: pairs, userCount: userCount)
        self.itemCount = itemCount
        users = pairs.map(\.user)
        let isUniform = weights.allSatisfy { $0 == weights[0] }
        alias = isUniform ? nil : AliasTable(weights: weights)
    }

    /// `[I]` pairs of each item: its popularity, from which negatives are drawn.
    package var popularity: [Int32] {
        var counts = [Int32](repeating: 0, count: itemCount)
        for item in pairs.items { counts[Int(item)] += 1 }
        return counts
    }

    /// Draws a pair with probability proportional to its weight; there must be one.
    package func drawPair(_ random: inout SeededRandom) -> Int {
        let draw = random.next()
        let index = Self.scaled(draw, to: pairs.count)
        guard let alias else { return index }
        return alias.resolve(index, coin: UInt32(truncatingIfNeeded: draw))
    }

    /// A number below `count` from the draw's upper half.
    static func scaled(_ draw: UInt64, to count: Int) -> Int {
        Int(((draw >> 32) &* UInt64(count)) >> 32)
    }
}

/// Walker's alias method: an index with given probabilities from one draw (Vose 1991,
/// doi:10.1109/32.92917).
struct AliasTable: Sendable {
    /// Below which coin an index stays itself.
    private let thresholds: [UInt32]
    private let aliases: [Int32]

    /// A table of positive weights.
    init(weights: [Float]) {
        let total = weights.reduce(0.0) { $0 + Double($1) }
        var shares = weights.map { Double($0) / total * Double(weights.count) }
        var aliases = [Int32](0..<Int32(weights.count))
        var small = shares.indices.filter { shares[$0] < 1 }
        var large = shares.indices.filter { shares[$0] >= 1 }
        while let poor = small.popLast(), let rich = large.last {
            aliases[poor] = Int32(rich)
            shares[rich] -= 1 - shares[poor]
            if shares[rich] < 1 {
                large.removeLast()
                small.append(rich)
            }
        }
        thresholds = shares.map { UInt32(min(max($0, 0), 1) * Double(UInt32.max)) }
        self.aliases = aliases
    }

    /// What index `index`, drawn uniformly, stands for under a uniform `coin`.
    func resolve(_ index: Int, coin: UInt32) -> Int {
        coin <= thresholds[index] ? index : Int(aliases[index])
    }
}
