import Events

/// When a run of visits or searches counts as one session (DESIGN §4).
package struct SessionOptions: Hashable, Sendable {
    /// The rule that splits sessions.
    package enum Rule: String, Hashable, Sendable, CaseIterable {
        /// The paper's: a pause above the gap closes the session.
        case inactivity
        /// The published code's: a session lasts at most the gap from its first event.
        case cap
    }

    package var rule = Rule.inactivity
    /// Seconds ≥ 1; 40 minutes as published.
    package var gapSeconds: Int64 = 2400
    /// A session that would last longer is split, under either rule; seconds.
    package var maximumDurationSeconds: Int64 = 43_200
    /// Product events up to this long after the session's last event are near it; seconds,
    /// at most `gapSeconds`.
    package var tailSeconds: Int64 = 300

    package init() {}
}

/// A session of one table (visits or searches) that may still grow.
///
/// Product events near it are kept as two sums, those certain to be near and those that become so
/// if the session goes on, because a later event of the session covers all products before it.
package struct OpenSession: Hashable, Sendable {
    /// Product events, as a session counts them.
    package struct Nearby: Hashable, Sendable {
        package var count: UInt32 = 0
        /// Whether one of them was on an item, or in a category, of the top lists.
        package var hasTopItem = false
        package var hasTopCategory = false

        package init() {}

        /// Adds one product event.
        package mutating func add(isTopItem: Bool, isTopCategory: Bool) {
            count &+= 1
            hasTopItem = hasTopItem || isTopItem
            hasTopCategory = hasTopCategory || isTopCategory
        }

        mutating func merge(_ other: Nearby) {
            count &+= other.count
            hasTopItem = hasTopItem || other.hasTopItem
            hasTopCategory = hasTopCategory || other.hasTopCategory
        }
    }

    /// Url of the first visit, or key of the first query; nil for a search without a query.
    package var firstKey: Int64?
    /// Query of the first search.
    package var firstQuery: TextVector?
    /// Event time of the first and of the last event, seconds since 1970.
    package var start: Int64
    package var last: Int64
    /// Product events within the tail of the last event.
    package var nearby = Nearby()
    /// Product events after that tail; near only if another event of the session follows.
    package var beyond = Nearby()

    package init(firstKey: Int64?, firstQuery: TextVector?, start: Int64) {
        self.firstKey = firstKey
        self.firstQuery = firstQuery
        self.start = start
        last = start
    }

    /// Duration from first to last event, seconds ≥ 0.
    package var durationSeconds: Int64 { last - start }

    /// Whether an event of the same table at `seconds` belongs to this session.
    package func accepts(_ seconds: Int64, _ options: SessionOptions) -> Bool {
        let duration = seconds - start
        guard duration <= options.maximumDurationSeconds else { return false }
        return switch options.rule {
        case .inactivity: seconds - last <= options.gapSeconds
        case .cap: duration <= options.gapSeconds
        }
    }

    /// Takes an event of the same table that `accepts` agreed to.
    package mutating func extend(to seconds: Int64) {
        last = seconds
        nearby.merge(beyond)
        beyond = Nearby()
    }

    /// Takes a product event of the user that folds while the session is open.
    package mutating func addProduct(
        at seconds: Int64, isTopItem: Bool, isTopCategory: Bool, _ options: SessionOptions
    ) {
        if seconds <= last + options.tailSeconds {
            nearby.add(isTopItem: isTopItem, isTopCategory: isTopCategory)
        } else {
            beyond.add(isTopItem: isTopItem, isTopCategory: isTopCategory)
        }
    }

    /// When the session ends if nothing of its table follows; seconds since 1970.
    package func endSeconds(_ options: SessionOptions) -> Int64 { last + options.gapSeconds }

    /// When the session closes on an event of the given kind at `seconds`; nil if it stays open.
    ///
    /// It ends at the next session of its table or at last + gap, whichever is first. At equal
    /// times its own table's events fold first, so another kind closes it at last + gap only when
    /// no event of its table can follow.
    package func closing(
        by kind: EventKind, at seconds: Int64, table: EventKind, _ options: SessionOptions
    ) -> Int64? {
        let end = endSeconds(options)
        if kind == table {
            return accepts(seconds, options) ? nil : min(seconds, end)
        }
        let isClosed = table.rawValue < kind.rawValue ? end <= seconds : end < seconds
        return isClosed ? end : nil
    }
}
