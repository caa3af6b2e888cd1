import Storage

/// Why something cannot be learned, or what was learned cannot be read.
package enum LearningError: Error, Equatable, CustomStringConvertible {
    case missingTensor(name: String)
    case foreignTensor(name: String)
    case wrongShape(name: String, shape: [Int], wanted: [Int])

    case storage(StorageError)
    case damagedCheckpoint(path: String, reason: String)
    /// A checkpoint of another training; nothing was read from it.
    case foreignCheckpoint(path: String, differences: [String])
    /// A factor became no finite number; the checkpoint before that stretch is good.
    case divergedFactors(stretch: Int)

    package var description: String {
        switch self {
        case .missingTensor(let name):
            "weights: no tensor \(name); the file is not of this network, or was cut"
        case .foreignTensor(let name):
            "weights: tensor \(name) belongs to no part of this network, or is given twice"
        case .storage(let error): error.description
        case .damagedCheckpoint(let path, let reason):
            "\(path): \(reason); remove it to train from the beginning"
        case .foreignCheckpoint(let path, let differences):
            "\(path): a checkpoint of another training: \(differences.joined(separator: "; ")); "
                + "train with the same settings, or remove it to train from the beginning"
        case .divergedFactors(let stretch):
            "BPR: a factor was no finite number after stretch \(stretch); lower the rate"
        case .wrongShape(let name, let shape, let wanted):
            "weights: tensor \(name) has shape \(shape), \(wanted) wanted"
        }
    }
}
