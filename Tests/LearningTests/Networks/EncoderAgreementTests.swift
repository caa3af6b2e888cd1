import Encoders
import Features
import Kernels
import Learning
import Storage
import Testing

/// What training computes and what serving computes are the same network.
@Suite struct EncoderAgreementTests {
    @Test(arguments: [[24], [24, 24, 24], [10, 24]])
    func `MTLEncoder serves what MTLNetwork trains`(widths: [Int]) throws {
        var configuration = MTLConfiguration.mtl
        configuration.encoderWidths = widths
        configuration.forwardWidth = 30
        configuration.residualWidth = 40
        configuration.latentWidth = 12
        configuration.headWidths = [20, 10]
        configuration.categoryCount = 5
        configuration.itemCount = 6
        let network = MTLNetwork<Double>(configuration)
        let weights = network.layout.initialWeights(seed: 3)
        var random = SeededRandom(seed: 4, stream: 0)
        let users = [5, 1, 33, 16].map { length in
            (0..<length * configuration.inputWidth).map { _ in
                halfBits(Float(2 * random.nextUnit() - 1))
            }
        }
        let input = RowSequences<Double>(halfs: users, width: configuration.inputWidth)
        let exact = Matrix(weights.values.map(Double.init), rows: 1, columns: weights.count)
        let trace = network.forward(
            input,
            NetworkPass(layout: network.layout, weights: exact, workspace: Workspace<Double>()))
        let encoder = try MTLEncoder(
            tensors: network.layout.tensors(weights), level: .best)
        let rows = Array(users.joined())
        let lengths = users.map { $0.count / configuration.inputWidth }
        let fresh: [Float] = []
        let outputs = encoder.encode(rows: rows.span, lengths: lengths, states: fresh.span)
        expect(outputs.latents, trace.latents, input.order)
        expect(outputs.churn, trace.logits[0], input.order)
        expect(outputs.categories, trace.logits[1], input.order)
        expect(outputs.items, trace.logits[2], input.order)
    }

    @Test func `ESAEncoder serves what ESANetwork trains`() throws {
        var configuration = ESAConfiguration(categoryCount: 9)
        configuration.embeddingWidth = 20
        configuration.hiddenWidth = 24
        configuration.itemCount = 11
        configuration.urlCount = 12
        let network = ESANetwork<Double>(configuration)
        let weights = network.layout.initialWeights(seed: 5)
        let examples = [3, 1, 6].map(example)
        let shard = network.shard(examples)
        let exact = Matrix(weights.values.map(Double.init), rows: 1, columns: weights.count)
        let vectors = network.finalStates(
            shard,
            NetworkPass(layout: network.layout, weights: exact, workspace: Workspace<Double>()))
        let encoder = try ESAEncoder(tensors: network.layout.tensors(weights), level: .best)
        #expect(ESAEncoder.fields == ESAField.allCases.map(\.name))
        var scratch = encoder.makeScratch()
        let served = examples.flatMap { example -> [Float] in
            var hidden = [Float](repeating: 0, count: 24)
            for token in example.tokens {
                var state = hidden.mutableSpan
                encoder.step(
                    tokens: ESAField.allCases.map { $0.index(in: token) }, hidden: &state,
                    scratch: &scratch)
            }
            return encoder.ended(
                hidden: hidden.span, buckets: [example.endBucket], scratch: &scratch)
        }
        expect(served, vectors, shard.order)
    }

    private func example(_ length: Int) -> TrainingExample {
        let tokens = (0..<Int32(length)).map { (row: Int32) -> RowToken in
            RowToken(
                type: row % 5, category: row % 2 == 0 ? 8 : -1, price: row, item: 10 - row,
                url: -1, weekday: row % 7, gap: row)
        }
        return TrainingExample(rows: [], tokens: tokens, endBucket: UInt8(length))
    }

    /// Rows of `ours` in the order given, of `exact` in the batch's.
    private func expect(_ ours: [Float], _ exact: Matrix<Double>, _ order: [Int]) {
        #expect(ours.count == exact.count)
        for (place, user) in order.enumerated() {
            for column in 0..<exact.columns {
                let error = abs(Double(ours[user * exact.columns + column]) - exact[place, column])
                #expect(error < 1e-5, "user \(user), column \(column)")
            }
        }
    }
}
