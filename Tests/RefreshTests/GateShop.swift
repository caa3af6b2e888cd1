import Encoders
import Events
import Features
import Kernels
import Learning
import Profiles
import Refresh
import Sessions
import Storage
import TestSupport

/// A shop whose users tell by what they do last before the cut whether they will buy, and by what
/// they put into the cart what; with networks trained on it, small ones.
struct GateShop {
    static let cut: Int64 = 1_668_000_000
    static let userCount: Int64 = 12_000
    static let window = LabelWindow(cutSeconds: cut)
    /// Half of the users, so that few are enough.
    static let holdOut = HoldOut(share: 0.5)

    let host: Host
    let options: RefreshOptions
    let statistics: FrozenStatistics
    let examples: ExampleFile
    /// Seeded SRA, and MTL Churn and MTL Propensity as the labels are.
    let good: SpaceFiles
    /// The same networks trained with every user's labels given to another one.
    let shuffled: SpaceFiles

    /// Written, folded and trained once for all tests.
    static let shared = Task { try await GateShop() }

    private init() async throws {
        let disk = MemoryDisk()
        host = .simulated(disk: disk)
        try Self.write(on: host)
        var options = RefreshOptions(logDirectory: "/log", stateDirectory: "/state", seed: 1)
        options.clock.heldLimit = 1000
        self.options = options
        statistics = try StatisticsPasses(
            host: host, options: options, window: FitWindow(to: Self.cut)
        ).run().statistics
        let targets = TargetLists(statistics)
        _ = try ExampleFold(
            host: host, options: options,
            examples: ExampleFoldOptions(window: Self.window), statistics: statistics,
            vocabulary: RowVocabulary(statistics), targets: targets
        ).run(to: "/examples")
        examples = try ExampleFile("/examples", on: disk)
        var spaces: [SpaceFiles] = []
        for source in [examples, ShuffledLabels(source: examples)] as [any ExampleSource] {
            var space = SpaceFiles(
                vocabulary: RowVocabulary(statistics), targets: targets, encoders: [:])
            space.encoders[.sra] = SRAEncoder.seededTensors(
                seed: 4, inputWidth: RowLayout.width, hiddenWidth: 16, latentWidth: 8)
            for (name, network) in Self.networks(targets) {
                space.encoders[name] = try await Self.train(network, name, source, examples, host)
            }
            spaces.append(space)
        }
        good = spaces[0]
        shuffled = spaces[1]
    }

    /// Purchases that answer a removal with 85 %, and else come with 15 %.
    private static func write(on host: Host) throws {
        let log = TestRecords(host: host, directory: "/log")
        var random = SeededRandom(seed: 42, stream: 0)
        for item in 0..<8 as Range<Int64> {
            log.update(item, category: item % 4, price: UInt8(10 * item))
        }
        var buyers: [(user: Int64, item: Int64)] = []
        for user in 0..<userCount {
            let start = cut - 86_400 + Int64(random.nextUnit() * 80_000)
            let item = Int64(random.nextUnit() * random.nextUnit() * 8)
            let isHinting = random.nextUnit() < 0.4
            log.event(user, start, .addToCart, item)
            for step in 0..<1 + Int64(random.nextUnit() * 4) {
                log.event(user, start + 60 * step, .pageVisit, Int64(random.nextUnit() * 50))
            }
            if random.nextUnit() < 0.3 { log.event(user, start + 2000, .productBuy, item) }
            if isHinting { log.event(user, start + 3000, .removeFromCart, item) }
            if random.nextUnit() < (isHinting ? 0.85 : 0.15) { buyers.append((user, item)) }
        }
        for user in 0..<3 as Range<Int64> { log.event(user, cut + 30, .pageVisit, 1) }
        for (place, buyer) in buyers.enumerated() {
            log.event(buyer.user, cut + 60 + 100 * Int64(place), .productBuy, buyer.item)
        }
        try log.close()
    }

    static func networks(_ targets: TargetLists) -> [(EncoderName, MTLNetwork<Float>)] {
        let presets: [(EncoderName, MTLConfiguration)] = [
            (.mtlPropensity, .propensity), (.mtlChurn, .churn),
        ]
        return presets.map { name, preset in
            var configuration = preset
            configuration.encoderWidths = [16]
            configuration.forwardWidth = 16
            configuration.residualWidth = 16
            configuration.latentWidth = 8
            configuration.headWidths = [16, 8]
            configuration.categoryCount = max(1, targets.categories.count)
            configuration.itemCount = max(1, targets.items.count)
            return (name, MTLNetwork(configuration))
        }
    }

    private static func train(
        _ network: MTLNetwork<Float>, _ name: EncoderName, _ source: any ExampleSource,
        _ examples: ExampleFile, _ host: Host
    ) async throws -> [NamedTensor] {
        var recipe = TrainingRecipe.mtlChurn
        recipe.epochCount = 4
        var options = TrainerOptions(name: name.rawValue, seed: 6, recipe: recipe)
        options.learningRate = 3e-3
        let training = (0..<examples.count).filter {
            holdOut.part(of: examples.user($0)) == .training
        }
        let result = try await Trainer(
            network: network,
            source: LatestRows(source: source, limit: 64, readsEndRow: true, network: name),
            training: training, options: options, host: host
        ).run()
        return network.layout.tensors(result.weights)
    }

    /// A model with the shop's statistics.
    func model(_ space: SpaceFiles, itemFactors: BPRFactors? = nil) throws -> ProfileModel {
        try ProfileModel(
            statistics: statistics, fold: options.fold, space: space,
            generation: GenerationFiles(itemFactors: itemFactors, categoryFactors: nil),
            hybrid: .extended, level: .best)
    }

    /// Factors of the shop's items that nobody trained.
    func factors(_ value: (inout SeededRandom) -> Float) -> BPRFactors {
        let options = BPROptions(
            factorCount: 6, rate: 0.05, regularization: 0.01, epochCount: 20)
        let items = Matrix<Float>(
            rows: 8, columns: BPRKernels.rowWidth(factorCount: options.factorCount))
        var random = SeededRandom(seed: 7, stream: 0)
        for row in 0..<8 {
            for column in 0...options.factorCount { items[row, column] = value(&random) }
        }
        return BPRFactors(
            ids: Array(0..<8), items: items, popularity: [Int32](repeating: 5, count: 8),
            options: options, weights: .item)
    }

    func judge(
        _ candidate: ProfileModel, against live: ProfileModel,
        _ change: (inout GateOptions) -> Void = { _ in }
    ) throws -> GateReport {
        var gateOptions = GateOptions()
        gateOptions.holdOut = Self.holdOut
        gateOptions.resampleCount = 300
        change(&gateOptions)
        return try Gate(
            host: host, options: options, window: Self.window, gateOptions: gateOptions
        ).run(candidate: candidate, live: live)
    }
}

/// Examples whose labels are those of the next one but two, in a circle.
struct ShuffledLabels: ExampleSource {
    let source: ExampleFile

    var count: Int { source.count }
    var fingerprint: UInt64 { SeededRandom.mix(source.fingerprint) }

    func rowCount(_ index: Int) -> Int { source.rowCount(index) }

    func examples(_ indices: [Int]) throws(LearningError) -> [TrainingExample] {
        var examples = try source.examples(indices)
        let others = try source.examples(indices.map { ($0 + 3) % source.count })
        for index in examples.indices { examples[index].labels = others[index].labels }
        return examples
    }
}

extension SpaceFiles {
    /// The space with an encoder's tensor changed.
    func changing(
        _ encoder: EncoderName, _ name: String, _ change: ([Float]) -> [Float]
    ) -> SpaceFiles {
        var changed = self
        changed.encoders[encoder] = encoders[encoder]?.map { tensor in
            tensor.name == name
                ? NamedTensor(name: name, shape: tensor.shape, values: change(tensor.values))
                : tensor
        }
        return changed
    }
}
