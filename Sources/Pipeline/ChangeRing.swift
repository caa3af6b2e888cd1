import Events

/// The last changes of users, in the order in which they happened.
///
/// It grows to its limit and then gives the oldest up, and remembers up to where that went. Noting
/// takes constant time, finding a place logarithmic time in the changes kept.
struct ChangeRing: Sendable {
    /// One change of one user.
    struct Change: Sendable {
        var user: UserID
        /// `Revision.count`; several users may change with one.
        var count: Int64
    }

    /// Changes that are kept; 0 keeps none.
    let limit: Int
    /// Everything behind this count is here.
    private(set) var start: Int64 = 0
    private var changes: [Change] = []
    /// Index of the oldest change, once the ring is full.
    private var first = 0

    init(limit: Int) { self.limit = limit }

    /// Changes that are here.
    var count: Int { changes.count }

    /// The change at an index, 0 for the oldest.
    subscript(index: Int) -> Change {
        let place = first + index
        return changes[place < changes.count ? place : place - changes.count]
    }

    /// Notes the newest change; counts never fall.
    mutating func note(_ user: UserID, count: Int64) {
        let change = Change(user: user, count: count)
        if changes.count < limit {
            changes.append(change)
        } else if limit > 0 {
            start = changes[first].count
            changes[first] = change
            first = first + 1 == limit ? 0 : first + 1
        } else {
            start = count
        }
    }

    /// Forgets all; changes are known from `count` on.
    mutating func restart(at count: Int64) {
        changes = []
        first = 0
        start = count
    }

    /// Index of the oldest change behind `count`; the number of changes when there is none.
    func index(after count: Int64) -> Int {
        var (low, high) = (0, changes.count)
        while low < high {
            let middle = (low + high) / 2
            if self[middle].count > count { high = middle } else { low = middle + 1 }
        }
        return low
    }

    /// Traps when the ring breaks its own rules.
    func checkInvariants() {
        precondition(count <= limit, "more changes than the limit")
        var last = start
        for index in 0..<count {
            precondition(self[index].count >= last, "changes out of order")
            last = self[index].count
        }
    }
}
