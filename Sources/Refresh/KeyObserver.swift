import Events
import Features

/// Tallies what users did with each key, for key statistics.
struct KeyObserver: FitObserver {
    private let statistics: FrozenStatistics
    /// The cluster of each query that was folded, by its key; nil without centroids.
    private var clusters: [Int64: Int64?] = [:]

    /// - Parameter statistics: whose centroids say of which cluster a name or a query is.
    init(_ statistics: FrozenStatistics) { self.statistics = statistics }

    /// Tallies what a fold has just done: its events, and the sessions it closed by their first
    /// key.
    mutating func observe(_ scratch: FoldScratch, _ tally: inout KeyTally) {
        for event in scratch.folded { add(event, to: &tally) }
        for row in scratch.keys {
            switch row.kind {
            case .pageVisit:
                tally.add(.urls, row.key, lane: KeyTally.sessionLane)
            case .searchQuery:
                // A session whose first search had no query has key 0.
                guard let known = clusters[row.key] else { continue }
                tally.add(.queries, row.key, lane: KeyTally.sessionLane)
                if let cluster = known {
                    tally.add(.queryClusters, cluster, lane: KeyTally.sessionLane)
                }
            case .addToCart, .removeFromCart, .productBuy: continue
            }
        }
    }

    private mutating func add(_ event: EnrichedEvent, to tally: inout KeyTally) {
        switch event.event.kind {
        case .pageVisit:
            tally.add(.urls, event.event.key, lane: 0)
        case .searchQuery:
            guard let query = event.event.query else { return }
            let key = FrozenStatistics.queryKey(query)
            let cluster: Int64?
            if let known = clusters[key] {
                cluster = known
            } else {
                cluster = statistics.queryCluster(query)
                clusters.updateValue(cluster, forKey: key)
            }
            tally.add(.queries, key, lane: 0)
            if let cluster { tally.add(.queryClusters, cluster, lane: 0) }
        case .addToCart, .removeFromCart, .productBuy:
            let lane =
                event.event.kind == .productBuy ? 0 : event.event.kind == .addToCart ? 1 : 2
            tally.add(.items, event.event.key, lane: lane)
            if let category = event.category { tally.add(.categories, category, lane: lane) }
            if let cluster = statistics.nameCluster(event.name) {
                tally.add(.nameClusters, cluster, lane: lane)
            }
        }
    }
}
