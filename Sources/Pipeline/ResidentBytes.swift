import Events
import Features
import Sessions

/// Users weighed at the last few commits, evenly over the table.
struct ResidentSamples {
    /// Users weighed at once, and such samples that are kept.
    private static let sampleCount = 256
    private static let keptCount = 8

    private var kept: [(sums: ResidentBytes, userCount: Int)] = []
    private var turn = 0

    /// All of them.
    var sums: ResidentBytes { kept.reduce(into: ResidentBytes()) { $0.add($1.sums) } }
    var userCount: Int { kept.reduce(0) { $0 + $1.userCount } }

    /// Slots to weigh now: at a stride, each time from another place.
    mutating func nextPlaces(of slotCount: Int) -> StrideTo<Int> {
        let step = max(1, slotCount / Self.sampleCount)
        defer { turn += max(1, step / Self.keptCount) }
        return stride(from: turn % step, to: slotCount, by: step)
    }

    /// Keeps what these came to, in place of the oldest sample.
    mutating func keep(_ sums: ResidentBytes, userCount: Int, of slotCount: Int) {
        // A small table was weighed as a whole, so that what was before says nothing.
        if slotCount < 2 * Self.sampleCount { kept = [] }
        if kept.count == Self.keptCount { kept.removeFirst() }
        kept.append((sums, userCount))
    }
}

/// Bytes of resident users by part.
struct ResidentBytes {
    private static let arrayHeader = 32
    var record: Int64 = 0
    var tables: Int64 = 0
    var rows: Int64 = 0
    var hidden: Int64 = 0
    var pending: Int64 = 0

    mutating func add(_ other: Self) {
        record += other.record
        tables += other.tables
        rows += other.rows
        hidden += other.hidden
        pending += other.pending
    }

    func scaled(by factor: Double) -> [(name: String, byteCount: Int64)] {
        [
            ("record", record), ("tables", tables), ("rows", rows), ("hidden", hidden),
            ("pending", pending),
        ].map { (name: $0.0, byteCount: Int64(Double($0.1) * factor)) }
    }

    static func of<Element>(_ array: [Element]) -> Int64 {
        array.capacity == 0
            ? 0 : Int64(array.capacity * MemoryLayout<Element>.stride + arrayHeader)
    }

    static func of(_ table: KeyedCounts) -> Int64 { of(table.entries) }
}

extension ResidentUser {
    /// Adds what this user takes; in place, because a copy retains each of its arrays.
    func addBytes(to sums: inout ResidentBytes) {
        sums.record += Int64(MemoryLayout<ResidentUser>.stride + MemoryLayout<UserID>.stride + 16)
        sums.record += ResidentBytes.of(state.weeks.counts)
        sums.tables += ResidentBytes.of(state.items) + ResidentBytes.of(state.categories)
        sums.tables += ResidentBytes.of(state.nameClusters) + ResidentBytes.of(state.urls)
        sums.tables += ResidentBytes.of(state.queries) + ResidentBytes.of(state.queryClusters)
        sums.rows += ResidentBytes.of(state.rows.halves) + ResidentBytes.of(state.rows.keys)
        sums.rows += ResidentBytes.of(departed.halves) + ResidentBytes.of(departed.keys)
        sums.hidden += ResidentBytes.of(hidden)
        sums.pending += ResidentBytes.of(state.window.pending)
        sums.pending += ResidentBytes.of(state.window.eventIDs)
    }
}
