import Encoders
import Features
import Learning
import Pipeline
import Snapshots
import Storage

/// A log that spans too little event time to learn from.
package struct TooShortLog: Sendable, Equatable, CustomStringConvertible {
    /// From the log clock's first time to its last one, seconds.
    package var spanSeconds: Int64
    /// What a refresh with the present windows needs, seconds.
    package var neededSeconds: Int64

    package var description: String {
        "the log spans \(Self.text(spanSeconds)) of event time and \(Self.text(neededSeconds)) are "
            + "needed: labels come out of the last days, and what they are predicted from before "
            + "them; wait, set `refresh.label_days` and `refresh.future_days` lower, or try it "
            + "with --quick"
    }

    static func text(_ seconds: Int64) -> String {
        let days = Double(seconds) / 86_400
        return days >= 1 ? "\((days * 10).rounded() / 10) days" : "\(seconds) s"
    }
}

/// Room that a refresh needs and does not find.
package struct DiskNeed: Sendable, Equatable, CustomStringConvertible {
    package var path: String
    /// For states, examples, checkpoints and the next snapshot, beside what is written already.
    package var neededByteCount: Int64
    package var freeByteCount: Int64

    package var description: String {
        "\(path): \(Self.text(neededByteCount)) are needed (twice the states or the log, and a "
            + "snapshot) and \(Self.text(freeByteCount)) are free: "
            + "\(Self.text(neededByteCount - freeByteCount)) are missing; make room, or keep fewer "
            + "snapshots"
    }

    private static func text(_ bytes: Int64) -> String {
        bytes >= 10_000_000 ? "\(bytes / 1_000_000) MB" : "\(bytes) bytes"
    }
}

extension RefreshError {
    /// What a step of the job threw.
    init(_ error: any Error) {
        switch error {
        case let error as RefreshError: self = error
        case LearningError.cancelled, is CancellationError: self = .cancelled
        case let error as LearningError: self = .training(error.description)
        case PipelineError.stopping where Task.isCancelled: self = .cancelled
        case let error as PipelineError: self = .refold(error.description)
        case let error as SnapshotError: self = .publish(error.description)
        default: self = .work("\(error)")
        }
    }
}
