import Events
import Kernels

/// The events of one type before the cutoff, user by user, and its most frequent values.
struct BaselineTable: Sendable {
    /// Marks a value that is not counted.
    private static let none = UInt8.max

    private let kind: EventKind
    /// Where each user's events begin in `seconds` and `places`, `[users + 1]`.
    private let starts: [UInt32]
    /// Times of the users' events, each user's in log order.
    private let seconds: [Int64]
    /// For each column, the place of each event's value among those counted, or `none`.
    private let places: [[UInt8]]
    /// For each column, how many values are counted.
    private let sizes: [Int]
    /// The latest time; 0 without events, where nobody asks.
    private let lastSeconds: Int64
    let eventsWithoutProperties: Int

    init(_ kind: EventKind, _ events: ShopEvents, cutoffSeconds: Int64, topCount: Int) {
        self.kind = kind
        let entries = events.entries.filter { $0.kind == kind && $0.seconds < cutoffSeconds }
        starts = Self.starts(entries, userCount: events.users.count)
        var columns = [entries.map { Int64?.some($0.key) }]
        var withoutProperties = 0
        if kind.isProduct {
            let items = entries.map { events.items[ItemID(rawValue: $0.key)] }
            columns.append(items.map { $0?.category })
            columns.append(items.map { $0?.price.map(Int64.init) })
            withoutProperties = items.count { $0?.category == nil || $0?.price == nil }
        }
        eventsWithoutProperties = withoutProperties
        var next = starts
        var order = [Int](repeating: 0, count: entries.count)
        for (index, entry) in entries.enumerated() {
            order[Int(next[Int(entry.user)])] = index
            next[Int(entry.user)] += 1
        }
        seconds = order.map { entries[$0].seconds }
        lastSeconds = seconds.max() ?? 0
        let tops = columns.map { Self.mostFrequent($0, topCount) }
        sizes = tops.map(\.count)
        places = zip(columns, tops).map { values, top in
            order.map { values[$0].flatMap { top[$0] } ?? Self.none }
        }
    }

    private static func starts(_ entries: [ShopEvents.Entry], userCount: Int) -> [UInt32] {
        var starts = [UInt32](repeating: 0, count: userCount + 1)
        for entry in entries { starts[Int(entry.user) + 1] += 1 }
        for user in 0..<userCount { starts[user + 1] += starts[user] }
        return starts
    }

    /// The most frequent values and their places: by count descending, ties in the order in which
    /// they first occur, as pandas' `value_counts` has them.
    private static func mostFrequent(_ values: [Int64?], _ topCount: Int) -> [Int64: UInt8] {
        var tallies: [Int64: (count: Int, first: Int)] = [:]
        for (index, value) in values.enumerated() {
            if let value { tallies[value, default: (0, index)].count += 1 }
        }
        let ranked = tallies.sorted {
            ($1.value.count, $0.value.first) < ($0.value.count, $1.value.first)
        }
        return Dictionary(
            uniqueKeysWithValues: ranked.prefix(topCount).enumerated().map {
                ($1.key, UInt8($0))
            })
    }

    func count(of user: Int) -> Int { Int(starts[user + 1] - starts[user]) }

    func width(windows: Int) -> Int { 1 + windows * sizes.reduce(0, +) }

    /// Appends a user's counts, `[width]`.
    ///
    /// The organisers' slip is kept: the first event of a window is looked up among the *sorted*
    /// times, and then all events from that place on *in log order* are counted, which are others
    /// when the log is not in time order (`calculators.py:145-153`).
    func fill(_ row: inout [UInt16], user: Int, windowDays: [Int64]) {
        let own = Int(starts[user])..<Int(starts[user + 1])
        row.append(halfBits(Float(own.count)))
        guard !own.isEmpty else {
            row.append(contentsOf: repeatElement(0, count: width(windows: windowDays.count) - 1))
            return
        }
        for days in windowDays {
            let begin = lastSeconds - days * 86_400
            let earlier = seconds[own].count { $0 < begin }
            for (column, size) in zip(places, sizes) {
                var counts = [Int](repeating: 0, count: size)
                for place in column[own].dropFirst(earlier) where place != Self.none {
                    counts[Int(place)] += 1
                }
                for count in counts { row.append(halfBits(Float(count))) }
            }
        }
    }
}

/// The mean query of each user before the cutoff.
struct BaselineQueries: Sendable {
    /// Sums of the components, `[users, 16]`, exact up to 65,000 queries of a user.
    private var sums: [Float]
    /// Queries of each user, and searches with or without one.
    private var queryCounts: [UInt32]
    private var searchCounts: [UInt32]

    init(_ events: ShopEvents, cutoffSeconds: Int64) {
        let width = AggregatedBaseline.queryWidth
        sums = Array(repeating: 0, count: events.users.count * width)
        queryCounts = Array(repeating: 0, count: events.users.count)
        searchCounts = queryCounts
        for entry in events.entries
        where entry.kind == .searchQuery && entry.seconds < cutoffSeconds {
            let user = Int(entry.user)
            searchCounts[user] += 1
            guard let query = entry.query else { continue }
            queryCounts[user] += 1
            for component in 0..<width {
                sums[user * width + component] += Float(query[component])
            }
        }
    }

    func has(_ user: Int) -> Bool { searchCounts[user] > 0 }

    /// Appends the mean, or zeros: summed and divided in Float, as numpy does for float16, and then
    /// rounded.
    func fill(_ row: inout [UInt16], user: Int) {
        let width = AggregatedBaseline.queryWidth
        let count = max(1, queryCounts[user])
        for sum in sums[user * width..<(user + 1) * width] {
            row.append(halfBits(sum / Float(count)))
        }
    }
}
