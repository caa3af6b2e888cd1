import Kernels
import Learning
import Storage
import TestSupport
import Testing

@Suite struct BPRTests {
    @Test func `an item begins the same whichever others there are`() {
        let options = BPROptions(factorCount: 4, rate: 0.1, regularization: 0, epochCount: 1)
        func items(_ ids: [Int64]) -> [Int64: [Float]] {
            let events = ids.indices.map { (user: Int32(0), item: Int32($0), weight: Float(1)) }
            let state = BPRState(
                interactions: BPRInteractions(
                    events: events, userCount: 1, itemCount: ids.count),
                options: options, userIDs: [77], itemIDs: ids)
            return Dictionary(
                uniqueKeysWithValues: ids.indices.map {
                    (ids[$0], state.items.rows($0..<$0 + 1).values)
                })
        }
        let (one, other) = (items([5, 9]), items([-3, 5, 7, 9]))
        #expect(one[5] == other[5] && one[9] == other[9])
        #expect(one[5] != one[9] && other[-3] != other[7])
    }

    @Test func `updates as the equations say`() {
        for factors in [1, 15, 16, 37, 64] {
            var naive = NaiveBPR(factorCount: factors)
            let (users, items) = naive.matrices()
            let triples: [Int32] = [0, 1, 2, 1, 0, 3, 0, 1, 3, 2, 2, 0, 0, 1, 2, 1, 3, 2]
            let pairs = BPRPairs(
                sorted: [(0, 1), (1, 0), (1, 3), (2, 2)].map { (user: $0.0, item: $0.1) },
                userCount: 3)
            let counts = BPRKernels.update(
                triples, steps: 0..<6, pairs: pairs, users: users, items: items,
                factorCount: factors, rate: 0.5, regularization: 0.125, level: .best)
            let updated = naive.run(triples, pairs: pairs)
            #expect(counts.updated == 5, "the second triple's sampled item is user 1's own")
            #expect(counts == updated)
            #expect(naive.difference(users, items) < 1e-5)
        }
    }

    @Test(arguments: InstructionLevel.supported)
    func `gives the same bytes at every instruction level`(level: InstructionLevel) async throws {
        let shop = TasteShop(userCount: 300, itemCount: 80)
        let best = try await shop.trained(threadCount: 1, level: .best)
        let other = try await shop.trained(threadCount: 1, level: level)
        #expect(best.users.values == other.users.values)
        #expect(best.items.values == other.items.values)
        let factors = shop.factors(best, level: .best)
        let liked = [3, 9, 70, 11]
        #expect(factors.foldIn(liked) == shop.factors(best, level: level).foldIn(liked))
        #expect(factors.foldIn(liked) == factors.foldIn(liked.reversed()))
    }

    @Test func `gives the same bytes on one thread, two and seven`() async throws {
        let shop = TasteShop(userCount: 300, itemCount: 80)
        let one = try await shop.trained(threadCount: 1)
        for count in [2, 7] {
            let many = try await shop.trained(threadCount: count)
            #expect(one.users.values == many.users.values)
            #expect(one.items.values == many.items.values)
        }
        var reseeded = shop
        reseeded.options.seed += 1
        let other = try await reseeded.trained(threadCount: 1)
        #expect(one.items.values != other.items.values)
    }

    @Test func `goes on from a checkpoint to the same bytes`() async throws {
        let shop = TasteShop(userCount: 200, itemCount: 60)
        let whole = try await shop.trained(threadCount: 2)
        let disk = MemoryDisk()
        let host = Host.simulated(disk: disk)
        struct Stop: Error {}
        var state = BPRState(interactions: shop.interactions, options: shop.options)
        let trainer = BPRTrainer(interactions: shop.interactions, options: shop.options)
        do {
            try await trainer.run(&state, threadCount: 2) { state, _ in
                try state.write("/checkpoint", options: shop.options, on: host)
                if state.stretchCount == 3 { throw Stop() }
            }
            Issue.record("not stopped")
        } catch is Stop {}
        let fresh = BPRState(interactions: shop.interactions, options: shop.options)
        var resumed = try BPRState.read(
            "/checkpoint", like: fresh, options: shop.options, on: disk)
        #expect(resumed.stretchCount == 3)
        try await trainer.run(&resumed, threadCount: 1)
        #expect(resumed.users.values == whole.users.values)
        #expect(resumed.items.values == whole.items.values)

        var others = shop.options
        others.rate *= 2
        #expect(throws: LearningError.self) {
            try BPRState.read("/checkpoint", like: fresh, options: others, on: disk)
        }
        let bytes = try disk.bytes(of: "/checkpoint", limit: 1 << 24)
        try AtomicFile.write(Array(bytes.dropLast(5)), to: "/checkpoint", on: host)
        #expect(throws: LearningError.self) {
            try BPRState.read("/checkpoint", like: fresh, options: shop.options, on: disk)
        }
    }

    @Test func `stops where a factor is no number`() async throws {
        var shop = TasteShop(userCount: 100, itemCount: 30)
        shop.options.rate = 1e30
        await #expect(throws: LearningError.divergedFactors(stretch: 0)) {
            _ = try await shop.trained(threadCount: 1)
        }
    }

    @Test func `sums weights by pair and draws by them`() {
        let interactions = BPRInteractions(
            events: [
                (0, 0, 1), (0, 0, 2), (0, 1, 1), (1, 1, -1), (1, 2, 1), (1, 2, -1), (2, 0, 0.5),
            ].map { (user: $0.0, item: $0.1, weight: $0.2) }, userCount: 3, itemCount: 3)
        #expect(interactions.pairs.starts == [0, 2, 2, 3], "sums of 0 and below are no positives")
        #expect(interactions.pairs.items == [0, 1, 0])
        #expect(interactions.popularity == [2, 1, 0])
        var random = SeededRandom(seed: 7, stream: 0)
        var counts = [0, 0, 0]
        for _ in 0..<45_000 { counts[interactions.drawPair(&random)] += 1 }
        // Weights 3, 1, 0.5 of 4.5; four standard errors.
        for (count, expected) in zip(counts, [30_000.0, 10_000, 5_000]) {
            #expect(abs(Double(count) - expected) < 4 * expected.squareRoot())
        }
    }

    @Test func `learns tastes, and folds users in as well as it trained them`() async throws {
        let shop = TasteShop(userCount: 600, itemCount: 120)
        let state = try await shop.trained(threadCount: 2)
        let factors = shop.factors(state, level: .best)
        let joint = shop.heldOutAUC { user in
            (0..<state.items.columns).map { state.users[user, $0] }
        } scores: {
            factors.scores($0, items: $1)
        }
        let folded = shop.heldOutAUC { user in
            factors.foldIn(shop.likedItems(user)) ?? []
        } scores: {
            factors.scores($0, items: $1)
        }
        // Who knows a user's taste orders 0.9 · (2/3 + 1/6) + 0.1 · 1/6 = 0.767 of the pairs.
        #expect(joint > 0.75, "\(joint)")
        #expect(folded > joint - 0.01, "\(folded) folded in, \(joint) trained")
    }

    @Test(arguments: [1, 3, 16, 40])
    func `folds in as the equations say`(likedCount: Int) async throws {
        let shop = TasteShop(userCount: 300, itemCount: 200)
        let state = try await shop.trained(threadCount: 1)
        let factors = shop.factors(state, level: .best)
        // From the popular end as well, so that some of what is liked was sampled.
        let liked = (0..<likedCount).map { $0 * 5 }
        let vector = try #require(factors.foldIn(liked))
        let wanted = NaiveBPR.foldIn(liked, state, shop)
        #expect(vector.count == factors.rowWidth)
        let largest = wanted.dropLast().map(abs).max() ?? 0
        #expect(largest > 0.1, "a user who is somewhere")
        for (index, value) in wanted.enumerated() {
            #expect(abs(Double(vector[index]) - value) < 2e-5 * largest)
        }
        let scores = factors.scores(vector, items: [7, 0, 199])
        for (score, item) in zip(scores, [7, 0, 199]) {
            let sum = wanted.indices.reduce(0.0) { $0 + wanted[$1] * Double(state.items[item, $1]) }
            #expect(abs(Double(score) - sum) < 1e-4)
        }
    }

    @Test func `knows what it cannot fold in`() async throws {
        let shop = TasteShop(userCount: 50, itemCount: 12)
        let factors = shop.factors(try await shop.trained(threadCount: 1), level: .best)
        #expect(factors.foldIn([]) == nil)
        #expect(factors.foldIn(Array(0..<12)) == nil, "nothing is left to compare with")
        #expect(factors.index(of: 1_000) == 0)
        #expect(factors.index(of: 1_011) == 11)
        #expect(factors.index(of: 999) == nil)
        #expect(factors.index(of: 1_012) == nil)
        let vector = try #require(factors.foldIn([4]))
        #expect(vector[shop.options.factorCount] == 1)
        #expect(vector.allSatisfy { $0.isFinite })
    }
}
