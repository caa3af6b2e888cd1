import Foundation

/// Numbers as people read them.
enum Units {
    /// `1,234,567`.
    static func count(_ value: Int64) -> String {
        let digits = String(value.magnitude)
        var text = ""
        for (index, digit) in digits.enumerated() {
            if index > 0 && (digits.count - index) % 3 == 0 { text.append(",") }
            text.append(digit)
        }
        return (value < 0 ? "-" : "") + text
    }

    /// `1.5 GiB`; powers of 1024.
    static func bytes(_ value: Int64) -> String {
        let names = ["bytes", "KiB", "MiB", "GiB", "TiB", "PiB"]
        var scaled = Double(value)
        var index = 0
        while abs(scaled) >= 1024, index < names.count - 1 {
            scaled /= 1024
            index += 1
        }
        return index == 0 ? "\(value) bytes" : "\(decimal(scaled, 1)) \(names[index])"
    }

    /// `12 ms`, `3.2 s`, `5 min 10 s`, `3 h 4 min`, `2 d 5 h`.
    static func duration(_ seconds: Double) -> String {
        guard seconds.isFinite, abs(seconds) < 1e15 else { return "\(seconds) s" }
        if seconds == 0 { return "0 s" }
        if seconds < 1 { return "\(Int64((seconds * 1000).rounded())) ms" }
        if seconds < 60 {
            return seconds == seconds.rounded() ? "\(Int64(seconds)) s" : "\(decimal(seconds, 1)) s"
        }
        let whole = Int64(seconds)
        func two(_ large: Int64, _ largeName: String, _ small: Int64, _ smallName: String) -> String
        {
            small == 0 ? "\(large) \(largeName)" : "\(large) \(largeName) \(small) \(smallName)"
        }
        if whole < 3600 { return two(whole / 60, "min", whole % 60, "s") }
        if whole < 86_400 { return two(whole / 3600, "h", whole % 3600 / 60, "min") }
        return two(whole / 86_400, "d", whole % 86_400 / 3600, "h")
    }

    /// `2011-12-09 12:50:00 UTC`, by the proleptic Gregorian calendar.
    static func time(_ seconds: Int64) -> String {
        // Days to civil date: Hinnant, http://howardhinnant.github.io/date_algorithms.html
        let day = seconds >= 0 ? seconds / 86_400 : (seconds - 86_399) / 86_400
        let clock = seconds - day * 86_400
        let shifted = day + 719_468
        let era = (shifted >= 0 ? shifted : shifted - 146_096) / 146_097
        let dayOfEra = shifted - era * 146_097
        let yearOfEra =
            (dayOfEra - dayOfEra / 1460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let month = (5 * dayOfYear + 2) / 153
        let dayOfMonth = dayOfYear - (153 * month + 2) / 5 + 1
        let civilMonth = month < 10 ? month + 3 : month - 9
        let year = yearOfEra + era * 400 + (civilMonth <= 2 ? 1 : 0)
        func two(_ value: Int64) -> String { value < 10 ? "0\(value)" : "\(value)" }
        return "\(year)-\(two(civilMonth))-\(two(dayOfMonth)) "
            + "\(two(clock / 3600)):\(two(clock % 3600 / 60)):\(two(clock % 60)) UTC"
    }

    /// `3 min ago`, against this machine's clock.
    static func ago(_ seconds: Int64) -> String {
        let elapsed = Int64(Date().timeIntervalSince1970) - seconds
        if elapsed < 0 { return "in the future" }
        return elapsed == 0 ? "just now" : "\(duration(Double(elapsed))) ago"
    }

    /// `3 h 4 min before`, or `after`, told from another time of the log.
    static func before(_ time: Int64, _ seconds: Int64) -> String {
        let (elapsed, overflow) = time.subtractingReportingOverflow(seconds)
        if overflow { return "-" }
        if elapsed == 0 { return "then" }
        return "\(duration(Double(elapsed.magnitude))) \(elapsed > 0 ? "before" : "after")"
    }

    /// A whole number without decimals, any other with `places` of them.
    ///
    /// - Parameters:
    ///   - value: any number.
    ///   - places: 0 or more.
    /// - Returns: digits without separators, because it may be a time as well as a count.
    static func number(_ value: Double, _ places: Int) -> String {
        // Every whole number up to there is a Double of its own.
        guard value == value.rounded(), abs(value) <= 0x1p53 else { return decimal(value, places) }
        return String(Int64(value))
    }

    /// A number with `places` decimals.
    static func decimal(_ value: Double, _ places: Int) -> String {
        String(format: "%.\(places)f", value)
    }
}
