import Events

/// Which kind of row: each has its own meaning of positions 8…58 and its own scalers.
package enum RowTable: Int, Sendable, CaseIterable, CodingKeyRepresentable, Codable {
    case product = 0
    case visit = 1
    case search = 2

    package init(_ kind: EventKind) {
        self =
            switch kind {
            case .pageVisit: .visit
            case .searchQuery: .search
            case .addToCart, .removeFromCart, .productBuy: .product
            }
    }

    /// Name in files and documents.
    package var name: String {
        switch self {
        case .product: "product"
        case .visit: "visit"
        case .search: "search"
        }
    }
}

/// The 64 positions of a row (docs/rows.md; published-system.md §1.9 with its defects fixed).
package enum RowLayout {
    package static let width = 64
    /// First of the five one-hot positions: buy, add, remove, visit, search.
    package static let oneHot = 0
    package static let hour = 5
    package static let weekday = 6
    package static let dayOfMonth = 7
    package static let gap = 59
    package static let age = 60
    package static let emptyFuture = 61
    /// One-hot of END, which is no row of an event (`EndRow`).
    package static let end = 62
    /// Price in a product row.
    package static let price = 42
    /// First of the 16 name components in a product row.
    package static let name = 43
    /// First of the 16 query components in a search row.
    package static let query = 21
    /// First of the 17 week columns in a visit row.
    package static let weeks = 16
    /// From the first to the last event, in a visit row and in a search row.
    static let visitDuration = 15
    static let searchDuration = 20

    /// How a raw value becomes a row's number.
    package enum Treatment: String, Sendable, Codable {
        /// As it is: one-hots, flags, calendar fields, text components, unused positions.
        case direct
        /// Yeo-Johnson, then min-max to [−1, 1].
        case count
        /// Min-max to [−1, 1].
        case rate
        /// log1p, then min-max to [−1, 1].
        case logarithm
    }

    /// The treatment of a position in a kind of row.
    package static func treatment(_ table: RowTable, _ position: Int) -> Treatment {
        if position == gap || position == age { return .logarithm }
        return switch table {
        case .product: product(position)
        case .visit: visit(position)
        case .search: search(position)
        }
    }

    private static func product(_ position: Int) -> Treatment {
        switch position {
        case 8...10, 17...19, 21...26, 29...31, 33...35, 38...40: .count
        case 11...13, 27, 28, 41: .logarithm
        case 14...16, 36, 37, 42: .rate
        default: .direct
        }
    }

    private static func visit(_ position: Int) -> Treatment {
        switch position {
        case 8, 9, 11, 14, 16...32: .count
        case 10: .logarithm
        case 15: .rate
        default: .direct
        }
    }

    private static func search(_ position: Int) -> Treatment {
        switch position {
        case 8, 9, 12...14, 19: .count
        case 10, 11, 15, 16: .logarithm
        case 20: .rate
        default: .direct
        }
    }

    /// Whether rows of the table give the position a meaning; the rest is 0 and not reconstructed.
    package static func isUsed(_ table: RowTable, _ position: Int) -> Bool {
        if position < 8 || position == gap || position == age || position == emptyFuture {
            return true
        }
        return switch table {
        case .product: position <= 58
        case .visit: position <= 32
        case .search: position <= 36
        }
    }

    /// Whether END gives the position a meaning.
    package static func isUsedByEnd(_ position: Int) -> Bool {
        switch position {
        case end, gap, age, weeks..<weeks + WeekRing.count: true
        default: false
        }
    }

    /// One-hot position of an event kind.
    package static func oneHot(_ kind: EventKind) -> Int {
        switch kind {
        case .productBuy: 0
        case .addToCart: 1
        case .removeFromCart: 2
        case .pageVisit: 3
        case .searchQuery: 4
        }
    }
}
