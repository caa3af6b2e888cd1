import Encoders
import Events
import Storage

/// Why something cannot be learned, or what was learned cannot be read.
package enum LearningError: Error, Equatable, CustomStringConvertible {
    case missingTensor(name: String)
    case foreignTensor(name: String)
    case wrongShape(name: String, shape: [Int], wanted: [Int])
    case storage(StorageError)
    /// A file of examples is no such file, or of another version.
    case notExamples(path: String, reason: String)
    /// A file of examples ends too early.
    case truncatedExamples(path: String, byteCount: Int64, wanted: Int64)
    /// A file of examples is not what was written; `record` is nil for its header and index.
    case damagedExamples(path: String, record: Int?, reason: String)
    case damagedCheckpoint(path: String, reason: String)
    /// A checkpoint of another training; nothing was read from it.
    case foreignCheckpoint(path: String, differences: [String])
    case noExamples(network: String)
    /// An example that the network cannot read; `user` is nil when the source names nobody.
    case unfitExample(network: String, example: Int, user: UserID?, reason: String)
    case diverged(Divergence)
    /// The task was cancelled; the checkpoint, if one is kept, says where to go on.
    case cancelled(network: String, epoch: Int, step: Int)
    /// A factor became no finite number; the checkpoint before that stretch is good.
    case divergedFactors(stretch: Int)
    case damagedFactors(reason: String)
    /// The frozen encoder cannot be made.
    case encoder(EncoderError)

    package var description: String {
        switch self {
        case .missingTensor(let name):
            "weights: no tensor \(name); the file is not of this network, or was cut"
        case .foreignTensor(let name):
            "weights: tensor \(name) belongs to no part of this network, or is given twice"
        case .damagedFactors(let reason):
            "the file of factors is damaged: \(reason); make the generation again with `ubpd refresh`"
        case .divergedFactors(let stretch):
            "BPR: a factor was no finite number after stretch \(stretch); lower the rate"
        case .wrongShape(let name, let shape, let wanted):
            "weights: tensor \(name) has shape \(shape), \(wanted) wanted"
        case .storage(let error): error.description
        case .encoder(let error): error.description
        case .notExamples(let path, let reason):
            "\(path): \(reason); fold the examples again"
        case .truncatedExamples(let path, let byteCount, let wanted):
            "\(path): \(byteCount) bytes, \(wanted) wanted; it was cut, fold the examples again"
        case .damagedExamples(let path, let record, let reason):
            "\(path): \(record.map { "example \($0): " } ?? "")\(reason); fold the examples again"
        case .damagedCheckpoint(let path, let reason):
            "\(path): \(reason); remove it to train from the beginning"
        case .foreignCheckpoint(let path, let differences):
            "\(path): a checkpoint of another training: \(differences.joined(separator: "; ")); "
                + "train with the same settings, or remove it to train from the beginning"
        case .noExamples(let network):
            "\(network): no example to train on; the log has no user with an event before the cut"
        case .unfitExample(let network, let example, let user, let reason):
            "\(network): example \(example)\(user.map { " of user \($0.rawValue)" } ?? ""): \(reason); "
                + "fold the examples again with the space's lists"
        case .diverged(let place): place.description
        case .cancelled(let network, let epoch, let step):
            "\(network): cancelled in epoch \(epoch) after step \(step); start it again to go on"
        }
    }
}

/// Where a training met a number that is not finite; its weights from before that step are good.
package struct Divergence: Sendable, Equatable, CustomStringConvertible {
    package var network: String
    /// From 0.
    package var epoch: Int
    /// The optimiser step that was not taken, from 1; 0 while validating.
    package var step: Int
    /// The first term of the loss that was not finite; nil when only the gradient was not.
    package var term: String?
    /// The first tensor whose gradient, or while validating whose value, was not finite; nil when
    /// all were.
    package var tensor: String?

    package init(network: String, epoch: Int, step: Int, term: String?, tensor: String?) {
        self.network = network
        self.epoch = epoch
        self.step = step
        self.term = term
        self.tensor = tensor
    }

    package var description: String {
        let place = "\(network): epoch \(epoch), \(step > 0 ? "step \(step)" : "validation")"
        let loss = term.map { "loss term \($0)" } ?? "no loss term"
        let first = tensor.map { ", first in tensor \($0)" } ?? ""
        return "\(place): \(loss) is not finite\(first); the last checkpoint is good, lower the "
            + "learning rate or look for damaged rows"
    }
}
