import Events

/// What a row is about: the five event types, visits and searches standing for closed sessions.
package struct RowKey: Hashable, Sendable {
    package var kind: EventKind
    /// When the row was placed in the user's order, seconds since 1970.
    package var seconds: Int64
    /// Item, first url or first query's key; 0 when there is none.
    package var key: Int64
    /// Category of the item; nil when the catalogue knew none.
    package var category: Int64?
    /// Price bucket of the item, 0…99; nil when the catalogue knew none.
    package var price: UInt8?
    /// Class of the gap to the user's row before, as `LogBuckets` has it; 0 for the first row and for
    /// a late one, as in the row's position 59.
    package var gap: UInt8

    package init(
        kind: EventKind, seconds: Int64, key: Int64, category: Int64? = nil, price: UInt8? = nil,
        gap: UInt8
    ) {
        self.kind = kind
        self.seconds = seconds
        self.key = key
        self.category = category
        self.price = price
        self.gap = gap
    }
}

/// A user's last N rows, with their keys, in a ring: row i lives in slot i mod N.
package struct RowWindow: Hashable, Sendable {
    /// N ≥ 1.
    package let limit: Int
    /// Rows ever appended.
    package private(set) var totalCount: Int64
    /// `[min(totalCount, N), 64]`, float16 bits, by slot.
    package private(set) var halves: [UInt16]
    /// `[min(totalCount, N)]`, by slot.
    package private(set) var keys: [RowKey]

    package init(limit: Int) {
        precondition(limit >= 1, "RowWindow: N = \(limit), want ≥ 1")
        self.limit = limit
        totalCount = 0
        halves = []
        keys = []
    }

    /// Restores a stored window; `halves` and `keys` are by slot.
    package init(limit: Int, totalCount: Int64, halves: [UInt16], keys: [RowKey]) {
        precondition(halves.count == keys.count * RowLayout.width, "RowWindow: shapes differ")
        precondition(Int64(keys.count) == min(totalCount, Int64(limit)), "RowWindow: rows missing")
        self.limit = limit
        self.totalCount = totalCount
        self.halves = halves
        self.keys = keys
    }

    /// Rows in the window.
    package var count: Int { keys.count }
    /// Index of the oldest row in the window, counted from the user's first row.
    package var firstIndex: Int64 { totalCount - Int64(keys.count) }
    /// Whether no row has left the window yet.
    package var holdsAll: Bool { totalCount <= Int64(limit) }

    /// Appends a row; the oldest leaves when the window is full.
    package mutating func append(_ row: Span<UInt16>, _ key: RowKey) {
        precondition(row.count == RowLayout.width, "RowWindow: a row is [64]")
        if keys.count < limit {
            for i in row.indices { halves.append(row[i]) }
            keys.append(key)
        } else {
            let slot = slot(of: totalCount)
            for i in row.indices { halves[slot * RowLayout.width + i] = row[i] }
            keys[slot] = key
        }
        totalCount += 1
    }

    /// The slot of the row with the given index.
    package func slot(of index: Int64) -> Int { Int(index % Int64(limit)) }

    /// The row with the given index, which the window must hold: `[64]`, float16 bits.
    package func row(_ index: Int64) -> ArraySlice<UInt16> {
        precondition(index >= firstIndex && index < totalCount, "RowWindow: row \(index) has left")
        let start = slot(of: index) * RowLayout.width
        return halves[start..<start + RowLayout.width]
    }

    /// The key of the row with the given index, which the window must hold.
    package func key(_ index: Int64) -> RowKey {
        precondition(index >= firstIndex && index < totalCount, "RowWindow: row \(index) has left")
        return keys[slot(of: index)]
    }
}

/// Rows that have left a user's window and that an encoder has still to read, oldest first.
///
/// They end right before the window's oldest row.
package struct DepartedRows: Hashable, Sendable {
    /// `[count, 64]`, float16 bits.
    package private(set) var halves: [UInt16] = []
    /// `[count]`.
    package private(set) var keys: [RowKey] = []

    package init() {}

    /// Rows in it.
    package var count: Int { keys.count }

    /// Adds the row that the next one will push out of the window, if it is full.
    package mutating func appendNext(of window: RowWindow) {
        guard window.count == window.limit else { return }
        halves.append(contentsOf: window.row(window.firstIndex))
        keys.append(window.key(window.firstIndex))
    }

    /// Adds rows that left after these.
    package mutating func append(_ later: DepartedRows) {
        guard later.count > 0 else { return }
        halves.append(contentsOf: later.halves)
        keys.append(contentsOf: later.keys)
    }

    /// Forgets them.
    package mutating func removeAll(keepingCapacity: Bool = false) {
        halves.removeAll(keepingCapacity: keepingCapacity)
        keys.removeAll(keepingCapacity: keepingCapacity)
    }
}
