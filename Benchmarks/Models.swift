import ArgumentParser
import Encoders
import Features
import Kernels
import Learning
import Refresh
import Storage

/// What the networks learn of a simulated shop, on users they never saw and two weeks later.
extension Bench {
    /// The users of the two halves, by their places in the files.
    private struct Users {
        var training: [Int]
        var held: [Int]

        init(_ shop: ShopExamples, _ holdOut: HoldOut) {
            training = (0..<shop.early.count).filter {
                holdOut.part(of: shop.early.user($0)) == .training
            }
            held = (0..<shop.late.count).filter {
                holdOut.part(of: shop.late.user($0)) != .training
            }
        }
    }

    /// Buyers are few: half of the users are held out.
    private static let holdOut = HoldOut(share: 0.5)
    private static let group = "models, held-out users of a simulated shop, two weeks later"

    mutating func models() async throws {
        let shop = try shopExamples(
            users: size(modelUserCount, small: 1500), days: size(141, small: 42))
        for (step, seconds) in shop.seconds {
            report.add("models, before training", step, "s", [max(seconds, 1e-9)])
        }
        let users = Users(shop, Self.holdOut)
        report.check(
            "models: examples of the early cut", wanted: Int64(shop.report.exampleCount),
            got: Int64(shop.early.count))
        report.note(
            Self.group,
            "\(shop.userCount) users, \(shop.dayCount) days; trained on \(users.training.count) "
                + "users at T, scored on \(users.held.count) others at T + 14 d")
        try await scoreSRA(shop, users)
        try await scoreESA(shop, users)
        try await scoreTasks(shop, users)
    }

    /// Trains a network at its published recipe, or an epoch of it when small.
    private mutating func train(
        _ name: EncoderName, _ shop: ShopExamples
    ) async throws -> Matrix<Float> {
        say("models: training \(name.rawValue)")
        var options = NetworkTraining.Options(seed: Self.seed)
        options.holdOut = Self.holdOut
        options.threadCount = 2
        options.rowWindow = ShopExamples.rowWindow
        if isSmall { options.epochCount = 1 }
        let start = host.clock.monotonicNanoseconds()
        let trained = try await NetworkTraining(
            host: host, examples: shop.early, targets: shop.targets, vocabulary: shop.vocabulary,
            options: options
        ).train(name)
        let seconds = Double(host.clock.monotonicNanoseconds() - start) / 1e9
        report.add(
            "models, training on two threads",
            "\(name.rawValue), \(trained.result.epochs.count) "
                + "epoch(s) with early stopping's losses", "s", [seconds])
        for (epoch, one) in trained.result.epochs.enumerated() {
            let losses = zip(one.training, one.validation).map { "\(rounded($0)) / \(rounded($1))" }
            say("  epoch \(epoch): training / held-out \(losses.joined(separator: ", "))")
        }
        return trained.result.weights
    }

    private mutating func scoreSRA(_ shop: ShopExamples, _ users: Users) async throws {
        let weights = try await train(.sra, shop)
        var scores = try Reconstruction(
            SRANetwork(.sra), training: shop.early, users.training)
        try forEach(users.held, of: shop.late) { scores.add($0, weights: weights, $1) }
        let losses = scores.losses
        report.check(
            "models: rows reconstructed",
            wanted: users.held.reduce(0) { $0 + Int64(shop.late.rowCount($1)) },
            got: Int64(scores.rowCount))
        report.add(Self.group, "SRA, squared error of a row", "", [losses.network])
        report.add(
            Self.group, "  mean of the row's type over SRA", "", [losses.type],
            base: losses.network)
        report.add(
            Self.group, "  mean of all rows over SRA", "", [losses.plain], base: losses.network)
        let rows = Double(max(1, scores.rowCount))
        let worst = scores.errors.indices.sorted { scores.errors[$0] > scores.errors[$1] }
        let positions = worst.prefix(12).map {
            "\($0): \(rounded(scores.errors[$0] / rows)) of \(rounded(scores.typeErrors[$0] / rows))"
        }
        report.note(
            Self.group,
            "SRA's largest errors by position, of the type's mean's: "
                + positions.joined(separator: ", "))
        let places = scores.byPlace.enumerated().filter { $1.rows > 0 }.map { bucket, sum in
            let count = Double(sum.rows)
            return "\(bucket == 0 ? 1 : 1 << bucket): \(rounded(sum.error / count)) of "
                + rounded(sum.constant / count)
        }
        report.note(
            Self.group,
            "SRA by a row's place, up to: " + places.joined(separator: ", "))
    }

    private mutating func scoreESA(_ shop: ShopExamples, _ users: Users) async throws {
        let weights = try await train(.esa, shop)
        let network = ESANetwork<Float>(
            ESAConfiguration(shop.vocabulary))
        var scores = try TokenAccuracy(network, training: shop.early, users.training)
        try forEach(users.held, of: shop.late) { scores.add($0, weights: weights, $1) }
        for field in scores.fields where field.labels > 0 {
            let count = Double(field.labels)
            let marginal = Double(max(field.marginal, 1)) / count
            report.add(
                Self.group, "ESA, accuracy of \(field.name), over the marginal", "",
                [Double(max(field.given, 1)) / count], base: marginal)
            report.add(Self.group, "  the marginal", "", [marginal])
        }
        report.check(
            "models: tokens predicted",
            wanted: users.held.reduce(0) { $0 + Int64(shop.late.rowCount($1)) + 1 },
            got: Int64(scores.fields[0].labels))
    }

    private mutating func scoreTasks(_ shop: ShopExamples, _ users: Users) async throws {
        let known = try TaskTruth(shop.early, users.training, shop)
        let truth = try TaskTruth(shop.late, users.held, shop)
        var networks: [TaskComparison.Network] = []
        let presets: [(EncoderName, MTLConfiguration)] = [
            (.mtl, .mtl), (.mtlPropensity, .propensity), (.mtlChurn, .churn),
        ]
        for (name, preset) in presets {
            var configuration = preset
            configuration.categoryCount = shop.categoryCount
            configuration.itemCount = shop.itemCount
            let weights = try await train(name, shop)
            let scores = try TaskScores(
                MTLNetwork(configuration), weights, shop.late, users.held)
            report.check(
                "models: users scored by \(name.rawValue)", wanted: Int64(users.held.count),
                got: Int64(scores.churn.count))
            networks.append(
                TaskComparison.Network(
                    name: name.rawValue, weights: configuration.taskWeights, scores: scores))
        }
        let comparison = TaskComparison(known: known, truth: truth, networks: networks, shop: shop)
        for line in comparison.lines {
            // One class may be missing when small.
            guard let area = line.area, area > 0 else { continue }
            report.add(Self.group, line.name, "AUROC", [area], base: line.base)
        }
        report.note(
            Self.group,
            "\(comparison.buyers.count) of the held-out users buy, \(comparison.pastBuyers.count) "
                + "had bought before; popularity is of T's buyers")
    }

    /// Hands on held-out examples, so many at once that memory stays bounded.
    private func forEach(
        _ places: [Int], of file: ExampleFile,
        _ body: ([TrainingExample], Workspace<Float>) -> Void
    ) throws {
        let workspace = Workspace<Float>()
        // By length, so that a batch has the rows of a few long users or of many short ones.
        let sorted = places.sorted { (file.rowCount($0), $0) < (file.rowCount($1), $1) }
        for start in stride(from: 0, to: sorted.count, by: 128) {
            body(
                try file.examples(Array(sorted[start..<min(start + 128, sorted.count)])), workspace)
        }
    }
}

struct ModelsCommand: GroupCommand {
    static let configuration = CommandConfiguration(
        commandName: "models",
        abstract: "What the networks learn of a simulated shop, beside simple predictors.")
    @OptionGroup var common: CommonOptions

    static func measure(_ bench: inout Bench) async throws { try await bench.models() }
}
