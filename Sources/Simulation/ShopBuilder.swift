import Events
import Kernels
import Storage

/// Draws the parts of a `Shop`.
struct ShopBuilder {
    let seed: UInt64
    let calendar: Calendar

    /// Categories, in turn from each department, with their ranges of items and queries.
    ///
    /// Popular categories are larger: sizes follow the square root of the popularity.
    func categories(
        count: Int, itemCount: Int, queryCount: Int, centres: [Latent]
    ) -> [Shop.Category] {
        let weights = (0..<count).map { index in
            popularity(rank: index / centres.count).squareRoot()
        }
        let itemSizes = sizes(weights, total: itemCount, least: 4)
        let querySizes = sizes(weights, total: queryCount, least: 4)
        var firstItem = 0
        var firstQuery = 0
        return (0..<count).map { index in
            var random = SeededRandom(seed, .categories, index)
            let department = index % centres.count
            defer {
                firstItem += itemSizes[index]
                firstQuery += querySizes[index]
            }
            return Shop.Category(
                department: department,
                position: centres[department] + random.normalVector()
                    * ShopParameters.categorySpread,
                items: firstItem..<firstItem + itemSizes[index],
                queries: firstQuery..<firstQuery + querySizes[index],
                itemLog: Elementary.ln(Double(itemSizes[index] + 1)),
                queryLog: Elementary.ln(Double(querySizes[index] + 1)))
        }
    }

    /// Items; prices are ranks of a latent price, so that the buckets are quantiles.
    func items(of categories: [Shop.Category]) -> [Shop.Item] {
        var raw: [Double] = []
        for (index, category) in categories.enumerated() {
            var random = SeededRandom(seed, .prices, index)
            let level = random.normal()
            for _ in category.items { raw.append(level + 0.8 * random.normal()) }
        }
        let order = raw.indices.sorted { (raw[$0], $0) < (raw[$1], $1) }
        var buckets = [Int](repeating: 0, count: raw.count)
        for (place, item) in order.enumerated() { buckets[item] = place * 100 / raw.count }
        let image = nameImage()
        return categories.enumerated().flatMap { index, category in
            category.items.map { item in
                makeItem(item, category, index, price: buckets[item], image)
            }
        }
    }

    private func makeItem(
        _ index: Int, _ category: Shop.Category, _ categoryIndex: Int, price: Int,
        _ image: [Latent]
    ) -> Shop.Item {
        var random = SeededRandom(seed, .items, index)
        let position =
            category.position + random.normalVector() * ShopParameters.itemSpread
        let name = TextVector(
            image.map { row in
                quantised(
                    128 + ShopParameters.nameScale * row.dot(position)
                        + ShopParameters.nameNoise * random.normal())
            })
        func moved(_ bucket: Int, by step: Int) -> Int {
            min(99, max(0, bucket + (random.happens(0.5) ? step : -step)))
        }
        // The best-selling items of a category are there from the start.
        let isLate =
            index - category.items.lowerBound > 1
            && random.happens(ShopParameters.lateItemShare)
        let firstDay = isLate ? 1 + random.below(calendar.dayCount) : 0
        let changes = random.happens(ShopParameters.priceChangeShare)
        let changeDay = changes ? 1 + random.below(calendar.dayCount) : Int(Int32.max)
        let changed = changes ? moved(price, by: 3 + random.below(15)) : price
        let before = changeDay < calendar.shiftDay ? changed : price
        let shifts = random.happens(ShopParameters.shiftPriceShare)
        let shifted = shifts ? moved(before, by: 10 + random.below(25)) : before
        return Shop.Item(
            position: position, name: name, category: Int32(categoryIndex), price: UInt8(price),
            changedPrice: UInt8(changed), shiftedPrice: UInt8(shifted),
            changeDay: Int32(changeDay), firstDay: Int32(firstDay))
    }

    /// Queries: each stands near the name of an item of its category.
    func queries(of categories: [Shop.Category], items: [Shop.Item]) -> [Shop.Query] {
        categories.flatMap { category in
            category.queries.map { query in
                var random = SeededRandom(seed, .queries, query)
                let place = (query - category.queries.lowerBound) % category.items.count
                let item = category.items.lowerBound + place
                let name = items[item].name
                let vector = TextVector(
                    (0..<16).map { index in
                        quantised(
                            Double(name[index]) + ShopParameters.nameNoise * random.normal())
                    })
                return Shop.Query(vector: vector, item: Int32(item))
            }
        }
    }

    /// Cumulative shares of a department's categories; after a shift they have changed places.
    func cumulativeShares(_ categoriesOfDepartment: [[Int32]]) -> [[[Double]]] {
        [false, true].map { isShifted in
            categoriesOfDepartment.map { list in
                let weights = list.indices.map { place in
                    let rank = isShifted ? (place + list.count / 2) % list.count : place
                    return popularity(rank: rank)
                }
                let total = weights.reduce(0, +)
                var sum = 0.0
                return weights.map { weight in
                    sum += weight / total
                    return sum
                }
            }
        }
    }

    private func popularity(rank: Int) -> Double {
        Elementary.exp(-0.8 * Elementary.ln(Double(rank + 1)))
    }

    /// `total` in whole parts of about the given weights, each at least `least`.
    private func sizes(_ weights: [Double], total: Int, least: Int) -> [Int] {
        let sum = weights.reduce(0, +)
        let free = Double(max(0, total - least * weights.count))
        return weights.map { least + Int($0 / sum * free + 0.5) }
    }

    /// `[16]` rows: the fixed linear map from a position to a name.
    private func nameImage() -> [Latent] {
        var random = SeededRandom(seed, .names, 0)
        return (0..<16).map { _ in random.normalVector() * 0.5 }
    }

    private func quantised(_ x: Double) -> UInt8 { UInt8(min(255, max(0, x + 0.5))) }
}
