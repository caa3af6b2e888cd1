import Events
import Features
import Sessions
import Testing

/// Sessions as the reducer makes them, seen through their rows.
@Suite struct SessionRowsTests {
    // published-system.md §11: visits at minutes 0, 20, 39, 41, 80, 82, 300, 300 make the blocks
    // [0,39] [41,80] [82,82] [300,300]; products at 1, 5, 42, 43, 44, 302 are near 2, 3, 0, 1.
    @Test func `splits and counts as the published code does, under the cap rule`() {
        var options = FoldOptions()
        options.sessions.rule = .cap
        var fold = FoldHarness(options)
        let visits = [0, 20, 39, 41, 80, 82, 300, 300].map { ($0, EventKind.pageVisit) }
        let products = [1, 5, 42, 43, 44, 302].map { ($0, EventKind.addToCart) }
        for (minute, kind) in (visits + products).sorted(by: { $0.0 < $1.0 }) {
            fold.admit(kind, at: 60 * Int64(minute))
        }
        fold.settle()
        let sessions = sessionRows(fold, .pageVisit)
        #expect(sessions.map { $0[15] / 60 } == [39, 39, 0, 0])
        #expect(sessions.map { $0[14] } == [2, 3, 0, 1])
        // Each closes at the next one, or 40 minutes after its last visit.
        let closings = fold.scratch.keys.filter { $0.kind == .pageVisit }.map { $0.seconds / 60 }
        #expect(closings == [41, 82, 122, 340])
    }

    @Test(arguments: [(2400, [2400]), (2405, [0, 0])] as [(Int64, [Double])])
    func `a pause of exactly the gap goes on, a longer one splits`(gap: Int64, durations: [Double])
    {
        var fold = FoldHarness()
        fold.admit(.pageVisit, at: 1000)
        fold.admit(.pageVisit, at: 1000 + gap)
        fold.settle()
        #expect(sessionRows(fold, .pageVisit).map { $0[15] } == durations)
        #expect(fold.scratch.keys.first?.seconds == (gap == 2400 ? 5800 : 3400))
    }

    @Test(arguments: [(300, 1), (305, 0)] as [(Int64, Double)])
    func `a product is near for 300 seconds after the last visit`(after: Int64, count: Double) {
        var fold = FoldHarness()
        fold.admit(.pageVisit, at: 1000)
        fold.admit(.addToCart, at: 1000 + after)
        fold.settle()
        #expect(sessionRows(fold, .pageVisit).map { $0[14] } == [count])
    }

    @Test func `a product far from every visit is near once the session goes on`() {
        var fold = FoldHarness()
        fold.admit(.searchQuery, at: 0, key: 0)
        fold.admit(.addToCart, at: 1000)
        fold.admit(.searchQuery, at: 2000, key: 0)
        fold.admit(.addToCart, at: 2301)
        fold.settle()
        #expect(sessionRows(fold, .searchQuery).map { $0[19] } == [1])
    }

    @Test func `a session that reaches the maximum duration is split`() {
        var options = FoldOptions()
        options.sessions.maximumDurationSeconds = 3600
        var fold = FoldHarness(options)
        for seconds in stride(from: Int64(0), through: 5400, by: 1200) {
            fold.admit(.pageVisit, at: seconds)
        }
        fold.settle()
        #expect(sessionRows(fold, .pageVisit).map { $0[15] } == [3600, 0])
        // The first is closed by the visit that no longer fits, not by its own pause.
        let closings = fold.scratch.keys.filter { $0.kind == .pageVisit }.map(\.seconds)
        #expect(closings == [4800, 7200])
    }

    @Test func `a product in the closing second comes after the session's row`() {
        var fold = FoldHarness()
        fold.admit(.pageVisit, at: 1000)
        fold.admit(.addToCart, at: 3400)
        fold.settle()
        #expect(fold.scratch.keys.map(\.kind) == [.pageVisit, .addToCart])
        #expect(fold.scratch.keys.map(\.seconds) == [3400, 3400])
        #expect(sessionRows(fold, .pageVisit).map { $0[14] } == [0])
    }

    @Test func `a visit in the closing second goes on`() {
        var fold = FoldHarness()
        fold.admit(.pageVisit, at: 1000)
        fold.admit(.productBuy, at: 3400)
        fold.admit(.pageVisit, at: 3400)
        fold.settle()
        #expect(fold.scratch.keys.map(\.kind) == [.productBuy, .pageVisit])
        #expect(sessionRows(fold, .pageVisit).map { $0[15] } == [2400])
        #expect(sessionRows(fold, .pageVisit).map { $0[14] } == [1])
    }

    @Test func `a search and a visit session that close together leave in that order`() {
        var fold = FoldHarness()
        fold.admit(.searchQuery, at: 1000, key: 0)
        fold.admit(.pageVisit, at: 1000)
        fold.settle()
        #expect(fold.scratch.keys.map(\.kind) == [.pageVisit, .searchQuery])
        #expect(fold.scratch.keys.map(\.seconds) == [3400, 3400])
    }

    @Test func `the session that ends first leaves first`() {
        var fold = FoldHarness()
        fold.admit(.searchQuery, at: 900, key: 0)
        fold.admit(.pageVisit, at: 1000)
        fold.settle()
        #expect(fold.scratch.keys.map(\.kind) == [.searchQuery, .pageVisit])
        #expect(fold.scratch.keys.map(\.seconds) == [3300, 3400])
    }

    @Test func `late events are rows of their own at the folded time`() {
        var fold = FoldHarness()
        fold.admit(.pageVisit, at: 1000)
        fold.admit(.addToCart, at: 2000)
        fold.admit(.pageVisit, at: 3000, key: 5)
        // 2000 is folded, 3000 waits.
        fold.admit(.pageVisit, at: 1500, key: 9)
        fold.admit(.productBuy, at: 10)
        fold.admit(.searchQuery, at: 0, key: 0)
        #expect(
            fold.admissions == ["pending", "pending", "pending", "late", "late", "late"])
        #expect(
            fold.scratch.keys.map(\.kind) == [.addToCart, .pageVisit, .productBuy, .searchQuery])
        #expect(fold.scratch.keys.map(\.seconds) == [2000, 2000, 2000, 2000])
        #expect(fold.scratch.keys[1].key == 9)
        for row in 1...3 { #expect(fold.raw(row)[RowLayout.gap] == 0) }
        #expect(fold.raw(1)[15] == 0)
        #expect(fold.raw(1)[14] == 0)
        fold.settle()
        // The open session neither grew nor counted the late product.
        let open = fold.scratch.keys.firstIndex { $0.kind == .pageVisit && $0.key == 1 }
        #expect(open.map { fold.raw($0)[15] } == 2000)
        #expect(open.map { fold.raw($0)[14] } == 1)
    }

    /// Raw rows of the closed sessions of a table, `settle`'s own excepted.
    private func sessionRows(_ fold: FoldHarness, _ kind: EventKind) -> [[Double]] {
        fold.scratch.keys.indices
            .filter { fold.scratch.keys[$0].kind == kind && fold.scratch.keys[$0].key != 999 }
            .map(fold.raw)
    }
}
