import Kernels
import Sessions

/// END: the row with which the multi-task networks' sequence ends (docs/rows.md §7).
///
/// It says how a user stands at a time, a read's `as_of` or training's T, which no committed row
/// can: how long ago the newest event was, and what the weeks before held. It is made of a settled
/// state for that one look and belongs to no state.
package struct EndRow: Sendable {
    private let gap: Scaler
    private let age: Scaler
    /// `[17]`.
    private let weeks: [Scaler]

    /// The row in the scalers of a space.
    package init(_ statistics: FrozenStatistics) {
        gap = .spanning(statistics.scalers.map { $0.scalers[RowLayout.gap] })
        age = .spanning(statistics.scalers.map { $0.scalers[RowLayout.age] })
        let visits = statistics.scalers[RowTable.visit.rawValue].scalers
        weeks = (0..<WeekRing.count).map { visits[RowLayout.weeks + $0] }
    }

    /// The row of a user.
    ///
    /// - Parameters:
    ///   - state: settled (`Reducer.settled`).
    ///   - asOf: the time that is looked from, seconds since 1970; what lies after it counts as now.
    /// - Returns: `[64]`, float16 bits.
    package func halves(_ state: UserState, asOf: Int64) -> [UInt16] {
        halves(
            state, asOf: asOf, newestSeconds: state.window.newestSeconds, weeks: state.weeks)
    }

    /// The row of a user who did not do all of what the state says.
    ///
    /// - Parameters:
    ///   - state: settled; the age is this state's.
    ///   - asOf: as above.
    ///   - newestSeconds: time of the newest event that counts; nil when none does.
    ///   - counts: rows that count, by week.
    /// - Returns: `[64]`, float16 bits.
    package func halves(
        _ state: UserState, asOf: Int64, newestSeconds: Int64?, weeks counts: WeekRing
    ) -> [UInt16] {
        var row = [UInt16](repeating: 0, count: RowLayout.width)
        func set(_ position: Int, _ scaler: Scaler, _ value: Int64) {
            row[position] = halfBits(Float(scaler.scaled(Double(value))))
        }
        row[RowLayout.end] = halfBits(1)
        set(RowLayout.gap, gap, max(0, asOf - (newestSeconds ?? asOf)))
        set(RowLayout.age, age, max(0, asOf - (state.firstSeconds ?? asOf)))
        for week in weeks.indices {
            set(
                RowLayout.weeks + week, weeks[week],
                Int64(counts.count(weeksBefore: week, seconds: asOf)))
        }
        return row
    }
}

extension Scaler {
    /// One scaler for what several kinds of rows have in common: it reaches from the smallest to the
    /// largest value that any of them saw.
    ///
    /// A kind that saw one value or none, such as a shop's without visits, says nothing.
    ///
    /// - Parameter scalers: of one treatment and λ, at least one.
    /// - Returns: the first one's treatment and λ, and the range of all; low = high without any.
    fileprivate static func spanning(_ scalers: [Scaler]) -> Scaler {
        var spanning = scalers[0]
        let fitted = scalers.filter { $0.high > $0.low }
        spanning.low = fitted.map(\.low).min() ?? 0
        spanning.high = fitted.map(\.high).max() ?? 0
        return spanning
    }
}
