import Pipeline
import Sessions

/// Which event times statistics are fitted to: `[from, to)`, seconds since 1970.
///
/// With `to` = T this is DESIGN §6's fit(T): it reads nothing at or after T, neither events nor,
/// once the log clock has reached T, what the catalogue learns.
package struct FitWindow: Sendable, Hashable {
    /// Inclusive.
    package var from: Int64
    /// Exclusive.
    package var to: Int64

    package init(from: Int64 = .min, to: Int64 = .max) {
        self.from = from
        self.to = to
    }

    /// Whether an event belongs to it.
    func contains(_ seconds: Int64) -> Bool { seconds >= from && seconds < to }

    /// Whether the log has passed it.
    func isOver(_ intake: Intake) -> Bool { intake.clock.seconds.map { $0 >= to } ?? false }
}
