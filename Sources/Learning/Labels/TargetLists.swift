import Features

/// The categories and items whose purchase is predicted, in the order of a head's outputs.
///
/// The challenge ships such lists (evaluation-protocol.md §1); here they are the most bought of
/// fit(T), so that nothing after the cut chooses them. They belong to the space.
package struct TargetLists: Sendable, Hashable {
    /// Most entries of a list, as published.
    package static let limit = 100

    /// Most bought first, ties to the smaller id; at most `limit` each.
    package let categories: [Int64]
    package let items: [Int64]
    private let categoryPlaces: [Int64: UInt8]
    private let itemPlaces: [Int64: UInt8]

    /// Lists that were stored; traps when one is too long or names an id twice.
    package init(categories: [Int64], items: [Int64]) {
        precondition(
            max(categories.count, items.count) <= Self.limit,
            "TargetLists: \(categories.count) categories, \(items.count) items")
        self.categories = categories
        self.items = items
        categoryPlaces = Self.places(categories)
        itemPlaces = Self.places(items)
    }

    /// The most bought categories and items of fitted statistics; what nobody bought is left out.
    package init(_ statistics: FrozenStatistics) {
        func top(_ table: KeyTable) -> [Int64] {
            let bought = (statistics.tables[table] ?? [:]).filter { $0.value.counts[0] > 0 }
            let ranked = bought.sorted {
                $0.value.counts[0] != $1.value.counts[0]
                    ? $0.value.counts[0] > $1.value.counts[0] : $0.key < $1.key
            }
            return ranked.prefix(Self.limit).map(\.key)
        }
        self.init(categories: top(.categories), items: top(.items))
    }

    /// Place of a category in its list; nil outside of it.
    package func place(ofCategory id: Int64) -> UInt8? { categoryPlaces[id] }

    /// Place of an item in its list; nil outside of it.
    package func place(ofItem id: Int64) -> UInt8? { itemPlaces[id] }

    private static func places(_ ids: [Int64]) -> [Int64: UInt8] {
        Dictionary(uniqueKeysWithValues: ids.enumerated().map { ($1, UInt8($0)) })
    }
}
