import Pipeline
import Snapshots
import Testing

@Suite struct OverlapPlanTests {
    private let day: Int64 = 86_400
    /// Generations 1 and 2 of space 1, 3 of space 2, 4 of space 3; 0 is built in.
    private let spaces: [Int64: Int64] = [1: 1, 2: 1, 3: 2, 4: 3]

    private func plan(
        _ activations: [(Int64, day: Int64)], days: Int64 = 14, now: Int64
    ) -> [Int64: Int64] {
        OverlapPlan.make(
            activations.map {
                Activation(generation: $0.0, offset: 0, activatedSeconds: $0.day * day)
            }, spaces: spaces, days: days, now: now * day)
    }

    @Test func `the last generation of each other space stays for the days since it was replaced`()
    {
        let history: [(Int64, day: Int64)] = [(0, 1), (1, 2), (2, 30), (3, 40), (4, 50)]
        #expect(plan(history, now: 50) == [2: 54 * day, 3: 64 * day])
        #expect(plan(history, now: 54) == [3: 64 * day])
        #expect(plan(history, now: 70) == [:])
        #expect(plan(history, days: 0, now: 50) == [:])
    }

    @Test func `a space that came back does not overlap, and the built-in generation never does`() {
        #expect(plan([(1, 1), (3, 10), (2, 12)], now: 13) == [3: 26 * day])
        #expect(plan([(0, 1), (3, 10)], now: 11) == [:])
        #expect(plan([(3, 10), (0, 11)], now: 12) == [3: 25 * day])
        #expect(plan([], now: 1) == [:])
    }
}
