import EventLog
import Events

/// The K-th largest newest-event time over distinct users (DESIGN §4).
///
/// Users' newest times only rise, so the K largest are exact with K entries: a user that fell out
/// comes back only with a larger time.
package struct LogClock: Hashable, Sendable {
    /// One user's newest event time.
    package struct Entry: Hashable, Sendable {
        package var user: UserID
        package var seconds: Int64

        package init(user: UserID, seconds: Int64) {
            self.user = user
            self.seconds = seconds
        }
    }

    /// K ≥ 1: how many users must agree on a time.
    package let userCount: Int
    /// The largest newest times, descending by (seconds, user); at most K.
    package private(set) var entries: [Entry]

    package init(userCount: Int, entries: [Entry] = []) {
        precondition(userCount >= 1, "LogClock: K = \(userCount), want ≥ 1")
        self.userCount = userCount
        self.entries = Array(entries.sorted(by: Self.precedes).prefix(userCount))
    }

    /// Event time, seconds since 1970; nil until K users have been seen.
    package var seconds: Int64? {
        entries.count == userCount ? entries[userCount - 1].seconds : nil
    }

    /// The largest time any user has shown; nil before the first event.
    package var newestSeconds: Int64? { entries.first?.seconds }

    /// Notes that `user` has an event at `seconds`.
    package mutating func observe(_ user: UserID, _ seconds: Int64) {
        if entries.count == userCount, seconds <= entries[userCount - 1].seconds { return }
        if let index = entries.firstIndex(where: { $0.user == user }) {
            guard entries[index].seconds < seconds else { return }
            entries.remove(at: index)
        } else if entries.count == userCount {
            entries.removeLast()
        }
        let entry = Entry(user: user, seconds: seconds)
        let place = entries.firstIndex { Self.precedes(entry, $0) } ?? entries.count
        entries.insert(entry, at: place)
    }

    /// Stands in for users who were forgotten: their times stay, or the clock would fall back.
    package static let nobody = UserID(rawValue: .min)

    /// Keeps the time that `user` has shown, and not whose it was.
    package mutating func forget(_ user: UserID) {
        guard entries.contains(where: { $0.user == user }) else { return }
        for index in entries.indices where entries[index].user == user {
            entries[index].user = Self.nobody
        }
        entries.sort(by: Self.precedes)
    }

    private static func precedes(_ left: Entry, _ right: Entry) -> Bool {
        left.seconds != right.seconds ? left.seconds > right.seconds : left.user < right.user
    }
}

/// How far ahead of the log clock an event may be, and how many that are further may wait.
package struct ClockOptions: Hashable, Sendable {
    /// K of the log clock, ≥ 1.
    package var users: Int = 3
    /// An event further ahead of the clock than this is held; seconds.
    package var maximumJumpSeconds: Int64 = 604_800
    /// Events that may be held; beyond it they are quarantined.
    package var heldLimit: Int = 10_000

    package init() {}
}

/// Events too far ahead of the log clock, held until K users agree that time has moved on.
///
/// This is the one place where other users matter, and only to a user whose clock may be wrong.
package struct HeldEvents: Hashable, Sendable {
    /// In log order.
    package private(set) var events: [PendingEvent]

    package init(events: [PendingEvent] = []) { self.events = events }

    /// Whether an event at `seconds` must wait for others to agree.
    package static func mustHold(
        _ seconds: Int64, clock: LogClock, _ options: ClockOptions
    ) -> Bool {
        guard let now = clock.seconds else { return false }
        let (jump, overflow) = seconds.subtractingReportingOverflow(now)
        return overflow ? seconds > now : jump > options.maximumJumpSeconds
    }

    /// Holds an event; false when the list is full, or a sixteenth of it is this user's already.
    ///
    /// The share keeps one broken clock from filling the list, which would leave no room for the
    /// K users whose agreement ends a pause of the whole shop.
    package mutating func hold(_ event: PendingEvent, _ options: ClockOptions) -> Bool {
        guard hasRoom(for: event.event.event.user, options) else { return false }
        events.append(event)
        return true
    }

    /// Whether one more event of `user` may be held, when `others` of anybody and, among them,
    /// `own` of this user come before it.
    package func hasRoom(
        for user: UserID, others: Int = 0, own: Int = 0, _ options: ClockOptions
    ) -> Bool {
        guard events.count + others < options.heldLimit else { return false }
        let share = max(options.heldLimit / 16, min(options.heldLimit, 64))
        return events.count(where: { $0.event.event.user == user }) + own < share
    }

    /// Takes out the events of a user; how many there were.
    package mutating func remove(_ user: UserID) -> Int {
        let count = events.count
        events.removeAll { $0.event.event.user == user }
        return count - events.count
    }

    /// Leaves of a user's events no more than their times, and what tells a repeated one.
    package mutating func blank(_ user: UserID) {
        for index in events.indices where events[index].event.event.user == user {
            events[index].event = EnrichedEvent(
                events[index].event.event.blanked, CatalogueEntry())
        }
    }

    /// Takes out, in log order, every event that is not too far ahead any more.
    ///
    /// The clock to compare with counts held events too: once K users show times after a pause,
    /// their own newest events move it.
    package mutating func release(clock: LogClock, _ options: ClockOptions) -> [PendingEvent] {
        guard !events.isEmpty else { return [] }
        var agreed = clock
        for held in events { agreed.observe(held.event.event.user, held.event.event.seconds) }
        var released: [PendingEvent] = []
        var kept: [PendingEvent] = []
        for held in events {
            if Self.mustHold(held.event.event.seconds, clock: agreed, options) {
                kept.append(held)
            } else {
                released.append(held)
            }
        }
        events = kept
        return released
    }
}
