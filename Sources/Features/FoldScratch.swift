import Events

/// What a fold writes to and reuses; its content never reaches a result twice.
package struct FoldScratch: Sendable {
    /// Rows committed since the caller last emptied it, `[rows, 64]` float16 bits.
    package var halves: [UInt16] = []
    /// `[rows]`.
    package var keys: [RowKey] = []
    /// Rows that left the user's window since the caller last emptied it.
    package var departed = DepartedRows()
    /// `[rows]` when that began of which the row tells, seconds since 1970: its event, or the first
    /// of its session.
    package var beginnings: [Int64] = []
    /// `[rows, 64]` raw values (NaN: absent), collected only while `collectsRaw`.
    package var raw: [Double] = []
    package var collectsRaw = false
    /// Events folded, in folding order, collected only while `collectsRaw`.
    package var folded: [EnrichedEvent] = []

    var rawRow = [Double](repeating: 0, count: RowLayout.width)
    var row = [UInt16](repeating: 0, count: RowLayout.width)
    private var nameMemo = ClusterMemo()
    private var queryMemo = ClusterMemo()

    package init() {}

    /// Forgets the committed rows.
    package mutating func removeRows() {
        halves.removeAll(keepingCapacity: true)
        keys.removeAll(keepingCapacity: true)
        departed.removeAll(keepingCapacity: true)
        beginnings.removeAll(keepingCapacity: true)
        raw.removeAll(keepingCapacity: true)
        folded.removeAll(keepingCapacity: true)
    }

    mutating func nameCluster(_ name: TextVector?, _ statistics: FrozenStatistics) -> Int64? {
        guard let name else { return nil }
        return nameMemo.cluster(of: name) { statistics.nameCluster($0) }
    }

    mutating func queryCluster(_ query: TextVector?, _ statistics: FrozenStatistics) -> Int64? {
        guard let query else { return nil }
        return queryMemo.cluster(of: query) { statistics.queryCluster($0) }
    }
}
