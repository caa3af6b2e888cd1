import Events
import Sessions
import Testing

@Suite struct HeldEventsTests {
    private var options: ClockOptions {
        var options = ClockOptions()
        options.maximumJumpSeconds = 100
        options.heldLimit = 4
        return options
    }

    /// Three users at 1000.
    private var clock: LogClock {
        var clock = LogClock(userCount: 3)
        for user in 1...3 as ClosedRange<Int64> { clock.observe(UserID(rawValue: user), 1000) }
        return clock
    }

    @Test func `holds what is further ahead than the jump, by one second`() {
        #expect(!HeldEvents.mustHold(1100, clock: clock, options))
        #expect(HeldEvents.mustHold(1101, clock: clock, options))
        #expect(!HeldEvents.mustHold(.min, clock: clock, options))
        #expect(HeldEvents.mustHold(.max, clock: clock, options))
        #expect(!HeldEvents.mustHold(.max, clock: LogClock(userCount: 3), options))
        var early = LogClock(userCount: 1)
        early.observe(UserID(rawValue: 1), -10)
        #expect(HeldEvents.mustHold(.max, clock: early, options))
    }

    @Test func `releases in log order once K users agree`() {
        var held = HeldEvents()
        let events = [event(1, 5000, at: 10), event(2, 4990, at: 11), event(3, 5010, at: 12)]
        for (count, event) in events.enumerated() {
            let released = held.release(clock: clock, options)
            #expect(released.isEmpty, "\(count) users agreed already")
            let isHeld = held.hold(event, options)
            #expect(isHeld)
        }
        let released = held.release(clock: clock, options)
        #expect(released == events)
        #expect(held.events.isEmpty)
    }

    @Test func `one user's broken clock leaves room for the others to agree`() {
        var wide = options
        wide.heldLimit = 160
        var held = HeldEvents()
        for offset in 0..<160 as Range<Int64> {
            #expect(held.hold(event(9, 90_000, at: offset), wide) == (offset < 64))
        }
        for user in 1...3 as ClosedRange<Int64> {
            let isHeld = held.hold(event(user, 5000, at: 200 + user), wide)
            #expect(isHeld)
        }
        let released = held.release(clock: clock, wide)
        #expect(released.map(\.offset) == [201, 202, 203])
        #expect(held.events.count == 64)
    }

    @Test func `a broken clock alone releases nothing, however often it speaks`() {
        var held = HeldEvents()
        var clock = clock
        for (place, seconds) in [5000, 5001, 9000, 5002].enumerated() {
            let isHeld = held.hold(event(1, Int64(seconds), at: Int64(place)), options)
            #expect(isHeld)
            let released = held.release(clock: clock, options)
            #expect(released.isEmpty)
        }
        // Others go on as before, and one more broken clock does not make three.
        clock.observe(UserID(rawValue: 2), 1090)
        clock.observe(UserID(rawValue: 4), 1095)
        let released = held.release(clock: clock, options)
        #expect(released.isEmpty)
        #expect(held.events.count == 4)
    }

    @Test func `what the others reach is released, what is still too far stays`() {
        var held = HeldEvents()
        var clock = clock
        let near = event(1, 1150, at: 0)
        let far = event(4, 9000, at: 1)
        for event in [near, far] {
            let isHeld = held.hold(event, options)
            #expect(isHeld)
        }
        clock.observe(UserID(rawValue: 2), 1060)
        // User 1 has 1150 (held), user 4 has 9000 (held), user 2 has 1060: the third is 1060.
        let released = held.release(clock: clock, options)
        #expect(released == [near])
        #expect(held.events == [far])
    }

    @Test func `a full list refuses and keeps what it has`() {
        var held = HeldEvents()
        for place in 0..<4 as Range<Int64> {
            let isHeld = held.hold(event(place, 5000, at: place), options)
            #expect(isHeld)
        }
        let isHeld = held.hold(event(9, 5000, at: 9), options)
        #expect(!isHeld)
        #expect(held.events.map(\.offset) == [0, 1, 2, 3])
    }

    private func event(_ user: Int64, _ seconds: Int64, at offset: Int64) -> PendingEvent {
        PendingEvent(
            event: EnrichedEvent(
                Event(user: UserID(rawValue: user), seconds: seconds, kind: .pageVisit, key: 1)),
            offset: offset)
    }
}
