import EventLog
import Events
import Features
import Learning
import Pipeline
import Sessions

/// The product events of a window, for BPR: who, what, of which category, and how.
struct Interactions {
    /// Ids of users, items and categories, ascending; the events' numbers are places in them.
    fileprivate(set) var users: [Int64] = []
    fileprivate(set) var items: [Int64] = []
    fileprivate(set) var categories: [Int64] = []
    fileprivate(set) var events: [Entry] = []
    /// Share of all users that these are: with little memory they are a sample.
    fileprivate(set) var userShare = 1.0

    /// One event.
    struct Entry {
        var user: Int32
        var item: Int32
        /// −1 for an item without a category.
        var category: Int32
        var kind: EventKind
    }

    /// The events as pairs with an item, weighted; nil when there is none.
    func pairs(_ weights: BPRWeights) -> BPRInteractions {
        BPRInteractions(
            events: events.map { ($0.user, $0.item, weights.weight($0.kind)) },
            userCount: users.count, itemCount: items.count)
    }

    /// The same with categories.
    func categoryPairs(_ weights: BPRWeights) -> BPRInteractions {
        BPRInteractions(
            events: events.filter { $0.category >= 0 }.map {
                ($0.user, $0.category, weights.weight($0.kind))
            }, userCount: users.count, itemCount: categories.count)
    }
}

extension BPRWeights {
    /// What an event of this kind adds to its pair; 0 for what is no product event.
    fileprivate func weight(_ kind: EventKind) -> Float {
        switch kind {
        case .productBuy: buy
        case .addToCart: add
        case .removeFromCart: remove
        case .pageVisit, .searchQuery: 0
        }
    }
}

/// One pass over a log that gathers interactions within a memory bound.
///
/// Users' own factors are thrown away after training, so that a sample of users, taken by a mix of
/// their ids, is what little memory costs. The sample depends on the log and the bound alone.
struct InteractionPass {
    /// Bytes that an event, and a user or an item beside its factors, come to at most: here, in the
    /// sorted list of pairs, and in the tables around them.
    private static let eventByteCount = 72
    private static let keyByteCount = 160

    private let window: FitWindow
    private let memoryByteCount: Int64
    /// Bytes of a user's or an item's factors.
    private let rowByteCount: Int
    private var range = UserRange(first: 0, last: .max)
    private var users: [Int64: Int32] = [:]
    private var items: [Int64: Int32] = [:]
    private var categories: [Int64: Int32] = [:]
    private var events: [Interactions.Entry] = []
    /// Everybody: a repeated event moves neither the clock nor a weight.
    private var unfolded: UnfoldedUsers

    /// - Parameters:
    ///   - window: which events are read.
    ///   - eventIDLimit: ids that are remembered of a user.
    ///   - memoryByteCount: bound on everything that training needs, estimated.
    ///   - factorCount: K of the larger training.
    init(window: FitWindow, eventIDLimit: Int, memoryByteCount: Int64, factorCount: Int) {
        self.window = window
        unfolded = UnfoldedUsers(eventIDLimit: eventIDLimit)
        self.memoryByteCount = memoryByteCount
        rowByteCount = 4 * (factorCount + 16)
    }

    /// Takes an event that the intake lets through.
    mutating func take(_ event: EnrichedEvent) -> Reducer.Outcome {
        guard unfolded.isNew(event.event) else {
            return Reducer.Outcome(admission: .duplicate, foldedCount: 0)
        }
        let isProduct = [.productBuy, .addToCart, .removeFromCart].contains(event.event.kind)
        guard isProduct, window.contains(event.event.seconds), range.contains(event.event.user)
        else { return .unfolded }
        events.append(
            Interactions.Entry(
                user: Self.number(event.event.user.rawValue, in: &users),
                item: Self.number(event.event.key, in: &items),
                category: event.category.map { Self.number($0, in: &categories) } ?? -1,
                kind: event.event.kind))
        while byteCount > memoryByteCount, users.count > 1 { shrink() }
        return .unfolded
    }

    /// What was gathered, numbered by ascending id.
    consuming func finish() -> Interactions {
        var made = Interactions()
        let userPlaces = Self.renumber(users, &made.users)
        let itemPlaces = Self.renumber(items, &made.items)
        let categoryPlaces = Self.renumber(categories, &made.categories)
        made.events = events.map {
            Interactions.Entry(
                user: userPlaces[Int($0.user)], item: itemPlaces[Int($0.item)],
                category: $0.category < 0 ? -1 : categoryPlaces[Int($0.category)], kind: $0.kind)
        }
        made.userShare = range.fraction
        return made
    }

    private var byteCount: Int64 {
        Int64(events.count * Self.eventByteCount)
            + Int64((users.count + items.count) * (Self.keyByteCount + rowByteCount))
    }

    /// Gives up the users of the greater half of ranks, and what only they had.
    private mutating func shrink() {
        let ranks = users.keys.map { UserRange.rank(UserID(rawValue: $0)) }.sorted()
        range.shrink(to: ranks[ranks.count / 2] - 1)
        let (userIDs, itemIDs, categoryIDs) = (
            Self.ids(users), Self.ids(items), Self.ids(categories)
        )
        let kept = events
        (users, items, categories, events) = ([:], [:], [:], [])
        for event in kept {
            let user = userIDs[Int(event.user)]
            guard range.contains(UserID(rawValue: user)) else { continue }
            events.append(
                Interactions.Entry(
                    user: Self.number(user, in: &users),
                    item: Self.number(itemIDs[Int(event.item)], in: &items),
                    category: event.category < 0
                        ? -1 : Self.number(categoryIDs[Int(event.category)], in: &categories),
                    kind: event.kind))
        }
    }

    private static func number(_ id: Int64, in known: inout [Int64: Int32]) -> Int32 {
        let next = Int32(known.count)
        let number = known[id, default: next]
        if number == next { known[id] = next }
        return number
    }

    /// Ids by number.
    private static func ids(_ numbers: [Int64: Int32]) -> [Int64] {
        numbers.sorted { $0.value < $1.value }.map(\.key)
    }

    /// Fills `ids`, ascending, and says where each number has gone.
    private static func renumber(_ numbers: [Int64: Int32], _ ids: inout [Int64]) -> [Int32] {
        var places = [Int32](repeating: 0, count: numbers.count)
        for (place, entry) in numbers.sorted(by: { $0.key < $1.key }).enumerated() {
            ids.append(entry.key)
            places[Int(entry.value)] = Int32(place)
        }
        return places
    }
}
