import Kernels
import Learning
import TestSupport
import Testing

/// Factors of one night beside those of another.
@Suite struct BPRNightTests {
    @Test func `goes a share of the way by id, and keeps biases`() throws {
        let before = Self.factors(ids: [2, 5, 9], first: 1)
        let now = Self.factors(ids: [5, 7, 9], first: 3)
        #expect(try #require(now.agreement(with: before)) > 0.9)
        let met = now.approached(from: before, share: 0.25)
        #expect(met.ids == [5, 7, 9], "what has left is gone")
        for id in now.ids {
            let own = try Self.row(id, of: now)
            let met = try Self.row(id, of: met)
            let earlier = before.index(of: id) == nil ? own : try Self.row(id, of: before)
            for (value, (old, new)) in zip(met, zip(earlier, own)).dropLast() {
                #expect(value == old + 0.25 * (new - old))
            }
            #expect(met.last == earlier.last, "the bias")
        }
        #expect(try Self.row(7, of: met) == Self.row(7, of: now), "a new item, as trained")
        #expect(try Self.row(5, of: met) != Self.row(5, of: now))
        #expect(try Self.row(5, of: met) != Self.row(5, of: before))
    }

    @Test func `stays where it is without anything to go on from`() throws {
        let before = Self.factors(ids: [2, 5, 9], first: 1)
        let now = Self.factors(ids: [2, 5, 9], first: 3)
        func isUnmoved(_ factors: BPRFactors, from earlier: BPRFactors) throws -> Bool {
            let met = factors.approached(from: earlier, share: 0.25)
            return try factors.ids.allSatisfy {
                try Self.row($0, of: met) == Self.row($0, of: factors)
            }
        }
        #expect(try !isUnmoved(now, from: before))
        // Trained otherwise: the seed is one of the options.
        var reseeded = Self.options
        reseeded.seed += 1
        let others = [
            Self.factors(ids: [2, 5, 9], first: 1, options: reseeded),
            Self.factors(ids: [2, 5, 9], first: 1, weights: .category),
            Self.factors(ids: [1, 3, 4], first: 1),
        ]
        for other in others {
            #expect(now.agreement(with: other) == nil)
            #expect(try isUnmoved(now, from: other))
        }
        // Turned about: a point between them would lie near 0.
        let turned = Self.factors(ids: [2, 5, 9], first: 1, sign: -1)
        #expect(try #require(now.agreement(with: turned)) < -0.9)
        #expect(try isUnmoved(now, from: turned))
        #expect(try Self.row(5, of: now.approached(from: before, share: 1)) == Self.row(5, of: now))
    }

    @Test func `trains on stretches of an epoch where that is less`() async throws {
        var shop = TasteShop(userCount: 200, itemCount: 60)
        shop.options.stretchStepCount = 1 << 21
        let long = try await shop.trained(threadCount: 1)
        shop.options.stretchStepCount = shop.interactions.pairs.count
        let epoch = try await shop.trained(threadCount: 1)
        #expect(long.items.values == epoch.items.values)
        #expect(long.stretchCount == shop.options.epochCount)
    }

    /// What made a night's scores another's: a day's pairs change all draws of triples.
    @Test func `scores of unchanged users hold over a night`() async throws {
        let shop = TasteShop(userCount: 400, itemCount: 60)
        var grown = shop
        grown.interactions = shop.adding(pairCount: 20)
        #expect(grown.interactions.pairs.count == shop.interactions.pairs.count + 20)
        let first = shop.factors(try await shop.trained(threadCount: 1), level: .best)
        let anew = grown.factors(try await grown.trained(threadCount: 1), level: .best)
        let next = anew.approached(from: first, share: 0.2)
        let users = (0..<400).filter { shop.likedItems($0) == grown.likedItems($0) }
        #expect(users.count >= 380)
        let before = Self.scores(first, shop, users)
        let (moved, held) = (
            Self.correlation(before, Self.scores(anew, shop, users)),
            Self.correlation(before, Self.scores(next, shop, users))
        )
        #expect(moved > 0.9, "\(moved) trained anew")
        #expect(held > 0.99 && held > moved, "\(held), \(moved) trained anew")
        // And the night before is no worse a start for being held on to.
        let auc = [anew, next].map { factors in
            grown.heldOutAUC { user in
                factors.foldIn(grown.likedItems(user)) ?? []
            } scores: {
                factors.scores($0, items: $1)
            }
        }
        #expect(auc[1] > auc[0] - 0.005, "\(auc)")
    }

    private static let options: BPROptions = {
        var options = BPROptions(factorCount: 4, rate: 0.1, regularization: 0.01, epochCount: 3)
        options.seed = 3
        return options
    }()

    /// Item number n has the factors sign · (first + n, +1, +2, +3) and a bias of 8 times as much.
    private static func factors(
        ids: [Int64], first: Int, sign: Float = 1, options: BPROptions = options,
        weights: BPRWeights = .item
    ) -> BPRFactors {
        let items = Matrix<Float>(
            rows: ids.count, columns: BPRKernels.rowWidth(factorCount: options.factorCount))
        for row in ids.indices {
            for column in 0..<4 { items[row, column] = sign * Float(first + row + column) }
            items[row, 4] = 8 * Float(first + row)
        }
        return BPRFactors(
            ids: ids, items: items, popularity: ids.map { _ in 1 }, options: options,
            weights: weights)
    }

    /// An item's factors and bias, one by one: what unit vectors score.
    private static func row(_ id: Int64, of factors: BPRFactors) throws -> [Float] {
        let place = try #require(factors.index(of: id))
        return (0...4).map { column in
            var unit = [Float](repeating: 0, count: factors.rowWidth)
            unit[column] = 1
            return factors.scores(unit, items: [place])[0]
        }
    }

    private static func scores(
        _ factors: BPRFactors, _ shop: TasteShop, _ users: [Int]
    ) -> [Double] {
        users.flatMap { user in
            factors.scores(
                factors.foldIn(shop.likedItems(user)) ?? [], items: Array(0..<shop.itemCount)
            ).map { Double($0) }
        }
    }

    private static func correlation(_ a: [Double], _ b: [Double]) -> Double {
        let count = Double(a.count)
        let (x, y) = (a.reduce(0, +) / count, b.reduce(0, +) / count)
        let (xx, yy, xy) = zip(a, b).reduce(into: (0.0, 0.0, 0.0)) {
            $0.0 += ($1.0 - x) * ($1.0 - x)
            $0.1 += ($1.1 - y) * ($1.1 - y)
            $0.2 += ($1.0 - x) * ($1.1 - y)
        }
        return xy / (xx * yy).squareRoot()
    }
}
