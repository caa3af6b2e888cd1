import Events
import Storage

/// Why profiles cannot be scored; files are only read, so nothing has changed when one is thrown.
package enum EvaluationError: Error, Equatable, CustomStringConvertible {
    case storage(StorageError)
    /// A pair of files that is no submission; every flaw that was found.
    case flawedTable(path: String, flaws: [EmbeddingTable.Flaw])
    /// Chosen columns that the table does not have.
    case noSuchColumns(path: String, columns: Range<Int>, width: Int)
    /// `manifest.json` beside the table is none.
    case badManifest(path: String, reason: String)
    /// Given scores that are no probabilities of these users and labels.
    case badScores(name: String, task: EvaluationTask, reason: String)
    /// A number that is not finite; nothing can be said of this representation.
    case diverged(DownstreamDivergence)
    case cancelled(name: String)

    package var description: String {
        switch self {
        case .storage(let error): error.description
        case .flawedTable(let path, let flaws):
            "\(path): \(flaws.map(\.description).joined(separator: "; "))"
        case .noSuchColumns(let path, let columns, let width):
            "\(path): columns \(columns) of \(width); choose columns that the table has"
        case .badManifest(let path, let reason):
            "\(path): not a snapshot's manifest (\(reason)); remove it to score the table as a whole"
        case .badScores(let name, let task, let reason):
            "\(name), \(task.rawValue): \(reason); give each user's probabilities 0…1 "
                + "of each label"
        case .diverged(let place): place.description
        case .cancelled(let name): "\(name): the evaluation was cancelled; start it again"
        }
    }
}

/// Where the downstream network met a number that is not finite.
package struct DownstreamDivergence: Sendable, Equatable, CustomStringConvertible {
    /// The representation, as its row is named.
    package var name: String
    package var task: EvaluationTask
    /// From 0.
    package var epoch: Int
    /// The optimiser step from 1 over all epochs; 0 while scoring the second window.
    package var step: Int
    /// `loss`, `gradient` or `logits`.
    package var quantity: String

    package init(name: String, task: EvaluationTask, epoch: Int, step: Int, quantity: String) {
        self.name = name
        self.task = task
        self.epoch = epoch
        self.step = step
        self.quantity = quantity
    }

    package var description: String {
        let place = step > 0 ? "step \(step)" : "scoring"
        return "\(name), \(task.rawValue): epoch \(epoch), \(place): the \(quantity) is not "
            + "finite; inputs are not scaled, so look for huge columns, or score with a lower learning rate"
    }
}
