import EventLog
import Events
import Features
import Sessions

/// What stands between the log and the users: catalogue, log clock, held events, counters.
///
/// It looks at records in log order; each event leaves it enriched, for one user's fold. The
/// daemon and the refresh use the same one, so that a re-fold meets the same events.
package struct Intake: Sendable {
    package private(set) var catalogue: Catalogue
    package private(set) var clock: LogClock
    package private(set) var held: HeldEvents
    package private(set) var counters: RecordCounters
    /// Catalogue entries that changed since the last `takeChanges`.
    private var changedItems: [ItemID: CatalogueEntry] = [:]
    private let options: ClockOptions
    /// No held event is earlier than this; `.max` when none is held.
    private var earliestHeld: Int64

    package init(
        options: ClockOptions, catalogue: Catalogue = Catalogue(), clock: LogClock? = nil,
        held: HeldEvents = HeldEvents(), counters: RecordCounters = RecordCounters()
    ) {
        self.options = options
        self.catalogue = catalogue
        self.clock = clock ?? LogClock(userCount: options.users)
        self.held = held
        self.counters = counters
        earliestHeld = held.events.map(\.event.event.seconds).min() ?? .max
    }

    /// Event time a read speaks for unless it names another: the log clock, or, before enough
    /// users have been seen, the newest time any has shown; 0 before the first event.
    package var asOf: Int64 { clock.seconds ?? clock.newestSeconds ?? 0 }

    /// Takes one entry of a parsed chunk.
    ///
    /// - Parameters:
    ///   - entry: a record, or why it is none.
    ///   - offset: the entry's place in the log.
    ///   - deliver: folds an event into its user's state.
    /// - Returns: a reason when the record was refused here.
    package mutating func take(
        _ entry: ParsedChunk.Entry, at offset: LogOffset,
        deliver: (EnrichedEvent, LogOffset) throws -> Reducer.Outcome
    ) rethrows -> Refusal? {
        switch entry {
        case .refused(let error):
            counters.read += 1
            counters.quarantined += 1
            return Refusal(code: error.reasonCode, reason: error.description)
        case .record(.blank):
            counters.blank += 1
        case .record(.catalogue(let update)):
            counters.catalogue += 1
            if let entry = catalogue.apply(update) { changedItems[update.item] = entry }
        case .record(.event(let event)):
            counters.read += 1
            return try take(
                PendingEvent(event: catalogue.enrich(event), offset: offset), deliver)
        }
        return nil
    }

    /// Counts a record that is set aside without being looked at.
    package mutating func setAside() {
        counters.read += 1
        counters.quarantined += 1
    }

    /// Takes a record that was set aside before: it is counted as what it now becomes.
    ///
    /// `offset` is that of the record before it. Returns a reason when it stays set aside.
    package mutating func replay(
        _ record: Record, at offset: LogOffset,
        deliver: (EnrichedEvent, LogOffset) throws -> Reducer.Outcome
    ) rethrows -> Refusal? {
        counters.read -= 1
        counters.quarantined -= 1
        return try take(.record(record), at: offset, deliver: deliver)
    }

    /// Counts an event of a user who stays away for good; nothing else of it is looked at.
    package mutating func suppress() {
        counters.read += 1
        counters.suppressed += 1
    }

    /// Counts events as suppressed that were folded, or waited, until their user was forgotten.
    package mutating func suppress(applied: Int64, late: Int64, pending: Int64) {
        counters.applied -= applied
        counters.late -= late
        counters.pending -= pending
        counters.suppressed += applied + late + pending
    }

    /// Leaves of a user's held events no more than what decides when they are released.
    package mutating func blankHeld(_ user: UserID) { held.blank(user) }

    /// Drops a user's held events and keeps no trace of the user in the log clock.
    package mutating func forget(_ user: UserID) {
        let count = Int64(held.remove(user))
        counters.held -= count
        counters.suppressed += count
        earliestHeld = held.events.map(\.event.event.seconds).min() ?? .max
        clock.forget(user)
    }

    /// Why an event that is too far ahead is refused when no more may be held.
    package func tooFarAhead(_ event: Event) -> Refusal {
        Refusal(
            code: "too_far_ahead",
            reason: "user \(event.user): timestamp \(event.seconds) s is more than "
                + "\(options.maximumJumpSeconds) s ahead of the log clock, and "
                + "\(options.heldLimit) events, or a sixteenth of that of this user, are held "
                + "already; check the producer's clock, or raise `clock.held_events`")
    }

    /// Adds to the count of ignored fields.
    package mutating func countUnknownFields(_ count: Int) {
        counters.unknownFields += Int64(count)
    }

    /// The catalogue entries that changed since the last call, ascending by item.
    package mutating func takeChanges() -> [(item: ItemID, entry: CatalogueEntry)] {
        defer { changedItems.removeAll(keepingCapacity: true) }
        return changedItems.sorted { $0.key < $1.key }.map { (item: $0.key, entry: $0.value) }
    }

    private mutating func take(
        _ event: PendingEvent, _ deliver: (EnrichedEvent, LogOffset) throws -> Reducer.Outcome
    ) rethrows -> Refusal? {
        let seconds = event.event.event.seconds
        if HeldEvents.mustHold(seconds, clock: clock, options) {
            guard held.hold(event, options) else {
                counters.quarantined += 1
                return tooFarAhead(event.event.event)
            }
            counters.held += 1
            earliestHeld = min(earliestHeld, seconds)
        } else {
            try admit(event, deliver)
        }
        if couldRelease(on: seconds) { try release(deliver) }
        return nil
    }

    /// Whether an event at `seconds` can have changed which held events must wait: a time earlier
    /// than every held one less the allowed jump raises no K-th largest far enough.
    private func couldRelease(on seconds: Int64) -> Bool {
        guard !held.events.isEmpty else { return false }
        let (bound, overflow) = earliestHeld.subtractingReportingOverflow(
            options.maximumJumpSeconds)
        return overflow || seconds >= bound
    }

    private mutating func release(
        _ deliver: (EnrichedEvent, LogOffset) throws -> Reducer.Outcome
    ) rethrows {
        let released = held.release(clock: clock, options)
        guard !released.isEmpty else { return }
        earliestHeld = held.events.map(\.event.event.seconds).min() ?? .max
        for event in released {
            counters.held -= 1
            try admit(event, deliver)
        }
    }

    private mutating func admit(
        _ event: PendingEvent, _ deliver: (EnrichedEvent, LogOffset) throws -> Reducer.Outcome
    ) rethrows {
        let outcome = try deliver(event.event, event.offset)
        switch outcome.admission {
        case .duplicate: counters.duplicate += 1
        case _ where outcome.isSuppressed: counters.suppressed += 1
        case .late: counters.late += 1
        case .pending: counters.pending += 1
        }
        counters.pending -= Int64(outcome.foldedCount)
        counters.applied += Int64(outcome.foldedCount)
        if case .duplicate = outcome.admission { return }
        clock.observe(event.event.event.user, event.event.event.seconds)
    }
}

/// Why a record was set aside.
package struct Refusal: Hashable, Sendable {
    /// Short, stable: for quarantine and metrics.
    package var code: String
    package var reason: String

    package init(code: String, reason: String) {
        self.code = code
        self.reason = reason
    }
}
