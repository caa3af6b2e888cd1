import Features

/// How often one user's events and sessions met each key: unbounded by `features.map_keys`, and
/// forgotten with the user.
///
/// A list of counts that is sorted and merged whenever it has doubled: 16 bytes a key, without a
/// table's empty places.
struct KeyTally: Sendable {
    /// Lanes 0…2 are those of `KeyStatistic.counts`.
    static let sessionLane = 3
    private static let laneCount: UInt8 = 4
    /// Entries that are not worth merging.
    private static let leastCount = 32

    private struct Entry {
        var key: Int64
        /// Table times four plus lane.
        var place: UInt8
        var count: UInt32

        static func precedes(_ left: Entry, _ right: Entry) -> Bool {
            left.place / laneCount != right.place / laneCount
                ? left.place < right.place
                : left.key != right.key ? left.key < right.key : left.place < right.place
        }
    }

    private var entries: [Entry] = []
    /// Entries after the last merge.
    private var mergedCount = 0

    /// Counts one event or session.
    mutating func add(_ table: KeyTable, _ key: Int64, lane: Int) {
        if entries.count >= max(Self.leastCount, 2 * mergedCount) { merge() }
        entries.append(
            Entry(key: key, place: table.place * Self.laneCount + UInt8(lane), count: 1))
    }

    /// Every key once, with its four lanes: by table, then ascending.
    mutating func readOut(_ body: (KeyTable, Int64, [4 of Int64]) -> Void) {
        merge()
        var index = 0
        while index < entries.count {
            let first = entries[index]
            let table = first.place / Self.laneCount
            var lanes: [4 of Int64] = [0, 0, 0, 0]
            while index < entries.count, entries[index].key == first.key,
                entries[index].place / Self.laneCount == table
            {
                lanes[Int(entries[index].place % Self.laneCount)] += Int64(entries[index].count)
                index += 1
            }
            body(KeyTable.allCases[Int(table)], first.key, lanes)
        }
    }

    /// Bytes on the heap.
    var byteCount: Int { entries.capacity * MemoryLayout<Entry>.stride }

    /// Brings the entries into the order in which they are read out; a second time it costs nothing.
    mutating func merge() {
        guard entries.count > mergedCount else { return }
        entries.sort(by: Entry.precedes)
        var kept = 0
        for index in 1..<entries.count {
            let entry = entries[index]
            let (sum, overflow) = entries[kept].count.addingReportingOverflow(entry.count)
            if entries[kept].key == entry.key, entries[kept].place == entry.place, !overflow {
                entries[kept].count = sum
            } else {
                kept += 1
                entries[kept] = entry
            }
        }
        entries.removeLast(entries.count - kept - 1)
        mergedCount = entries.count
    }
}

extension KeyTable {
    /// Its place in `allCases`.
    var place: UInt8 {
        switch self {
        case .items: 0
        case .categories: 1
        case .nameClusters: 2
        case .urls: 3
        case .queries: 4
        case .queryClusters: 5
        }
    }
}
