import EventLog
import Events
import Features
import Learning
import Sessions
import Storage

/// One pass of an `ExampleFold`: the users of a range, from their first event to their example.
struct ExamplePass {
    /// Shrinks when its users do not fit into memory.
    private(set) var users: UserRange
    /// Whether the log clock has reached the cut.
    private(set) var isCut = false

    private let examples: ExampleFoldOptions
    private let reducer: Reducer
    private let vocabulary: RowVocabulary
    private let targets: TargetLists
    private let endRow: EndRow
    private var scratch = FoldScratch()
    private var folded = RangeTable<FoldedUser>()
    /// Users of the range without an event before the cut.
    private var leftOut: Set<UserID> = []
    private var unfolded: UnfoldedUsers

    init(
        users: UserRange, examples: ExampleFoldOptions, reducer: Reducer,
        vocabulary: RowVocabulary, targets: TargetLists
    ) {
        self.users = users
        self.examples = examples
        self.reducer = reducer
        self.vocabulary = vocabulary
        self.targets = targets
        endRow = EndRow(reducer.statistics)
        unfolded = UnfoldedUsers(eventIDLimit: reducer.options.order.eventIDLimit)
    }

    /// Takes an event that the intake lets through.
    mutating func take(_ event: EnrichedEvent, at offset: LogOffset) -> Reducer.Outcome {
        let user = event.event.user
        guard users.contains(user) else { return unfolded.pass(event.event) }
        let isAfter = isCut || event.event.seconds >= examples.window.cutSeconds
        guard let place = folded.place(of: user) ?? begin(user, at: offset, isAfter: isAfter)
        else { return unfolded.pass(event.event) }
        // An event that is dropped ends nobody's past.
        if isAfter, place.record.mustFreeze(before: event) { freeze(&place.record) }
        scratch.removeRows()
        let outcome = reducer.admit(event, at: offset, into: &place.record.state, &scratch)
        place.record.note(event, outcome, scratch, examples, targets)
        folded.recount(place)
        if folded.byteCount > examples.memoryByteCount { shrink() }
        return outcome
    }

    /// Begins a user whose first event this is; nil for one without an event before the cut.
    private mutating func begin(
        _ user: UserID, at offset: LogOffset, isAfter: Bool
    ) -> RangeTable<FoldedUser>.Place? {
        // A clock that was wrong for a while: an event before the cut after one behind it.
        guard !isAfter, !leftOut.contains(user) else {
            leftOut.insert(user)
            return nil
        }
        let state = UserState(firstOffset: offset, options: reducer.options)
        return folded.add(FoldedUser(state: state), of: user)
    }

    /// Notes the log clock; when it reaches the cut, every user is read as a read would now.
    mutating func reach(_ seconds: Int64) {
        guard !isCut, seconds >= examples.window.cutSeconds else { return }
        isCut = true
        for place in folded.all {
            freeze(&place.record)
            folded.recount(place)
        }
    }

    /// Appends the examples, by rank of their users, and adds up what they come to.
    mutating func write(
        to writer: ExampleFileWriter, _ sums: inout ExampleFoldReport
    ) throws(LearningError) {
        sums.leftOutCount += leftOut.count
        for user in folded.users {
            guard var one = folded.remove(user), let input = one.input else { continue }
            scratch.removeRows()
            _ = reducer.settled(one.state, &scratch)
            one.addFuture(scratch, examples)
            let example = TrainingExample(
                rows: input.rows, endRow: input.endRow, futureRows: one.future,
                tokens: input.tokens, endBucket: input.endBucket, labels: one.purchases.labels)
            try writer.append(example, of: user)
            sums.exampleCount += 1
            sums.rowCount += Int64(input.rows.count / RowLayout.width)
            sums.futureRowCount += Int64(one.future.count / RowLayout.width)
            if example.labels?.churned == false { sums.buyerCount += 1 }
        }
    }

    /// Reads a user's rows as a profile would: pending events folded, open sessions closed.
    private mutating func freeze(_ user: inout FoldedUser) {
        guard user.input == nil else { return }
        scratch.removeRows()
        let settled = reducer.settled(user.state, &scratch)
        let rows = settled.rows
        let count = min(rows.count, examples.rowLimit)
        var input = FoldedUser.Input()
        input.rows.reserveCapacity(count * RowLayout.width)
        input.tokens.reserveCapacity(count)
        for row in rows.totalCount - Int64(count)..<rows.totalCount {
            input.rows += rows.row(row)
            input.tokens.append(RowToken(rows.key(row), vocabulary: vocabulary))
        }
        let newest = settled.window.newestSeconds ?? examples.window.cutSeconds
        input.endBucket = LogBuckets.index(seconds: examples.window.cutSeconds - newest)
        input.endRow = endRow.halves(settled, asOf: examples.window.cutSeconds)
        user.input = input
        // Rows before the cut are not needed any more; the fold itself reads none.
        user.state.rows = RowWindow(limit: 1)
    }

    /// Gives up the users of the greater half of ranks; a later pass takes them.
    private mutating func shrink() {
        folded.shrink(&users) { unfolded.add($0, $1.state.window.eventIDs) }
        leftOut = leftOut.filter(users.contains)
    }
}

/// A user's state, and what the example needs of it.
struct FoldedUser: RangeRecord {
    /// What a read at the cut saw.
    struct Input {
        /// `[T, 64]` float16 bits.
        var rows: [UInt16] = []
        /// `[64]`.
        var endRow: [UInt16] = []
        /// `[T]`.
        var tokens: [RowToken] = []
        var endBucket: UInt8 = 0
    }

    var state: UserState
    /// Nil before the cut.
    var input: Input?
    /// `[F, 64]` float16 bits.
    var future: [UInt16] = []
    var purchases = PurchaseRecord()

    init(state: UserState) { self.state = state }

    /// Whether the event is the first after the user's past.
    func mustFreeze(before event: EnrichedEvent) -> Bool {
        input == nil && !state.window.eventIDs.contains(event.event.eventIDHash)
    }

    /// Keeps what an event that was just admitted tells of the future.
    mutating func note(
        _ event: EnrichedEvent, _ outcome: Reducer.Outcome, _ scratch: FoldScratch,
        _ examples: ExampleFoldOptions, _ targets: TargetLists
    ) {
        guard input != nil else { return }
        if case .duplicate = outcome.admission {
        } else {
            purchases.add(event, examples.window, targets)
        }
        addFuture(scratch, examples)
    }

    /// Keeps the rows that tell of what began after the cut.
    ///
    /// The rest the read at the cut had already, or would have had, had they not come late: pending
    /// events and open sessions are committed after the cut, but began before it.
    mutating func addFuture(_ scratch: FoldScratch, _ examples: ExampleFoldOptions) {
        for (row, beginning) in scratch.beginnings.enumerated()
        where examples.window.future.contains(beginning)
            && future.count < examples.futureRowLimit * RowLayout.width
        {
            let start = row * RowLayout.width
            future += scratch.halves[start..<start + RowLayout.width]
        }
    }

    /// Estimated bytes in memory.
    var byteCount: Int64 {
        let tables =
            state.items.byteCount + state.categories.byteCount + state.nameClusters.byteCount
            + state.urls.byteCount + state.queries.byteCount + state.queryClusters.byteCount
        let rows =
            state.rows.halves.capacity * 2
            + state.rows.keys.capacity * MemoryLayout<RowKey>.stride
        let waiting =
            state.window.pending.capacity * MemoryLayout<PendingEvent>.stride
            + state.window.eventIDs.capacity * 8
        let read =
            (input?.rows.capacity ?? 0) * 2 + (input?.endRow.capacity ?? 0) * 2
            + (input?.tokens.capacity ?? 0) * MemoryLayout<RowToken>.stride
        // 96 bytes for headers and for the table's places; 25 arrays' headers.
        return Int64(
            MemoryLayout<Self>.stride + 96 + 25 * 32 + tables + rows + waiting + read
                + future.capacity * 2)
    }
}
