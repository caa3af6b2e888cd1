import EventLog
import Events
import Features
import Learning
import Sessions
import Storage

/// Users of an `ExampleFold`, from their first event to their example.
struct ExampleFolder: RangeFolder {
    /// A user's example.
    struct Made: Sendable {
        var rank: UInt64
        var user: UserID
        var example: TrainingExample
    }

    var table = RangeTable<FoldedUser>()
    /// Users without an event before the cut.
    private(set) var leftOut: Set<UserID> = []

    private let examples: ExampleFoldOptions
    private let reducer: Reducer
    private let vocabulary: RowVocabulary
    private let targets: TargetLists
    private let endRow: EndRow
    private var scratch = FoldScratch()
    private var isCut = false
    /// By rank, those of the highest first, whose examples are still to be made.
    private var waiting: [UserID] = []
    private var made: [Made] = []

    init(
        examples: ExampleFoldOptions, reducer: Reducer, vocabulary: RowVocabulary,
        targets: TargetLists
    ) {
        self.examples = examples
        self.reducer = reducer
        self.vocabulary = vocabulary
        self.targets = targets
        endRow = EndRow(reducer.statistics)
    }

    mutating func take(_ event: EnrichedEvent, at offset: LogOffset) {
        let user = event.event.user
        let isAfter = isCut || event.event.seconds >= examples.window.cutSeconds
        guard let place = table.place(of: user) ?? begin(user, at: offset, isAfter: isAfter)
        else { return }
        if isAfter { freeze(&place.record) }
        scratch.removeRows()
        _ = reducer.admit(event, at: offset, into: &place.record.state, &scratch)
        place.record.note(event, scratch, examples, targets)
        table.recount(place)
    }

    /// Reads every user as a read would now.
    mutating func reachCut() {
        isCut = true
        for place in table.all {
            freeze(&place.record)
            table.recount(place)
        }
    }

    mutating func didShrink(to range: UserRange) { leftOut = leftOut.filter(range.contains) }

    /// Begins to make examples, by rank of their users.
    mutating func beginMaking() { waiting = table.users.reversed() }

    /// Makes the examples of the users up to a rank, and forgets these.
    mutating func make(upTo last: UInt64) {
        while let user = waiting.last, UserRange.rank(user) <= last {
            waiting.removeLast()
            guard var one = table.remove(user), let input = one.input else { continue }
            scratch.removeRows()
            _ = reducer.settled(one.state, &scratch)
            one.addFuture(scratch, examples)
            made.append(
                Made(
                    rank: UserRange.rank(user), user: user,
                    example: TrainingExample(
                        rows: input.rows, endRow: input.endRow, futureRows: one.future,
                        tokens: input.tokens, endBucket: input.endBucket,
                        labels: one.purchases.labels)))
        }
    }

    /// What was made since the last call.
    mutating func takeMade() -> [Made] {
        defer { made = [] }
        return made
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
        return table.add(FoldedUser(state: state), of: user)
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
}

/// A user's state, and what the example needs of it.
struct FoldedUser: RangeRecord {
    /// What a read at the cut saw.
    struct Input: Sendable {
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

    /// Keeps what an event that was just admitted tells of the future.
    mutating func note(
        _ event: EnrichedEvent, _ scratch: FoldScratch, _ examples: ExampleFoldOptions,
        _ targets: TargetLists
    ) {
        guard input != nil else { return }
        purchases.add(event, examples.window, targets)
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
