import EventLog
import Events
import Glibc
import Storage

/// A generated log with the event mix of the challenge's data (shared data notes; RecSys 2025).
///
/// Events per user are log-normal (median 2, mean 9.4, 99th percentile 119, at most 36,004); visits
/// come in bursts, other events one by one, often right after a burst; times lie on a 5-second grid
/// over 141 days; items, urls and queries are drawn with a heavy skew. A pure function of (user
/// count, seed).
struct MixedLog {
    /// What a log holds.
    struct Counts: Codable, Sendable {
        var users: Int64 = 0
        var events: Int64 = 0
        var catalogue: Int64 = 0
        var visits: Int64 = 0
        var bursts: Int64 = 0
        /// Records that a reader counts.
        var records: Int64 { events + catalogue }
    }

    private struct Draft {
        var user: Int32
        var kind: EventKind
        var key: UInt32
    }

    private static let start: Int64 = 1_653_955_200
    /// No event is as late as this, seconds since 1970.
    static let endSeconds = start + 141 * 86_400
    private static let tickSeconds: Int64 = 5
    private static let tickCount: UInt64 = 141 * 86_400 / 5
    /// Events of users with few are mostly no visits, those of others mostly are: with these
    /// chances, 150.7 M visits to 18.2 M other events, 15 visits a burst.
    private static let fewEvents = 6
    private static let burstChances = (few: 0.17, many: 0.84)
    private static let burstMean = 85.0

    let userCount: Int
    let seed: UInt64

    /// The id of the `index`-th user.
    static func user(_ index: Int) -> UserID { UserID(rawValue: Int64(index) * 23 + 1_000_001) }

    private var itemCount: Int { max(200, userCount / 16) }
    private var urlCount: Int { max(1000, userCount * 3 / 4) }
    private var queryCount: Int { max(100, userCount / 8) }
    private var categoryCount: Int { max(20, itemCount / 170) }

    /// Writes the log, its events cut into equal parts, one directory each.
    func write(to directories: [String], host: Host) throws -> Counts {
        var (drafts, order, counts) = makeDrafts()
        order.sort()
        var line: [UInt8] = []
        var next = 0
        for (part, directory) in directories.enumerated() {
            let writer = try SegmentWriter(host: host, directory: directory)
            if part == 0 { counts.catalogue = try writeCatalogue(writer) }
            let end = order.count * (part + 1) / directories.count
            while next < end {
                let tick = Int64(order[next] >> 32)
                let draft = drafts[Int(order[next] & 0xFFFF_FFFF)]
                line.removeAll(keepingCapacity: true)
                RecordWriter.append(
                    event(draft, at: Self.start + tick * Self.tickSeconds), to: &line)
                line.removeLast()
                try writer.append(line)
                next += 1
            }
            try writer.close()
        }
        return counts
    }

    private func event(_ draft: Draft, at seconds: Int64) -> Event {
        Event(
            user: Self.user(Int(draft.user)), seconds: seconds, kind: draft.kind,
            key: draft.kind == .searchQuery ? 0 : Int64(draft.key),
            query: draft.kind == .searchQuery ? vector(draft.key, stream: 1 << 40) : nil)
    }

    private func writeCatalogue(_ writer: SegmentWriter) throws -> Int64 {
        var line: [UInt8] = []
        for item in 0..<itemCount {
            var random = SeededRandom(seed: seed, stream: 1 << 41 + UInt64(item))
            line.removeAll(keepingCapacity: true)
            RecordWriter.append(
                CatalogueUpdate(
                    item: ItemID(rawValue: Int64(item)),
                    category: Int64(skewed(&random, categoryCount)),
                    price: UInt8(random.next() % 100),
                    name: vector(UInt32(item), stream: 1 << 42)),
                seconds: Self.start, to: &line)
            line.removeLast()
            try writer.append(line)
        }
        return Int64(itemCount)
    }

    private func vector(_ index: UInt32, stream: UInt64) -> TextVector {
        var random = SeededRandom(seed: seed, stream: stream + UInt64(index))
        return TextVector(low: random.next(), high: random.next())
    }

    /// An index below `count`, small ones far more often.
    private func skewed(_ random: inout SeededRandom, _ count: Int) -> UInt32 {
        let unit = random.nextUnit()
        return UInt32(min(Double(count - 1), unit * unit * unit * Double(count)))
    }
}

/// Users and their events.
extension MixedLog {
    /// Drafts, and `tick << 32 | draft` of each, unsorted.
    private func makeDrafts() -> ([Draft], [UInt64], Counts) {
        var drafts: [Draft] = []
        var order: [UInt64] = []
        var counts = Counts()
        for user in 0..<userCount {
            var random = SeededRandom(seed: seed, stream: UInt64(user))
            var rest = eventCount(&random)
            let chance =
                rest < Self.fewEvents ? Self.burstChances.few : Self.burstChances.many
            var tick = random.next() % Self.tickCount
            func add(_ kind: EventKind, _ key: UInt32) {
                order.append((tick % Self.tickCount) << 32 | UInt64(drafts.count))
                drafts.append(Draft(user: Int32(user), kind: kind, key: key))
            }
            while rest > 0 {
                if random.nextUnit() < chance {
                    let size = min(rest, geometric(&random, mean: Self.burstMean))
                    counts.bursts += 1
                    counts.visits += Int64(size)
                    rest -= size
                    for _ in 0..<size {
                        add(.pageVisit, skewed(&random, urlCount))
                        tick += UInt64(geometric(&random, mean: 6))
                    }
                } else {
                    let kind = otherKind(&random)
                    add(kind, skewed(&random, kind == .searchQuery ? queryCount : itemCount))
                    rest -= 1
                }
                // Most blocks begin a session of their own; the rest follow within minutes.
                tick +=
                    random.nextUnit() < 0.4
                    ? random.next() % 12 : 600 + UInt64(geometric(&random, mean: 30_000))
            }
        }
        counts.users = Int64(userCount)
        counts.events = Int64(drafts.count)
        return (drafts, order, counts)
    }

    private func eventCount(_ random: inout SeededRandom) -> Int {
        let radius = (-2 * log(1 - random.nextUnit())).squareRoot()
        let normal = radius * cos(2 * Double.pi * random.nextUnit())
        return Int(min(36_004, max(1, (2 * exp(1.75 * normal)).rounded())))
    }

    private func geometric(_ random: inout SeededRandom, mean: Double) -> Int {
        1 + Int(log(1 - random.nextUnit()) / log(1 - 1 / mean))
    }

    private func otherKind(_ random: inout SeededRandom) -> EventKind {
        // 9.57 M searches, 5.24 M adds, 1.70 M removals, 1.68 M purchases.
        switch random.nextUnit() * 18.19 {
        case ..<9.57: .searchQuery
        case ..<14.81: .addToCart
        case ..<16.51: .removeFromCart
        default: .productBuy
        }
    }
}
