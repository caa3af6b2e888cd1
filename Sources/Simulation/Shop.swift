import Events
import Kernels
import Storage

/// What the shop offers: departments, categories, items, queries and urls, drawn from the seed.
///
/// A pure function of (user count, seed, calendar). Latent positions are points of `Latent`: a
/// department's centre, a category near it, an item near its category; an item's name vector is a
/// fixed linear image of its position, so that names carry category and taste.
struct Shop: Sendable {
    struct Category: Sendable {
        let department: Int
        let position: Latent
        let items: Range<Int>
        let queries: Range<Int>
        /// ln(number of items + 1), ln(number of queries + 1).
        let itemLog: Double
        let queryLog: Double
    }

    struct Item: Sendable {
        let position: Latent
        let name: TextVector
        let category: Int32
        /// Price buckets at the start, after the item's one price change, and after the shift.
        let price: UInt8
        let changedPrice: UInt8
        let shiftedPrice: UInt8
        /// The day of its price change; beyond the log's last for most.
        let changeDay: Int32
        /// The day on which it enters the catalogue; 0 for nine of ten.
        let firstDay: Int32
    }

    struct Query: Sendable {
        let vector: TextVector
        /// The item that who asks so has in mind.
        let item: Int32
    }

    let calendar: Calendar
    let centres: [Latent]
    let departmentWeights: [Double]
    let categories: [Category]
    /// Categories of each department, most popular first.
    let categoriesOfDepartment: [[Int32]]
    /// Cumulative shares of those within their department, before and after the shift.
    let cumulativeShares: [[[Double]]]
    let items: [Item]
    let queries: [Query]
    let urls: UrlLayout
    let itemIDs: IDPermutation
    let categoryIDs: IDPermutation
    let userIDs: IDPermutation

    init(_ options: SimulationOptions, _ calendar: Calendar) {
        self.calendar = calendar
        let users = Double(options.userCount)
        func count(_ perUser: Double, _ least: Int) -> Int {
            max(least, Int(users * perUser + 0.5))
        }
        let categoryCount = count(
            ShopParameters.categoriesPerUser, ShopParameters.leastCategoryCount)
        let itemCount = count(ShopParameters.itemsPerUser, ShopParameters.leastItemCount)
        let queryCount = count(ShopParameters.queriesPerUser, ShopParameters.leastQueryCount)
        let urlCount = count(ShopParameters.urlsPerUser, ShopParameters.leastUrlCount)
        let departments = ShopParameters.departmentCount
        var random = SeededRandom(options.seed, .departments, 0)
        centres = (0..<departments).map { _ in
            random.normalVector().scaled(to: ShopParameters.centreLength)
        }
        departmentWeights = (0..<departments).map { 1 / Double($0 + 1).squareRoot() }
        let builder = ShopBuilder(seed: options.seed, calendar: calendar)
        categoriesOfDepartment = (0..<departments).map { department in
            stride(from: department, to: categoryCount, by: departments).map { Int32($0) }
        }
        categories = builder.categories(
            count: categoryCount, itemCount: itemCount, queryCount: queryCount, centres: centres)
        items = builder.items(of: categories)
        queries = builder.queries(of: categories, items: items)
        cumulativeShares = builder.cumulativeShares(categoriesOfDepartment)
        urls = UrlLayout(
            count: urlCount, categoryCount: categories.count, itemCount: items.count,
            seed: options.seed)
        itemIDs = IDPermutation(count: items.count, seed: options.seed, table: 0)
        categoryIDs = IDPermutation(count: categories.count, seed: options.seed, table: 1)
        userIDs = IDPermutation(count: options.userCount, seed: options.seed, table: 2)
    }

    /// The item's price bucket on a day.
    func price(_ item: Int, day: Int) -> UInt8 {
        let entry = items[item]
        if day >= calendar.shiftDay { return entry.shiftedPrice }
        return day >= Int(entry.changeDay) ? entry.changedPrice : entry.price
    }

    /// Share of a category within its department.
    func share(ofPlace place: Int, department: Int, isShifted: Bool) -> Double {
        let table = cumulativeShares[isShifted ? 1 : 0][department]
        return table[place] - (place == 0 ? 0 : table[place - 1])
    }

    /// Catalogue updates of the midnight that begins `day`, in item order; day 0 has the rest.
    func updates(day: Int) -> [CatalogueUpdate] {
        var updates: [CatalogueUpdate] = []
        for (index, item) in items.enumerated() {
            let id = ItemID(rawValue: itemIDs.id(index))
            if Int(item.firstDay) == day {
                updates.append(
                    CatalogueUpdate(
                        item: id, category: categoryIDs.id(Int(item.category)),
                        price: price(index, day: day), name: item.name))
            } else if day > Int(item.firstDay), price(index, day: day) != price(index, day: day - 1)
            {
                updates.append(CatalogueUpdate(item: id, price: price(index, day: day)))
            }
        }
        return updates
    }
}

/// Where the urls of pages stand: generic pages, then listings by category, then pages by item.
struct UrlLayout: Sendable {
    let count: Int
    let genericCount: Int
    let listingsPerCategory: Int
    let pagesPerItem: Int
    let ids: IDPermutation
    let genericLog: Double
    let listingLog: Double
    private let firstItemUrl: Int

    init(count wanted: Int, categoryCount: Int, itemCount: Int, seed: UInt64) {
        genericCount = max(8, Int(Double(wanted) * ShopParameters.genericUrlShare))
        listingsPerCategory = max(
            4, Int(Double(wanted) * ShopParameters.listingUrlShare) / categoryCount)
        firstItemUrl = genericCount + listingsPerCategory * categoryCount
        pagesPerItem = max(2, (wanted - firstItemUrl) / itemCount)
        count = firstItemUrl + pagesPerItem * itemCount
        ids = IDPermutation(count: count, seed: seed, table: 3)
        genericLog = Elementary.ln(Double(genericCount + 1))
        listingLog = Elementary.ln(Double(listingsPerCategory + 1))
    }

    /// The index of a category's listing page.
    func listing(_ category: Int, page: Int) -> Int {
        genericCount + category * listingsPerCategory + page
    }

    /// The index of an item's page; page 0 is its main one, the others carry parameters.
    func item(_ item: Int, page: Int) -> Int { firstItemUrl + item * pagesPerItem + page }

    /// The item whose page a url is, or nil.
    func item(ofUrl index: Int) -> Int? {
        index < firstItemUrl ? nil : (index - firstItemUrl) / pagesPerItem
    }
}
