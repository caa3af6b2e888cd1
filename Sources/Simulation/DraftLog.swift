import Events
import Storage

/// One event before it is written: 12 bytes.
struct Draft {
    /// Place in the day's log, ticks of 5 s since midnight.
    let tick: UInt16
    /// How much later the event stands in the log than its time, ticks.
    let delay: UInt16
    /// Index of the user.
    let user: UInt32
    /// Kind (3 bits) and index of the item, url or query (29 bits).
    private let payload: UInt32

    init(tick: Int, delay: Int, user: Int, kind: EventKind, key: Int) {
        self.tick = UInt16(tick)
        self.delay = UInt16(delay)
        self.user = UInt32(user)
        payload = UInt32(kind.rawValue) << 29 | UInt32(key)
    }

    var kind: EventKind? { EventKind(rawValue: UInt8(payload >> 29)) }
    var key: Int { Int(payload & 0x1FFF_FFFF) }
}

/// All drafts, by the day in whose log they stand.
///
/// 12 bytes an event and what the arrays have in reserve; a day's are let go when they are written.
struct DraftLog {
    private var days: [[Draft]]

    init(dayCount: Int) { days = Array(repeating: [], count: dayCount) }

    /// Adds an event of a day; one that is delayed past the log's end stands on its last tick.
    mutating func append(
        day: Int, tick: Int, delay: Int, user: Int, kind: EventKind, key: Int
    ) {
        var day = day
        var place = tick + delay
        if place >= Calendar.dayTickCount {
            place = day + 1 < days.count ? place - Calendar.dayTickCount : Calendar.dayTickCount - 1
            day = min(day + 1, days.count - 1)
        }
        days[day].append(Draft(tick: place, delay: delay, user: user, kind: kind, key: key))
    }

    /// The day's drafts in log order, which are not kept: by tick, equal ticks as they were added.
    mutating func take(_ day: Int) -> [Draft] {
        let drafts = days[day]
        days[day] = []
        guard let first = drafts.first else { return [] }
        // A counting sort: stable, and one pass each over ticks and drafts.
        var places = [Int](repeating: 0, count: Calendar.dayTickCount + 1)
        for draft in drafts { places[Int(draft.tick) + 1] += 1 }
        for tick in 1...Calendar.dayTickCount { places[tick] += places[tick - 1] }
        var sorted = [Draft](repeating: first, count: drafts.count)
        for draft in drafts {
            sorted[places[Int(draft.tick)]] = draft
            places[Int(draft.tick)] += 1
        }
        return sorted
    }

    /// Events that are waiting to be written.
    var count: Int { days.reduce(0) { $0 + $1.count } }
}
