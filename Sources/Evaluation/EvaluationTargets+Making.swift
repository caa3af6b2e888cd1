import Events

extension EvaluationTargets {
    /// Labels of a shop's users.
    ///
    /// - Parameters:
    ///   - events: of the users asked about; only purchases are looked at.
    ///   - split: the cutoff and the two windows.
    ///   - labelLimit: most labels of a list, 1…65536.
    /// - Complexity: O(purchases · log), and some 100 bytes a purchase of the two windows.
    package init(
        events: ShopEvents, split: EvaluationSplit, labelLimit: Int = defaultLabelLimit
    ) {
        precondition((1...1 << 16).contains(labelLimit), "EvaluationTargets: \(labelLimit) labels")
        self.split = split
        users = events.users
        var isActive = [Bool](repeating: false, count: events.users.count)
        var old: Set<Int64> = []
        var windows = [Window(), Window()]
        for entry in events.entries where entry.kind == .productBuy {
            if entry.seconds < split.cutoffSeconds {
                isActive[Int(entry.user)] = true
                old.insert(entry.key)
            } else if split.training.contains(entry.seconds) {
                windows[0].add(entry, events.items)
            } else if split.validation.contains(entry.seconds) {
                windows[1].add(entry, events.items)
            }
        }
        self.isActive = isActive
        let (first, second) = (windows[0], windows[1])
        training = first.counts
        validation = second.counts
        let userCount = events.users.count
        tasks = EvaluationTask.allCases.map { task in
            let list = task.isBinary ? [] : first.list(task, without: old, limit: labelLimit)
            let places = Dictionary(
                uniqueKeysWithValues: list.enumerated().map { ($1.id, UInt16($0)) })
            return TaskTargets(
                task: task, ids: list.map(\.id), popularity: list.map { Double($0.count) },
                training: first.labels(task, places, userCount: userCount),
                validation: second.labels(task, places, userCount: userCount))
        }
    }

    /// The purchases of a window.
    private struct Window {
        struct Purchase {
            var user: UInt32
            var item: Int64
            var category: Int64?
            var price: UInt8?
        }

        private(set) var counts = WindowCounts()
        private var purchases: [Purchase] = []
        private var buyers: Set<UInt32> = []

        mutating func add(_ entry: ShopEvents.Entry, _ items: [ItemID: ShopEvents.Item]) {
            let item = items[ItemID(rawValue: entry.key)]
            purchases.append(
                Purchase(
                    user: entry.user, item: entry.key, category: item?.category,
                    price: item?.price))
            counts.purchases += 1
            if buyers.insert(entry.user).inserted { counts.buyers += 1 }
            if item?.category == nil { counts.withoutCategory += 1 }
            if item?.price == nil { counts.withoutPrice += 1 }
        }

        /// What a propensity task's labels name; nil for what the catalogue does not know.
        private func key(_ purchase: Purchase, _ task: EvaluationTask) -> Int64? {
            switch task {
            case .category: purchase.category
            case .price: purchase.price.map(Int64.init)
            case .item, .newItem: purchase.item
            case .churn, .conversion: nil
            }
        }

        /// The most purchased labels, at most `limit`: count descending, id ascending.
        ///
        /// A list of new items leaves out those in `old`.
        func list(
            _ task: EvaluationTask, without old: Set<Int64>, limit: Int
        ) -> [(id: Int64, count: Int)] {
            var counts: [Int64: Int] = [:]
            for purchase in purchases {
                guard let key = key(purchase, task) else { continue }
                if task == .newItem, old.contains(key) { continue }
                counts[key, default: 0] += 1
            }
            let ranked = counts.sorted {
                $0.value != $1.value ? $0.value > $1.value : $0.key < $1.key
            }
            return ranked.prefix(limit).map { ($0.key, $0.value) }
        }

        /// Labels of each user: places in the list; of binary tasks 0 where nothing was bought.
        func labels(
            _ task: EvaluationTask, _ places: [Int64: UInt16], userCount: Int
        ) -> SparseLabels {
            guard !task.isBinary else {
                return SparseLabels(
                    (0..<UInt32(userCount)).filter { !buyers.contains($0) }.map { ($0, 0) },
                    userCount: userCount)
            }
            return SparseLabels(
                purchases.compactMap { purchase in
                    guard let key = key(purchase, task), let place = places[key] else { return nil }
                    return (purchase.user, place)
                },
                userCount: userCount)
        }
    }
}

extension EvaluationTargets.SparseLabels {
    /// From pairs of user and place in any order; a pair counts once.
    init(_ pairs: [(user: UInt32, place: UInt16)], userCount: Int) {
        let keys = pairs.map { UInt64($0.user) << 16 | UInt64($0.place) }.sorted()
        var starts: [UInt32] = [0]
        var places: [UInt16] = []
        starts.reserveCapacity(userCount + 1)
        for (index, key) in keys.enumerated() where index == 0 || keys[index - 1] != key {
            while starts.count <= Int(key >> 16) { starts.append(UInt32(places.count)) }
            places.append(UInt16(truncatingIfNeeded: key))
        }
        while starts.count <= userCount { starts.append(UInt32(places.count)) }
        self.init(starts: starts, places: places)
    }
}
