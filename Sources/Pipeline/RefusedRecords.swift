import EventLog

/// Which records this fold has set aside, so that a replay takes none that it has taken already.
///
/// The quarantine cannot say: its entries outlive a change of the configuration and serve every
/// generation, some of which may have accepted the record. The newest `limit` are known; numbering
/// them makes the bound independent of where commits fall. Commits with the state.
struct RefusedRecords: Sendable {
    /// What a commit stores.
    struct Changes: Sendable {
        var added: [(ordinal: Int64, place: RecordPlace)] = []
        var removed: [Int64] = []
        /// Ordinals below it are forgotten.
        var firstKept: Int64 = 0
    }

    /// Records ever set aside: the next one's ordinal.
    private(set) var total: Int64
    private let limit: Int
    private var ordinals: [RecordPlace: Int64] = [:]
    /// In the order of ordinals, those that left by `remove` included.
    private var queue: ArraySlice<(ordinal: Int64, place: RecordPlace)> = []
    private var changes = Changes()

    /// Restores what was stored, ascending by ordinal.
    init(
        limit: Int, total: Int64 = 0, stored: [(ordinal: Int64, place: RecordPlace)] = []
    ) {
        self.limit = limit
        self.total = total
        queue = stored[...]
        for (ordinal, place) in stored { ordinals[place] = ordinal }
        evict()
    }

    /// How many are known.
    var count: Int { ordinals.count }

    /// Whether the record was set aside and not taken since.
    func contains(_ place: RecordPlace) -> Bool { ordinals[place] != nil }

    /// Notes a record that was set aside.
    mutating func add(_ place: RecordPlace) {
        remove(place)
        ordinals[place] = total
        queue.append((ordinal: total, place: place))
        changes.added.append((ordinal: total, place: place))
        total += 1
        evict()
    }

    /// Notes that a record was taken after all.
    mutating func remove(_ place: RecordPlace) {
        guard let ordinal = ordinals.removeValue(forKey: place) else { return }
        changes.removed.append(ordinal)
    }

    /// What changed since the last call.
    mutating func takeChanges() -> Changes {
        defer { changes = Changes() }
        let first = firstKept
        changes.firstKept = first
        changes.added.removeAll { $0.ordinal < first }
        return changes
    }

    private var firstKept: Int64 { max(0, total - Int64(limit)) }

    private mutating func evict() {
        while let first = queue.first, first.ordinal < firstKept {
            queue.removeFirst()
            if ordinals[first.place] == first.ordinal { ordinals[first.place] = nil }
        }
    }
}
