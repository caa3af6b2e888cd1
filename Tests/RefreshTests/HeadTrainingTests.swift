import Encoders
import Events
import Features
import Kernels
import Learning
import Refresh
import Storage
import Synchronization
import TestSupport
import Testing

/// Heads refitted on a frozen encoder.
@Suite struct HeadTrainingTests {
    private static let holdOut = HoldOut(share: 0.3)

    /// A small encoder with seeded weights.
    private static let encoder: [NamedTensor] = {
        var configuration = MTLConfiguration.mtl
        configuration.encoderWidths = [16]
        configuration.forwardWidth = 16
        configuration.residualWidth = 16
        configuration.latentWidth = 8
        configuration.headWidths = [16, 8]
        configuration.categoryCount = 3
        configuration.itemCount = 2
        let layout = MTLNetwork<Float>(configuration).layout
        return layout.tensors(layout.initialWeights(seed: 3))
    }()

    /// Users whose rows say what they will do; `flips` says for whom the opposite comes true.
    private static func example(_ user: Int, flips: Bool) -> TrainingExample {
        var random = SeededRandom(seed: 12, stream: UInt64(user))
        let signs = (0..<2).map { _ in random.nextUnit() < 0.5 }
        let length = 1 + Int(random.nextUnit() * 9)
        var rows: [UInt16] = []
        for _ in 0..<length {
            for column in 0..<RowLayout.width {
                let sign = signs[column % 2] ? 1.0 : -1
                rows.append(Float16(0.7 * sign + 0.3 * (random.nextUnit() - 0.5)).bitPattern)
            }
        }
        let end = (0..<RowLayout.width).map { _ in
            Float16(random.nextUnit() - 0.5).bitPattern
        }
        return TrainingExample(
            rows: rows, endRow: end,
            labels: TaskLabels(
                churned: signs[0] != flips, categories: signs[1] != flips ? [0, 2] : [1],
                items: signs[0] != flips ? [] : [1]))
    }

    private static func disk(
        count: Int = 800, flips: (UserID) -> Bool = { _ in false }
    ) throws -> MemoryDisk {
        let disk = MemoryDisk()
        try disk.makeDurableDirectory("/models")
        let writer = try ExampleFileWriter(
            "/models/examples", window: LabelWindow(cutSeconds: 0), on: .simulated(disk: disk))
        for index in 0..<count {
            let user = UserID(rawValue: Int64(index))
            try writer.append(example(index, flips: flips(user)), of: user)
        }
        try writer.finish()
        return disk
    }

    private static func options(epochs: Int = 4) -> HeadTraining.Options {
        var training = NetworkTraining.Options(seed: 5)
        training.epochCount = epochs
        training.holdOut = holdOut
        training.rowWindow = 4
        return HeadTraining.Options(training)
    }

    private static func train(
        _ disk: MemoryDisk, _ name: EncoderName = .mtl, _ options: HeadTraining.Options = options(),
        heads: [NamedTensor] = []
    ) async throws -> (tensors: [NamedTensor], result: TrainingResult) {
        let host = Host.simulated(disk: disk)
        return try await HeadTraining(
            host: host, examples: try ExampleFile("/models/examples", on: disk), options: options
        ).train(name, encoder: encoder, heads: heads)
    }

    private static func bits(_ tensors: [NamedTensor]) -> [[UInt32]] {
        tensors.map { $0.values.map(\.bitPattern) }
    }

    /// The encoder's own heads.
    private static var ownHeads: [NamedTensor] {
        encoder.filter { tensor in
            ["churn.", "category.", "item."].contains { tensor.name.hasPrefix($0) }
        }
    }

    @Test func `heads learn what the rows say, and a warm start goes on from them`() async throws {
        let disk = try Self.disk()
        let cold = try await Self.train(disk, .mtl, Self.options(epochs: 150))
        let first = try #require(cold.result.epochs.first)
        let last = try #require(cold.result.epochs.last)
        // By chance alone each task's mean is near ln 2.
        for task in 0..<3 {
            #expect(first.validation[task] > 0.45, "\(first)")
            #expect(last.validation[task] < 0.25, "\(last)")
        }
        #expect(cold.tensors.map(\.name) == Self.ownHeads.map(\.name))
        let warm = try await Self.train(disk, .mtl, Self.options(epochs: 1), heads: cold.tensors)
        let next = try #require(warm.result.epochs.first)
        for task in 0..<3 { #expect(next.validation[task] < last.validation[task] + 0.02) }
    }

    @Test func `epochs of few users read no more of them than they say`() async throws {
        let disk = try Self.disk()
        let whole = try await Self.train(disk, .mtl, Self.options(epochs: 3))
        var options = Self.options(epochs: 3)
        options.training.epochUserLimit = 800
        let same = try await Self.train(disk, .mtl, options)
        #expect(Self.bits(same.tensors) == Self.bits(whole.tensors))
        options.training.epochUserLimit = 60
        let read = Mutex(0)
        let few = try await HeadTraining(
            host: .simulated(disk: disk), examples: try ExampleFile("/models/examples", on: disk),
            options: options
        ).train(.mtl, encoder: Self.encoder) { progress in
            if case .encoding(_, let count, _) = progress { read.withLock { $0 = count } }
        }
        // Three epochs of 60, and 6 that are held out.
        #expect(read.withLock { $0 } == 186)
        #expect(few.result.stepCount == 3)
        #expect(Self.bits(few.tensors) != Self.bits(whole.tensors))
    }

    @Test func `heads that no epoch makes better stay as they are`() async throws {
        let disk = try Self.disk()
        let good = try await Self.train(disk, .mtl, Self.options(epochs: 40))
        // What is trained on says the opposite of what early stopping looks at.
        let opposite = try Self.disk { Self.holdOut.part(of: $0) == .training }
        var options = Self.options(epochs: 20)
        options.training.patience = 2
        let kept = try await Self.train(opposite, .mtl, options, heads: good.tensors)
        #expect(kept.result.epoch == -1 && kept.result.epochs.count == 2)
        #expect(Self.bits(kept.tensors) == Self.bits(good.tensors))
        let better = try await Self.train(disk, .mtl, options, heads: good.tensors)
        #expect(better.result.epoch >= 0)
        #expect(Self.bits(better.tensors) != Self.bits(good.tensors))
    }

    @Test(arguments: [
        (EncoderName.mtl, ["churn", "category", "item"]),
        (.mtlPropensity, ["category", "item"]), (.mtlChurn, ["churn"]),
    ]) func `heads without weight are left as they are`(
        name: EncoderName, trained: [String]
    ) async throws {
        let after = try await Self.train(try Self.disk(count: 100), name)
        let before = Self.ownHeads
        #expect(after.tensors.map(\.name) == before.map(\.name))
        #expect(after.tensors.map(\.shape) == before.map(\.shape))
        for (new, old) in zip(after.tensors, before) {
            let task = String(new.name.prefix { $0 != "." })
            #expect((new.values == old.values) == !trained.contains(task), "\(new.name)")
        }
        // They take the place of the encoder's own.
        let rest = Self.encoder.filter { tensor in !before.contains { $0.name == tensor.name } }
        _ = try MTLEncoder(tensors: rest + after.tensors, level: .best)
    }

    @Test func `threads, memory and instructions change no byte`() async throws {
        let disk = try Self.disk()
        let wanted = try await Self.train(disk)
        var options = Self.options()
        options.training.threadCount = 2
        let two = try await Self.train(disk, .mtl, options)
        #expect(Self.bits(two.tensors) == Self.bits(wanted.tensors))
        #expect(two.result.epochs == wanted.result.epochs)
        options.memoryByteCount = 0
        options.spillPath = "/models/latents"
        options.level = .portable
        let spilled = try await Self.train(disk, .mtl, options)
        #expect(Self.bits(spilled.tensors) == Self.bits(wanted.tensors))
        #expect(try disk.status("/models/latents") == nil)
    }

    @Test(arguments: [true, false])
    func `z is what a profile reads: rows before the window stepped, window and END encoded`(
        readsEndRow: Bool
    ) async throws {
        let disk = try Self.disk(count: 300)
        let file = try ExampleFile("/models/examples", on: disk)
        let encoder = try MTLEncoder(tensors: Self.encoder, level: .best)
        var options = Self.options()
        options.training.threadCount = 2
        options.memoryByteCount = 0
        options.spillPath = "/models/latents"
        options.training.readsEndRow = readsEndRow
        let places = (0..<300).reversed().filter { $0 % 7 != 0 }
        let source = try await LatentFold(
            host: .simulated(disk: disk), examples: file, places: Array(places),
            encoder: encoder, options: options, name: .mtl
        ).run { _ in }
        #expect(source.count == places.count)
        var scratch = encoder.makeScratch()
        var longCount = 0
        for (index, place) in places.enumerated() {
            let example = try #require(try file.examples([place]).first)
            let found = try #require(try source.examples([index]).first)
            let width = RowLayout.width
            let excess = max(0, example.rows.count / width - 4)
            var state = [Float](repeating: 0, count: encoder.stateWidth)
            for row in 0..<excess {
                var span = state.mutableSpan
                let numbers = Array(example.rows[row * width..<(row + 1) * width])
                encoder.step(rows: numbers.span, states: &span, scratch: &scratch)
            }
            let window =
                Array(example.rows.dropFirst(excess * width))
                + (readsEndRow ? example.endRow : [])
            let wanted = encoder.encode(
                rows: window.span, lengths: [window.count / width], states: state.span)
            #expect(found.latents == wanted.latents && found.labels == example.labels)
            if excess > 0 { longCount += 1 }
        }
        #expect(longCount > 50 && longCount < places.count - 50)
        source.remove()
    }

    @Test func `examples without END are for encoders that read none`() async throws {
        let disk = MemoryDisk()
        try disk.makeDurableDirectory("/models")
        let writer = try ExampleFileWriter(
            "/models/examples", window: LabelWindow(cutSeconds: 0), on: .simulated(disk: disk))
        for index in 0..<60 {
            var example = Self.example(index, flips: false)
            example.endRow = []
            try writer.append(example, of: UserID(rawValue: Int64(index)))
        }
        try writer.finish()
        let error = await #expect(throws: LearningError.self) { try await Self.train(disk) }
        guard case .unfitExample(network: "mtl-heads", _, .some, let reason) = error else {
            Issue.record("\(String(describing: error))")
            return
        }
        #expect(reason.contains("no END row"))
        var options = Self.options(epochs: 1)
        options.training.readsEndRow = false
        _ = try await Self.train(disk, .mtl, options)
        let latest = LatestRows(
            source: try ExampleFile("/models/examples", on: disk), limit: 4, readsEndRow: true,
            network: .mtlChurn)
        #expect(throws: LearningError.self) { try latest.examples([3]) }
    }

    @Test func `a network reads the latest rows, and END after them`() throws {
        let disk = try Self.disk(count: 40)
        let file = try ExampleFile("/models/examples", on: disk)
        let width = RowLayout.width
        let plain = LatestRows(source: file, limit: 4, readsEndRow: false, network: .mtl)
        let ended = LatestRows(source: file, limit: 4, readsEndRow: true, network: .mtl)
        #expect(plain.fingerprint != ended.fingerprint && plain.count == 40)
        for place in [39, 0, 7] {
            let example = try #require(try file.examples([place]).first)
            let count = min(4, example.rows.count / width)
            let one = try #require(try plain.examples([place]).first)
            let other = try #require(try ended.examples([place]).first)
            #expect(one.rows == Array(example.rows.suffix(4 * width)))
            #expect(other.rows == one.rows + example.endRow && example.endRow.count == width)
            #expect(plain.rowCount(place) == count && ended.rowCount(place) == count + 1)
            #expect(other.labels == example.labels)
        }
    }

    @Test func `killed at any operation of the disk, it ends at the same bytes`() async throws {
        var options = Self.options(epochs: 3)
        options.training.checkpointDirectory = "/models"
        options.training.patience = 3
        options.memoryByteCount = 0
        options.spillPath = "/models/latents"
        let whole = try Self.disk(count: 150)
        let begun = whole.operationCount
        let wanted = try await Self.train(whole, .mtl, options)
        let count = whole.operationCount - begun
        #expect(count > 40)
        for operation in stride(from: 0, to: count - 1, by: 5) {
            let disk = try Self.disk(count: 150)
            disk.inject(.powerLoss, at: disk.operationCount + operation)
            await #expect(throws: LearningError.self) {
                try await Self.train(disk, .mtl, options)
            }
            disk.crash(.some(seed: UInt64(operation)))
            let resumed = try await Self.train(disk, .mtl, options)
            #expect(Self.bits(resumed.tensors) == Self.bits(wanted.tensors), "\(operation)")
            #expect(resumed.result.epochs == wanted.result.epochs)
        }
    }

    @Test func `a checkpoint of other heads or another encoder is refused`() async throws {
        var options = Self.options(epochs: 2)
        options.training.checkpointDirectory = "/models"
        let disk = try Self.disk(count: 150)
        let first = try await Self.train(disk, .mtl, options)
        let again = try await Self.train(disk, .mtl, options)
        #expect(Self.bits(again.tensors) == Self.bits(first.tensors))
        let error = await #expect(throws: LearningError.self) {
            try await Self.train(disk, .mtl, options, heads: first.tensors)
        }
        guard case .foreignCheckpoint(path: "/models/mtl-heads.checkpoint", let differences) = error
        else {
            Issue.record("\(String(describing: error))")
            return
        }
        #expect(differences.count == 2 && differences[0].contains("start"))
    }

    @Test func `heads that fit nothing are refused by name`() async throws {
        let disk = try Self.disk(count: 20)
        var heads = Self.ownHeads
        heads[0] = NamedTensor(name: "churn.0.weight", shape: [2, 2], values: [1, 2, 3, 4])
        await #expect(
            throws: LearningError.wrongShape(
                name: "churn.0.weight", shape: [2, 2], wanted: [16, 8])
        ) { try await Self.train(disk, heads: heads) }
        heads[0] = NamedTensor(name: "latent.weight", shape: [1], values: [1])
        await #expect(throws: LearningError.foreignTensor(name: "latent.weight")) {
            try await Self.train(disk, heads: heads)
        }
    }
}
