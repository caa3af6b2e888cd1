import Encoders
import Features
import Kernels
import Learning

/// How often ESA's decoder gives a field's value, beside the most frequent value of the row's type.
///
/// The marginals are of the training users, and know the type of the row that is to be predicted,
/// which the decoder does not; that of the type itself is the most frequent type.
struct TokenAccuracy {
    private let network: ESANetwork<Float>
    /// The most frequent value by field and type (END is a type), nil when there is none.
    private var modes: [[Int32?]] = []
    /// By field: labels, those the decoder gives, those the marginal gives.
    private(set) var fields = ESAField.allCases.map {
        (name: $0.name, labels: 0, given: 0, marginal: 0)
    }

    init(_ network: ESANetwork<Float>, training examples: ExampleFile, _ places: [Int]) throws {
        self.network = network
        let types = RowToken.rowTypes + 1
        var counts = ESAField.allCases.map { field in
            [[Int]](
                repeating: [Int](repeating: 0, count: network.configuration.outputCount(field)),
                count: types)
        }
        for start in stride(from: 0, to: places.count, by: 1024) {
            let some = try examples.examples(Array(places[start..<min(start + 1024, places.count)]))
            for example in some {
                for token in example.tokens + [.end(bucket: example.endBucket)] {
                    for (index, field) in ESAField.allCases.enumerated() {
                        let value = Int(field.index(in: token))
                        guard value >= 0 else { continue }
                        counts[index][field == .kind ? 0 : Int(token.type)][value] += 1
                    }
                }
            }
        }
        modes = counts.map { field in
            field.map { counts in
                guard let most = counts.max(), most > 0 else { return nil }
                return counts.firstIndex(of: most).map { Int32($0) }
            }
        }
    }

    /// Adds held-out users.
    mutating func add(
        _ examples: [TrainingExample], weights: Matrix<Float>, _ workspace: Workspace<Float>
    ) {
        let predictions = network.predictions(
            network.shard(examples),
            NetworkPass(layout: network.layout, weights: weights, workspace: workspace))
        for (index, prediction) in predictions.enumerated() {
            let logits = prediction.logits.values
            let width = prediction.logits.columns
            fields[index].labels += prediction.labels.count
            for (row, label) in prediction.labels.enumerated() {
                let best = Self.largest(logits, row * width..<(row + 1) * width)
                if best == Int(label) { fields[index].given += 1 }
                let type = index == ESAField.kind.rawValue ? 0 : Int(prediction.kinds[row])
                if modes[index][type] == label { fields[index].marginal += 1 }
            }
        }
    }

    /// Place of the largest number of a range, from its beginning.
    private static func largest(_ values: [Float], _ range: Range<Int>) -> Int {
        let span = values.span
        var best = range.lowerBound
        for index in range where span[index] > span[best] { best = index }
        return best - range.lowerBound
    }
}
