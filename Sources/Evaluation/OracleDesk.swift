import Events

/// Where the labels of all questions stand in the shop.
struct OraclePlan: Sendable {
    /// One question's labels.
    enum Labels: Sendable {
        case binary
        /// The category of each label; nil for one that the shop does not have.
        case categories([Int?])
        /// The item of each label.
        case items([Int?])
        /// The label of each item's price bucket; −1 for none.
        case prices([Int32], count: Int)
    }

    let labels: [Labels]
    /// Categories whose items' chances are needed.
    let categories: [Int]

    init(
        _ questions: [Oracle.Question], shop: OracleShop, items: [ItemID: ShopEvents.Item]
    ) {
        var isNeeded = [Bool](repeating: false, count: shop.shelves.count)
        labels = questions.map { question in
            switch question.task {
            case .churn, .conversion: return .binary
            case .category: return .categories(question.labels.map { shop.categoryPlaces[$0] })
            case .item, .newItem:
                let places = question.labels.map { shop.itemPlaces[$0] }
                for case let item? in places { isNeeded[shop.categoryOfItem[item]] = true }
                return .items(places)
            case .price:
                let buckets = Dictionary(zip(question.labels, question.labels.indices)) { $1 }
                let places = shop.skus.map { sku in
                    let price = items[ItemID(rawValue: sku)]?.price
                    return Int32(price.flatMap { buckets[Int64($0)] } ?? -1)
                }
                for (item, place) in places.enumerated() where place >= 0 {
                    isNeeded[shop.categoryOfItem[item]] = true
                }
                return .prices(places, count: question.labels.count)
            }
        }
        categories = isNeeded.indices.filter { isNeeded[$0] }
    }
}

/// Answers all questions user by user, with the room that takes.
struct OracleDesk {
    private let plan: OraclePlan
    private let shop: OracleShop
    private let users: OracleUsers
    private let forecast: OracleForecast
    private var choice: OracleChoice
    /// P(i | c) of all items whose category is needed, by their place.
    private var chances: [Double]
    private var shelfChances: [Double] = []
    private var affinities: [Double]

    init(
        _ plan: OraclePlan, shop: OracleShop, users: OracleUsers, forecast: OracleForecast
    ) {
        self.plan = plan
        self.shop = shop
        self.users = users
        self.forecast = forecast
        choice = OracleChoice(forecast)
        chances = Array(repeating: 0, count: shop.skus.count)
        affinities = Array(repeating: 0, count: shop.shelves.count)
    }

    /// Writes a user's row of each answer.
    mutating func answer(
        _ user: Int, _ chain: OracleForecast.User, into answers: inout [[Float]]
    ) {
        for category in shop.shelves.indices {
            affinities[category] = users.affinity(user, category: category, shop: shop)
        }
        for category in plan.categories {
            let shelf = shop.shelves[category]
            choice.chances(
                shelf, taste: users.tastes[user], wanted: users.prices[user], into: &shelfChances)
            chances.replaceSubrange(shelf.items, with: shelfChances)
        }
        for (index, labels) in plan.labels.enumerated() {
            switch labels {
            case .binary:
                answers[index][user] = Float(min(1, forecast.quiet(chain, share: 1)))
            case .categories(let places):
                for (label, place) in places.enumerated() {
                    let share = place.map { affinities[$0] } ?? 0
                    answers[index][user * places.count + label] = buys(chain, share)
                }
            case .items(let places):
                for (label, place) in places.enumerated() {
                    answers[index][user * places.count + label] = buys(
                        chain, place.map(itemShare) ?? 0)
                }
            case .prices(let places, let count):
                for (label, share) in priceShares(places, count: count).enumerated() {
                    answers[index][user * count + label] = buys(chain, share)
                }
            }
        }
    }

    /// P(a session of that share buys in the window).
    private func buys(_ chain: OracleForecast.User, _ share: Double) -> Float {
        share > 0 ? Float(max(0, 1 - forecast.quiet(chain, share: share))) : 0
    }

    /// P(a buying session buys the item).
    private func itemShare(_ item: Int) -> Double {
        affinities[shop.categoryOfItem[item]] * forecast.any(of: chances[item])
    }

    /// P(a buying session buys something of a bucket), `[count]`.
    private func priceShares(_ places: [Int32], count: Int) -> [Double] {
        var shares = [Double](repeating: 0, count: count)
        var sums = shares
        for category in plan.categories {
            var touched: [Int] = []
            for item in shop.shelves[category].items where places[item] >= 0 {
                let place = Int(places[item])
                if sums[place] == 0 { touched.append(place) }
                sums[place] += chances[item]
            }
            for place in touched where sums[place] > 0 {
                shares[place] += affinities[category] * forecast.any(of: sums[place])
                sums[place] = 0
            }
        }
        return shares
    }
}
