import Events
import Features
import Kernels
import TestSupport
import Testing

/// END, the row that tells how a user stands at a time (docs/rows.md §7).
@Suite struct EndRowTests {
    /// A Wednesday, 12:00 UTC.
    private static let start: Int64 = 1_667_995_200
    private static let day: Int64 = 86_400

    /// Statistics whose gap and age are measured by scalers of these ranges, by kind of row.
    private static func statistics(_ ranges: [ClosedRange<Double>]) -> FrozenStatistics {
        let lively = FrozenStatistics.lively(keyCount: 3, topItems: [], topCategories: [])
        let scalers = zip(RowTable.allCases, ranges).map { table, range in
            var scalers = lively.scalers[table.rawValue].scalers
            for position in [RowLayout.gap, RowLayout.age] {
                scalers[position].low = scalers[position].transform(range.lowerBound)
                scalers[position].high = scalers[position].transform(range.upperBound)
            }
            return RowScalers(table: table, scalers: scalers)
        }
        return FrozenStatistics(
            tables: [:], topItems: [], topCategories: [], nameCentroids: [], queryCentroids: [],
            scalers: scalers)
    }

    private static func values(
        _ state: UserState, asOf: Int64, _ statistics: FrozenStatistics
    ) -> [Float] {
        EndRow(statistics).halves(state, asOf: asOf).map { Float(Float16(bitPattern: $0)) }
    }

    /// Three additions: at the start, 10 s and two weeks later.
    private static func state(_ statistics: FrozenStatistics) -> UserState {
        var fold = FoldHarness(FoldOptions(), statistics)
        for seconds in [start, start + 10, start + 14 * day] {
            fold.admit(.addToCart, at: seconds)
        }
        return fold.reducer.settled(fold.state, &fold.scratch)
    }

    private static func logarithm(_ x: Double, _ range: ClosedRange<Double>) -> Float {
        let low = Elementary.log1p(range.lowerBound)
        let high = Elementary.log1p(range.upperBound)
        let scaled = 2 * (Elementary.log1p(x) - low) / (high - low) - 1
        return Float(Float16(min(1, max(-1, scaled))))
    }

    @Test func `says how long ago the newest event was, the age and the weeks before`() {
        let statistics = Self.statistics([0...9e6, 0...9e6, 0...9e6])
        let asOf = Self.start + 17 * Self.day
        let row = Self.values(Self.state(statistics), asOf: asOf, statistics)
        #expect(row.count == RowLayout.width && row[RowLayout.end] == 1)
        #expect(row[RowLayout.gap] == Self.logarithm(3 * 86_400, 0...9e6))
        #expect(row[RowLayout.age] == Self.logarithm(17 * 86_400, 0...9e6))
        // One row two weeks after the first two; `as_of` is in the week of the last.
        let weeks = statistics.scalers[RowTable.visit.rawValue].scalers
        for (age, count) in [1.0, 0, 2, 0].enumerated() {
            let position = RowLayout.weeks + age
            #expect(
                row[position] == Float(Float16(Float(weeks[position].scaled(count)))), "\(age)")
        }
        #expect(Set(row[RowLayout.weeks..<RowLayout.weeks + 3]).count == 3)
        for position in row.indices where !RowLayout.isUsedByEnd(position) {
            #expect(row[position] == 0, "\(position)")
        }
    }

    @Test func `a later look moves the weeks, and after seventeen of them there are none`() {
        let statistics = Self.statistics([0...9e6, 0...9e6, 0...9e6])
        let state = Self.state(statistics)
        func weeks(after days: Int64) -> [Float] {
            let asOf = Self.start + (14 + days) * Self.day
            let row = Self.values(state, asOf: asOf, statistics)
            return Array(row[RowLayout.weeks..<RowLayout.weeks + WeekRing.count])
        }
        let empty = weeks(after: 17 * 7)
        #expect(Set(empty) == [-1])
        for week in 0..<WeekRing.count {
            let now = weeks(after: Int64(7 * week))
            #expect(now.prefix(week).allSatisfy { $0 == -1 } && now[week] > -1, "\(week)")
        }
    }

    @Test func `what lies after the time that is looked from counts as now`() {
        let statistics = Self.statistics([0...9e6, 0...9e6, 0...9e6])
        let state = Self.state(statistics)
        for asOf in [Self.start - 400 * Self.day, Self.start - 1, Int64.min / 4] {
            let row = Self.values(state, asOf: asOf, statistics)
            #expect(row[RowLayout.gap] == -1 && row[RowLayout.age] == -1)
        }
        let late = Self.values(state, asOf: Self.start + 4000 * Self.day, statistics)
        #expect(late[RowLayout.gap] == 1 && late[RowLayout.age] == 1)
    }

    @Test func `gap and age reach as far as any kind of row that saw some does`() {
        let asOf = Self.start + 14 * Self.day + 7000
        for (ranges, whole) in [
            ([10...500, 3...8000, 40...90_000], 3...90_000),
            ([10...500, 0...0, 0...0], 10...500), ([0...0, 7...7, 20...9000], 20...9000),
        ] as [([ClosedRange<Double>], ClosedRange<Double>)] {
            let statistics = Self.statistics(ranges)
            let row = Self.values(Self.state(statistics), asOf: asOf, statistics)
            #expect(row[RowLayout.gap] == Self.logarithm(7000, whole), "\(ranges)")
        }
        let row = Self.values(Self.state(.empty), asOf: asOf, .empty)
        #expect(row[RowLayout.gap] == -1 && row[RowLayout.age] == -1 && row[RowLayout.end] == 1)
    }

    @Test func `is no part of a state`() {
        let statistics = Self.statistics([0...9e6, 0...9e6, 0...9e6])
        let state = Self.state(statistics)
        let before = state
        _ = Self.values(state, asOf: Self.start, statistics)
        #expect(state == before && state.rows.totalCount == 3)
    }
}
