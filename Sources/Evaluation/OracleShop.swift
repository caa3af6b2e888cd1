import Events
import Kernels

/// The shop as it stands in a window: categories, and the items of each.
struct OracleShop: Sendable {
    let departments: [Int]
    /// Share of each category in its department.
    let shares: [Double]
    let shelves: [OracleChoice.Shelf]
    let skus: [Int64]
    /// Places of categories and items by their ids; the category of each item.
    let categoryPlaces: [Int64: Int]
    let itemPlaces: [Int64: Int]
    let categoryOfItem: [Int]
    /// The day whose prices and side of the shift stand for the window.
    let middleDay: Int
    let isShifted: Bool

    init(_ files: OracleFiles, window: Range<Int>) throws(OracleError) {
        let middleDay = (window.lowerBound + window.upperBound) / 2
        let shiftDay = files.manifest.shiftDay ?? .max
        let isShifted = middleDay >= shiftDay
        let categories = try files.integers("categories", columns: 2)
        let categoryIDs = stride(from: 0, to: categories.count, by: 2).map { categories[$0] }
        departments = stride(from: 1, to: categories.count, by: 2).map { Int(categories[$0]) }
        let places = Dictionary(zip(categoryIDs, categoryIDs.indices)) { first, _ in first }
        let sides = files.manifest.shiftDay == nil ? 1 : 2
        let share = try files.numbers("category_share", columns: sides)
        shares = categoryIDs.indices.map { share[$0 * sides + (isShifted ? 1 : 0)] }
        let items = try files.integers("items", columns: 4)
        let prices = try files.integers("item_prices", columns: 4)
        let offsets = try files.numbers("item_taste", columns: 8)
        let count = items.count / 4
        let skus = (0..<count).map { items[4 * $0] }
        self.skus = skus
        let itemCategories = (0..<count).compactMap { places[items[4 * $0 + 1]] }
        guard prices.count == items.count, offsets.count == 8 * count,
            share.count == categoryIDs.count * sides, itemCategories.count == count,
            departments.allSatisfy({ (0..<16).contains($0) }),
            zip(itemCategories, itemCategories.dropFirst()).allSatisfy({ $0 <= $1 })
        else {
            throw .badTruth(
                path: files.path("items"), reason: "items, categories and prices do not agree")
        }
        let firstDays = (0..<count).map { Int(clamping: items[4 * $0 + 2]) }
        var shelves: [OracleChoice.Shelf] = []
        var start = 0
        for category in categoryIDs.indices {
            let end = itemCategories[start...].firstIndex { $0 != category } ?? count
            let range = start..<end
            shelves.append(
                OracleChoice.Shelf(
                    items: range,
                    popularity: Self.popularity(
                        firstDays[range].map { $0 }, window: window, shiftDay: shiftDay),
                    offsets: range.map { item in
                        SIMD8((0..<8).map { offsets[8 * item + $0] })
                    },
                    prices: range.map { item in
                        if isShifted { return Double(prices[4 * item + 3]) }
                        let isChanged = Int64(middleDay) >= prices[4 * item + 1]
                        return Double(prices[4 * item + (isChanged ? 2 : 0)])
                    }))
            start = end
        }
        self.shelves = shelves
        self.middleDay = middleDay
        self.isShifted = isShifted
        categoryPlaces = places
        itemPlaces = Dictionary(zip(skus, skus.indices)) { first, _ in first }
        categoryOfItem = itemCategories
    }

    /// p_i of the items of a category, by their rank: ln((r + 2) / (r + 1)) / ln(n + 1), and the share
    /// of one that is not in the catalogue yet goes to the next better one; the mean over the days.
    private static func popularity(
        _ firstDays: [Int], window: Range<Int>, shiftDay: Int
    ) -> [SIMD4<Double>] {
        let count = firstDays.count
        var popularity = [SIMD4<Double>](repeating: SIMD4(repeating: 0), count: (count + 3) / 4)
        let all = Elementary.ln(Double(count + 1)) * Double(window.count)
        for rank in 0..<count {
            let share = Elementary.ln(Double(rank + 2) / Double(rank + 1)) / all
            for day in window {
                var place = day >= shiftDay ? (rank + count / 3) % count : rank
                while place > 0, firstDays[place] > day { place -= 1 }
                popularity[place / 4][place % 4] += share
            }
        }
        return popularity
    }
}

/// What the truth knows of the users asked about.
struct OracleUsers: Sendable {
    /// nil for whom nothing is known at that midnight.
    let chains: [OracleForecast.User?]
    /// θ and the wanted price.
    let tastes: [SIMD8<Double>]
    let prices: [Double]
    /// A(g), `[users, 16]`.
    let departments: [Double]
    /// `[users, 3]` places of categories.
    let favourites: [Int]
    /// What each slot weighs in the affinity, and what is left for A(g) share(c).
    let slotWeights: [Double]
    let otherWeight: Double

    init(
        _ files: OracleFiles, users: [UserID], shop: OracleShop, forecast: OracleForecast,
        cutoffColumn: Int
    ) throws(OracleError) {
        let manifest = files.manifest
        let suffix = shop.isShifted ? "_after" : ""
        let traits = try files.users(
            "users",
            columns: [
                "sessions_per_day", "buys_per_session", "cooling_per_day", "return_per_day",
                "price_level",
            ])
        let states = try files.users("state")
        let columns = manifest.cutoffSeconds.count
        let positions = try files.users("taste" + suffix)
        departments = try files.users("department_affinity" + suffix)
        guard states.count == users.count * columns, positions.count == users.count * 8,
            departments.count == users.count * 16
        else { throw .badTruth(path: files.directory, reason: "files of other widths") }
        favourites = try files.favourites(
            on: forecast.knownDay, users: users, categories: shop.categoryPlaces)
        let slots = manifest.favouriteWeights.count
        var chains: [OracleForecast.User?] = []
        for user in users.indices {
            let state = states[user * columns + cutoffColumn]
            let own = favourites[user * slots..<(user + 1) * slots]
            guard (0...3).contains(state), own.allSatisfy({ $0 >= 0 }) else {
                chains.append(nil)
                continue
            }
            chains.append(
                forecast.user(
                    state: Int(state), sessionRate: traits[5 * user],
                    buyBase: traits[5 * user + 1], cooling: traits[5 * user + 2],
                    comeBack: traits[5 * user + 3]))
        }
        self.chains = chains
        tastes = users.indices.map { user in SIMD8((0..<8).map { positions[8 * user + $0] }) }
        prices = users.indices.map { traits[5 * $0 + 4] }
        let kept = Self.keptShare(manifest, forecast, shop)
        slotWeights = manifest.favouriteWeights.map { $0 * manifest.favouriteShare * kept }
        otherWeight = 1 - slotWeights.reduce(0, +)
    }

    /// P(a favourite of the known day still is one on the window's middle day): each whole week one
    /// of the slots is replaced with the drift's chance, and each at a shift.
    private static func keptShare(
        _ manifest: OracleManifest, _ forecast: OracleForecast, _ shop: OracleShop
    ) -> Double {
        let model = manifest.model
        var kept = 1.0
        for _ in 0..<(shop.middleDay - forecast.knownDay) / 7 {
            kept *= 1 - model.weeklyDrift / Double(manifest.favouriteWeights.count)
        }
        let shiftDay = manifest.shiftDay ?? .max
        if forecast.knownDay <= shiftDay, shop.isShifted { kept *= 1 - model.favouriteLoss }
        return kept
    }

    /// a(c): the probability that a buying session of the window is about a category.
    func affinity(_ user: Int, category: Int, shop: OracleShop) -> Double {
        var sum =
            otherWeight * departments[16 * user + shop.departments[category]]
            * shop.shares[category]
        for (slot, weight) in slotWeights.enumerated()
        where favourites[user * slotWeights.count + slot] == category {
            sum += weight
        }
        return sum
    }
}
