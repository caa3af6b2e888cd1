import Kernels
import Storage

/// Names, shapes and places of a network's weights in one flat storage.
///
/// Names and shapes are PyTorch's `state_dict`, so that weights travel as safetensors. Gradients and
/// the optimiser's moments have the same layout.
package struct ParameterLayout: Sendable, Equatable {
    /// One tensor.
    package struct Entry: Sendable, Equatable {
        package let name: String
        /// One or two sizes, outermost first.
        package let shape: [Int]
        /// Where it begins in the flat storage.
        package let start: Int
        package let initial: InitialValues

        /// The product of `shape`.
        package var count: Int { shape.reduce(1, *) }
    }

    /// Which tensor of its layout.
    package struct Parameter: Sendable, Hashable {
        let index: Int
    }

    /// How a tensor begins, as PyTorch does it by default.
    package enum InitialValues: Sendable, Equatable {
        /// U(−bound, bound).
        case uniform(bound: Double)
        case zeros
        case ones
    }

    /// In the order in which they were added, which is `state_dict`'s.
    package private(set) var entries: [Entry] = []

    package init() {}

    /// Numbers in all tensors.
    package var count: Int { (entries.last?.start ?? 0) + (entries.last?.count ?? 0) }

    /// Appends a tensor; traps on a name that is there already.
    package mutating func add(
        _ name: String, _ shape: [Int], _ initial: InitialValues
    ) -> Parameter {
        precondition(!entries.contains { $0.name == name }, "ParameterLayout: two of \(name)")
        precondition(
            (1...2).contains(shape.count) && shape.allSatisfy { $0 > 0 },
            "ParameterLayout: \(name) of \(shape)")
        entries.append(Entry(name: name, shape: shape, start: count, initial: initial))
        return Parameter(index: entries.count - 1)
    }

    /// A tensor's view of a flat storage of this layout: `[shape[0], shape[1]]`, or `[1, shape[0]]`.
    package func view<Scalar>(_ parameter: Parameter, of flat: Matrix<Scalar>) -> Matrix<Scalar> {
        let entry = entries[parameter.index]
        let rows = entry.shape.count == 2 ? entry.shape[0] : 1
        return flat.part(at: entry.start, rows: rows, columns: entry.count / rows)
    }

    /// Initial weights, `[1, count]`: tensor k draws from stream k of `SeededRandom`.
    package func initialWeights(seed: UInt64) -> Matrix<Float> {
        let weights = Matrix<Float>(rows: 1, columns: count)
        for (index, entry) in entries.enumerated() {
            var random = SeededRandom(seed: seed, stream: UInt64(index))
            for place in entry.start..<entry.start + entry.count {
                weights[place] =
                    switch entry.initial {
                    case .uniform(let bound): Float((2 * random.nextUnit() - 1) * bound)
                    case .zeros: 0
                    case .ones: 1
                    }
            }
        }
        return weights
    }

    /// The tensors of a flat storage.
    package func tensors(_ weights: Matrix<Float>) -> [NamedTensor] {
        precondition(weights.count == count, "ParameterLayout: \(weights.count) of \(count)")
        let values = weights.values
        return entries.map {
            let range = $0.start..<$0.start + $0.count
            return NamedTensor(name: $0.name, shape: $0.shape, values: Array(values[range]))
        }
    }

    /// A flat storage from tensors of exactly these names and shapes, in any order.
    package func weights(_ tensors: [NamedTensor]) throws(LearningError) -> Matrix<Float> {
        let weights = Matrix<Float>(rows: 1, columns: count)
        var missing = Dictionary(
            uniqueKeysWithValues: entries.enumerated().map { ($1.name, Parameter(index: $0)) })
        for tensor in tensors {
            guard let parameter = missing.removeValue(forKey: tensor.name) else {
                throw .foreignTensor(name: tensor.name)
            }
            let entry = entries[parameter.index]
            guard tensor.shape == entry.shape else {
                throw .wrongShape(name: entry.name, shape: tensor.shape, wanted: entry.shape)
            }
            for index in 0..<entry.count { weights[entry.start + index] = tensor.values[index] }
        }
        // In layout order, so that the same file always names the same tensor.
        if let entry = entries.first(where: { missing[$0.name] != nil }) {
            throw .missingTensor(name: entry.name)
        }
        return weights
    }
}
