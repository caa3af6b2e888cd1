import Events
import Sessions
import Storage
import Testing

@Suite struct LogClockTests {
    @Test(arguments: 1...5)
    func `is the K-th largest newest time of a dictionary`(userCount: Int) {
        for seed in 0..<40 as Range<UInt64> {
            var random = SeededRandom(seed: seed, stream: UInt64(userCount))
            var clock = LogClock(userCount: userCount)
            var newest: [Int64: Int64] = [:]
            for step in 0..<200 {
                let user = Int64.random(in: -4...4, using: &random)
                let seconds = Int64.random(in: 0...40, using: &random) + Int64(step / 10)
                clock.observe(UserID(rawValue: user), seconds)
                newest[user] = max(newest[user] ?? seconds, seconds)
                let sorted = newest.values.sorted(by: >)
                let expected = sorted.count >= userCount ? sorted[userCount - 1] : nil
                #expect(clock.seconds == expected, "seed \(seed), step \(step)")
                #expect(clock.newestSeconds == sorted.first)
                #expect(Set(clock.entries.map(\.user)).count == clock.entries.count)
                // What a commit stores of a clock is the whole of it.
                #expect(LogClock(userCount: userCount, entries: clock.entries) == clock)
            }
        }
    }

    @Test func `knows no time before K users have been seen`() {
        var clock = LogClock(userCount: 3)
        clock.observe(UserID(rawValue: 1), 10)
        clock.observe(UserID(rawValue: 1), 30)
        clock.observe(UserID(rawValue: 2), 20)
        #expect(clock.seconds == nil)
        #expect(clock.newestSeconds == 30)
        clock.observe(UserID(rawValue: 3), 5)
        #expect(clock.seconds == 5)
        // A user that goes back in time moves nothing.
        clock.observe(UserID(rawValue: 1), 1)
        #expect(clock.seconds == 5)
        clock.observe(UserID(rawValue: 3), 25)
        #expect(clock.seconds == 20)
    }
}
