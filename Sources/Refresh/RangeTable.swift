import Events

/// What a pass over a log keeps of a user.
protocol RangeRecord: Sendable {
    /// Estimated bytes in memory, those of a `RangeTable` for it included.
    var byteCount: Int64 { get }
}

/// The users of a range who are in memory, and how many bytes they are estimated to take.
///
/// Each record stands by itself, so that the table, whenever it doubles, moves a reference a user
/// and not a kilobyte.
struct RangeTable<Record: RangeRecord>: Sendable {
    /// Where a user's record stands.
    // Sendable because only the table has it, and a table one thread at a time.
    final class Place: @unchecked Sendable {
        var record: Record
        /// What the table has counted of it.
        fileprivate var countedByteCount: Int64 = 0

        fileprivate init(_ record: Record) { self.record = record }
    }

    private var places: [UserID: Place] = [:]
    /// Of all users, as of when each was last counted.
    private(set) var byteCount: Int64 = 0

    /// Users' ranks, in no order.
    var ranks: [UInt64] { places.keys.map(UserRange.rank) }

    /// Users by rank.
    var users: [UserID] {
        places.keys.map { (rank: UserRange.rank($0), user: $0) }.sorted { $0.rank < $1.rank }
            .map(\.user)
    }

    /// Where a user's record stands; nil for a user who has none.
    func place(of user: UserID) -> Place? { places[user] }

    /// Makes room for a user who has none.
    mutating func add(_ record: Record, of user: UserID) -> Place {
        let place = Place(record)
        places[user] = place
        return place
    }

    /// Counts a user's bytes again.
    mutating func recount(_ place: Place) {
        let count = place.record.byteCount
        byteCount += count - place.countedByteCount
        place.countedByteCount = count
    }

    /// Where everybody's record stands, in no order.
    var all: [Place] { Array(places.values) }

    /// Takes a user's record out; nil for a user who has none.
    mutating func remove(_ user: UserID) -> Record? {
        guard let place = places.removeValue(forKey: user) else { return nil }
        byteCount -= place.countedByteCount
        return place.record
    }

    /// Gives up the users outside of a range.
    mutating func removeUsers(outside range: UserRange) {
        for user in places.keys.filter({ !range.contains($0) }) { _ = remove(user) }
    }
}
