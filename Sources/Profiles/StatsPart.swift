import Events
import Features
import Kernels
import Sessions

/// The `stats` part of a profile: recency, frequency, price and popularity of a user, in 48 columns.
///
/// A function of the settled state and of `as_of`; no weights, so generation 0 can serve it.
/// log is ln(1 + x); a recency is 1/(1 + days since), 0 for what never happened; shares and rates
/// are 0 where nothing can be divided.
package enum StatsPart {
    /// What each column holds; the manifest and docs/profile.md list them.
    package static let columns: [String] =
        EventKind.allCases.map { "log \($0.name) events" }
        + EventKind.allCases.map { "recency of \($0.name)" }
        + [
            "recency of any event", "log days since first event", "log active days", "log events",
            "log events per active day",
        ]
        + windows.map { "log rows in the last \($0) weeks" }
        + [
            "log visit sessions", "log search sessions", "log mean visit session seconds",
            "log mean search session seconds", "log mean nearby product events per session",
            "log buys per add", "log removes per add", "share of buys in product events",
            "log visits per product event", "mean price bucket of buys / 100",
            "smallest price bucket of buys / 100", "largest price bucket of buys / 100",
            "mean price bucket of adds / 100", "has a buy with a price",
            "mean log popularity of items", "share of top items", "share of top categories",
            "log distinct items", "log distinct categories", "log distinct name clusters",
            "log distinct urls", "log distinct queries", "entropy over items",
            "entropy over categories", "entropy over name clusters", "entropy over queries",
            "log rows", "share of late events",
        ]

    /// 48.
    package static let width = columns.count

    /// Spans of the row counts, in weeks up to and including that of `as_of`.
    private static let windows = [1, 2, 4, 8, 17]

    /// The columns of a user.
    ///
    /// - Parameters:
    ///   - state: settled (`Reducer.settled`).
    ///   - asOf: event time to speak for, seconds since 1970.
    /// - Returns: `[48]`.
    package static func values(_ state: UserState, asOf: Int64) -> [Float] {
        let activity = state.activity
        var out: [Double] = []
        out.reserveCapacity(width)
        for kind in EventKind.allCases { out.append(log(Double(activity.count(kind)))) }
        for kind in EventKind.allCases {
            let last = activity.lastSeconds[Int(kind.rawValue)]
            out.append(activity.count(kind) == 0 ? 0 : recency(last, asOf))
        }
        appendFrequency(state, asOf: asOf, &out)
        appendSessions(activity, &out)
        appendRates(activity, &out)
        appendPrices(activity, &out)
        appendTastes(state, &out)
        return out.map { Float($0) }
    }

    private static func appendFrequency(
        _ state: UserState, asOf: Int64, _ out: inout [Double]
    ) {
        let activity = state.activity
        let events = Double(activity.eventCount)
        out.append(state.window.newestSeconds.map { recency($0, asOf) } ?? 0)
        out.append(state.firstSeconds.map { log(Double(max(0, asOf - $0)) / 86_400) } ?? 0)
        out.append(log(Double(activity.activeDayCount)))
        out.append(log(events))
        out.append(log(ratio(events, Double(activity.activeDayCount))))
        for window in windows {
            let rows = (0..<window).reduce(0) {
                $0 + Int64(state.weeks.count(weeksBefore: $1, seconds: asOf))
            }
            out.append(log(Double(rows)))
        }
    }

    private static func appendSessions(_ activity: Activity, _ out: inout [Double]) {
        let visits = Double(activity.visitSessionCount)
        let searches = Double(activity.searchSessionCount)
        out.append(log(visits))
        out.append(log(searches))
        out.append(log(ratio(Double(activity.visitSeconds), visits)))
        out.append(log(ratio(Double(activity.searchSeconds), searches)))
        out.append(log(ratio(Double(activity.nearbyCount), visits + searches)))
    }

    private static func appendRates(_ activity: Activity, _ out: inout [Double]) {
        let buys = Double(activity.count(.productBuy))
        let adds = Double(activity.count(.addToCart))
        let products = Double(activity.productCount)
        out.append(log(ratio(buys, adds)))
        out.append(log(ratio(Double(activity.count(.removeFromCart)), adds)))
        out.append(ratio(buys, products))
        out.append(log(ratio(Double(activity.count(.pageVisit)), products)))
    }

    private static func appendPrices(_ activity: Activity, _ out: inout [Double]) {
        let buys = Double(activity.pricedBuyCount)
        out.append(ratio(Double(activity.buyPriceSum), buys) / 100)
        out.append(buys > 0 ? Double(activity.buyPriceMinimum) / 100 : 0)
        out.append(Double(activity.buyPriceMaximum) / 100)
        out.append(ratio(Double(activity.addPriceSum), Double(activity.pricedAddCount)) / 100)
        out.append(buys > 0 ? 1 : 0)
    }

    private static func appendTastes(_ state: UserState, _ out: inout [Double]) {
        let activity = state.activity
        let products = Double(activity.productCount)
        out.append(ratio(activity.popularitySum, products))
        out.append(ratio(Double(activity.topItemCount), products))
        out.append(ratio(Double(activity.topCategoryCount), products))
        for table in [
            state.items, state.categories, state.nameClusters, state.urls, state.queries,
        ] {
            out.append(log(Double(table.entries.count)))
        }
        for table in [state.items, state.categories, state.nameClusters, state.queries] {
            out.append(table.entropy)
        }
        out.append(log(Double(state.rows.totalCount)))
        out.append(ratio(Double(activity.lateCount), Double(activity.eventCount)))
    }

    private static func log(_ x: Double) -> Double { Elementary.log1p(x) }

    private static func recency(_ seconds: Int64, _ asOf: Int64) -> Double {
        1 / (1 + Double(max(0, asOf - seconds)) / 86_400)
    }

    private static func ratio(_ numerator: Double, _ denominator: Double) -> Double {
        denominator > 0 ? numerator / denominator : 0
    }
}
