import Storage

/// `YYYY-MM-DD hh:mm:ss` UTC, in the proleptic Gregorian calendar.
package enum CalendarTime {
    /// Seconds since 1970 of a text of exactly that form.
    ///
    /// nil when it is malformed or no such day or time exists. Years are 0000…9999 and seconds
    /// 0…59, so leap seconds are refused.
    package static func seconds(_ text: Span<UInt8>) -> Int64? {
        guard text.count == 19, text[4] == UInt8(ascii: "-"), text[7] == UInt8(ascii: "-"),
            text[10] == UInt8(ascii: " "), text[13] == UInt8(ascii: ":"),
            text[16] == UInt8(ascii: ":"),
            let century = pair(text, 0), let yearOfCentury = pair(text, 2),
            let month = pair(text, 5), let day = pair(text, 8),
            let hour = pair(text, 11), let minute = pair(text, 14), let second = pair(text, 17)
        else { return nil }
        let year = century * 100 + yearOfCentury
        guard month >= 1, month <= 12, day >= 1, day <= dayCount(year: year, month: month),
            hour < 24, minute < 60, second < 60
        else { return nil }
        return days(year: year, month: month, day: day) * 86_400
            + hour * 3_600 + minute * 60 + second
    }

    private static func pair(_ text: Span<UInt8>, _ index: Int) -> Int64? {
        let tens = text[index] &- 0x30
        let ones = text[index + 1] &- 0x30
        return tens < 10 && ones < 10 ? Int64(tens) * 10 + Int64(ones) : nil
    }

    private static func dayCount(year: Int64, month: Int64) -> Int64 {
        if month == 2 {
            let isLeap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)
            return isLeap ? 29 : 28
        }
        return month == 4 || month == 6 || month == 9 || month == 11 ? 30 : 31
    }

    /// Days since 1970-01-01 (Hinnant, "chrono-Compatible Low-Level Date Algorithms", §days).
    private static func days(year: Int64, month: Int64, day: Int64) -> Int64 {
        // Years that begin in March put the leap day last; an era is 400 of them.
        let shifted = month <= 2 ? year - 1 : year
        let era = (shifted >= 0 ? shifted : shifted - 399) / 400
        let yearOfEra = shifted - era * 400
        let dayOfYear = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1
        let dayOfEra = yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear
        return era * 146_097 + dayOfEra - 719_468
    }
}
