import EventLog
import Events
import Profiles

/// Answer to `profile.predict`: one consistent cut.
package struct PredictionReply: Sendable {
    /// What one user will do.
    package struct Row: Sendable {
        package var user: UserID
        /// nil for a user no event of whom was applied.
        package var prediction: Prediction?
        /// Whether an event of the user was applied.
        package var isKnown: Bool { prediction != nil }

        package init(user: UserID, prediction: Prediction?) {
            self.user = user
            self.prediction = prediction
        }
    }

    package var space: Int64
    package var generation: Int64
    package var trained: Bool
    /// Event time they speak for: the log clock; nil before the first event.
    package var asOf: Int64?
    package var offset: LogOffset
    package var rows: [Row]

    package init(
        space: Int64, generation: Int64, trained: Bool, asOf: Int64?, offset: LogOffset, rows: [Row]
    ) {
        self.space = space
        self.generation = generation
        self.trained = trained
        self.asOf = asOf
        self.offset = offset
        self.rows = rows
    }
}
