import EventLog

/// Whose behaviour is profiled; `client_id` in the data.
package struct UserID: RawRepresentable, Hashable, Comparable, Sendable, CustomStringConvertible {
    package let rawValue: Int64

    package init(rawValue: Int64) { self.rawValue = rawValue }

    package var description: String { String(rawValue) }

    package static func < (left: Self, right: Self) -> Bool { left.rawValue < right.rawValue }
}

/// What users act on; `sku` in the data.
package struct ItemID: RawRepresentable, Hashable, Comparable, Sendable, CustomStringConvertible {
    package let rawValue: Int64

    package init(rawValue: Int64) { self.rawValue = rawValue }

    package var description: String { String(rawValue) }

    package static func < (left: Self, right: Self) -> Bool { left.rawValue < right.rawValue }
}

/// The five kinds of event, in the order in which equal times are folded (DESIGN §4).
package enum EventKind: UInt8, Sendable, CaseIterable {
    case pageVisit = 0
    case searchQuery = 1
    case addToCart = 2
    case removeFromCart = 3
    case productBuy = 4

    /// Whether the event is about an item and so is a row of its own.
    package var isProduct: Bool { rawValue >= Self.addToCart.rawValue }

    /// `event_type` in the data.
    package var name: String {
        switch self {
        case .pageVisit: "page_visit"
        case .searchQuery: "search_query"
        case .addToCart: "add_to_cart"
        case .removeFromCart: "remove_from_cart"
        case .productBuy: "product_buy"
        }
    }
}

/// A quantised text embedding: 16 integers 0…255, as item names and queries come in the data.
///
/// Component i is byte i of `low` (i < 8) or of `high`, least significant first.
package struct TextVector: Hashable, Sendable {
    package var low: UInt64
    package var high: UInt64

    package init(low: UInt64, high: UInt64) {
        self.low = low
        self.high = high
    }

    /// - Parameter bytes: exactly 16 components.
    package init(_ bytes: [UInt8]) {
        precondition(bytes.count == 16, "TextVector: \(bytes.count) components, want 16")
        low = 0
        high = 0
        for i in 0..<8 {
            low |= UInt64(bytes[i]) << UInt64(8 * i)
            high |= UInt64(bytes[8 + i]) << UInt64(8 * i)
        }
    }

    /// Component `index` in 0..<16, range 0…255.
    package subscript(index: Int) -> UInt8 {
        precondition(index >= 0 && index < 16, "TextVector: component \(index), want 0..<16")
        let word = index < 8 ? low : high
        return UInt8(truncatingIfNeeded: word >> UInt64(8 * (index & 7)))
    }
}

/// One fact about one user, as it stands in the log.
package struct Event: Hashable, Sendable {
    package var user: UserID
    /// Event time, seconds since 1970 UTC.
    package var seconds: Int64
    package var kind: EventKind
    /// Item (products) or url (visits); 0 for searches.
    package var key: Int64
    /// The query of a search that has one.
    package var query: TextVector?
    /// 64-bit hash of `event_id`, never 0; 0 when the record has none.
    package var eventIDHash: UInt64

    package init(
        user: UserID, seconds: Int64, kind: EventKind, key: Int64 = 0, query: TextVector? = nil,
        eventIDHash: UInt64 = 0
    ) {
        self.user = user
        self.seconds = seconds
        self.kind = kind
        self.key = key
        self.query = query
        self.eventIDHash = eventIDHash
    }
}

extension Event {
    /// The same event without what the user did: a visit to no page.
    package var blanked: Event {
        Event(user: user, seconds: seconds, kind: .pageVisit, eventIDHash: eventIDHash)
    }
}

/// A `product_update` record: what is known of an item from here in the log on.
///
/// A field that is nil was absent and leaves what was known before.
package struct CatalogueUpdate: Hashable, Sendable {
    package var item: ItemID
    package var category: Int64?
    /// Price bucket, 0…99.
    package var price: UInt8?
    package var name: TextVector?

    package init(
        item: ItemID, category: Int64? = nil, price: UInt8? = nil, name: TextVector? = nil
    ) {
        self.item = item
        self.category = category
        self.price = price
        self.name = name
    }
}

/// One well-formed entry of the log.
package enum Record: Hashable, Sendable {
    case event(Event)
    case catalogue(CatalogueUpdate)
    /// A line of nothing but white space; counted, never refused.
    case blank
}
