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
    /// Users whom the store did not show yet when the cut was made, ascending, and how many of them
    /// are behind `next`.
    private let unstored: [UserID]
    private var passedUnstored = 0
    /// Listed users who were taken.
    private var takenListed = 0
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

    /// Whether so many users wait that the ingest must too; never once all were taken.
    func isFull(_ limit: Int) -> Bool { next != nil && handedOver.count >= limit }

    /// Whether a user about to change must be handed over first.
    func needs(_ user: UserID) -> Bool {
        guard let next, user >= next, handedOver[user] == nil else { return false }
        guard let listed else { return true }
        let place = Self.firstPlace(in: listed, atOrAfter: user)
        return place < listed.count && listed[place] == user
    }

    /// Keeps a user as it was.
    mutating func handOver(_ user: UserID, _ input: ProfileBuilder.Input) {
        handedOver[user] = input
    }

    /// A user as it was at the cut, if it has changed since.
    mutating func takeHandedOver(_ user: UserID) -> ProfileBuilder.Input? {
        handedOver.removeValue(forKey: user)
    }

    /// The users to take now, ascending, at most `limit`, out of the stored ones from `next` on.
    ///
    /// `stored` has at most `limit` users; fewer mean that there are no more.
    mutating func take(stored: [UserID], limit: Int) -> [UserID] {
        guard let next else { return [] }
        while passedUnstored < unstored.count, unstored[passedUnstored] < next {
            passedUnstored += 1
        }
        let fresh = unstored[passedUnstored...].prefix(limit)
        let merged = Set(stored).union(fresh).sorted()
        let taken = Array(merged.prefix(limit))
        let isLast =
            stored.count < limit && passedUnstored + fresh.count == unstored.count
            && merged.count <= limit
        advance(past: isLast ? nil : taken.last)
        return taken
    }

    /// The next listed users, at most `limit`.
    mutating func takeListed(limit: Int) -> [UserID] {
        guard next != nil, let listed else { return [] }
        let taken = Array(listed[takenListed...].prefix(limit))
        takenListed += taken.count
        advance(past: takenListed < listed.count ? taken.last : nil)
        return taken
    }

    private static func firstPlace(in users: [UserID], atOrAfter user: UserID) -> Int {
        var low = 0
        var high = users.count
        while low < high {
            let middle = (low + high) / 2
            if users[middle] < user { low = middle + 1 } else { high = middle }
        }
        return low
    }

    private mutating func advance(past user: UserID?) {
        guard let user, user.rawValue < .max else {
            next = nil
            return
        }
        next = UserID(rawValue: user.rawValue + 1)
    }
}
