import Events
import Sessions
import Storage
import Testing

@Suite struct OrderWindowTests {
    private var options = OrderOptions()

    @Test func `an event folds when a newer one is more than the lateness past it`() {
        var harness = Harness(options)
        #expect(harness.admit(.pageVisit, 1000) == "pending")
        #expect(harness.admit(.pageVisit, 1300) == "pending")
        #expect(harness.folded == [])
        #expect(harness.admit(.pageVisit, 1301) == "pending")
        #expect(harness.folded == [1000])
        // At the folded time it is in order still; one second earlier it is late.
        #expect(harness.admit(.pageVisit, 1000) == "pending")
        #expect(harness.folded == [1000, 1000])
        #expect(harness.admit(.pageVisit, 999) == "late")
        #expect(harness.window.foldedSeconds == 1000)
        #expect(harness.window.newestSeconds == 1301)
    }

    @Test func `ties fold by type and then by log order`() {
        var harness = Harness(options)
        let kinds: [EventKind] = [
            .productBuy, .pageVisit, .removeFromCart, .searchQuery, .addToCart, .productBuy,
            .pageVisit,
        ]
        for kind in kinds { _ = harness.admit(kind, 50) }
        _ = harness.admit(.pageVisit, 351)
        #expect(harness.foldedOffsets == [1, 6, 3, 4, 2, 0, 5])
    }

    @Test func `a full list folds its oldest event, which may make others late`() {
        var options = options
        options.pendingLimit = 3
        var harness = Harness(options)
        for seconds in [10, 12, 11, 13] as [Int64] { _ = harness.admit(.addToCart, seconds) }
        #expect(harness.folded == [10])
        #expect(harness.window.pending.count == 3)
        #expect(harness.admit(.addToCart, 9) == "late")
        #expect(harness.admit(.addToCart, 10) == "pending")
        #expect(harness.folded == [10, 10])
    }

    @Test func `remembers as many event ids as it may, oldest forgotten first`() {
        var options = options
        options.eventIDLimit = 2
        var harness = Harness(options)
        #expect(harness.admit(.pageVisit, 1, id: 7) == "pending")
        #expect(harness.admit(.pageVisit, 2, id: 7) == "duplicate")
        #expect(harness.admit(.pageVisit, 3, id: 8) == "pending")
        #expect(harness.admit(.pageVisit, 4, id: 9) == "pending")
        #expect(harness.window.eventIDs == [8, 9])
        #expect(harness.admit(.pageVisit, 5, id: 7) == "pending")
        // A duplicate leaves no trace, not even in the newest time.
        #expect(harness.admit(.pageVisit, 90_000, id: 9) == "duplicate")
        #expect(harness.window.newestSeconds == 5)
        // Events without an id are never duplicates.
        #expect(harness.admit(.pageVisit, 5) == "pending")
        #expect(harness.admit(.pageVisit, 5) == "pending")
    }

    @Test func `a limit of no ids remembers none`() {
        var options = options
        options.eventIDLimit = 0
        var harness = Harness(options)
        #expect(harness.admit(.pageVisit, 1, id: 7) == "pending")
        #expect(harness.admit(.pageVisit, 1, id: 7) == "pending")
        #expect(harness.window.eventIDs.isEmpty)
    }

    @Test func `times at the ends of the range do not overflow`() {
        var harness = Harness(options)
        #expect(harness.admit(.pageVisit, .min) == "pending")
        #expect(harness.admit(.pageVisit, .max) == "pending")
        #expect(harness.folded == [.min])
    }

    @Test(arguments: 0..<30 as Range<UInt64>)
    func `folds what a sort of the on-time events gives`(seed: UInt64) {
        var random = SeededRandom(seed: seed, stream: 1)
        var options = options
        options.pendingLimit = 1000
        var harness = Harness(options)
        var events: [(seconds: Int64, kind: EventKind, offset: Int64)] = []
        var base: Int64 = 0
        for offset in 0..<300 as Range<Int64> {
            base += Int64.random(in: 0...200, using: &random)
            let seconds = base - Int64.random(in: 0...300, using: &random)
            let kind = EventKind.allCases.randomElement(using: &random) ?? .pageVisit
            // Within the lateness of the newest, so never late.
            let newest = harness.window.newestSeconds ?? seconds
            let time = max(seconds, newest - 300)
            #expect(harness.admit(kind, time) == "pending")
            events.append((time, kind, offset))
        }
        harness.popAll()
        let sorted = events.sorted {
            ($0.seconds, $0.kind.rawValue, $0.offset) < ($1.seconds, $1.kind.rawValue, $1.offset)
        }
        #expect(harness.foldedOffsets == sorted.map(\.offset))
    }
}

/// A window that is asked after every event for all that is ready.
private struct Harness {
    let options: OrderOptions
    var window = OrderWindow()
    var folded: [Int64] = []
    var foldedOffsets: [Int64] = []
    private var offset: Int64 = 0

    init(_ options: OrderOptions) { self.options = options }

    mutating func admit(_ kind: EventKind, _ seconds: Int64, id: UInt64 = 0) -> String {
        let event = Event(
            user: UserID(rawValue: 1), seconds: seconds, kind: kind, key: 1, eventIDHash: id)
        let admission = window.admit(EnrichedEvent(event), at: offset, options)
        offset += 1
        while let next = window.popReady(options) { note(next) }
        window.checkInvariants(options)
        return "\(admission)"
    }

    mutating func popAll() {
        while let next = window.popFirst() { note(next) }
    }

    private mutating func note(_ event: PendingEvent) {
        folded.append(event.event.event.seconds)
        foldedOffsets.append(event.offset)
    }
}
