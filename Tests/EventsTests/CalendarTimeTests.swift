import Events
import Testing

@Suite struct CalendarTimeTests {
    private func seconds(_ text: String) -> Int64? { CalendarTime.seconds(Array(text.utf8).span) }

    private func padded(_ number: Int, _ width: Int) -> String {
        let digits = String(number)
        return String(repeating: "0", count: width - digits.count) + digits
    }

    // python3: calendar.timegm(time.strptime(text, "%Y-%m-%d %H:%M:%S"))
    @Test(arguments: [
        ("1970-01-01 00:00:00", Int64(0)), ("2000-02-29 23:59:59", 951_868_799),
        ("2010-12-01 08:26:00", 1_291_191_960), ("1969-12-31 23:59:59", -1),
        ("1900-03-01 00:00:00", -2_203_891_200), ("9999-12-31 23:59:59", 253_402_300_799),
        ("0001-01-01 00:00:00", -62_135_596_800),
    ])
    func `matches Python`(text: String, expected: Int64) {
        #expect(seconds(text) == expected)
    }

    /// The naive twin: counts days one by one, as calendars were made.
    @Test func `knows every day of ten thousand years`() {
        // 0000-01-01 is 719528 days before 1970 (366 days before year 1's first).
        var day: Int64 = -719_528
        for year in 0...9_999 {
            let isLeap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)
            for (index, length) in [31, isLeap ? 29 : 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31]
                .enumerated()
            {
                let month = "\(padded(year, 4))-\(padded(index + 1, 2))-"
                let last = day + Int64(length) - 1
                if seconds("\(month)01 00:00:00") != day * 86_400
                    || seconds("\(month)\(length) 12:34:56") != last * 86_400 + 45_296
                    || seconds("\(month)\(length + 1) 00:00:00") != nil
                {
                    Issue.record("\(month)")
                }
                day += Int64(length)
            }
        }
    }

    @Test(arguments: [
        "", "2010-12-01", "2010-12-01T08:26:00", "2010-12-01 08:26:00Z", "2010-12-01 24:00:00",
        "2010-12-01 08:60:00", "2010-12-01 08:26:60", "2010-00-01 08:26:00", "2010-13-01 08:26:00",
        "2010-12-00 08:26:00", "2010/12/01 08:26:00", "201O-12-01 08:26:00", "2010-12-01 08:26: 0",
        "-010-12-01 08:26:00",
    ])
    func `refuses what is no time`(text: String) {
        #expect(seconds(text) == nil)
    }
}
