import Events
import Features
import Sessions
import Storage
import Testing

/// What must hold for any user's events; the users are random, and a seed is one of them.
@Suite struct FoldPropertyTests {
    private static let reducer: Reducer = {
        var options = FoldOptions()
        options.order.pendingLimit = 4000
        options.mapKeyLimit = 9
        options.rowWindow = 20
        return Reducer(statistics: .lively, options: options)
    }()

    @Test(arguments: 0..<40 as Range<UInt64>)
    func `any delivery order within the lateness gives the same rows and state`(seed: UInt64) {
        let events = randomUser(seed)
        var inOrder = FoldHarness(Self.reducer)
        inOrder.admit(events)
        inOrder.settle()
        var shuffled = FoldHarness(Self.reducer)
        shuffled.admit(delivered(events, within: 300, seed: seed))
        shuffled.settle()
        #expect(!shuffled.admissions.contains("late"))
        let isSame = shuffled.rows == inOrder.rows
        #expect(isSame)
        let isSameState = shuffled.state == inOrder.state
        #expect(isSameState)
    }

    @Test(arguments: 0..<10 as Range<UInt64>)
    func `the shuffle of the test above is one, and later is late`(seed: UInt64) {
        let events = randomUser(seed)
        #expect(delivered(events, within: 300, seed: seed) != events)
        var fold = FoldHarness(Self.reducer)
        fold.admit(delivered(events, within: 6000, seed: seed))
        #expect(fold.admissions.contains("late"))
    }

    @Test func `a user folded among others is the user folded alone`() {
        let users = (0..<12 as Range<UInt64>).map { randomUser($0, user: Int64($0)) }
        let alone = users.map { events in
            var fold = FoldHarness(Self.reducer)
            fold.admit(events)
            return fold
        }
        // One scratch, and one log, for all: only each user's own events enter its state.
        var random = SeededRandom(seed: 1, stream: 1)
        var next = Array(repeating: 0, count: users.count)
        var states = users.map { _ in UserState(firstOffset: 0, options: Self.reducer.options) }
        var rows = users.map { _ in CommittedRows(halves: [], keys: []) }
        var scratch = FoldScratch()
        var offset: Int64 = 0
        var open = Array(users.indices)
        while let user = open.randomElement(using: &random) {
            scratch.removeRows()
            // Offsets of the log rise by more than one between a user's events here.
            Self.reducer.admit(users[user][next[user]], at: offset, into: &states[user], &scratch)
            rows[user].halves += scratch.halves
            rows[user].keys += scratch.keys
            next[user] += 1
            offset += 1
            if next[user] == users[user].count { open.removeAll { $0 == user } }
        }
        for user in users.indices {
            #expect(rows[user] == alone[user].rows)
            var settled = FoldScratch()
            var alike = FoldScratch()
            let one = Self.reducer.settled(states[user], &settled)
            let other = Self.reducer.settled(alone[user].state, &alike)
            // Nothing is pending after it, so offsets have left the state.
            #expect(one == other)
            #expect(settled.halves == alike.halves)
        }
    }

    @Test(arguments: 0..<40 as Range<UInt64>)
    func `a read sees what is committed once the user's next event is far later`(seed: UInt64) {
        // Cut anywhere: sessions open, events pending, some out of order.
        let events = delivered(randomUser(seed), within: 200, seed: seed)
        for count in [1, 2, 3, 50, 151, 227, events.count] {
            var fold = FoldHarness(Self.reducer)
            fold.admit(Array(events.prefix(count)))
            var scratch = FoldScratch()
            let before = fold.state
            let settled = Self.reducer.settled(fold.state, &scratch)
            #expect(fold.state == before)
            #expect(settled.visitSession == nil && settled.searchSession == nil)
            #expect(settled.window.pending.isEmpty)
            var read = fold.rows
            read.halves += scratch.halves
            read.keys += scratch.keys
            fold.settle()
            #expect(fold.rows.prefix(read.keys.count) == read)
            // A settled state has nothing left to settle.
            scratch.removeRows()
            #expect(Self.reducer.settled(settled, &scratch) == settled)
            #expect(scratch.keys.isEmpty)
        }
    }

    @Test(arguments: 0..<20 as Range<UInt64>)
    func `storing and loading at every step changes nothing`(seed: UInt64) throws {
        let events = disordered(seed)
        var options = Self.reducer.options
        options.order.pendingLimit = 5
        options.order.eventIDLimit = 7
        let reducer = Reducer(statistics: .lively, options: options)
        var kept = FoldHarness(reducer)
        var stored = FoldHarness(reducer)
        for event in events {
            kept.admit(event)
            stored.admit(event)
            let rows = stored.state.rows
            let bytes = StateCodec.encode(stored.state)
            let loaded = try StateCodec.decode(bytes, options: options) { _ in rows }
            let isSame = loaded == kept.state
            #expect(isSame)
            #expect(StateCodec.encode(loaded) == bytes)
            stored.state = loaded
        }
        #expect(stored.rows == kept.rows)
        #expect(stored.scratch.raw.map(\.bitPattern) == kept.scratch.raw.map(\.bitPattern))
        for kind in ["late", "duplicate", "pending"] { #expect(kept.admissions.contains(kind)) }
    }

    @Test(arguments: 0..<20 as Range<UInt64>)
    func `late events stay late in a re-fold from any point`(seed: UInt64) throws {
        let events = disordered(seed)
        var first = FoldHarness(Self.reducer)
        first.admit(events)
        var random = SeededRandom(seed: seed, stream: 9)
        for _ in 0..<5 {
            let cut = Int.random(in: 0...events.count, using: &random)
            var again = FoldHarness(Self.reducer)
            again.admit(Array(events.prefix(cut)))
            let rows = again.state.rows
            // A process that starts anew: the stored state, a scratch without memory.
            again.state = try StateCodec.decode(
                StateCodec.encode(again.state), options: Self.reducer.options
            ) { _ in rows }
            let committed = again.rows
            again.scratch = FoldScratch()
            again.admit(Array(events.dropFirst(cut)))
            #expect(again.admissions == first.admissions)
            #expect(again.state == first.state)
            #expect(committed.halves + again.scratch.halves == first.scratch.halves)
        }
        #expect(first.admissions.contains("late"))
    }

    @Test(arguments: 0..<20 as Range<UInt64>)
    func `rows never go back in time and totals are exact`(seed: UInt64) {
        var fold = FoldHarness(Self.reducer)
        let events = disordered(seed)
        fold.admit(events)
        fold.settle()
        let times = fold.scratch.keys.map(\.seconds)
        #expect(times == times.sorted())
        let admitted = zip(events, fold.admissions).filter { $0.1 != "duplicate" }.map(\.0)
        for kind in EventKind.allCases {
            // `settle` folds one visit of its own.
            let extra = kind == .pageVisit ? 1 : 0
            let count = admitted.filter { $0.event.kind == kind }.count + extra
            #expect(fold.state.activity.count(kind) == UInt32(count))
        }
        let products = fold.scratch.keys.filter(\.kind.isProduct).count
        #expect(products == admitted.filter(\.event.kind.isProduct).count)
    }

    /// The events as they arrive when each is up to `lateness` seconds under way; exact ties keep
    /// their order, which is log order.
    private func delivered(
        _ events: [EnrichedEvent], within lateness: Int64, seed: UInt64
    ) -> [EnrichedEvent] {
        var random = SeededRandom(seed: seed, stream: 8)
        let arrivals = events.map { event in
            event.event.seconds + Int64.random(in: 0...lateness, using: &random)
        }
        let order = events.indices.sorted { (arrivals[$0], $0) < (arrivals[$1], $1) }
        // Ties: whoever stands in the log first takes the first of their places.
        var queues: [Tie: [Int]] = [:]
        for index in events.indices { queues[Tie(events[index]), default: []].append(index) }
        return order.compactMap { place in
            queues[Tie(events[place])]?.removeFirst()
        }.map { events[$0] }
    }

    /// Late events, repeats of events, and everything out of order.
    private func disordered(_ seed: UInt64) -> [EnrichedEvent] {
        var random = SeededRandom(seed: seed, stream: 6)
        var events = delivered(randomUser(seed, hasIDs: true), within: 4000, seed: seed)
        for _ in 0..<30 {
            let place = Int.random(in: 0..<events.count - 8, using: &random)
            events.insert(
                events[place], at: place + Int.random(in: 1...8, using: &random))
        }
        return events
    }
}

private struct Tie: Hashable {
    let seconds: Int64
    let kind: EventKind

    init(_ event: EnrichedEvent) {
        seconds = event.event.seconds
        kind = event.event.kind
    }
}
