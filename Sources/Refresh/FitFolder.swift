import EventLog
import Events
import Features
import Sessions

/// What a fit looks at while users are folded.
protocol FitObserver: Sendable {
    /// Notes what the fold of some events of a user has left in the scratch.
    mutating func observe(_ scratch: FoldScratch, _ tally: inout KeyTally)
}

/// Users of a fit, from their first event to their settled state.
struct FitFolder<Observer: FitObserver>: RangeFolder {
    var table = RangeTable<FittedUser>()
    var observer: Observer

    private let reducer: Reducer
    private var scratch = FoldScratch()

    /// - Parameters:
    ///   - reducer: of the statistics that are known so far.
    ///   - observer: called after each event.
    init(_ reducer: Reducer, _ observer: Observer) {
        self.reducer = reducer
        self.observer = observer
        scratch.collectsRaw = true
    }

    /// The rules of a fit's fold: it reads no row of the past, the fit none at all, and an event that
    /// repeats an id does not come here.
    static func reducer(_ statistics: FrozenStatistics, _ options: FoldOptions) -> Reducer {
        var options = options
        options.rowWindow = 1
        options.order.eventIDLimit = 0
        return Reducer(statistics: statistics, options: options)
    }

    mutating func take(_ event: EnrichedEvent, at offset: LogOffset) {
        let user = event.event.user
        let place =
            table.place(of: user)
            ?? table.add(FittedUser(firstOffset: offset, options: reducer.options), of: user)
        scratch.removeRows()
        _ = reducer.admit(event, at: offset, into: &place.record.state, &scratch)
        note(&place.record)
        table.recount(place)
    }

    /// Settles every user, as a read would at the end.
    mutating func settle() {
        for place in table.all {
            scratch.removeRows()
            _ = reducer.settled(place.record.state, &scratch)
            note(&place.record)
            place.record.tally.merge()
        }
    }

    /// Hands out everybody, in no order, and forgets them.
    mutating func handOut(_ body: (inout FittedUser) -> Void) {
        for place in table.all { body(&place.record) }
        table = RangeTable()
    }

    private mutating func note(_ user: inout FittedUser) {
        user.rowCount += Int64(scratch.keys.count)
        observer.observe(scratch, &user.tally)
    }
}

/// A user's state, and what a fit counts of it.
struct FittedUser: RangeRecord {
    var state: UserState
    var tally = KeyTally()
    /// Rows committed, and at the end those that a read adds.
    var rowCount: Int64 = 0

    init(firstOffset: LogOffset, options: FoldOptions) {
        state = UserState(firstOffset: firstOffset, options: options)
    }

    /// Estimated bytes in memory.
    var byteCount: Int64 {
        var arrays = tally.byteCount
        var count = arrays > 0 ? 1 : 0
        for table in [
            state.items, state.categories, state.nameClusters, state.urls, state.queries,
            state.queryClusters,
        ] where !table.entries.isEmpty {
            arrays += table.byteCount
            count += 1
        }
        let pending = state.window.pending.capacity * MemoryLayout<PendingEvent>.stride
        let ids = state.window.eventIDs.capacity * 8
        let rows =
            state.rows.halves.capacity * 2
            + state.rows.keys.capacity * MemoryLayout<RowKey>.stride
        // 96 bytes for headers and for the table's places, free ones and those of the table that it
        // grows out of; an array's header is 32.
        return Int64(
            MemoryLayout<Self>.stride + 96 + arrays + pending + ids + rows + 32 * (count + 4))
    }
}
