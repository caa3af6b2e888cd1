import Encoders
import Features
import Glibc
import Kernels
import Learning
import Storage
import TestSupport
import Testing

/// Whole trainings at tiny sizes: what the past tells is learned, and holds for other users.
@Suite struct TrainingRunTests {
    private static let trainingCount = 400
    private static let heldCount = 100

    /// A user of two numbers and a first row type, which every row follows from.
    private struct Maker {
        let taste: (Double, Double)
        let firstType: Int
        let length: Int

        init(_ user: Int) {
            var random = SeededRandom(seed: 301, stream: UInt64(user))
            taste = (2 * random.nextUnit() - 1, 2 * random.nextUnit() - 1)
            firstType = Int(random.nextUnit() * 5)
            length = 1 + Int(random.nextUnit() * 6)
        }

        func type(_ step: Int) -> Int { (firstType + step) % 5 }

        func row(_ step: Int) -> [UInt16] {
            (0..<RowLayout.width).map { position in
                switch position {
                case 0..<5: halfBits(position == type(step) ? 1 : 0)
                case 61...: 0
                default:
                    halfBits(
                        Float(
                            0.6 * taste.0 * sin(Double(position))
                                + 0.6 * taste.1 * cos(1.7 * Double(position))))
                }
            }
        }

        /// Whether nothing follows the past: when its last row is one of visits.
        var endsForGood: Bool { type(length - 1) == 3 }

        var example: TrainingExample {
            TrainingExample(
                rows: (0..<length).flatMap(row),
                futureRows: endsForGood ? [] : (length..<length + 2).flatMap(row))
        }
    }

    private static let examples = (0..<trainingCount + heldCount).map { Maker($0).example }

    /// Weights after a training on the first users.
    private func train<Network: TrainableNetwork<Float>>(
        _ network: Network, _ examples: [TrainingExample], epochs: Int
    ) async throws -> Matrix<Float> {
        var options = TrainerOptions(
            name: "trial", seed: 12, epochCount: epochs, sizes: .init(batchCount: 25))
        options.learningRate = 5e-3
        options.threadCount = 2
        return try await Trainer(
            network: network, source: MemorySource(all: examples),
            training: Array(0..<Self.trainingCount), options: options,
            host: .simulated(disk: MemoryDisk())
        ).run().weights
    }

    /// The loss of the best constant: at each position the weighted mean of the rows that have it.
    private func constantLoss(_ shard: SRANetwork<Float>.Shard) throws -> Double {
        let rows = doubles(shard.target.rows)
        let keep = doubles(try #require(shard.keep))
        let weights = shard.weights.map(doubles)
        let width = RowLayout.width
        func weight(_ index: Int) -> Double { keep[index] * (weights?[index / width] ?? 1) }
        var sum = 0.0
        for position in 0..<width {
            let indices = stride(from: position, to: rows.count, by: width)
            let total = indices.reduce(0) { $0 + weight($1) }
            guard total > 0 else { continue }
            let mean = indices.reduce(0) { $0 + weight($1) * rows[$1] } / total
            sum += indices.reduce(0) {
                $0 + weight($1) * (rows[$1] - mean) * (rows[$1] - mean)
            }
        }
        return sum / Double(shard.target.batch.rowCount)
    }

    private func reconstruction(_ target: SRAConfiguration) -> SRANetwork<Float> {
        var configuration = target
        configuration.hiddenWidth = 32
        configuration.latentWidth = 12
        return SRANetwork(configuration)
    }

    @Test(arguments: [SRAConfiguration.sra, .fip])
    func `rows are reconstructed far better than by their means`(
        target: SRAConfiguration
    ) async throws {
        let network = reconstruction(target)
        let weights = try await train(network, Self.examples, epochs: 60)
        let held = network.shard(Array(Self.examples[Self.trainingCount...]))
        let before = network.means([held], weights: network.layout.initialWeights(seed: 12))[0]
        let after = network.means([held], weights: weights)[0]
        let constant = try constantLoss(held)
        #expect(constant > 1 && before > 0.8 * constant)
        #expect(after < 0.15 * constant, "\(after), \(before) before, \(constant) by the means")
    }

    @Test func `FIP tells who has no future`() async throws {
        let network = reconstruction(.fip)
        let weights = try await train(network, Self.examples, epochs: 60)
        let users = Array(Self.trainingCount..<Self.examples.count)
        let shard = network.shard(users.map { Self.examples[$0] })
        let trace = network.forward(
            shard, NetworkPass(layout: network.layout, weights: weights, workspace: Workspace()))
        var emptyCount = 0
        for (place, index) in shard.target.order.enumerated() {
            let first = shard.target.batch.row(of: place, at: 0)
            let isEmpty = Maker(users[index]).endsForGood
            emptyCount += isEmpty ? 1 : 0
            #expect(
                (trace.reconstruction[first, RowLayout.emptyFuture] > 0.5) == isEmpty,
                "user \(users[index])")
        }
        #expect(emptyCount > 10 && emptyCount < 30)
    }

    /// Items count on from the first one, which also says how many rows there are and how long ago
    /// the last was.
    private static func sequence(_ user: Int) -> TrainingExample {
        let maker = Maker(user)
        let first = Int(SeededRandom(seed: 302, stream: UInt64(user)).firstUnit * 6)
        let length = 2 + first % 3
        let tokens = (0..<length).map { step in
            let type = Int32(maker.type(step))
            let isProduct = type < 3
            return RowToken(
                type: type, category: isProduct ? Int32((first + step) % 4) : -1,
                item: isProduct ? Int32((first + step) % 9) : -1,
                url: type == 3 ? Int32((first + step) % 7) : -1,
                weekday: Int32((first + step) % 7), gap: Int32(step == 0 ? 0 : 1 + first % 4))
        }
        return TrainingExample(
            rows: (0..<length).flatMap(maker.row), tokens: tokens, endBucket: UInt8(5 + first))
    }

    @Test func `ESA reads sequences back, END and its time included`() async throws {
        var configuration = ESAConfiguration(categoryCount: 4)
        configuration.embeddingWidth = 16
        configuration.hiddenWidth = 32
        configuration.priceCount = 3
        configuration.itemCount = 9
        configuration.urlCount = 7
        configuration.gapCount = 12
        let network = ESANetwork<Float>(configuration)
        let examples = (0..<Self.trainingCount + Self.heldCount).map(Self.sequence)
        let weights = try await train(network, examples, epochs: 40)
        let held = network.shard(Array(examples[Self.trainingCount...]))
        // Nobody has a price: a term without labels is 0 over 0.
        func loss(_ weights: Matrix<Float>) -> Double {
            network.means([held], weights: weights).reduce(0) { $0 + ($1.isNaN ? 0 : $1) }
        }
        let before = loss(network.layout.initialWeights(seed: 12))
        let after = loss(weights)
        #expect(before > 8 && after < 0.15 * before, "\(before) before, \(after) after")
        let predictions = network.predictions(
            held, NetworkPass(layout: network.layout, weights: weights, workspace: Workspace()))
        for (field, prediction) in zip(ESAField.allCases, predictions) where field != .price {
            let hits = prediction.labels.indices.filter {
                argmax(prediction.logits, row: $0) == prediction.labels[$0]
            }
            #expect(
                Double(hits.count) > 0.9 * Double(prediction.labels.count), "\(field.name)")
        }
        let end = Int32(RowToken.rowTypes)
        for field in [ESAField.kind, .gap] {
            let prediction = predictions[field.rawValue]
            let ends = prediction.kinds.indices.filter { prediction.kinds[$0] == end }
            let hits = ends.filter {
                argmax(prediction.logits, row: $0) == prediction.labels[$0]
            }
            #expect(ends.count == Self.heldCount && hits.count >= 95, "\(field.name) of END")
        }
        #expect(predictions[ESAField.price.rawValue].labels.isEmpty)
    }

    private func argmax(_ logits: Matrix<Float>, row: Int) -> Int32 {
        var best = 0
        for column in 1..<logits.columns where logits[row, column] > logits[row, best] {
            best = column
        }
        return Int32(best)
    }
}

extension SeededRandom {
    /// The first number of the stream, in [0, 1).
    fileprivate var firstUnit: Double {
        var copy = self
        return copy.nextUnit()
    }
}
