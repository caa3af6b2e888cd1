import EventLog
import Events
import Features
import Sessions

/// One pass of a fit: the users of a range, from their first event to their settled state.
///
/// As `ExamplePass` does, it gives up users when they do not fit into memory; a later pass takes
/// them. What it hands out of a user is therefore only final once the pass is over.
struct FitPass {
    /// Shrinks when its users do not fit into memory.
    private(set) var users: UserRange

    private let reducer: Reducer
    private let memoryByteCount: Int64
    private var scratch = FoldScratch()
    private var folded = RangeTable<FittedUser>()
    private var unfolded: UnfoldedUsers

    /// - Parameters:
    ///   - users: whom it folds.
    ///   - reducer: of the statistics that are known so far.
    ///   - memoryByteCount: estimated bytes of states and tallies beyond which users are given up.
    init(users: UserRange, reducer: Reducer, memoryByteCount: Int64) {
        var fold = reducer.options
        // The fold reads no row of the past, and the fit none at all.
        fold.rowWindow = 1
        self.reducer = Reducer(statistics: reducer.statistics, options: fold)
        self.users = users
        self.memoryByteCount = memoryByteCount
        unfolded = UnfoldedUsers(eventIDLimit: fold.order.eventIDLimit)
        scratch.collectsRaw = true
    }

    /// Takes an event that the intake lets through.
    ///
    /// - Parameters:
    ///   - event: inside the window of the fit.
    ///   - offset: its place in the log.
    ///   - observe: called with what the fold left in the scratch, and the user's own tally.
    /// - Returns: what the intake counts; an event of a user outside the range is let through.
    mutating func take(
        _ event: EnrichedEvent, at offset: LogOffset,
        observe: (FoldScratch, inout KeyTally) -> Void
    ) -> Reducer.Outcome {
        let user = event.event.user
        guard users.contains(user) else { return unfolded.pass(event.event) }
        scratch.removeRows()
        let place =
            folded.place(of: user)
            ?? folded.add(
                FittedUser(firstOffset: offset, options: reducer.options), of: user)
        let outcome = Self.fold(event, offset, reducer, into: &place.record, &scratch, observe)
        folded.recount(place)
        if folded.byteCount > memoryByteCount {
            folded.shrink(&users) { unfolded.add($0, $1.state.window.eventIDs) }
        }
        return outcome
    }

    /// Settles every user of the range, in the order of their ranks, and forgets them.
    mutating func finish(
        observe: (FoldScratch, inout KeyTally) -> Void, each: (inout FittedUser) -> Void
    ) {
        for id in folded.users {
            guard var user = folded.remove(id) else { continue }
            scratch.removeRows()
            _ = reducer.settled(user.state, &scratch)
            user.rowCount += Int64(scratch.keys.count)
            observe(scratch, &user.tally)
            each(&user)
        }
    }

    private static func fold(
        _ event: EnrichedEvent, _ offset: LogOffset, _ reducer: Reducer,
        into user: inout FittedUser, _ scratch: inout FoldScratch,
        _ observe: (FoldScratch, inout KeyTally) -> Void
    ) -> Reducer.Outcome {
        let outcome = reducer.admit(event, at: offset, into: &user.state, &scratch)
        user.rowCount += Int64(scratch.keys.count)
        observe(scratch, &user.tally)
        return outcome
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
        ] where !table.keys.isEmpty {
            arrays += table.byteCount
            count += 3
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
