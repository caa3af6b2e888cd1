/// Which categories, items and urls have a number of their own in a space (DESIGN §5, ESA).
///
/// Numbers are 1…5000, the most frequent first; 0 stands for all others.
package struct RowVocabulary: Sendable, Equatable {
    /// Ids of one kind that get a number.
    package static let limit = 5000

    /// Most frequent first; the number is the place + 1.
    package let categories: [Int64]
    package let items: [Int64]
    package let urls: [Int64]
    private let categoryNumbers: [Int64: Int32]
    private let itemNumbers: [Int64: Int32]
    private let urlNumbers: [Int64: Int32]

    /// A vocabulary that was stored; traps when a list is too long or names an id twice.
    package init(categories: [Int64], items: [Int64], urls: [Int64]) {
        precondition(
            [categories, items, urls].allSatisfy { $0.count <= Self.limit },
            "RowVocabulary: more than \(Self.limit) ids")
        self.categories = categories
        self.items = items
        self.urls = urls
        categoryNumbers = Self.numbers(categories)
        itemNumbers = Self.numbers(items)
        urlNumbers = Self.numbers(urls)
    }

    /// The ids with the most events of fitted statistics, ties to the smaller id.
    package init(_ statistics: FrozenStatistics) {
        func top(_ table: KeyTable) -> [Int64] {
            let counted = (statistics.tables[table] ?? [:]).map { key, value in
                (key: key, count: (0..<3).reduce(Int64(0)) { $0 + value.counts[$1] })
            }
            let ranked = counted.filter { $0.count > 0 }.sorted {
                $0.count != $1.count ? $0.count > $1.count : $0.key < $1.key
            }
            return ranked.prefix(Self.limit).map(\.key)
        }
        self.init(categories: top(.categories), items: top(.items), urls: top(.urls))
    }

    /// Number of a category, 0…5000.
    package func category(_ id: Int64) -> Int32 { categoryNumbers[id] ?? 0 }

    /// Number of an item, 0…5000.
    package func item(_ id: Int64) -> Int32 { itemNumbers[id] ?? 0 }

    /// Number of a url, 0…5000.
    package func url(_ id: Int64) -> Int32 { urlNumbers[id] ?? 0 }

    private static func numbers(_ ids: [Int64]) -> [Int64: Int32] {
        Dictionary(uniqueKeysWithValues: ids.enumerated().map { ($1, Int32($0 + 1)) })
    }
}

/// Times between rows as a few classes, each twice as long as the one before.
package enum LogBuckets {
    /// Classes: 0 s or less, then [2^(k−1), 2^k) s for k = 1…30, then all that is longer.
    package static let count = 32

    /// The class of a time, 0…31.
    package static func index(seconds: Int64) -> UInt8 {
        guard seconds > 0 else { return 0 }
        return UInt8(min(64 - seconds.leadingZeroBitCount, count - 1))
    }
}
