import Events
import Features
import Sessions

/// Recent event ids of users whom a pass over the log does not fold.
///
/// Whether an event is repeated decides whether it moves the log clock, so a pass must know it of
/// everybody, as it does live.
struct UnfoldedUsers: Sendable {
    private let limit: Int
    private var eventIDs: [UserID: [UInt64]] = [:]

    /// - Parameter limit: ids that are remembered of a user; 0 remembers none.
    init(eventIDLimit limit: Int) { self.limit = limit }

    /// Takes over the ids of a user whom the pass has folded until now, oldest first.
    mutating func add(_ user: UserID, _ hashes: [UInt64]) {
        if !hashes.isEmpty { eventIDs[user] = hashes }
    }

    /// Lets an event through: `duplicate` when its id was seen already.
    mutating func pass(_ event: Event) -> Reducer.Outcome {
        isNew(event) ? .unfolded : Reducer.Outcome(admission: .duplicate, foldedCount: 0)
    }

    /// Notes an event's id; false when it was seen already.
    mutating func isNew(_ event: Event) -> Bool {
        guard event.eventIDHash != 0, limit > 0 else { return true }
        return OrderWindow.note(
            event.eventIDHash, in: &eventIDs[event.user, default: []], limit: limit)
    }
}
