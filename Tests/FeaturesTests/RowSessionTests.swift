import Events
import Features
import Kernels
import Sessions
import TestSupport
import Testing

/// Sessions told from rows (docs/profile.md, "Leaving a session out").
@Suite struct RowSessionTests {
    private static let start: Int64 = 1_667_995_200

    private func harness(_ change: (inout FoldOptions) -> Void = { _ in }) -> FoldHarness {
        var options = FoldOptions()
        change(&options)
        return FoldHarness(options, .lively(keyCount: 30, topItems: [], topCategories: []))
    }

    /// Sessions of the settled state, times from the start.
    private func sessions(
        _ fold: FoldHarness, last count: Int = 64
    ) -> [(rows: Range<Int64>, began: Int64, ended: Int64, kinds: [UInt32])] {
        var scratch = FoldScratch()
        let state = fold.reducer.settled(fold.state, &scratch)
        return fold.reducer.sessions(in: state.rows, last: count).map { session in
            (
                session.rows, session.beginSeconds - Self.start, session.endSeconds - Self.start,
                EventKind.allCases.map { session.count($0) }
            )
        }
    }

    @Test func `rows are of one session as long as no pause is above the gap`() {
        var fold = harness()
        // A visit session whose row comes last, and what lies within it; then a pause.
        for (kind, seconds) in [
            (.pageVisit, 0), (.addToCart, 100), (.pageVisit, 2000), (.productBuy, 3000),
            (.pageVisit, 3500), (.addToCart, 3500 + 2401), (.searchQuery, 3500 + 2401 + 2400),
            (.productBuy, 20_000),
        ] as [(EventKind, Int64)] {
            fold.admit(kind, at: Self.start + seconds)
        }
        let found = sessions(fold)
        #expect(found.map(\.rows) == [0..<3, 3..<5, 5..<6])
        // A duration of 3500 s is kept in a float16, to a second or two.
        #expect(abs(found[0].began) <= 1 && found[0].ended == 3500)
        #expect(found.dropFirst().map(\.began) == [5901, 20_000])
        #expect(found.dropFirst().map(\.ended) == [8301, 20_000])
        let order = EventKind.allCases
        func place(_ kind: EventKind) -> Int { order.firstIndex(of: kind) ?? 0 }
        #expect(found[0].kinds[place(.pageVisit)] == 1 && found[0].kinds.reduce(0, +) == 3)
        #expect(found[1].kinds[place(.searchQuery)] == 1 && found[1].kinds[place(.addToCart)] == 1)
    }

    @Test func `a visit session that covers two runs of other rows makes one of them`() {
        var fold = harness()
        // The additions are 2800 s apart; visits lie between.
        for (kind, seconds) in [
            (.pageVisit, 0), (.addToCart, 100), (.pageVisit, 1500), (.addToCart, 2900),
        ] as [(EventKind, Int64)] {
            fold.admit(kind, at: Self.start + seconds)
        }
        let found = sessions(fold)
        #expect(found.map(\.rows) == [0..<3])
        #expect(abs(found[0].began) <= 1 && found[0].ended == 2900)
    }

    @Test func `the row of a late event is of the session that it was folded in`() {
        var fold = harness()
        fold.admit(.addToCart, at: Self.start)
        fold.admit(.addToCart, at: Self.start + 10_000)
        fold.admit(.addToCart, at: Self.start + 10_400)
        // Long past: folded at 10,000, where the last folded event stands.
        fold.admit(.pageVisit, at: Self.start + 5)
        fold.admit(.productBuy, at: Self.start + 6)
        #expect(fold.admissions.suffix(2).allSatisfy { $0.contains("late") })
        let found = sessions(fold)
        #expect(found.map(\.rows) == [0..<1, 1..<5])
        #expect(found[1].began == 10_000 && found[1].ended == 10_400)
    }

    @Test(arguments: [SessionOptions.Rule.cap, .inactivity])
    func `sessions that a rule cuts short are of one run`(rule: SessionOptions.Rule) {
        var fold = harness {
            $0.sessions.rule = rule
            if rule == .inactivity { $0.sessions.maximumDurationSeconds = 3000 }
        }
        for seconds in stride(from: 0, through: 9000, by: 1000) as StrideThrough<Int64> {
            fold.admit(.pageVisit, at: Self.start + seconds)
        }
        fold.admit(.pageVisit, at: Self.start + 50_000)
        let found = sessions(fold)
        // Each ends where the next begins; the last of them ends at its gap.
        #expect(found.count == 2 && found[0].rows.count > 2)
        #expect(found[0].ended == 9000 && found[1].ended == 50_000)
    }

    @Test func `only the last rows are looked at`() {
        var fold = harness { $0.rowWindow = 16 }
        for day in 0..<10 as Range<Int64> {
            fold.admit(.addToCart, at: Self.start + day * 86_400)
            fold.admit(.productBuy, at: Self.start + day * 86_400 + 60)
        }
        #expect(sessions(fold, last: 16).map(\.rows.count) == Array(repeating: 2, count: 8))
        #expect(sessions(fold, last: 5).map(\.rows) == [15..<16, 16..<18, 18..<20])
        #expect(sessions(fold, last: 0).isEmpty && sessions(harness()).isEmpty)
    }

    @Test func `what is left without a session says the gap to the row that is before it now`() {
        var fold = harness { $0.rowWindow = 8 }
        for day in 0..<5 as Range<Int64> {
            fold.admit(.addToCart, at: Self.start + day * 86_400)
            fold.admit(.productBuy, at: Self.start + day * 86_400 + 60 + day)
        }
        var scratch = FoldScratch()
        let reducer = fold.reducer
        let window = reducer.settled(fold.state, &scratch).rows
        let gap = reducer.statistics.scalers[RowTable.product.rawValue].scalers[RowLayout.gap]
        func half(_ seconds: Double) -> UInt16 { Float16(Float(gap.scaled(seconds))).bitPattern }
        for (last, place, wanted) in [
            (8, 1, half(2 * 86_400 - 61)), (8, 0, nil), (8, 3, nil),
        ] as [(Int, Int, UInt16?)] {
            let session = reducer.sessions(in: window, last: last)[place]
            let rows = reducer.rows(of: window, last: last, without: session)
            let left = (window.totalCount - Int64(last)..<window.totalCount).filter {
                !session.rows.contains($0)
            }
            #expect(rows.count == left.count * RowLayout.width && left.count == 6)
            for (index, row) in left.enumerated() {
                var want = Array(window.row(row))
                if row == session.rows.upperBound, let wanted { want[RowLayout.gap] = wanted }
                #expect(
                    Array(rows[index * RowLayout.width..<(index + 1) * RowLayout.width]) == want)
            }
        }
        // With nothing before it a row is the first.
        var short = harness()
        short.admit(.addToCart, at: Self.start)
        short.admit(.addToCart, at: Self.start + 9000)
        let both = reducer.settled(short.state, &scratch).rows
        let found = reducer.sessions(in: both, last: 8)
        let alone = reducer.rows(of: both, last: 8, without: found[0])
        #expect(alone[RowLayout.gap] == half(0) && alone.count == RowLayout.width)
    }

    @Test func `a week gives a row back, and never more than it has`() {
        var weeks = WeekRing()
        weeks.remove(at: Self.start)
        #expect(weeks == WeekRing())
        for week in 0..<20 as Range<Int64> { weeks.add(at: Self.start + week * 7 * 86_400) }
        weeks.add(at: Self.start + 19 * 7 * 86_400)
        let before = weeks
        weeks.remove(at: Self.start)
        weeks.remove(at: Self.start + 30 * 7 * 86_400)
        #expect(weeks == before)
        for _ in 0..<3 { weeks.remove(at: Self.start + 18 * 7 * 86_400) }
        weeks.remove(at: Self.start + 19 * 7 * 86_400)
        let asOf = Self.start + 19 * 7 * 86_400
        #expect((0..<4).map { weeks.count(weeksBefore: $0, seconds: asOf) } == [1, 0, 1, 1])
    }
}
