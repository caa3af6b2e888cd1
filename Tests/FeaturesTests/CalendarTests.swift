import Features
import Storage
import Testing

@Suite struct CalendarTests {
    // python3: for t in TIMES: x = datetime(1970, 1, 1) + timedelta(seconds=t)
    //          print((t, x.hour, x.isoweekday(), x.day))
    private static let known: [(Int64, Int, Int, Int)] = [
        (0, 0, 4, 1),
        (-1, 23, 3, 31),
        (-86400, 0, 3, 31),
        (-86401, 23, 2, 30),
        (951_782_400, 0, 2, 29),
        (951_868_799, 23, 2, 29),
        (951_868_800, 0, 3, 1),
        (1_078_012_800, 0, 7, 29),
        (1_709_164_800, 0, 4, 29),
        (1_709_251_199, 23, 4, 29),
        (-2_203_977_600, 0, 3, 28),
        (-2_208_988_800, 0, 1, 1),
        (4_107_456_000, 0, 7, 28),
        (4_107_542_400, 0, 1, 1),
        (253_402_300_799, 23, 5, 31),
        (-62_135_596_800, 0, 1, 1),
        (-11_676_096_000, 0, 6, 1),
        (1_667_952_000, 0, 3, 9),
        (1_672_531_199, 23, 6, 31),
        (1_672_531_200, 0, 7, 1),
        (1_230_768_000, 0, 4, 1),
        (1_609_459_199, 23, 4, 31),
    ]

    @Test(arguments: Self.known)
    func `agrees with Python's datetime`(seconds: Int64, hour: Int, weekday: Int, day: Int) {
        #expect(Calendar.hour(seconds) == hour)
        #expect(Calendar.weekday(seconds) == weekday)
        #expect(Calendar.dayOfMonth(seconds) == day)
    }

    @Test func `every day of eight centuries follows on the one before`() {
        let lengths = [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31]
        var (year, month, day, weekday) = (1600, 0, 1, 6)
        // 1600-01-01 was a Saturday, 135,140 days before 1970.
        for number in Int64(-135_140)..<157_000 {
            let midnight = number * 86_400
            guard Calendar.dayOfMonth(midnight) == day,
                Calendar.dayOfMonth(midnight + 86_399) == day,
                Calendar.weekday(midnight) == weekday, Calendar.day(midnight + 86_399) == number
            else {
                Issue.record("\(year)-\(month + 1)-\(day)")
                return
            }
            let isLeap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)
            weekday = weekday % 7 + 1
            day += 1
            if day > lengths[month] + (month == 1 && isLeap ? 1 : 0) {
                (month, day) = (month + 1, 1)
                if month == 12 { (year, month) = (year + 1, 0) }
            }
        }
        #expect(year == 2399)
    }

    @Test func `weeks begin on Monday, before 1970 too`() {
        // 1970-01-01 was a Thursday: its week began on 1969-12-29.
        #expect(Calendar.week(0) == 0)
        #expect(Calendar.week(-3 * 86_400) == 0)
        #expect(Calendar.week(-3 * 86_400 - 1) == -1)
        #expect(Calendar.week(4 * 86_400 - 1) == 0)
        #expect(Calendar.week(4 * 86_400) == 1)
    }
}

@Suite struct WeekRingTests {
    @Test(arguments: 0..<30 as Range<UInt64>)
    func `counts what a dictionary by week counts`(seed: UInt64) {
        var random = SeededRandom(seed: seed, stream: 5)
        var ring = WeekRing()
        var weeks: [Int64: UInt32] = [:]
        var seconds = Int64.random(in: -40_000_000...40_000_000, using: &random)
        for _ in 0..<150 {
            let isLong = random.nextUnit() < 0.05
            seconds += Int64.random(in: 0...(isLong ? 20_000_000 : 600_000), using: &random)
            ring.add(at: seconds)
            weeks[Calendar.week(seconds), default: 0] += 1
            // A row reads its own week; the stats part any week, before or after the newest.
            for shift in [0, -3, 2, 30] as [Int64] {
                let asked = seconds + shift * 604_800
                for age in 0..<WeekRing.count {
                    let week = Calendar.week(asked) - Int64(age)
                    let newest = Calendar.week(seconds)
                    let isKept = week <= newest && week > newest - Int64(WeekRing.count)
                    #expect(
                        ring.count(weeksBefore: age, seconds: asked)
                            == (isKept ? weeks[week] ?? 0 : 0))
                }
            }
        }
    }

    @Test func `an empty ring counts nothing`() {
        #expect(WeekRing().count(weeksBefore: 0, seconds: 0) == 0)
    }
}
