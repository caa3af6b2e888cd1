import EventLog
import Events

/// How long a user's events may wait to be put in order (DESIGN §4).
package struct OrderOptions: Hashable, Sendable {
    /// An event folds once the same user's newest event is more than this past it, seconds ≥ 0.
    package var latenessSeconds: Int64 = 300
    /// Events a user may have waiting; beyond it the oldest folds, ≥ 1.
    package var pendingLimit: Int = 256
    /// `event_id`s remembered per user, ≥ 0.
    package var eventIDLimit: Int = 64

    package init() {}
}

/// An event that waits until its place in the user's order is certain.
package struct PendingEvent: Hashable, Sendable {
    package var event: EnrichedEvent
    package var offset: LogOffset

    package init(event: EnrichedEvent, offset: LogOffset) {
        self.event = event
        self.offset = offset
    }

    /// The folding order: event time, then type order, then log order.
    func precedes(_ other: PendingEvent) -> Bool {
        let mine = event.event
        let others = other.event.event
        if mine.seconds != others.seconds { return mine.seconds < others.seconds }
        if mine.kind != others.kind { return mine.kind.rawValue < others.kind.rawValue }
        return offset < other.offset
    }
}

/// Puts one user's events into the order in which they are folded.
///
/// Nothing but the user's own events enters, so any delivery order within the lateness gives the
/// same folding order (DESIGN §1, invariant 1).
package struct OrderWindow: Hashable, Sendable {
    /// What became of an event on arrival.
    package enum Admission: Sendable {
        /// It waits; `popReady` hands it out when its place is certain.
        case pending
        /// It is older than the last folded event: fold it now, out of order.
        case late
        /// Its `event_id` was seen before.
        case duplicate
    }

    /// Ascending in folding order.
    package private(set) var pending: [PendingEvent] = []
    /// Time of the newest event that arrived, seconds since 1970; nil before the first.
    package private(set) var newestSeconds: Int64?
    /// Time of the newest event handed out, seconds since 1970; nil before the first.
    package private(set) var foldedSeconds: Int64?
    /// Hashes of the latest `event_id`s, oldest first.
    package private(set) var eventIDs: [UInt64] = []

    package init() {}

    /// Restores a stored window.
    package init(
        pending: [PendingEvent], newestSeconds: Int64?, foldedSeconds: Int64?, eventIDs: [UInt64]
    ) {
        self.pending = pending
        self.newestSeconds = newestSeconds
        self.foldedSeconds = foldedSeconds
        self.eventIDs = eventIDs
    }

    /// Takes an event in; afterwards call `popReady` until it returns nil.
    package mutating func admit(
        _ event: EnrichedEvent, at offset: LogOffset, _ options: OrderOptions
    ) -> Admission {
        let hash = event.event.eventIDHash
        if hash != 0, options.eventIDLimit > 0 {
            let isNew = Self.note(hash, in: &eventIDs, limit: options.eventIDLimit)
            if !isNew { return .duplicate }
        }
        let seconds = event.event.seconds
        newestSeconds = max(newestSeconds ?? seconds, seconds)
        if let foldedSeconds, seconds < foldedSeconds { return .late }
        insert(PendingEvent(event: event, offset: offset))
        return .pending
    }

    /// Remembers an event that is let by without being folded; false when its id was seen before.
    package mutating func notePassed(_ event: Event, _ options: OrderOptions) -> Bool {
        guard event.eventIDHash != 0, options.eventIDLimit > 0 else { return true }
        return Self.note(event.eventIDHash, in: &eventIDs, limit: options.eventIDLimit)
    }

    /// What is left of it when nothing of the user but seen `event_id`s may be kept.
    package var onlyEventIDs: OrderWindow {
        OrderWindow(pending: [], newestSeconds: nil, foldedSeconds: nil, eventIDs: eventIDs)
    }

    /// Remembers the hash of an `event_id`, the latest `limit` ≥ 1 of them; false when it is there
    /// already, and then nothing changes.
    package static func note(_ hash: UInt64, in eventIDs: inout [UInt64], limit: Int) -> Bool {
        if eventIDs.contains(hash) { return false }
        if eventIDs.count >= limit { eventIDs.removeFirst(eventIDs.count - limit + 1) }
        eventIDs.append(hash)
        return true
    }

    /// The next event whose place is certain, or whose waiting would exceed the bound.
    package mutating func popReady(_ options: OrderOptions) -> PendingEvent? {
        guard let first = pending.first, let newestSeconds else { return nil }
        let (age, overflow) = newestSeconds.subtractingReportingOverflow(first.event.event.seconds)
        let isReady = overflow || age > options.latenessSeconds
        return isReady || pending.count > options.pendingLimit ? popFirst() : nil
    }

    /// The next event in folding order, certain or not: what a read folds on its copy.
    package mutating func popFirst() -> PendingEvent? {
        guard !pending.isEmpty else { return nil }
        let first = pending.removeFirst()
        foldedSeconds = max(
            foldedSeconds ?? first.event.event.seconds, first.event.event.seconds)
        return first
    }

    private mutating func insert(_ event: PendingEvent) {
        var index = pending.count
        while index > 0, event.precedes(pending[index - 1]) { index -= 1 }
        pending.insert(event, at: index)
    }

    /// Traps when the window breaks its own rules; tests call it after every step.
    package func checkInvariants(_ options: OrderOptions) {
        precondition(pending.count <= options.pendingLimit, "pending list over its bound")
        precondition(eventIDs.count <= options.eventIDLimit, "event ids over their bound")
        for (left, right) in zip(pending, pending.dropFirst()) {
            // Equal only when one was replayed at the other's place; then they stand as they came.
            precondition(!right.precedes(left), "pending list out of order")
        }
        if let foldedSeconds, let first = pending.first {
            precondition(first.event.event.seconds >= foldedSeconds, "late event kept waiting")
        }
    }
}
