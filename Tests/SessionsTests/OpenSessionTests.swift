import Events
import Sessions
import Testing

@Suite struct OpenSessionTests {
    private var options = SessionOptions()

    @Test func `inactivity accepts a pause of exactly the gap`() {
        var session = OpenSession(firstKey: 1, firstQuery: nil, start: 1000)
        #expect(session.accepts(3400, options))
        #expect(!session.accepts(3405, options))
        session.extend(to: 3400)
        #expect(session.durationSeconds == 2400)
        #expect(session.accepts(5800, options))
    }

    @Test func `the cap counts from the first event`() {
        var options = options
        options.rule = .cap
        var session = OpenSession(firstKey: 1, firstQuery: nil, start: 1000)
        session.extend(to: 3000)
        #expect(session.accepts(3400, options))
        #expect(!session.accepts(3401, options))
    }

    @Test(arguments: SessionOptions.Rule.allCases)
    func `no session outlasts the maximum duration`(rule: SessionOptions.Rule) {
        var options = options
        options.rule = rule
        options.maximumDurationSeconds = 2000
        let session = OpenSession(firstKey: 1, firstQuery: nil, start: 0)
        #expect(session.accepts(2000, options))
        #expect(!session.accepts(2001, options))
        #expect(
            session.closing(by: .pageVisit, at: 2001, table: .pageVisit, options) == 2001)
    }

    @Test func `closes at its end, or at the next session if that is sooner`() {
        let session = OpenSession(firstKey: 1, firstQuery: nil, start: 0)
        func closing(_ kind: EventKind, _ seconds: Int64, table: EventKind) -> Int64? {
            session.closing(by: kind, at: seconds, table: table, options)
        }
        #expect(closing(.pageVisit, 2400, table: .pageVisit) == nil)
        #expect(closing(.pageVisit, 2401, table: .pageVisit) == 2400)
        // A search at the end of visits closes them: no visit of that second can follow it.
        #expect(closing(.searchQuery, 2399, table: .pageVisit) == nil)
        #expect(closing(.searchQuery, 2400, table: .pageVisit) == 2400)
        // A visit at the end of searches does not: a search of that second may follow.
        #expect(closing(.pageVisit, 2400, table: .searchQuery) == nil)
        #expect(closing(.pageVisit, 2401, table: .searchQuery) == 2400)
        for kind in [EventKind.addToCart, .removeFromCart, .productBuy] {
            #expect(closing(kind, 2399, table: .searchQuery) == nil)
            #expect(closing(kind, 2400, table: .searchQuery) == 2400)
        }
    }

    @Test func `counts products up to the tail, later ones only if it goes on`() {
        var session = OpenSession(firstKey: 1, firstQuery: nil, start: 0)
        session.addProduct(at: 300, isTopItem: false, isTopCategory: false, options)
        session.addProduct(at: 301, isTopItem: true, isTopCategory: false, options)
        #expect(session.nearby.count == 1)
        #expect(!session.nearby.hasTopItem)
        session.extend(to: 400)
        #expect(session.nearby.count == 2)
        #expect(session.nearby.hasTopItem)
        #expect(!session.nearby.hasTopCategory)
        session.addProduct(at: 700, isTopItem: false, isTopCategory: true, options)
        #expect(session.nearby.count == 3)
        #expect(session.nearby.hasTopCategory)
        #expect(session.beyond == OpenSession.Nearby())
    }
}
