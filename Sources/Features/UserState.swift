import EventLog
import Events
import Sessions

/// Bounds and rules of the fold; part of the definition of a state, so frozen with a generation.
package struct FoldOptions: Hashable, Sendable {
    package var order = OrderOptions()
    package var sessions = SessionOptions()
    /// Keys kept in each of a user's six tables, ≥ 1.
    package var mapKeyLimit = 256
    /// N: rows kept per user, ≥ 1.
    package var rowWindow = 64

    package init() {}
}

/// Everything the fold knows of one user but the encoders' hidden states.
///
/// A pure function of the generation's frozen statistics, the options, and the user's own enriched
/// events in log order (DESIGN §1, invariant 1).
package struct UserState: Hashable, Sendable {
    /// Offset of the record at which the user's first event was admitted: that event's own, or, if
    /// it was held, that of the record that released it.
    package var firstOffset: LogOffset
    package var window = OrderWindow()
    /// Time of the first folded event, seconds since 1970; nil before it.
    package var firstSeconds: Int64?
    /// When the latest row was placed; nil before the first row.
    package var lastRowSeconds: Int64?
    package var activity = Activity()
    /// Lanes buy, add, remove; every event weighs 1 in the entropy.
    package var items = KeyedCounts()
    package var categories = KeyedCounts()
    package var nameClusters = KeyedCounts()
    /// Lane 0: visits; urls have no entropy in a row.
    package var urls = KeyedCounts()
    /// Lane 0: searches; every closed session weighs 1 in the entropy, under its first query.
    package var queries = KeyedCounts()
    package var queryClusters = KeyedCounts()
    package var visitSession: OpenSession?
    package var searchSession: OpenSession?
    package var weeks = WeekRing()
    package var rows: RowWindow

    /// A user whose first event was admitted at the given offset.
    package init(firstOffset: LogOffset, options: FoldOptions) {
        self.firstOffset = firstOffset
        rows = RowWindow(limit: options.rowWindow)
    }

    /// Traps when the state breaks its own rules; tests call it after every step.
    package func checkInvariants(_ options: FoldOptions) {
        window.checkInvariants(options.order)
        precondition(items.entries.count <= options.mapKeyLimit, "item table over its bound")
        precondition(rows.count <= options.rowWindow, "row window over its bound")
        precondition(
            Int64(rows.count) == min(rows.totalCount, Int64(options.rowWindow)), "rows missing")
        for session in [visitSession, searchSession].compactMap(\.self) {
            precondition(session.start <= session.last, "session ends before it starts")
        }
    }
}

/// A user's exact totals; none of them is bounded by the key tables.
package struct Activity: Hashable, Sendable {
    /// Folded events by `EventKind.rawValue`; lanes 5…7 stay 0.
    package var counts = SIMD8<UInt32>(repeating: 0)
    /// Largest event time by `EventKind.rawValue`, seconds since 1970; 0 where `counts` is 0.
    package var lastSeconds = SIMD8<Int64>(repeating: 0)
    /// Closed sessions, visits and searches.
    package var visitSessionCount: UInt32 = 0
    package var searchSessionCount: UInt32 = 0
    /// Sums over closed sessions.
    package var visitSeconds: Int64 = 0
    package var searchSeconds: Int64 = 0
    package var nearbyCount: Int64 = 0
    /// Distinct UTC days with a folded event, counted when the day moves on.
    package var activeDayCount: UInt32 = 0
    package var newestDay: Int64 = .min
    /// Purchases and cart additions of items with a known price, and the sums of their buckets.
    package var pricedBuyCount: UInt32 = 0
    package var buyPriceSum: Int64 = 0
    package var buyPriceMinimum: UInt8 = 100
    package var buyPriceMaximum: UInt8 = 0
    package var pricedAddCount: UInt32 = 0
    package var addPriceSum: Int64 = 0
    /// Sum over product events of log1p(purchases of the item by everybody).
    package var popularitySum: Double = 0
    /// Product events on items, and in categories, of the top lists.
    package var topItemCount: UInt32 = 0
    package var topCategoryCount: UInt32 = 0
    package var lateCount: UInt32 = 0

    package init() {}

    /// Folded events of a kind.
    package func count(_ kind: EventKind) -> UInt32 { counts[Int(kind.rawValue)] }

    /// Folded product events.
    package var productCount: UInt32 {
        count(.addToCart) &+ count(.removeFromCart) &+ count(.productBuy)
    }

    /// Folded events of all kinds.
    package var eventCount: Int64 { (0..<5).reduce(0) { $0 + Int64(counts[$1]) } }

    /// Counts an event on arrival in the fold.
    mutating func add(_ event: Event, isLate: Bool) {
        let lane = Int(event.kind.rawValue)
        lastSeconds[lane] =
            counts[lane] == 0 ? event.seconds : max(lastSeconds[lane], event.seconds)
        counts[lane] &+= 1
        let day = Calendar.day(event.seconds)
        if activeDayCount == 0 || day > newestDay {
            activeDayCount &+= 1
            newestDay = day
        }
        if isLate { lateCount &+= 1 }
    }
}
