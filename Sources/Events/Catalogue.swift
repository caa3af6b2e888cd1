/// What is known of an item, in 32 bytes; every part may be unknown.
package struct CatalogueEntry: Hashable, Sendable {
    // Presence is kept apart from the values: optionals would take 48 bytes.
    private var categoryValue: Int64 = 0
    private var nameValue = TextVector(low: 0, high: 0)
    private var priceValue: UInt8 = 0
    private var hasCategory = false
    private var hasPrice = false
    private var hasName = false

    /// An entry that knows what is not nil; `price` is a bucket, 0…99.
    package init(category: Int64? = nil, price: UInt8? = nil, name: TextVector? = nil) {
        self.category = category
        self.price = price
        self.name = name
    }

    /// Category id.
    package var category: Int64? {
        get { hasCategory ? categoryValue : nil }
        set {
            hasCategory = newValue != nil
            categoryValue = newValue ?? 0
        }
    }

    /// Price bucket, 0…99.
    package var price: UInt8? {
        get { hasPrice ? priceValue : nil }
        set {
            hasPrice = newValue != nil
            priceValue = newValue ?? 0
        }
    }

    /// The name as a vector.
    package var name: TextVector? {
        get { hasName ? nameValue : nil }
        set {
            hasName = newValue != nil
            nameValue = newValue ?? TextVector(low: 0, high: 0)
        }
    }
}

/// Item → what is known of it at one place in the log.
package struct Catalogue: Sendable {
    private var entries: [ItemID: CatalogueEntry] = [:]

    /// An empty catalogue, as before the log's first record.
    package init() {}

    /// A catalogue that was stored; an item that stands there twice keeps its last entry.
    package init(_ stored: some Sequence<(item: ItemID, entry: CatalogueEntry)>) {
        for (item, entry) in stored { entries[item] = entry }
    }

    /// Items known.
    package var count: Int { entries.count }

    /// What is known of `item`; nil when no update has named it.
    package subscript(item: ItemID) -> CatalogueEntry? { entries[item] }

    /// Applies an update; a field it lacks keeps its old value.
    ///
    /// - Returns: the item's entry when it is new or has changed, and so must be stored; else nil.
    @discardableResult
    package mutating func apply(_ update: CatalogueUpdate) -> CatalogueEntry? {
        let old = entries[update.item]
        var entry = old ?? CatalogueEntry()
        if let category = update.category { entry.category = category }
        if let price = update.price { entry.price = price }
        if let name = update.name { entry.name = name }
        guard entry != old else { return nil }
        entries[update.item] = entry
        return entry
    }

    /// All entries, ascending by item: O(n log n), allocates.
    package func sorted() -> [(item: ItemID, entry: CatalogueEntry)] {
        entries.map { (item: $0.key, entry: $0.value) }.sorted { $0.item < $1.item }
    }

    /// `event` with what is known of its item here; visits and searches have no item.
    package func enrich(_ event: Event) -> EnrichedEvent {
        let entry = event.kind.isProduct ? entries[ItemID(rawValue: event.key)] : nil
        return EnrichedEvent(event, entry)
    }
}

/// An event and the catalogue's knowledge of its item as of its place in the log.
package struct EnrichedEvent: Hashable, Sendable {
    package var event: Event
    package var item: CatalogueEntry

    /// `item` is nil when nothing is known, or the event is about no item.
    package init(_ event: Event, _ item: CatalogueEntry? = nil) {
        self.event = event
        self.item = item ?? CatalogueEntry()
    }

    /// Category of the item.
    package var category: Int64? { item.category }
    /// Price bucket of the item, 0…99.
    package var price: UInt8? { item.price }
    /// Name of the item.
    package var name: TextVector? { item.name }
}
