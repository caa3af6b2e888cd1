import Events

/// A figure of the published data beside the simulation's.
package struct CalibrationFigure: Sendable, Equatable {
    /// What it is; per user where it scales with users.
    package let name: String
    package let published: Double
    package let simulated: Double
    /// How far the ratio may be from 1; nil where the figures cannot be compared at another size.
    package let tolerance: Double?

    /// Simulated over published.
    package var ratio: Double { simulated / published }
    /// Whether it is within the tolerance, or has none.
    package var holds: Bool { tolerance.map { (ratio - 1).magnitude <= $0 } ?? true }
}

/// The comparison with the published figures; docs/simulation.md says where each comes from.
package struct Calibration: Sendable, Equatable {
    package let figures: [CalibrationFigure]

    init(_ counts: PopulationCounts, shop: Shop) {
        let users = Double(counts.events.count)
        let published = ShopParameters.publishedUserCount
        var figures: [CalibrationFigure] = []
        func add(_ name: String, _ wanted: Double, _ got: Double, _ tolerance: Double?) {
            figures.append(
                CalibrationFigure(
                    name: name, published: wanted, simulated: got, tolerance: tolerance))
        }
        let totals: [(EventKind, Double)] = [
            (.pageVisit, 150_713_186), (.searchQuery, 9_571_258), (.addToCart, 5_235_882),
            (.removeFromCart, 1_697_891), (.productBuy, 1_682_296),
        ]
        for (kind, total) in totals {
            add(
                "\(kind.name) per user", total / published,
                Double(counts.kinds[Int(kind.rawValue)]) / users, 0.15)
        }
        let sorted = counts.events.sorted()
        func percentile(_ p: Double) -> Double {
            Double(sorted[min(sorted.count - 1, Int(p * users))])
        }
        add("events per user, mean", 9.4, Double(counts.eventCount) / users, 0.15)
        add("events per user, median", 2, percentile(0.5), 0)
        add("events per user, p99", 119, percentile(0.99), 0.2)
        add("events per user, maximum", 36_004, percentile(1), nil)
        let top = Self.mostActive(counts)
        add("visits per session, most active 1 in 18.9", 15, top.visitsPerSession, 0.15)
        add("visit sessions per user, most active 1 in 18.9", 4.778, top.sessionsPerUser, 0.35)
        add("product events per user, most active 1 in 18.9", 5.011, top.productsPerUser, nil)
        add(
            "items per user", ShopParameters.itemsPerUser, Double(shop.items.count) / users,
            0.02)
        add(
            "categories per user", ShopParameters.categoriesPerUser,
            Double(shop.categories.count) / users, 0.02)
        add("urls seen per user", 14_761_060 / published, Double(counts.urlCount) / users, 0.15)
        add(
            "queries seen per user", 2_472_873 / published, Double(counts.queryCount) / users,
            0.15)
        add(
            "buyers per user, at least", 750_860 / published, Double(counts.buyerCount) / users,
            nil)
        self.figures = figures
    }

    /// The published visit sessions were counted for 1,000,000 of 18.9 million users; the same
    /// share of these, those with the most events.
    private static func mostActive(
        _ counts: PopulationCounts
    ) -> (visitsPerSession: Double, sessionsPerUser: Double, productsPerUser: Double) {
        let wanted = Double(counts.events.count) / (ShopParameters.publishedUserCount / 1_000_000)
        let order = counts.events.indices.sorted {
            (counts.events[$1], $0) < (counts.events[$0], $1)
        }.prefix(max(1, Int(wanted)))
        var sums = (visits: 0.0, sessions: 0.0, products: 0.0)
        for user in order {
            sums.visits += Double(counts.visits[user])
            sums.sessions += Double(counts.cappedSessions[user])
            sums.products += Double(counts.productEvents[user])
        }
        let users = Double(order.count)
        return (
            sums.visits / max(1, sums.sessions), sums.sessions / users, sums.products / users
        )
    }

    /// A Markdown table, a figure a line.
    package var table: String {
        var lines = [
            "| figure | published | simulated | ratio | tolerance |", "|---|---|---|---|---|",
        ]
        for figure in figures {
            let tolerance = figure.tolerance.map { "± \(Int($0 * 100 + 0.5)) %" } ?? "–"
            let mark = figure.holds ? "" : " (outside)"
            lines.append(
                "| \(figure.name) | \(short(figure.published)) | \(short(figure.simulated)) | "
                    + "\(short(figure.ratio)) | \(tolerance)\(mark) |")
        }
        return lines.joined(separator: "\n")
    }
}

/// A number with four significant digits or so.
private func short(_ value: Double) -> String {
    let scale: Double =
        value >= 1000 ? 1 : value >= 100 ? 10 : value >= 1 ? 100 : value >= 0.01 ? 10_000 : 1e7
    let rounded = (value * scale).rounded() / scale
    return rounded == rounded.rounded() ? "\(Int(rounded))" : "\(rounded)"
}
