import Kernels
import Storage

/// What users pick.
extension Shop {
    /// A category of a department, by its popularity on that side of the shift.
    func category(
        ofDepartment department: Int, isShifted: Bool, _ random: inout SeededRandom
    ) -> Int {
        let table = cumulativeShares[isShifted ? 1 : 0][department]
        let draw = random.nextUnit()
        var low = 0
        var high = table.count - 1
        while low < high {
            let middle = (low + high) / 2
            if draw < table[middle] { high = middle } else { low = middle + 1 }
        }
        return Int(categoriesOfDepartment[department][low])
    }

    /// An item of a category: the best of three by price and taste, more or less.
    ///
    /// Candidates come by popularity; each is chosen with odds
    /// exp(−(price − wanted)² / (2 w²) + θ·(ψ_i − φ_c) / 2).
    func item(
        of category: Int, day: Int, price wanted: Double, taste: Latent,
        _ random: inout SeededRandom
    ) -> Int {
        let entry = categories[category]
        var chosen = entry.items.lowerBound
        var total = 0.0
        for _ in 0..<ShopParameters.candidateCount {
            let candidate = available(
                random.rank(logOfCountPlusOne: entry.itemLog, count: entry.items.count), entry, day)
            let gap = (Double(price(candidate, day: day)) - wanted) / ShopParameters.priceWidth
            let match = taste.dot(items[candidate].position - entry.position)
            let odds = Elementary.exp(0.5 * (match - gap * gap))
            total += odds
            if random.nextUnit() * total < odds { chosen = candidate }
        }
        return chosen
    }

    /// The item of that popularity rank, or the next better one that is in the catalogue.
    private func available(_ rank: Int, _ category: Category, _ day: Int) -> Int {
        let count = category.items.count
        var place = day >= calendar.shiftDay ? (rank + count / 3) % count : rank
        while Int(items[category.items.lowerBound + place].firstDay) > day { place -= 1 }
        return category.items.lowerBound + place
    }

    /// A query of a category.
    func query(of category: Int, _ random: inout SeededRandom) -> Int {
        let entry = categories[category]
        return entry.queries.lowerBound
            + random.rank(logOfCountPlusOne: entry.queryLog, count: entry.queries.count)
    }

    /// The index of the url under which an item's page is opened.
    func itemUrl(_ item: Int, _ random: inout SeededRandom) -> Int {
        let isMain = random.happens(ShopParameters.mainUrlShare)
        return urls.item(item, page: isMain ? 0 : 1 + random.below(urls.pagesPerItem - 1))
    }

    /// The index of a listing page's url.
    func listingUrl(_ category: Int, _ random: inout SeededRandom) -> Int {
        urls.listing(
            category,
            page: random.rank(
                logOfCountPlusOne: urls.listingLog, count: urls.listingsPerCategory))
    }

    /// The index of a generic page's url: home, cart, help.
    func genericUrl(_ random: inout SeededRandom) -> Int {
        random.rank(logOfCountPlusOne: urls.genericLog, count: urls.genericCount)
    }
}
