/// Rows of a user by ISO week, for the week of the newest row and the 16 before it.
package struct WeekRing: Hashable, Sendable {
    /// Weeks kept, the newest row's own included.
    package static let count = 17

    /// Weeks since the week of 1970-01-01, Monday first.
    package private(set) var newestWeek: Int64
    /// `[17]`, newest week first.
    package private(set) var counts: [UInt32]

    package init() {
        newestWeek = .min
        counts = []
    }

    /// Restores a stored ring.
    package init(newestWeek: Int64, counts: [UInt32]) {
        precondition(counts.isEmpty || counts.count == Self.count, "WeekRing: want 17 counters")
        self.newestWeek = newestWeek
        self.counts = counts
    }

    /// Counts a row at `seconds`; times never go back.
    package mutating func add(at seconds: Int64) {
        let week = Calendar.week(seconds)
        if counts.isEmpty {
            counts = Array(repeating: 0, count: Self.count)
            newestWeek = week
        }
        if week > newestWeek {
            let shift = week - newestWeek
            for i in stride(from: Self.count - 1, through: 0, by: -1) {
                counts[i] = Int64(i) >= shift ? counts[i - Int(shift)] : 0
            }
            newestWeek = week
        }
        counts[0] &+= 1
    }

    /// Takes a row at `seconds` back; one of a week that is not kept any more changes nothing.
    package mutating func remove(at seconds: Int64) {
        let (age, overflow) = newestWeek.subtractingReportingOverflow(Calendar.week(seconds))
        guard !overflow, counts.indices.contains(Int(age)), counts[Int(age)] > 0 else { return }
        counts[Int(age)] -= 1
    }

    /// Rows in the week `age` weeks before that of `seconds`, 0 when it is not kept.
    package func count(weeksBefore age: Int, seconds: Int64) -> UInt32 {
        guard !counts.isEmpty else { return 0 }
        let index = Int64(age) - (Calendar.week(seconds) - newestWeek)
        return index >= 0 && index < Int64(Self.count) ? counts[Int(index)] : 0
    }
}

/// UTC calendar fields of event times, by integer arithmetic.
package enum Calendar {
    /// Days since 1970-01-01.
    package static func day(_ seconds: Int64) -> Int64 {
        let (quotient, rest) = seconds.quotientAndRemainder(dividingBy: 86_400)
        return rest < 0 ? quotient - 1 : quotient
    }

    /// ISO weeks (Monday first) since the one of 1970-01-01, a Thursday.
    package static func week(_ seconds: Int64) -> Int64 {
        let shifted = day(seconds) + 3
        let (quotient, rest) = shifted.quotientAndRemainder(dividingBy: 7)
        return rest < 0 ? quotient - 1 : quotient
    }

    /// Hour of the day, 0…23.
    package static func hour(_ seconds: Int64) -> Int {
        Int((seconds - day(seconds) * 86_400) / 3600)
    }

    /// ISO weekday, Monday = 1 … Sunday = 7.
    package static func weekday(_ seconds: Int64) -> Int {
        Int(day(seconds) + 3 - week(seconds) * 7) + 1
    }

    /// Day of the month, 1…31 (Hinnant, "chrono-Compatible Low-Level Date Algorithms").
    package static func dayOfMonth(_ seconds: Int64) -> Int {
        let z = day(seconds) + 719_468
        let era = (z >= 0 ? z : z - 146_096) / 146_097
        let dayOfEra = z - era * 146_097
        let year = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * year + year / 4 - year / 100)
        let month = (5 * dayOfYear + 2) / 153
        return Int(dayOfYear - (153 * month + 2) / 5) + 1
    }
}
