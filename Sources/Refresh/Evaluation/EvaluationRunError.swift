import Evaluation
import Events
import Pipeline
import Storage

/// Why an evaluation stopped; what it had done is kept for the next call.
package enum EvaluationRunError: Error, CustomStringConvertible {
    /// A cutoff that is no time.
    case badCutoff(String)
    /// A list of users that cannot be read.
    case badList(path: String, reason: String)
    /// A row that does not exist, or is not written as a row is.
    case badRow(String, reason: String)
    /// The log does not cover both windows behind the cutoff.
    case tooFewDays(cutoffSeconds: Int64, endSeconds: Int64, neededSeconds: Int64)
    /// The log has no purchase at all, so that nothing says where the windows are.
    case noPurchase(directory: String)
    /// Nobody bought anything in a window.
    case emptyWindow(name: String, window: Range<Int64>)
    /// Nothing, or too little, stands before the cutoff.
    case tooLittleHistory(cutoffSeconds: Int64, reason: String)
    /// What is to be scored has seen what it is scored on.
    case seenTargets(path: String, what: String, seconds: Int64, cutoffSeconds: Int64)
    /// What is to be scored does not say what it has seen.
    case unknownOrigin(path: String, reason: String)
    /// Another evaluation works in the directory.
    case busy(directory: String)
    /// The work directory holds what no evaluation made.
    case foreign(directory: String, name: String)
    case refresh(RefreshError)
    case pipeline(PipelineError)
    case scoring(EvaluationError)
    case work(String)
    case cancelled

    package var description: String {
        switch self {
        case .badCutoff(let text):
            "--cutoff \(text): want seconds since 1970, YYYY-MM-DD or 'YYYY-MM-DD hh:mm:ss' (UTC)"
        case .badList(let path, let reason):
            "\(path): \(reason); want an int64 .npy, or one client_id a line"
        case .badRow(let text, let reason): "--rows '\(text)': \(reason)"
        case .tooFewDays(let cutoff, let end, let needed):
            "the log ends at \(EventTimeText.text(end)) and both target windows behind the cutoff "
                + "\(EventTimeText.text(cutoff)) reach to \(EventTimeText.text(needed)): give an "
                + "earlier --cutoff, or leave it out"
        case .noPurchase(let directory):
            "\(directory): no product_buy in the log; there is nothing to foretell"
        case .emptyWindow(let name, let window):
            "nobody of those asked about bought anything in the \(name) window, "
                + "\(EventTimeText.text(window.lowerBound)) to "
                + "\(EventTimeText.text(window.upperBound)): choose another --cutoff or --clients"
        case .tooLittleHistory(let cutoff, let reason):
            "before the cutoff \(EventTimeText.text(cutoff)) there is too little to learn from: "
                + reason
        case .seenTargets(let path, let what, let seconds, let cutoff):
            "\(path): \(what) is \(EventTimeText.text(seconds)), and the targets begin at "
                + "\(EventTimeText.text(cutoff)): it has seen what it would be scored on; give a later "
                + "--cutoff or an older snapshot"
        case .unknownOrigin(let path, let reason):
            "\(path): \(reason), so nothing says what it has seen; --unchecked scores it all the "
                + "same, and the report says so"
        case .busy(let directory):
            "\(directory): another evaluation is running there; wait for it, or give another --work"
        case .foreign(let directory, let name):
            "\(directory): holds '\(name)', which no evaluation made; give an empty --work"
        case .refresh(let error): error.description
        case .pipeline(let error): error.description
        case .scoring(let error): error.description
        case .work(let reason): reason
        case .cancelled: "stopped; the same command goes on where it was"
        }
    }

    /// What a step threw.
    init(_ error: any Error) {
        switch error {
        case let error as EvaluationRunError: self = error
        case RefreshError.cancelled, is CancellationError, EvaluationError.cancelled:
            self = .cancelled
        case PipelineError.stopping where Task.isCancelled: self = .cancelled
        case let error as RefreshError: self = .refresh(error)
        case let error as PipelineError: self = .pipeline(error)
        case let error as EvaluationError: self = .scoring(error)
        default: self = .work("\(error)")
        }
    }
}
