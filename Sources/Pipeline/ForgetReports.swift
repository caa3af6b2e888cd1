import EventLog
import Events
import Snapshots

/// Parameters of `user.forget`.
package struct ForgetRequest: Sendable, Equatable {
    package var user: UserID
    /// For the list of suppressions; at most 500 bytes.
    package var reason: String
    /// Whether events behind the place count again.
    package var allowsReturn = false
    package var isDryRun = false

    package init(
        user: UserID, reason: String, allowsReturn: Bool = false, isDryRun: Bool = false
    ) {
        self.user = user
        self.reason = reason
        self.allowsReturn = allowsReturn
        self.isDryRun = isDryRun
    }
}

/// Answer to `user.forget`.
package struct ForgetReport: Sendable, Equatable {
    package var user: UserID
    /// Whether anything was held about the user in the live state.
    package var isKnown = false
    /// Whether the user was forgotten for good before; then nothing was done.
    package var isAlready = false
    /// The input that forgets the user; nil when nothing was done.
    package var input: Int64?
    /// Where in the log it takes effect, and how many records lie before it.
    package var place: RecordPlace
    package var offset: LogOffset
    /// Events and rows that the live state had of the user.
    package var events: Int64 = 0
    package var rows: Int64 = 0

    package init(user: UserID, place: RecordPlace, offset: LogOffset) {
        self.user = user
        self.place = place
        self.offset = offset
    }
}

/// A page of forgotten users.
package struct SuppressionPage: Sendable, Equatable {
    package var items: [Suppression]
    /// Input of the last one when there are more.
    package var next: Int64?
    /// Erasures that are still going on, over all pages.
    package var pendingCount: Int64

    package init(items: [Suppression], next: Int64?, pendingCount: Int64) {
        self.items = items
        self.next = next
        self.pendingCount = pendingCount
    }
}
