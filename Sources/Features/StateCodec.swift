import EventLog
import Events
import Sessions
import Storage

/// A user's state as bytes: the hot record, without the rows, which are stored beside it.
///
/// Equal states give equal bytes, so that comparing stored bytes compares states.
package enum StateCodec {
    /// First byte of every hot record.
    package static let version: UInt8 = 2

    /// The hot record of a state.
    package static func encode(_ state: UserState) -> [UInt8] {
        var out = ByteWriter()
        out.put(byte: version)
        out.put(state.firstOffset)
        out.put(optional: state.firstSeconds)
        out.put(optional: state.lastRowSeconds)
        out.put(state.rows.totalCount)
        put(state.window, &out)
        put(state.activity, &out)
        for table in [
            state.items, state.categories, state.nameClusters, state.urls, state.queries,
            state.queryClusters,
        ] {
            put(table, &out)
        }
        put(state.visitSession, &out)
        put(state.searchSession, &out)
        out.put(byte: state.weeks.counts.isEmpty ? 0 : 1)
        if !state.weeks.counts.isEmpty {
            out.put(state.weeks.newestWeek)
            for count in state.weeks.counts { out.put(UInt64(count)) }
        }
        return out.bytes
    }

    /// The state of a hot record; `rows` makes the row window for a total row count.
    package static func decode(
        _ bytes: [UInt8], options: FoldOptions,
        rows: (Int64) throws(ByteReader.Failure) -> RowWindow
    ) throws(ByteReader.Failure) -> UserState {
        var input = ByteReader(bytes)
        guard try input.byte() == version else {
            throw .malformed(at: 0, what: "a user state of another version")
        }
        var state = UserState(firstOffset: try input.signed(), options: options)
        state.firstSeconds = try input.optionalSigned()
        state.lastRowSeconds = try input.optionalSigned()
        state.rows = try rows(try input.signed())
        state.window = try window(&input)
        state.activity = try activity(&input)
        state.items = try table(&input)
        state.categories = try table(&input)
        state.nameClusters = try table(&input)
        state.urls = try table(&input)
        state.queries = try table(&input)
        state.queryClusters = try table(&input)
        state.visitSession = try session(&input)
        state.searchSession = try session(&input)
        if try flag(&input) {
            let week = try input.signed()
            var counts: [UInt32] = []
            for _ in 0..<WeekRing.count { counts.append(try small(&input)) }
            state.weeks = WeekRing(newestWeek: week, counts: counts)
        }
        guard input.isAtEnd else {
            throw .malformed(at: input.index, what: "bytes after the end of a user state")
        }
        return state
    }

    /// Appends row keys, for the row chunks stored beside the hot record.
    package static func put(_ key: RowKey, _ out: inout ByteWriter) {
        out.put(byte: key.kind.rawValue)
        out.put(key.seconds)
        out.put(key.key)
        out.put(optional: key.category)
        out.put(optional: key.price.map(Int64.init))
        out.put(byte: key.gap)
    }

    /// Reads a row key.
    package static func rowKey(_ input: inout ByteReader) throws(ByteReader.Failure) -> RowKey {
        RowKey(
            kind: try kind(&input), seconds: try input.signed(), key: try input.signed(),
            category: try input.optionalSigned(), price: try price(&input), gap: try gap(&input))
    }

    /// Appends an event that waits or is held, with its offset.
    package static func put(_ pending: PendingEvent, _ out: inout ByteWriter) {
        let event = pending.event.event
        out.put(pending.offset)
        out.put(event.user.rawValue)
        out.put(event.seconds)
        out.put(byte: event.kind.rawValue)
        out.put(event.key)
        out.put(word: event.eventIDHash)
        put(event.query, &out)
        out.put(optional: pending.event.category)
        out.put(optional: pending.event.price.map(Int64.init))
        put(pending.event.name, &out)
    }

    /// Reads an event that waits or is held.
    package static func pendingEvent(
        _ input: inout ByteReader
    ) throws(ByteReader.Failure) -> PendingEvent {
        let offset = try input.signed()
        let user = UserID(rawValue: try input.signed())
        let seconds = try input.signed()
        let kind = try kind(&input)
        let key = try input.signed()
        let hash = try input.word()
        let query = try text(&input)
        let event = Event(
            user: user, seconds: seconds, kind: kind, key: key, query: query, eventIDHash: hash)
        let category = try input.optionalSigned()
        let price = try price(&input)
        let item = CatalogueEntry(category: category, price: price, name: try text(&input))
        return PendingEvent(event: EnrichedEvent(event, item), offset: offset)
    }
}

extension StateCodec {
    private static func put(_ window: OrderWindow, _ out: inout ByteWriter) {
        out.put(optional: window.newestSeconds)
        out.put(optional: window.foldedSeconds)
        out.put(UInt64(window.eventIDs.count))
        for hash in window.eventIDs { out.put(word: hash) }
        out.put(UInt64(window.pending.count))
        for pending in window.pending { put(pending, &out) }
    }

    private static func window(
        _ input: inout ByteReader
    ) throws(ByteReader.Failure) -> OrderWindow {
        let newest = try input.optionalSigned()
        let folded = try input.optionalSigned()
        var hashes: [UInt64] = []
        for _ in 0..<(try input.count(ofAtLeast: 8)) { hashes.append(try input.word()) }
        var pending: [PendingEvent] = []
        for _ in 0..<(try input.count(ofAtLeast: 16)) {
            pending.append(try pendingEvent(&input))
        }
        return OrderWindow(
            pending: pending, newestSeconds: newest, foldedSeconds: folded, eventIDs: hashes)
    }

    private static func put(_ activity: Activity, _ out: inout ByteWriter) {
        for lane in 0..<5 {
            out.put(UInt64(activity.counts[lane]))
            out.put(activity.lastSeconds[lane])
        }
        for count in [
            activity.visitSessionCount, activity.searchSessionCount, activity.activeDayCount,
            activity.pricedBuyCount, activity.pricedAddCount, activity.topItemCount,
            activity.topCategoryCount, activity.lateCount,
        ] {
            out.put(UInt64(count))
        }
        for sum in [
            activity.visitSeconds, activity.searchSeconds, activity.nearbyCount,
            activity.buyPriceSum, activity.addPriceSum, activity.newestDay,
        ] {
            out.put(sum)
        }
        out.put(byte: activity.buyPriceMinimum)
        out.put(byte: activity.buyPriceMaximum)
        out.put(activity.popularitySum)
    }

    private static func activity(
        _ input: inout ByteReader
    ) throws(ByteReader.Failure) -> Activity {
        var activity = Activity()
        for lane in 0..<5 {
            activity.counts[lane] = try small(&input)
            activity.lastSeconds[lane] = try input.signed()
        }
        activity.visitSessionCount = try small(&input)
        activity.searchSessionCount = try small(&input)
        activity.activeDayCount = try small(&input)
        activity.pricedBuyCount = try small(&input)
        activity.pricedAddCount = try small(&input)
        activity.topItemCount = try small(&input)
        activity.topCategoryCount = try small(&input)
        activity.lateCount = try small(&input)
        activity.visitSeconds = try input.signed()
        activity.searchSeconds = try input.signed()
        activity.nearbyCount = try input.signed()
        activity.buyPriceSum = try input.signed()
        activity.addPriceSum = try input.signed()
        activity.newestDay = try input.signed()
        activity.buyPriceMinimum = try input.byte()
        activity.buyPriceMaximum = try input.byte()
        activity.popularitySum = try input.double()
        return activity
    }

    private static func put(_ table: KeyedCounts, _ out: inout ByteWriter) {
        out.put(UInt64(table.entries.count))
        for entry in table.entries {
            out.put(entry.key)
            for lane in 0..<KeyedCounts.laneCount { out.put(UInt64(entry[lane])) }
            out.put(UInt64(entry.weight))
        }
        if !table.entries.isEmpty { out.put(table.weightLogSum) }
    }

    private static func table(_ input: inout ByteReader) throws(ByteReader.Failure) -> KeyedCounts {
        let count = try input.count(ofAtLeast: 5)
        var entries: [KeyedCounts.Entry] = []
        for _ in 0..<count {
            entries.append(
                KeyedCounts.Entry(
                    key: try input.signed(),
                    counts: (try small(&input), try small(&input), try small(&input)),
                    weight: try small(&input)))
        }
        return KeyedCounts(
            entries: entries, weightLogSum: count == 0 ? 0 : try input.double())
    }

    private static func put(_ session: OpenSession?, _ out: inout ByteWriter) {
        out.put(byte: session == nil ? 0 : 1)
        guard let session else { return }
        out.put(optional: session.firstKey)
        put(session.firstQuery, &out)
        out.put(session.start)
        out.put(session.last)
        for nearby in [session.nearby, session.beyond] {
            out.put(UInt64(nearby.count))
            out.put(byte: (nearby.hasTopItem ? 1 : 0) | (nearby.hasTopCategory ? 2 : 0))
        }
    }

    private static func session(
        _ input: inout ByteReader
    ) throws(ByteReader.Failure) -> OpenSession? {
        guard try flag(&input) else { return nil }
        let key = try input.optionalSigned()
        let query = try text(&input)
        var session = OpenSession(firstKey: key, firstQuery: query, start: try input.signed())
        session.last = try input.signed()
        session.nearby = try nearby(&input)
        session.beyond = try nearby(&input)
        return session
    }

    private static func nearby(
        _ input: inout ByteReader
    ) throws(ByteReader.Failure) -> OpenSession.Nearby {
        var nearby = OpenSession.Nearby()
        nearby.count = try small(&input)
        let flags = try input.byte()
        guard flags < 4 else {
            throw .malformed(at: input.index - 1, what: "unknown flags of nearby products")
        }
        nearby.hasTopItem = flags & 1 != 0
        nearby.hasTopCategory = flags & 2 != 0
        return nearby
    }

    private static func put(_ text: TextVector?, _ out: inout ByteWriter) {
        out.put(byte: text == nil ? 0 : 1)
        guard let text else { return }
        out.put(word: text.low)
        out.put(word: text.high)
    }

    private static func text(_ input: inout ByteReader) throws(ByteReader.Failure) -> TextVector? {
        guard try flag(&input) else { return nil }
        return TextVector(low: try input.word(), high: try input.word())
    }

    /// Whether something follows.
    private static func flag(_ input: inout ByteReader) throws(ByteReader.Failure) -> Bool {
        let byte = try input.byte()
        guard byte < 2 else {
            throw .malformed(at: input.index - 1, what: "neither 0 nor 1 before an optional")
        }
        return byte == 1
    }

    private static func small(_ input: inout ByteReader) throws(ByteReader.Failure) -> UInt32 {
        guard let value = UInt32(exactly: try input.unsigned()) else {
            throw .malformed(at: input.index, what: "a count above 2^32 - 1")
        }
        return value
    }

    private static func kind(_ input: inout ByteReader) throws(ByteReader.Failure) -> EventKind {
        guard let kind = EventKind(rawValue: try input.byte()) else {
            throw .malformed(at: input.index - 1, what: "an unknown event kind")
        }
        return kind
    }

    private static func gap(_ input: inout ByteReader) throws(ByteReader.Failure) -> UInt8 {
        let gap = try input.byte()
        guard gap < LogBuckets.count else {
            throw .malformed(at: input.index - 1, what: "a gap of class \(gap)")
        }
        return gap
    }

    private static func price(_ input: inout ByteReader) throws(ByteReader.Failure) -> UInt8? {
        guard let value = try input.optionalSigned() else { return nil }
        guard let price = UInt8(exactly: value) else {
            throw .malformed(at: input.index, what: "a price bucket of \(value)")
        }
        return price
    }
}
