import Learning
import Storage
import Testing

@Suite struct PartHealthTests {
    /// `[n, K]` of sums of `factorCount` hidden numbers a user, and noise of its own.
    private static func values(
        rows: Int = 500, columns: Int = 32, factorCount: Int = 6, noise: Float = 0.1
    ) -> [Float] {
        var random = SeededRandom(seed: 12, stream: 0)
        func draw() -> Float { Float(random.nextUnit()) - 0.5 }
        let loads = (0..<factorCount * columns).map { _ in draw() }
        var values: [Float] = []
        for _ in 0..<rows {
            let factors = (0..<factorCount).map { _ in draw() }
            for column in 0..<columns {
                var sum = noise * draw()
                for (place, factor) in factors.enumerated() {
                    sum += factor * loads[place * columns + column]
                }
                values.append(sum + 2)
            }
        }
        return values
    }

    private static func health(
        _ values: [Float], width: Int = 32, kind: PartHealth.Kind = .latent
    ) -> PartHealth {
        PartHealth(UserColumns(values, width: width), kind: kind)
    }

    @Test func `the effective rank is the participation ratio of numpy's eigenvalues`() throws {
        let goldens = try ProbeGoldens()
        let health = Self.health(goldens.values("rank_x"), width: 20)
        #expect(largestDifference([health.effectiveRank ?? 0], goldens.values("rank")) < 1e-4)
        #expect(health.verdict == .healthy && health.spreadCount == 20)
    }

    @Test func `users who differ in a few directions are healthy`() {
        let health = Self.health(Self.values())
        #expect(health.verdict == .healthy && health.filledCount == 500)
        #expect((3...8).contains(health.effectiveRank ?? 0))
    }

    @Test func `a part that is the same for everybody has collapsed`() {
        let one = Array(Self.values().prefix(32))
        #expect(Self.health((0..<500).flatMap { _ in one }).verdict == .collapsed)
        #expect(Self.health([Float](repeating: 0.7, count: 3200)).verdict == .collapsed)
        #expect(Self.health([Float](repeating: 0, count: 3200)).verdict == .collapsed)
        // What is left of a spread that float16 loses.
        let faint = Self.values().map { 1 + 1e-4 * $0 }
        let lost = Self.health(faint)
        #expect(lost.verdict == .collapsed && lost.spreadCount == 0)
    }

    @Test func `columns that are copies of one have collapsed`() {
        let values = Self.values()
        var (copies, outlier): ([Float], [Float]) = ([], [])
        for row in 0..<500 {
            for column in 0..<32 {
                copies.append(values[row * 32] * Float(column - 40) + Float(column))
                outlier.append(row == 7 ? Float(column) : 0.5)
            }
        }
        let health = Self.health(copies)
        #expect(health.verdict == .collapsed && health.spreadCount == 32)
        #expect(abs((health.effectiveRank ?? 0) - 1) < 1e-4)
        #expect(Self.health(copies, kind: .listed).verdict == .collapsed)
        // One user unlike all others is a copy too.
        #expect(Self.health(outlier).verdict == .collapsed)
    }

    @Test func `most columns of a latent lost have collapsed, of a list they may be`() {
        let values = Self.values().enumerated().map { $0.offset % 32 < 10 ? $0.element : 0.25 }
        #expect(Self.health(values).verdict == .collapsed)
        let listed = Self.health(values, kind: .listed)
        #expect(listed.verdict == .healthy && listed.spreadCount == 10)
    }

    @Test func `a narrow part that goes together is healthy`() {
        // Two columns with a correlation of 0.9, and one column alone.
        let values = Self.values(columns: 2, factorCount: 1, noise: 0.3)
        let two = Self.health(values, width: 2, kind: .listed)
        #expect(two.verdict == .healthy)
        let one = Self.health(Self.values(columns: 1), width: 1, kind: .listed)
        #expect(one.verdict == .healthy && one.effectiveRank == nil)
    }

    @Test func `users without scores say nothing of them`() {
        var values = Self.values()
        for place in values.indices where place / 32 % 50 != 0 { values[place] = 0 }
        let few = Self.health(values, kind: .listed)
        #expect(few.verdict == .healthy && few.filledCount == 10)
        let none = Self.health([Float](repeating: 0, count: 3200), kind: .listed)
        #expect(none.verdict == .empty && none.filledCount == 0)
    }

    @Test func `one number that is not finite is named`() {
        for bad in [Float.nan, .infinity, -.infinity] {
            var values = Self.values()
            values[32 * 499 + 31] = bad
            #expect(Self.health(values).verdict == .notFinite)
        }
    }
}
