import Events
import Sessions

/// The rows themselves; docs/rows.md lists every position.
extension Reducer {
    /// Folds a product event: counts it, shows it to the open sessions, commits its row.
    func foldProduct(
        _ enriched: EnrichedEvent, at seconds: Int64, isLate: Bool, into state: inout UserState,
        _ scratch: inout FoldScratch
    ) {
        let event = enriched.event
        let lane = event.kind == .productBuy ? 0 : event.kind == .addToCart ? 1 : 2
        let limit = options.mapKeyLimit
        let cluster = scratch.nameCluster(enriched.name, statistics)
        let isTopItem = statistics.topItems.contains(event.key)
        let isTopCategory = enriched.category.map(statistics.topCategories.contains) ?? false
        let item = statistics.statistic(.items, event.key)
        let index = state.items.add(event.key, lane: lane, count: 1, weight: 1, limit: limit)
        let categoryIndex = enriched.category.map {
            state.categories.add($0, lane: lane, count: 1, weight: 1, limit: limit)
        }
        let clusterIndex = cluster.map {
            state.nameClusters.add($0, lane: lane, count: 1, weight: 1, limit: limit)
        }
        state.activity.addProduct(
            enriched, buys: item.counts[0], isTopItem: isTopItem, isTopCategory: isTopCategory)
        if !isLate {
            state.visitSession?.addProduct(
                at: seconds, isTopItem: isTopItem, isTopCategory: isTopCategory, options.sessions)
            state.searchSession?.addProduct(
                at: seconds, isTopItem: isTopItem, isTopCategory: isTopCategory, options.sessions)
        }
        let gap = begin(event.kind, at: seconds, isLate: isLate, &state, &scratch)
        fillUser(
            &scratch.rawRow, state, index: index, category: categoryIndex, cluster: clusterIndex)
        fillShop(
            &scratch.rawRow, item: item,
            category: statistics.statistic(.categories, enriched.category),
            cluster: statistics.statistic(.nameClusters, cluster))
        scratch.rawRow[20] = isTopItem ? 1 : 0
        scratch.rawRow[32] = isTopCategory ? 1 : 0
        scratch.rawRow[RowLayout.price] = enriched.price.map { (Double($0) + 1) / 100 } ?? .nan
        fillText(&scratch.rawRow, enriched.name, from: RowLayout.name)
        let key = RowKey(
            kind: event.kind, seconds: seconds, key: event.key, category: enriched.category,
            price: enriched.price, gap: gap)
        commit(key, since: event.seconds, table: .product, into: &state, &scratch)
    }

    /// Positions of a product row that speak of this user, as of the row, inclusive.
    private func fillUser(
        _ raw: inout [Double], _ state: UserState, index: Int, category: Int?, cluster: Int?
    ) {
        let buys = Double(state.activity.count(.productBuy))
        let adds = Double(state.activity.count(.addToCart))
        for lane in 0..<3 {
            raw[8 + lane] = Double(state.items.count(at: index, lane: lane))
            if let cluster {
                raw[21 + lane] = Double(state.nameClusters.count(at: cluster, lane: lane))
            }
            if let category {
                raw[33 + lane] = Double(state.categories.count(at: category, lane: lane))
            }
        }
        raw[11] = state.items.entropy
        raw[12] = state.nameClusters.entropy
        raw[13] = state.categories.entropy
        raw[14] = rate(raw[8], raw[9])
        raw[15] = rate(buys, adds)
        raw[17] = buys
        raw[18] = adds
        raw[19] = Double(state.activity.count(.removeFromCart))
        raw[37] = rate(raw[33], raw[34])
    }

    /// Positions of a product row that speak of the shop: the generation's frozen statistics.
    private func fillShop(
        _ raw: inout [Double], item: KeyStatistic, category: KeyStatistic, cluster: KeyStatistic
    ) {
        for lane in 0..<3 {
            raw[24 + lane] = Double(cluster.counts[lane])
            raw[29 + lane] = Double(item.counts[lane])
            raw[38 + lane] = Double(category.counts[lane])
        }
        raw[16] = rate(Double(item.counts[0]), Double(item.counts[1]))
        raw[27] = cluster.entropy
        raw[28] = item.entropy
        raw[36] = rate(Double(category.counts[0]), Double(category.counts[1]))
        raw[41] = category.entropy
    }

    /// Commits the row of a closed visit session.
    func commitVisits(
        _ session: OpenSession, at seconds: Int64, isLate: Bool, into state: inout UserState,
        _ scratch: inout FoldScratch
    ) {
        state.activity.visitSessionCount &+= 1
        state.activity.visitSeconds += session.durationSeconds
        state.activity.nearbyCount += Int64(session.nearby.count)
        let gap = begin(.pageVisit, at: seconds, isLate: isLate, &state, &scratch)
        let url = session.firstKey ?? 0
        let statistic = statistics.statistic(.urls, url)
        scratch.rawRow[8] = Double(state.urls.count(of: url, lane: 0))
        scratch.rawRow[9] = Double(state.activity.count(.pageVisit))
        scratch.rawRow[10] = statistic.entropy
        scratch.rawRow[11] = Double(statistic.counts[0])
        scratch.rawRow[12] = session.nearby.hasTopItem ? 1 : 0
        scratch.rawRow[13] = session.nearby.hasTopCategory ? 1 : 0
        scratch.rawRow[14] = Double(session.nearby.count)
        scratch.rawRow[15] = Double(session.durationSeconds)
        for week in 0..<WeekRing.count {
            scratch.rawRow[RowLayout.weeks + week] =
                Double(state.weeks.count(weeksBefore: week, seconds: seconds))
        }
        commit(
            RowKey(kind: .pageVisit, seconds: seconds, key: url, gap: gap), since: session.start,
            table: .visit, into: &state, &scratch)
    }

    /// Commits the row of a closed search session.
    func commitSearches(
        _ session: OpenSession, at seconds: Int64, isLate: Bool, into state: inout UserState,
        _ scratch: inout FoldScratch
    ) {
        state.activity.searchSessionCount &+= 1
        state.activity.searchSeconds += session.durationSeconds
        state.activity.nearbyCount += Int64(session.nearby.count)
        let cluster = scratch.queryCluster(session.firstQuery, statistics)
        if let key = session.firstKey {
            state.queries.add(key, lane: 0, count: 0, weight: 1, limit: options.mapKeyLimit)
        }
        if let cluster {
            state.queryClusters.add(
                cluster, lane: 0, count: 0, weight: 1, limit: options.mapKeyLimit)
        }
        let gap = begin(.searchQuery, at: seconds, isLate: isLate, &state, &scratch)
        let query = statistics.statistic(.queries, session.firstKey)
        let group = statistics.statistic(.queryClusters, cluster)
        if let key = session.firstKey {
            scratch.rawRow[8] = Double(state.queries.count(of: key, lane: 0))
        }
        scratch.rawRow[9] = Double(state.activity.count(.searchQuery))
        scratch.rawRow[10] = state.queries.entropy
        scratch.rawRow[11] = state.queryClusters.entropy
        scratch.rawRow[12] = Double(query.counts[0])
        scratch.rawRow[13] = Double(group.counts[0])
        if let cluster {
            scratch.rawRow[14] = Double(state.queryClusters.count(of: cluster, lane: 0))
        }
        scratch.rawRow[15] = query.entropy
        scratch.rawRow[16] = group.entropy
        scratch.rawRow[17] = session.nearby.hasTopItem ? 1 : 0
        scratch.rawRow[18] = session.nearby.hasTopCategory ? 1 : 0
        scratch.rawRow[19] = Double(session.nearby.count)
        scratch.rawRow[20] = Double(session.durationSeconds)
        fillText(&scratch.rawRow, session.firstQuery, from: RowLayout.query)
        commit(
            RowKey(kind: .searchQuery, seconds: seconds, key: session.firstKey ?? 0, gap: gap),
            since: session.start, table: .search, into: &state, &scratch)
    }

    /// Starts a row: zeros, one-hot, calendar fields, gap and age; counts it in its week.
    ///
    /// - Returns: the class of the gap.
    private func begin(
        _ kind: EventKind, at seconds: Int64, isLate: Bool, _ state: inout UserState,
        _ scratch: inout FoldScratch
    ) -> UInt8 {
        for position in 0..<RowLayout.width { scratch.rawRow[position] = 0 }
        state.weeks.add(at: seconds)
        scratch.rawRow[RowLayout.oneHot(kind)] = 1
        scratch.rawRow[RowLayout.hour] = Double(Calendar.hour(seconds)) / 23 * 2 - 1
        scratch.rawRow[RowLayout.weekday] = Double(Calendar.weekday(seconds) - 1) / 6 * 2 - 1
        scratch.rawRow[RowLayout.dayOfMonth] = Double(Calendar.dayOfMonth(seconds)) / 31 * 2 - 1
        let gap = isLate ? 0 : max(0, seconds - (state.lastRowSeconds ?? seconds))
        scratch.rawRow[RowLayout.gap] = Double(gap)
        scratch.rawRow[RowLayout.age] = Double(max(0, seconds - (state.firstSeconds ?? seconds)))
        state.lastRowSeconds = max(state.lastRowSeconds ?? seconds, seconds)
        return LogBuckets.index(seconds: gap)
    }

    /// Scales the raw row and appends it to the state and to the scratch.
    private func commit(
        _ key: RowKey, since beginning: Int64, table: RowTable, into state: inout UserState,
        _ scratch: inout FoldScratch
    ) {
        statistics.scalers[table.rawValue].scale(scratch.rawRow, into: &scratch.row)
        scratch.departed.appendNext(of: state.rows)
        state.rows.append(scratch.row.span, key)
        scratch.halves.append(contentsOf: scratch.row)
        scratch.keys.append(key)
        scratch.beginnings.append(beginning)
        if scratch.collectsRaw { scratch.raw.append(contentsOf: scratch.rawRow) }
    }

    private func fillText(_ raw: inout [Double], _ text: TextVector?, from position: Int) {
        guard let text else { return }
        for i in 0..<16 { raw[position + i] = Double(text[i]) / 127.5 - 1 }
    }

    /// Purchases per cart addition; x/0 counts as 1, 0/0 as 0 (published-system.md §1.2).
    private func rate(_ buys: Double, _ adds: Double) -> Double {
        adds > 0 ? buys / adds : buys > 0 ? 1 : 0
    }
}

extension Activity {
    /// Notes price and popularity of a product event.
    mutating func addProduct(
        _ enriched: EnrichedEvent, buys: Int64, isTopItem: Bool, isTopCategory: Bool
    ) {
        popularitySum += Popularity.logarithm(of: buys)
        if isTopItem { topItemCount &+= 1 }
        if isTopCategory { topCategoryCount &+= 1 }
        guard let price = enriched.price else { return }
        switch enriched.event.kind {
        case .productBuy:
            pricedBuyCount &+= 1
            buyPriceSum += Int64(price)
            buyPriceMinimum = min(buyPriceMinimum, price)
            buyPriceMaximum = max(buyPriceMaximum, price)
        case .addToCart:
            pricedAddCount &+= 1
            addPriceSum += Int64(price)
        case .pageVisit, .searchQuery, .removeFromCart:
            break
        }
    }
}
