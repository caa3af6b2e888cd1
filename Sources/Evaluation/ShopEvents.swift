import Events

/// What an evaluation reads of a log: the users it asks about, and all their events in log order,
/// with the catalogue as it stands at the end of what is read.
///
/// Bounded by the events of the users asked about: 40 bytes an event.
package struct ShopEvents: Sendable {
    /// One event of one of `users`.
    package struct Entry: Sendable, Hashable {
        /// Index into `users`.
        package var user: UInt32
        package var kind: EventKind
        /// Seconds since 1970 UTC.
        package var seconds: Int64
        /// The sku of product events, the url of visits, 0 for searches.
        package var key: Int64
        /// Of searches that have one.
        package var query: TextVector?

        package init(
            user: UInt32, kind: EventKind, seconds: Int64, key: Int64, query: TextVector? = nil
        ) {
            self.user = user
            self.kind = kind
            self.seconds = seconds
            self.key = key
            self.query = query
        }
    }

    /// What the catalogue says of an item.
    package struct Item: Sendable, Hashable {
        package var category: Int64?
        /// A quantile bucket, 0…99.
        package var price: UInt8?

        package init(category: Int64?, price: UInt8?) {
            self.category = category
            self.price = price
        }
    }

    /// Ascending; each has at least one event before the cutoff, unless a list was given.
    package var users: [UserID]
    /// In log order.
    package var entries: [Entry]
    package var items: [ItemID: Item]

    package init(users: [UserID], entries: [Entry], items: [ItemID: Item]) {
        self.users = users
        self.entries = entries
        self.items = items
    }
}
