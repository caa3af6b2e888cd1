import Events
import Features
import Kernels
import Sessions
import Storage
import TestSupport

/// One user's fold, event by event, checked after each.
struct FoldHarness {
    let reducer: Reducer
    var state: UserState
    var scratch: FoldScratch
    var admissions: [String] = []
    private(set) var offset: Int64 = 0

    init(_ options: FoldOptions = FoldOptions(), _ statistics: FrozenStatistics = .empty) {
        self.init(Reducer(statistics: statistics, options: options))
    }

    init(_ reducer: Reducer) {
        self.reducer = reducer
        state = UserState(firstOffset: 0, options: reducer.options)
        scratch = FoldScratch()
        scratch.collectsRaw = true
    }

    /// The rows committed so far: float16 bits and keys.
    var rows: CommittedRows { CommittedRows(halves: scratch.halves, keys: scratch.keys) }

    mutating func admit(_ event: EnrichedEvent) {
        let outcome = reducer.admit(event, at: offset, into: &state, &scratch)
        offset += 1
        admissions.append("\(outcome.admission)")
        state.checkInvariants(reducer.options)
    }

    mutating func admit(_ events: [EnrichedEvent]) {
        for event in events { admit(event) }
    }

    /// Admits an event about which the catalogue knows nothing.
    mutating func admit(_ kind: EventKind, at seconds: Int64, key: Int64 = 1) {
        admit(EnrichedEvent(event(kind, at: seconds, key: key)))
    }

    /// Admits two visits so much later that everything before them is folded and closed, but for
    /// the first of them, which is folded.
    mutating func settle() {
        let far = (state.window.newestSeconds ?? 0) + 10_000_000
        admit(.pageVisit, at: far, key: 999)
        admit(.pageVisit, at: far + 1_000_000, key: 999)
    }

    /// Raw values of row `index`, `[64]`.
    func raw(_ index: Int) -> [Double] {
        Array(scratch.raw[index * RowLayout.width..<(index + 1) * RowLayout.width])
    }

    /// Float16 bits of row `index`, `[64]`.
    func bits(_ index: Int) -> [UInt16] {
        Array(scratch.halves[index * RowLayout.width..<(index + 1) * RowLayout.width])
    }
}

struct CommittedRows: Equatable {
    var halves: [UInt16]
    var keys: [RowKey]

    /// The first `count` rows.
    func prefix(_ count: Int) -> CommittedRows {
        CommittedRows(
            halves: Array(halves.prefix(count * RowLayout.width)), keys: Array(keys.prefix(count)))
    }
}

func event(
    _ kind: EventKind, at seconds: Int64, key: Int64 = 1, query: TextVector? = nil, id: UInt64 = 0,
    user: Int64 = 1
) -> Event {
    Event(
        user: UserID(rawValue: user), seconds: seconds, kind: kind, key: key, query: query,
        eventIDHash: id)
}

/// A text vector whose 16 components are equal.
func text(_ component: UInt8) -> TextVector {
    TextVector(Array(repeating: component, count: 16))
}

extension FrozenStatistics {
    /// Made-up statistics under which every column of a row varies.
    static let lively: FrozenStatistics = .lively(
        keyCount: 12, topItems: [1, 3, 5], topCategories: [2])
}

/// A seeded user of all kinds of events, in time order; exact ties stand in log order.
func randomUser(
    _ seed: UInt64, count: Int = 300, user: Int64 = 1, hasIDs: Bool = false
) -> [EnrichedEvent] {
    var random = SeededRandom(seed: seed, stream: 77)
    var seconds: Int64 = 1_667_952_000 + Int64.random(in: 0...1_000_000, using: &random)
    var events: [EnrichedEvent] = []
    for index in 0..<count {
        seconds += pause(&random)
        let kind = EventKind.allCases.randomElement(using: &random) ?? .pageVisit
        let key = Int64.random(in: 0...14, using: &random)
        let hasQuery = kind == .searchQuery && random.nextUnit() < 0.9
        let query = hasQuery ? text(UInt8.random(in: 0...9, using: &random) * 25) : nil
        let made = event(
            kind, at: seconds, key: kind == .searchQuery ? 0 : key, query: query,
            id: hasIDs ? UInt64(index) + 1 : 0, user: user)
        events.append(EnrichedEvent(made, kind.isProduct ? catalogueEntry(key) : nil))
    }
    return events.enumerated().sorted {
        ($0.element.event.seconds, $0.element.event.kind.rawValue, $0.offset)
            < ($1.element.event.seconds, $1.element.event.kind.rawValue, $1.offset)
    }.map(\.element)
}

private func pause(_ random: inout SeededRandom) -> Int64 {
    switch random.nextUnit() {
    case ..<0.2: 0
    case ..<0.55: Int64.random(in: 1...120, using: &random)
    case ..<0.7: Int64.random(in: 290...310, using: &random)
    case ..<0.8: Int64.random(in: 2398...2402, using: &random)
    case ..<0.85: 2400
    case ..<0.97: Int64.random(in: 2500...90_000, using: &random)
    default: Int64.random(in: 400_000...3_000_000, using: &random)
    }
}

private func catalogueEntry(_ key: Int64) -> CatalogueEntry {
    CatalogueEntry(
        category: key % 4 == 0 ? nil : key % 5, price: key % 3 == 0 ? nil : UInt8(key * 6),
        name: key % 6 == 5 ? nil : text(UInt8(key * 18)))
}
