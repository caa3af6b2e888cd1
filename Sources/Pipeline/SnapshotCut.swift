import EventLog
import Events
import Profiles

/// A consistent cut being written out while the ingest goes on (DESIGN §8).
///
/// Users are taken in ascending order. A user about to change who was not yet taken is handed over
/// as it was; users whose first record lies after the cut do not belong to it.
struct SnapshotCut {
    /// The records before this offset are in the cut.
    let offset: LogOffset
    let asOf: Int64
    /// Only users with an event at or after this time, seconds since 1970; nil for a list.
    let activeSince: Int64?
    /// Exactly these users, ascending; nil for all active ones.
    let listed: [UserID]?

    /// The next user to take is at or after this one; nil when all were taken.
    private(set) var next: UserID?
    /// Users written so far.
    var writtenCount: Int64 = 0
    /// Users whom the store did not show yet when the cut was made, ascending.
    private var unstored: [UserID]
    private var handedOver: [UserID: ProfileBuilder.Input] = [:]

    init(
        offset: LogOffset, asOf: Int64, activeSince: Int64?, listed: [UserID]?,
        unstored: [UserID]
    ) {
        self.offset = offset
        self.asOf = asOf
        self.activeSince = activeSince
        self.listed = listed
        self.unstored = unstored
        next = UserID(rawValue: .min)
    }

    /// Whether so many users wait that the ingest must too.
    func isFull(_ limit: Int) -> Bool { handedOver.count >= limit }

    /// Whether a user about to change must be handed over first.
    func needs(_ user: UserID) -> Bool {
        guard let next, user >= next else { return false }
        return handedOver[user] == nil
    }

    /// Keeps a user as it was.
    mutating func handOver(_ user: UserID, _ input: ProfileBuilder.Input) {
        handedOver[user] = input
    }

    /// A user as it was at the cut, if it has changed since.
    mutating func takeHandedOver(_ user: UserID) -> ProfileBuilder.Input? {
        handedOver.removeValue(forKey: user)
    }

    /// The users to take now, ascending, out of the stored ones from `next` on.
    ///
    /// `stored` has at most `limit` users; fewer mean that there are no more.
    mutating func take(stored: [UserID], limit: Int) -> [UserID] {
        guard let next else { return [] }
        let isLast = stored.count < limit
        let bound = stored.last
        var fresh: [UserID] = []
        while let first = unstored.first, isLast || first <= (bound ?? first) {
            fresh.append(first)
            unstored.removeFirst()
        }
        let merged = Set(stored).union(fresh.filter { $0 >= next }).sorted()
        advance(past: isLast ? nil : merged.last)
        return merged
    }

    /// The next listed users, at most `limit`.
    mutating func takeListed(limit: Int) -> [UserID] {
        guard let next, let listed else { return [] }
        let rest = listed.drop { $0 < next }
        let taken = Array(rest.prefix(limit))
        advance(past: rest.count > limit ? taken.last : nil)
        return taken
    }

    private mutating func advance(past user: UserID?) {
        guard let user, user.rawValue < .max else {
            next = nil
            return
        }
        next = UserID(rawValue: user.rawValue + 1)
    }
}
