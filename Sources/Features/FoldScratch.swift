import Events

/// What a fold writes to and reuses; its content never reaches a result twice.
package struct FoldScratch: Sendable {
    /// Entries of each memo; a full memo is emptied.
    private static let memoLimit = 1 << 20

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
    private var nameMemo: [TextVector: Int64] = [:]
    private var queryMemo: [TextVector: Int64] = [:]

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
        if let known = nameMemo[name] { return known }
        guard let cluster = statistics.nameCluster(name) else { return nil }
        if nameMemo.count >= Self.memoLimit { nameMemo.removeAll() }
        nameMemo[name] = cluster
        return cluster
    }

    mutating func queryCluster(_ query: TextVector?, _ statistics: FrozenStatistics) -> Int64? {
        guard let query else { return nil }
        if let known = queryMemo[query] { return known }
        guard let cluster = statistics.queryCluster(query) else { return nil }
        if queryMemo.count >= Self.memoLimit { queryMemo.removeAll() }
        queryMemo[query] = cluster
        return cluster
    }
}
