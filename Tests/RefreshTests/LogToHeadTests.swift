import Encoders
import Events
import Features
import Kernels
import Learning
import Refresh
import Sessions
import Storage
import TestSupport
import Testing

/// From a log to a trained head: statistics, examples, training, scores of held-out users.
///
/// Every user has an item of its own, which it buys again, or does not, after the cut. So whatever
/// a fit reads of the future tells the label: statistics of the whole log would give it away.
@Suite(.serialized) struct LogToHeadTests {
    private static let cut: Int64 = 1_668_000_000
    private static let userCount: Int64 = 16_000

    /// Which users buy after the cut: a coin.
    private static let buys: [Bool] = {
        var random = SeededRandom(seed: 41, stream: 0)
        return (0..<userCount).map { _ in random.nextUnit() < 0.5 }
    }()

    /// Writes the log; `hint` is what a user does last before the cut, if its past tells the coin.
    private static func write(on host: Host, hint: EventKind?) throws {
        let log = TestRecords(host: host, directory: "/log")
        var random = SeededRandom(seed: 42, stream: 0)
        for user in 0..<userCount {
            let start = cut - 86_400 + Int64(random.nextUnit() * 80_000)
            log.event(user, start, .addToCart, user)
            for step in 0..<1 + Int64(random.nextUnit() * 4) {
                log.event(user, start + 60 * step, .pageVisit, Int64(random.nextUnit() * 50))
            }
            if let hint, buys[Int(user)] { log.event(user, start + 3000, hint, user) }
        }
        // Everybody comes back; the coin decides whether to buy.
        for user in 0..<userCount {
            log.event(user, cut + 60 + user, .pageVisit, 1)
            if buys[Int(user)] { log.event(user, cut + 100 + user, .productBuy, user) }
        }
        try log.close()
    }

    /// AUROC of the churn head on held-out users; statistics end at the cut, unless a leak is
    /// wanted.
    private func auroc(hint: EventKind?, fitTo to: Int64) async throws -> Double {
        let disk = MemoryDisk()
        let host = Host.simulated(disk: disk)
        try Self.write(on: host, hint: hint)
        var options = RefreshOptions(logDirectory: "/log", stateDirectory: "/state", seed: 1)
        options.clock.heldLimit = 1000
        let fit = try StatisticsPasses(host: host, options: options, window: FitWindow(to: to))
            .run()
        let report = try ExampleFold(
            host: host, options: options,
            examples: ExampleFoldOptions(window: LabelWindow(cutSeconds: Self.cut)),
            statistics: fit.statistics, vocabulary: RowVocabulary(fit.statistics),
            targets: TargetLists(fit.statistics)
        ).run(to: "/examples")
        #expect(report.exampleCount == Int(Self.userCount) && report.leftOutCount == 0)
        #expect(report.buyerCount == Self.buys.count { $0 })
        let file = try ExampleFile("/examples", on: disk)
        let holdOut = HoldOut(share: 0.5)
        let training = (0..<file.count).filter { holdOut.part(of: file.user($0)) == .training }
        let held = (0..<file.count).filter { holdOut.part(of: file.user($0)) != .training }
        #expect(held.count > 7500)
        var configuration = MTLConfiguration.churn
        configuration.encoderWidths = [16]
        configuration.forwardWidth = 16
        configuration.residualWidth = 16
        configuration.latentWidth = 8
        configuration.headWidths = [16, 8]
        let network = MTLNetwork<Float>(configuration)
        var recipe = TrainingRecipe.mtlChurn
        recipe.epochCount = 3
        var trainer = TrainerOptions(name: "MTL Churn", seed: 6, recipe: recipe)
        trainer.learningRate = 3e-3
        trainer.threadCount = 2
        // As a refresh trains it, and as a profile reads it.
        let latest = LatestRows(source: file, limit: 64, readsEndRow: true, network: .mtlChurn)
        let result = try await Trainer(
            network: network, source: latest, training: training, options: trainer, host: host
        ).run()
        return Self.auroc(
            try Self.scores(network, result.weights, try latest.examples(held)))
    }

    /// The churn logit and whether the user churned, of each example.
    private static func scores(
        _ network: MTLNetwork<Float>, _ weights: Matrix<Float>, _ examples: [TrainingExample]
    ) throws -> [(score: Float, isChurn: Bool)] {
        let shard = network.shard(examples)
        let logits = network.forward(
            shard.input,
            NetworkPass(layout: network.layout, weights: weights, workspace: Workspace())
        ).logits[0]
        // Both in the shard's order of sequences.
        return shard.input.order.enumerated().map { place, example in
            (score: logits[place], isChurn: examples[example].labels?.churned ?? false)
        }
    }

    /// Mann and Whitney's U over all pairs, ties counting half.
    private static func auroc(_ scores: [(score: Float, isChurn: Bool)]) -> Double {
        let sorted = scores.sorted { $0.score < $1.score }
        var (rankSum, positives) = (0.0, 0)
        var start = 0
        while start < sorted.count {
            var end = start
            while end < sorted.count, sorted[end].score == sorted[start].score { end += 1 }
            for one in sorted[start..<end] where one.isChurn {
                rankSum += Double(start + end + 1) / 2
                positives += 1
            }
            start = end
        }
        let negatives = sorted.count - positives
        let least = Double(positives * (positives + 1)) / 2
        return (rankSum - least) / Double(positives * negatives)
    }

    @Test func `labels of a coin cannot be told from the past`() async throws {
        // 8000 held-out users: the standard deviation of chance is 0.0065.
        let value = try await auroc(hint: nil, fitTo: Self.cut)
        #expect(abs(value - 0.5) <= 0.02, "AUROC \(value)")
    }

    @Test func `the same path finds what the past does tell`() async throws {
        let value = try await auroc(hint: .removeFromCart, fitTo: Self.cut)
        #expect(value > 0.95, "AUROC \(value)")
    }

    @Test func `statistics that read the future would give the coin away`() async throws {
        let value = try await auroc(hint: nil, fitTo: .max)
        #expect(value > 0.9, "AUROC \(value)")
    }
}
