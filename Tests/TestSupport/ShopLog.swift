import EventLog
import Events
import Storage

/// A small shop's log: some users, all record types, and everything that can be wrong with a record.
///
/// In its middle the shop pauses for two weeks, so that the first events after it are held until
/// three users agree; later one user's clock is broken, more often than may be held.
package struct ShopLog {
    package static let start: Int64 = 1_667_952_000
    /// Held events that the pipeline under test may keep.
    package static let heldLimit = 12
    /// A user whose first event ever is one of those held over the pause.
    package static let pausedUser: Int64 = 4711
    /// Everybody with an event in the log, ascending.
    package var users: [UserID] { (regulars + [UserID(rawValue: Self.pausedUser)]).sorted() }
    /// One record each, without line ends.
    package private(set) var records: [[UInt8]] = []

    private let regulars: [UserID]
    private var random: SeededRandom
    private var clock = Self.start
    private var idCount = 0

    /// A log of `count` records and that many users, at least 10, and one.
    package init(seed: UInt64, count: Int = 3000, userCount: Int = 60) {
        regulars = (0..<userCount).map { UserID(rawValue: Self.id($0)) }
        random = SeededRandom(seed: seed, stream: 12)
        for item in 0..<30 as Range<Int64> { appendUpdate(of: item) }
        var (hasPaused, hasBroken) = (false, false)
        while records.count < count {
            if records.count >= count / 2, !hasPaused {
                appendPause()
                hasPaused = true
            }
            if records.count >= count * 3 / 4, !hasBroken {
                appendBrokenClock()
                hasBroken = true
            }
            appendRandom()
        }
    }

    /// Ids of both signs, and one that no JSON number in a double could hold.
    private static func id(_ index: Int) -> Int64 {
        index == 0 ? 9_007_199_254_740_993 : Int64(index - 20) * 977
    }

    private mutating func appendRandom() {
        clock += Int64.random(in: 0...90, using: &random)
        switch random.nextUnit() {
        case ..<0.06: appendUpdate(of: Int64.random(in: 0..<30, using: &random))
        case ..<0.08: appendBad()
        case ..<0.09: records.append([UInt8](" ".utf8))
        case ..<0.12: repeatOne()
        default: appendEvent()
        }
    }

    /// Mostly on time, sometimes within the lateness, sometimes late.
    private mutating func appendEvent() {
        let delay: Int64 =
            switch random.nextUnit() {
            case ..<0.7: 0
            case ..<0.95: Int64.random(in: 0...300, using: &random)
            default: Int64.random(in: 301...20_000, using: &random)
            }
        // A few users have most of the events, so that some outgrow the row window early.
        let skewed = random.nextUnit() * random.nextUnit()
        append(user: regulars[Int(skewed * Double(regulars.count))].rawValue, at: clock - delay)
    }

    private mutating func append(user: Int64, at seconds: Int64) {
        let kind = EventKind.allCases.randomElement(using: &random) ?? .pageVisit
        let query =
            kind == .searchQuery && random.nextUnit() < 0.9
            ? TextVector(Array(repeating: UInt8.random(in: 0...9, using: &random) * 25, count: 16))
            : nil
        let key = kind == .searchQuery ? 0 : Int64.random(in: 0..<34, using: &random)
        idCount += 1
        var line: [UInt8] = []
        RecordWriter.append(
            Event(
                user: UserID(rawValue: user), seconds: seconds, kind: kind, key: key, query: query),
            eventID: random.nextUnit() < 0.7 ? "e\(idCount)" : nil, to: &line)
        line.removeLast()
        if random.nextUnit() < 0.05 {
            line.removeLast()
            line += [UInt8](#","shop":"north","page":7}"#.utf8)
        }
        records.append(line)
    }

    private mutating func appendUpdate(of item: Int64) {
        var line: [UInt8] = []
        let component = UInt8.random(in: 0...255, using: &random)
        RecordWriter.append(
            CatalogueUpdate(
                item: ItemID(rawValue: item),
                category: random.nextUnit() < 0.8 ? item % 7 : nil,
                price: random.nextUnit() < 0.8 ? UInt8.random(in: 0...99, using: &random) : nil,
                name: random.nextUnit() < 0.8
                    ? TextVector(Array(repeating: component, count: 16)) : nil),
            seconds: clock, to: &line)
        line.removeLast()
        records.append(line)
    }

    private mutating func appendBad() {
        let bad = [
            #"{"client_id":5,"timestamp":1667952000,"event_type":"page_visit"}"#,
            #"{"client_id":5,"timestamp":1667952000,"event_type":"dance","url":1}"#,
            #"{"client_id":"x","timestamp":1667952000,"event_type":"page_visit","url":1}"#,
            #"{"client_id":5,"timestamp":-3,"event_type":"page_visit","url":1}"#, "{", "nonsense",
        ]
        records.append(Array((bad.randomElement(using: &random) ?? "{").utf8))
    }

    private mutating func repeatOne() {
        let back = Int.random(in: 1...40, using: &random)
        guard back <= records.count else { return }
        records.append(records[records.count - back])
    }

    /// Two weeks without events, then users one after the other.
    private mutating func appendPause() {
        clock += 14 * 86_400
        append(user: regulars[3].rawValue, at: clock)
        append(user: Self.pausedUser, at: clock + 5)
        append(user: regulars[3].rawValue, at: clock + 10)
        for _ in 0..<20 { append(user: regulars[3].rawValue, at: clock - 15 * 86_400) }
        append(user: regulars[7].rawValue, at: clock + 20)
    }

    private mutating func appendBrokenClock() {
        for index in 0..<Self.heldLimit + 4 {
            append(user: regulars[9].rawValue, at: clock + 200 * 86_400 + Int64(index))
            appendRandom()
        }
    }

    /// Writes the first `count` records, all when nil, in several segments.
    package func write(to directory: String, count: Int? = nil, on host: Host = .real) throws {
        let writer = try SegmentWriter(
            host: host, directory: directory,
            options: SegmentWriter.Options(
                segmentDecodedByteCount: 110_000, frameByteCount: 9_000))
        for record in records.prefix(count ?? records.count) { try writer.append(record) }
        try writer.close()
    }
}
