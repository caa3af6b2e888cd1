import EventLog
import Events
import Snapshots

/// Whom a fold skips, and how (docs/forgetting.md).
///
/// The events of a user who is forgotten *further on* are let by: they move the log clock and are
/// told from repeated ones as they were when they were first read, but nothing of them is folded.
/// Those of a user who was forgotten for good are dropped as they come.
package struct ForgottenUsers: Sendable, Equatable {
    /// Inputs that this fold has yet to come to, by user.
    private var leaving: [UserID: Int] = [:]
    /// Users whose latest applied input lets none of their events count any more.
    private var away: Set<UserID> = []
    /// Where each user was forgotten last, of all inputs known, and whether for good.
    private var cuts: [UserID: Cut] = [:]
    /// The highest input that is known here.
    package private(set) var lastInput: Int64 = 0

    private struct Cut: Equatable {
        var place: RecordPlace
        var isForGood: Bool
    }

    /// Nobody.
    package init() {}

    /// Everybody whom the inputs forget, ascending by id; those up to `applied` took effect.
    package init(_ inputs: [LogInput], applied: Int64) {
        for input in inputs {
            learn(input)
            if input.id <= applied { apply(input) }
        }
    }

    /// Whether it skips nobody.
    package var isEmpty: Bool { cuts.isEmpty }

    /// Whether the user is forgotten further on in the log.
    func isLeaving(_ user: UserID) -> Bool { leaving[user] != nil }

    /// Whether the user was forgotten for good.
    func isAway(_ user: UserID) -> Bool { away.contains(user) }

    /// Whether nobody may be told anything of the user.
    func isHidden(_ user: UserID) -> Bool { isLeaving(user) || isAway(user) }

    /// Whether an event at `place` is never to be looked at again, by whoever reads the log anew.
    package func skips(_ user: UserID, at place: RecordPlace) -> Bool {
        guard let cut = cuts[user] else { return false }
        return cut.isForGood || place < cut.place
    }

    /// Where the user was forgotten last.
    func cut(of user: UserID) -> RecordPlace? { cuts[user]?.place }

    /// Takes up an input that the fold will come to; whom it forgets, or nil when it is known.
    @discardableResult
    mutating func learn(_ input: LogInput) -> UserID? {
        guard input.id > lastInput, let user = input.forgottenUser else { return nil }
        lastInput = input.id
        leaving[user, default: 0] += 1
        cuts[user] = Cut(place: input.place, isForGood: input.kind == .forget)
        return user
    }

    /// The fold has come to the input.
    mutating func apply(_ input: LogInput) {
        guard let user = input.forgottenUser, let count = leaving[user] else { return }
        leaving[user] = count > 1 ? count - 1 : nil
        if input.kind == .forget { away.insert(user) } else { away.remove(user) }
    }
}
