import Learning
import Storage
import Testing

@Suite struct PairedBootstrapTests {
    @Test func `areas of weighted users are scikit-learn's, over all labels together`() throws {
        let goldens = try ProbeGoldens()
        let ranked = try #require(
            RankedScores(
                scores: goldens.values("scores"), labels: goldens.flags("truth"), columnCount: 6))
        #expect(ranked.userCount == 97)
        #expect(largestDifference([ranked.auroc ?? 0], goldens.values("micro")) < 1e-7)
        let weights = goldens.values("weights").map { UInt16($0) }
        let areas = (0..<20).map { resample in
            ranked.auroc(weights: Array(weights[resample * 97..<(resample + 1) * 97])) ?? 0
        }
        #expect(largestDifference(areas, goldens.values("areas")) < 1e-7)
    }

    @Test func `a user who counts twice is two users`() throws {
        let scores: [Float] = [0.5, -1, .infinity, 2, 0.5, -0.0, 0, -.infinity]
        let labels = [true, false, true, false, false, true, false, false]
        let weights: [UInt16] = [2, 1, 0, 3, 1, 1, 0, 0]
        let many = weights.indices.flatMap { Array(repeating: $0, count: Int(weights[$0])) }
        let ranked = try #require(RankedScores(scores: scores, labels: labels))
        #expect(
            ranked.auroc(weights: weights)
                == AUROC.value(scores: many.map { scores[$0] }, labels: many.map { labels[$0] }))
        #expect(ranked.auroc == AUROC.value(scores: scores, labels: labels))
        #expect(ranked.positiveUserCount == 3 && ranked.negativeUserCount == 5)
        #expect(ranked.auroc(weights: [1, 0, 1, 0, 0, 1, 0, 0]) == nil)
        #expect(RankedScores(scores: [1, .nan], labels: [true, false]) == nil)
    }

    /// Scores that tell the label as well as `signal` says, and the labels.
    private static func trial(
        seed: UInt64, userCount: Int, signals: [Float]
    ) -> (scores: [[Float]], labels: [Bool]) {
        var random = SeededRandom(seed: seed, stream: 3)
        let labels = (0..<userCount).map { _ in random.nextUnit() < 0.3 }
        let shared = labels.map { _ in Float(random.nextUnit()) }
        let scores = signals.map { signal in
            labels.indices.map { user in
                shared[user] + 0.3 * Float(random.nextUnit()) + (labels[user] ? signal : 0)
            }
        }
        return (scores, labels)
    }

    @Test func `sees a change, and sees none where there is none`() throws {
        let trial = Self.trial(seed: 1, userCount: 3000, signals: [0.3, 0.3, 0.2])
        let ranked = trial.scores.compactMap { RankedScores(scores: $0, labels: trial.labels) }
        try #require(ranked.count == 3)
        let bootstrap = PairedBootstrap()
        let same = try #require(bootstrap.change(candidate: ranked[0], live: ranked[1]))
        #expect(same.lower < 0 && same.upper > 0 && same.upper - same.lower < 0.02)
        let worse = try #require(bootstrap.change(candidate: ranked[2], live: ranked[0]))
        #expect(worse.upper < 0 && worse.lower < worse.value && worse.value < worse.upper)
        #expect(worse.candidate == ranked[2].auroc && worse.live == ranked[0].auroc)
        let itself = try #require(bootstrap.change(candidate: ranked[0], live: ranked[0]))
        #expect(itself.lower == 0 && itself.upper == 0)
    }

    @Test func `bounds hold the true change about 19 times in 20`() throws {
        // Both models tell equally much, so that the true change is 0.
        var bootstrap = PairedBootstrap()
        bootstrap.resampleCount = 200
        var covered = 0
        for seed in 0..<200 as Range<UInt64> {
            let trial = Self.trial(seed: 100 + seed, userCount: 300, signals: [0.3, 0.3])
            let ranked = trial.scores.compactMap { RankedScores(scores: $0, labels: trial.labels) }
            try #require(ranked.count == 2)
            bootstrap.seed = seed
            let change = try #require(bootstrap.change(candidate: ranked[0], live: ranked[1]))
            if change.lower <= 0, change.upper >= 0 { covered += 1 }
        }
        // 190 wanted; three binomial deviations of 3.1, and the percentile method's narrowness.
        #expect((178...199).contains(covered), "\(covered) of 200")
    }

    @Test func `is a function of seed and resamples alone`() throws {
        let trial = Self.trial(seed: 5, userCount: 500, signals: [0.3, 0.2])
        let ranked = trial.scores.compactMap { RankedScores(scores: $0, labels: trial.labels) }
        try #require(ranked.count == 2)
        var bootstrap = PairedBootstrap()
        let first = bootstrap.change(candidate: ranked[0], live: ranked[1])
        #expect(first == bootstrap.change(candidate: ranked[0], live: ranked[1]))
        bootstrap.seed = 1
        #expect(first != bootstrap.change(candidate: ranked[0], live: ranked[1]))
    }

    @Test func `judges nothing without both classes`() throws {
        let ranked = try #require(
            RankedScores(scores: [1, 2, 3], labels: [false, false, false]))
        #expect(PairedBootstrap().change(candidate: ranked, live: ranked) == nil)
        let none = try #require(RankedScores(scores: [], labels: []))
        #expect(PairedBootstrap().change(candidate: none, live: none) == nil)
    }
}
