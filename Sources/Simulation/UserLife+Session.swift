import Events
import Storage

/// One session: visits and searches around one category, and what happens to the cart.
///
/// Whether it buys is drawn first, so that purchases do not depend on what lies in the cart and
/// `BuyForecast` is exact; the rest follows from that.
extension UserLife {
    private typealias P = ShopParameters

    /// What a session is going to do.
    private struct Plan {
        let category: Int
        let price: Double
        let searchChance: Double
        let state: Int
        var isBuying = false
        /// Items that it will add, and how many of them it buys.
        var addCount = 0
        var newBuyCount = 0
        /// Items in the cart that it buys, and those it buys without a cart.
        var cartBuyCount = 0
        var directBuyCount = 0
        /// What a search had in mind and was not opened yet.
        var wanted: Int?
    }

    mutating func session(_ state: Engagement, isFirst: Bool, _ random: inout SeededRandom) {
        var plan = makePlan(state.rawValue, isFirst, &random)
        let mean = user.visitMean * (isFirst ? 1 : P.visitFactors[state.rawValue])
        let visitCount = 1 + Geometric(mean: mean).draw(&random, limit: P.visitLimit)
        var added: [Int] = []
        for place in 0..<visitCount {
            if random.happens(plan.searchChance) { search(&plan, &random) }
            let left = plan.addCount - added.count
            if left > 0, random.nextUnit() * Double(visitCount - place) < Double(left) {
                let item = pick(plan, &random)
                visitItem(item, &random)
                add(item, &added, &random)
            } else {
                visitSomething(&plan, &random)
            }
        }
        while added.count < plan.addCount { add(pick(plan, &random), &added, &random) }
        finish(plan, added, &random)
    }

    private mutating func makePlan(
        _ state: Int, _ isFirst: Bool, _ random: inout SeededRandom
    ) -> Plan {
        let price =
            user.priceLevel - (state == Engagement.cooling.rawValue ? P.coolingPriceDrop : 0)
        var plan = Plan(
            category: focus(&random), price: price,
            searchChance: P.searchChance * P.searchFactors[state], state: state)
        let buyChance = isFirst ? user.buyBase * P.arrivalBuyFactor : user.buyChance(state)
        let draw = random.nextUnit()
        if draw < buyChance {
            plan.isBuying = true
            planPurchase(&plan, &random)
        } else if random.happens(user.cartChance * P.cartFactors[state]) {
            plan.addCount = 1 + Self.adds.draw(&random, limit: P.cartLimit - 1)
        }
        return plan
    }

    private func planPurchase(_ plan: inout Plan, _ random: inout SeededRandom) {
        var count = 1 + Self.extraBuys.draw(&random, limit: P.extraBuyLimit)
        if random.happens(P.directBuyShare) {
            plan.directBuyCount = count
            return
        }
        if !cart.isEmpty, random.happens(P.cartBuyShare) {
            plan.cartBuyCount = min(cart.count, count)
            count -= plan.cartBuyCount
        }
        plan.newBuyCount = count
        plan.addCount = count + Self.extraAdds.draw(&random, limit: 5)
    }

    /// A category by the user's affinity: a favourite, or any by taste.
    private func focus(_ random: inout SeededRandom) -> Int {
        let draw = random.nextUnit()
        guard draw < P.favouriteShare else {
            return taste.category(shop, isShifted: isShifted, &random)
        }
        var rest = draw / P.favouriteShare
        for slot in 0..<2 {
            if rest < P.favouriteWeights[slot] { return favourites[slot] }
            rest -= P.favouriteWeights[slot]
        }
        return favourites[2]
    }

    private func pick(_ plan: Plan, _ random: inout SeededRandom) -> Int {
        shop.item(
            of: plan.category, day: day, price: plan.price, taste: taste.position, &random)
    }

    // MARK: Pages

    private mutating func visitSomething(_ plan: inout Plan, _ random: inout SeededRandom) {
        let draw = random.nextUnit()
        let (items, listings) = (P.itemPageShares[plan.state], P.listingPageShares[plan.state])
        if draw < items {
            visitItem(itemOfInterest(&plan, &random), &random)
        } else if draw < items + listings {
            let isFocused = random.happens(P.focusShare)
            visit(shop.listingUrl(isFocused ? plan.category : focus(&random), &random), &random)
        } else {
            visit(shop.genericUrl(&random), &random)
        }
    }

    private func itemOfInterest(_ plan: inout Plan, _ random: inout SeededRandom) -> Int {
        if let wanted = plan.wanted {
            plan.wanted = nil
            return wanted
        }
        if !recent.isEmpty, random.happens(P.revisitShare) {
            return recent[random.below(recent.count)]
        }
        if random.happens(P.focusShare) { return pick(plan, &random) }
        return shop.item(
            of: focus(&random), day: day, price: plan.price, taste: taste.position, &random)
    }

    private mutating func visitItem(_ item: Int, _ random: inout SeededRandom) {
        if recent.count == 4 { recent.removeFirst() }
        recent.append(item)
        visit(shop.itemUrl(item, &random), &random)
    }

    private mutating func visit(_ url: Int, _ random: inout SeededRandom) {
        emit(.pageVisit, url)
        pause(&random)
    }

    private mutating func search(_ plan: inout Plan, _ random: inout SeededRandom) {
        let query = shop.query(of: plan.category, &random)
        let item = Int(shop.queries[query].item)
        plan.wanted = Int(shop.items[item].firstDay) <= day ? item : nil
        emit(.searchQuery, query)
        pause(&random)
    }

    private mutating func pause(_ random: inout SeededRandom) {
        tick += 1 + Self.gaps.draw(&random, limit: P.gapTickLimit)
    }

    // MARK: The cart

    private mutating func add(
        _ item: Int, _ added: inout [Int], _ random: inout SeededRandom
    ) {
        emit(.addToCart, item)
        pause(&random)
        added.append(item)
    }

    /// Removals, purchases, and what stays in the cart.
    private mutating func finish(
        _ plan: Plan, _ added: [Int], _ random: inout SeededRandom
    ) {
        let removal = P.removalShare * P.removalFactors[plan.state]
        var bought = Array(added.prefix(plan.newBuyCount))
        bought += cart.prefix(plan.cartBuyCount)
        cart.removeFirst(plan.cartBuyCount)
        for _ in 0..<plan.directBuyCount { bought.append(pick(plan, &random)) }
        let chance = P.laterRemovalShare * P.removalFactors[plan.state]
        var kept: [Int] = []
        for item in cart {
            if random.happens(chance) { remove(item, &random) } else { kept.append(item) }
        }
        for item in added.dropFirst(plan.newBuyCount) {
            if random.happens(removal) { remove(item, &random) } else { kept.append(item) }
        }
        // A cart forgets its oldest items, as a shop's does.
        cart = Array(kept.suffix(P.cartLimit))
        for item in bought {
            emit(.productBuy, item)
            if random.happens(0.5) { tick += 1 }
        }
        if !bought.isEmpty { pause(&random) }
    }

    private mutating func remove(_ item: Int, _ random: inout SeededRandom) {
        emit(.removeFromCart, item)
        pause(&random)
    }

    private static let gaps = Geometric(mean: P.meanGapTicks)
    private static let adds = Geometric(mean: P.addMean)
    private static let extraBuys = Geometric(mean: P.extraBuyMean)
    private static let extraAdds = Geometric(mean: P.extraAddMean)
}
