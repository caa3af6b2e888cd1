import Foundation
import Kernels
import Storage

/// Frozen factors as a safetensors file: `ids` `[I]`, `popularity` `[I]`, `factors` `[I, K + 1]` with
/// the item's bias last, and how they were trained in the metadata.
extension BPRFactors {
    private struct Training: Codable {
        var options: BPROptions
        var weights: BPRWeights
    }

    /// The file's contents; equal factors give equal bytes.
    package func file() throws -> SafetensorsFile {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys]
        let training = try encoder.encode(Training(options: options, weights: weights))
        let count = options.factorCount + 1
        var factors: [Float] = []
        factors.reserveCapacity(ids.count * count)
        for item in ids.indices {
            factors += values[item * rowWidth..<item * rowWidth + count]
        }
        return SafetensorsFile(
            tensors: [
                .init(name: "ids", shape: [ids.count], values: .int64(ids)),
                .init(
                    name: "popularity", shape: [ids.count],
                    values: .int64(popularity.map(Int64.init))),
                .init(name: "factors", shape: [ids.count, count], values: .float32(factors)),
            ], metadata: ["training": String(decoding: training, as: UTF8.self)])
    }

    /// Factors from what `file` gave.
    ///
    /// - Throws: `damagedFactors` with what is missing or misshapen.
    package init(
        _ file: SafetensorsFile, level: InstructionLevel = .best
    ) throws(LearningError) {
        var named: [String: SafetensorsFile.Tensor] = [:]
        for tensor in file.tensors { named[tensor.name] = tensor }
        guard let text = file.metadata["training"],
            let training = try? JSONDecoder().decode(Training.self, from: Data(text.utf8)),
            (1...65_536).contains(training.options.factorCount)
        else { throw .damagedFactors(reason: "no word on how they were trained") }
        guard case .int64(let ids)? = named["ids"]?.values,
            zip(ids, ids.dropFirst()).allSatisfy({ $0 < $1 })
        else { throw .damagedFactors(reason: "no ascending ids") }
        let count = training.options.factorCount + 1
        guard case .float32(let factors)? = named["factors"]?.values,
            named["factors"]?.shape == [ids.count, count],
            factors.allSatisfy({ $0.isFinite })
        else { throw .damagedFactors(reason: "no finite factors [\(ids.count), \(count)]") }
        guard case .int64(let counts)? = named["popularity"]?.values, counts.count == ids.count,
            counts.allSatisfy({ $0 >= 0 && $0 <= Int64(Int32.max) })
        else { throw .damagedFactors(reason: "no popularity of \(ids.count) items") }
        let width = BPRKernels.rowWidth(factorCount: training.options.factorCount)
        let items = Matrix<Float>(rows: ids.count, columns: width)
        for item in ids.indices {
            for column in 0..<count { items[item, column] = factors[item * count + column] }
        }
        self.init(
            ids: ids, items: items, popularity: counts.map(Int32.init),
            options: training.options, weights: training.weights, level: level)
    }
}
