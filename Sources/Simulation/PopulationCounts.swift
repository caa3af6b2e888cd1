import Events

/// What one user did.
struct UserTally {
    private(set) var kinds = SIMD8<UInt32>(repeating: 0)
    /// Visit sessions by the published rule: at most 2400 s from the first visit.
    private(set) var cappedSessions = 0
    /// Visit sessions by the rule of this project's default: no gap above 2400 s.
    private(set) var sessions = 0
    private var cappedStart = Int.min
    private var lastVisit = Int.min

    /// Counts an event; a user's come in time order.
    mutating func add(_ kind: EventKind, tick: Int) {
        kinds[Int(kind.rawValue)] += 1
        guard kind == .pageVisit else { return }
        let gapTicks = 480
        if cappedSessions == 0 || tick - cappedStart > gapTicks {
            cappedSessions += 1
            cappedStart = tick
        }
        if sessions == 0 || tick - lastVisit > gapTicks { sessions += 1 }
        lastVisit = tick
    }

    var events: UInt32 { kinds.wrappedSum() }
    var visits: UInt32 { kinds[0] }
    var productEvents: UInt32 { kinds[2] &+ kinds[3] &+ kinds[4] }
    var purchases: UInt32 { kinds[4] }
}

/// What all users did: sums, and 20 bytes a user for the percentiles.
struct PopulationCounts {
    private(set) var kinds = [Int](repeating: 0, count: EventKind.allCases.count)
    private(set) var events: [UInt32] = []
    private(set) var visits: [UInt32] = []
    private(set) var cappedSessions: [UInt32] = []
    private(set) var productEvents: [UInt32] = []
    private(set) var sessionCount = 0
    private(set) var buyerCount = 0
    private var seenUrls: [Bool]
    private var seenQueries: [Bool]

    init(_ options: SimulationOptions, shop: Shop) {
        seenUrls = Array(repeating: false, count: shop.urls.count)
        seenQueries = Array(repeating: false, count: shop.queries.count)
        events.reserveCapacity(options.userCount)
        visits.reserveCapacity(options.userCount)
        cappedSessions.reserveCapacity(options.userCount)
        productEvents.reserveCapacity(options.userCount)
    }

    /// Counts a user whose life is over.
    mutating func add(_ tally: UserTally) {
        for kind in kinds.indices { kinds[kind] += Int(tally.kinds[kind]) }
        events.append(tally.events)
        visits.append(tally.visits)
        cappedSessions.append(UInt32(tally.cappedSessions))
        productEvents.append(tally.productEvents)
        sessionCount += tally.sessions
        if tally.purchases > 0 { buyerCount += 1 }
    }

    /// Notes that a url or query was used.
    mutating func see(_ kind: EventKind, _ key: Int) {
        switch kind {
        case .pageVisit: seenUrls[key] = true
        case .searchQuery: seenQueries[key] = true
        case .addToCart, .removeFromCart, .productBuy: break
        }
    }

    var eventCount: Int { kinds.reduce(0, +) }
    var urlCount: Int { seenUrls.reduce(0) { $0 + ($1 ? 1 : 0) } }
    var queryCount: Int { seenQueries.reduce(0) { $0 + ($1 ? 1 : 0) } }
}
