import EventLog
import Foundation
import GRDB
import Snapshots
import Storage

/// Folds the log anew up to where a stored state stands and compares the two, byte for byte.
///
/// That proves invariant 3 on the user's own data (DESIGN §10). The daemon may run meanwhile: the
/// stored state is read in one transaction, which lasts until the comparison is done, so that its
/// write-ahead log grows by what is committed in that time. Nothing of the state directory changes,
/// but for a work directory in it that is removed at the end.
package struct ReplayVerification: Sendable {
    /// What was compared and what differs.
    package struct Report: Sendable {
        package var generation: Int64 = 0
        /// Where the state stood.
        package var offset: LogOffset = 0
        package var place = ""
        /// Rows compared, by table, in the order of comparison.
        package var tables: [(table: String, rows: Int64)] = []
        package var differenceCount: Int64 = 0
        /// The first of them: table, key and columns.
        package var differences: [String] = []

        /// Whether the two are the same bytes.
        package var isEqual: Bool { differenceCount == 0 }
    }

    private static let shownLimit = 20
    /// Columns that name a row, and those that are compared.
    private static let tables: [(name: String, key: String, values: String)] = [
        ("users", "user", "newest, state, hidden"), ("rows", "user, chunk", "data"),
        ("catalogue", "item", "category, price, name"), ("held", "place", "event"),
        ("refused", "ordinal", "segment, record"), ("meta", "key", "value"),
    ]

    private let host: Storage.Host
    private let options: PipelineOptions

    /// Verifies with `options`, which must be those of the daemon whose state it is.
    package init(host: Storage.Host, options: PipelineOptions) {
        self.host = host
        self.options = options
    }

    /// Verifies a generation's state, the active one's when it names none.
    ///
    /// `progress` hears how many records have been folded, and how many there are to fold.
    package func run(
        generation: Int64?, progress: @Sendable @escaping (LogOffset, LogOffset) -> Void
    ) async throws(PipelineError) -> Report {
        do {
            return try await verify(generation, progress)
        } catch let error as PipelineError {
            throw error
        } catch let error as SnapshotError {
            throw .init(error)
        } catch {
            throw .state("\(error)")
        }
    }

    private func verify(
        _ asked: Int64?, _ progress: @Sendable @escaping (LogOffset, LogOffset) -> Void
    ) async throws -> Report {
        let active = try Registry.readOnly(stateDirectory: options.stateDirectory)
            .activations().last?.generation
        let id = asked ?? active ?? 0
        let store = GenerationStore(stateDirectory: options.stateDirectory, on: host)
        let known = KnownGeneration(id, in: store)
        let loaded = try known.load(options, on: host.disk).generation
        let path = loaded.directory + "/state.sqlite"
        guard try host.disk.status(path) != nil else {
            throw PipelineError.state("\(path): there is no state of generation \(id) to verify")
        }
        let stored = try Self.open(path)
        let state = try Self.standing(of: stored, path)
        let work = options.stateDirectory + "/verify"
        try host.disk.remove(work)
        try host.disk.makeDirectory(work)
        defer { try? host.disk.remove(work) }
        try await fold(loaded.moved(to: work + "/generation"), to: state, work, progress)
        let made = try Self.open(work + "/generation/state.sqlite")
        var report = Report()
        report.generation = id
        report.offset = state.cursor.recordCount
        report.place = state.place.description
        try Self.compare(stored, made, into: &report)
        return report
    }

    /// What the stored state says of itself.
    private struct Standing {
        var cursor: EventLog.Cursor
        var place: RecordPlace
        var input: Int64
        var forget: Int64
    }

    private func fold(
        _ generation: LiveGeneration, to state: Standing, _ work: String,
        _ progress: @Sendable @escaping (LogOffset, LogOffset) -> Void
    ) async throws {
        var options = options
        let registry = try Registry.readOnly(
            stateDirectory: options.stateDirectory, inputsUpTo: state.input,
            forgetsUpTo: state.forget)
        options.stateDirectory = work
        let fence = FoldFence()
        let snapshots = SnapshotStore(stateDirectory: work, registry: registry, on: host)
        let shared = SharedPipeline(
            host: host, options: options, registry: registry,
            snapshots: SnapshotService(store: snapshots, retainCount: 1),
            keeper: try QuarantineKeeper(registry: registry, host: host, options: options),
            fence: fence, bell: Bell())
        let profiler = try Profiler(
            shared, generation: generation, isLeading: false, degraded: [])
        fence.advance(to: FoldFence.Standing(place: state.place, input: state.input))
        let running = RunningGeneration(profiler)
        running.start(shared.bell)
        let isThere = try await profiler.foldOut(to: state.place) { offset in
            progress(offset, state.cursor.recordCount)
        }
        let offset = await profiler.applied.recordCount
        await profiler.retire()
        await running.ended()
        if case .failure(let error) = running.outcome { throw error }
        guard isThere, offset == state.cursor.recordCount else {
            throw PipelineError.otherLog(
                "the log has \(offset) records up to \(state.place), the state has folded "
                    + "\(state.cursor.recordCount): segments were deleted or changed since, or came "
                    + "late; keep the whole log to verify a state")
        }
    }

    // MARK: The stored state

    /// Opens a state and begins a transaction that lasts as long as the queue does.
    private static func open(_ path: String) throws -> DatabaseQueue {
        var settings = DatabaseSettings.makeReader(label: "verify")
        settings.allowsUnsafeTransactions = true
        let queue = try DatabaseQueue(path: path, configuration: settings)
        try queue.unsafeRead { db in
            try db.execute(sql: "BEGIN")
            // The transaction sees the state as of its first read.
            _ = try Int.fetchOne(db, sql: "SELECT COUNT(*) FROM meta")
        }
        return queue
    }

    private static func standing(
        of queue: DatabaseQueue, _ path: String
    ) throws -> Standing {
        let values = try queue.unsafeRead { db in
            try Row.fetchAll(db, sql: "SELECT key, value FROM meta").map { row in
                (row["key"] as String, row["value"] as Data)
            }
        }
        let byKey = Dictionary(values) { first, _ in first }
        guard let cursor = byKey["cursor"], let segment = byKey["segment"],
            let input = byKey["input"]
        else { throw PipelineError.state("\(path): nothing was committed yet") }
        let decoder = JSONDecoder()
        let read = try decoder.decode(EventLog.Cursor.self, from: cursor)
        let start = try decoder.decode(SegmentStart.self, from: segment)
        return Standing(
            cursor: read,
            place: RecordPlace(
                segment: start.segment, recordIndex: read.recordCount - start.offset),
            input: try decoder.decode(Int64.self, from: input),
            forget: try byKey["forget"].map { try decoder.decode(Int64.self, from: $0) } ?? 0)
    }

    private static func compare(
        _ stored: DatabaseQueue, _ made: DatabaseQueue, into report: inout Report
    ) throws {
        for table in tables {
            let sql =
                "SELECT \(table.key), \(table.values) FROM \(table.name) ORDER BY \(table.key)"
            let keyCount = table.key.split(separator: ",").count
            let part = try stored.unsafeRead { left in
                try made.unsafeRead { right in
                    try compare(
                        try Row.fetchCursor(left, sql: sql), try Row.fetchCursor(right, sql: sql),
                        table.name, keyCount: keyCount)
                }
            }
            report.tables.append((table: table.name, rows: part.rows))
            report.differenceCount += part.count
            let room = max(0, shownLimit - report.differences.count)
            report.differences += part.shown.prefix(room)
        }
    }

    /// What a walk through one table found.
    private struct Part {
        var rows: Int64 = 0
        var count: Int64 = 0
        var shown: [String] = []

        mutating func note(_ line: @autoclosure () -> String) {
            count += 1
            if shown.count < shownLimit { shown.append(line()) }
        }
    }

    /// Walks through both tables, ascending by key.
    private static func compare(
        _ stored: RowCursor, _ made: RowCursor, _ table: String, keyCount: Int
    ) throws -> Part {
        var part = Part()
        func key(_ row: [DatabaseValue]?) -> [DatabaseValue]? { row.map { Array($0[..<keyCount]) } }
        func name(_ key: [DatabaseValue]) -> String {
            "\(table) "
                + key.map { value in
                    if case .string(let text) = value.storage { text } else { value.description }
                }.joined(separator: "/")
        }
        func next(_ cursor: RowCursor) throws -> [DatabaseValue]? {
            try cursor.next().map { Array($0.databaseValues) }
        }
        var (left, right) = (try next(stored), try next(made))
        while left != nil || right != nil {
            part.rows += 1
            switch (key(left), key(right)) {
            case (let one?, let other?) where one == other:
                if left != right, !areCursorsAtOnePlace(table, left, right) {
                    part.note(name(one) + ": differs")
                }
                (left, right) = (try next(stored), try next(made))
            case (let one?, let other) where other == nil || isBefore(one, other ?? one):
                part.note(name(one) + ": is in the state alone")
                left = try next(stored)
            default:
                part.note(name(key(right) ?? []) + ": is in the fold of the log alone")
                right = try next(made)
            }
        }
        return part
    }

    /// Whether two rows are the cursor and differ only in how much of its segment's head the identity
    /// covers: that is as much as had been read by then of a file that grew, no matter of the fold.
    private static func areCursorsAtOnePlace(
        _ table: String, _ left: [DatabaseValue]?, _ right: [DatabaseValue]?
    ) -> Bool {
        guard table == "meta", let left, let right, left.count == 2, right.count == 2,
            String.fromDatabaseValue(left[0]) == "cursor",
            let stored = Data.fromDatabaseValue(left[1]),
            let made = Data.fromDatabaseValue(right[1]),
            var one = try? JSONDecoder().decode(EventLog.Cursor.self, from: stored),
            let other = try? JSONDecoder().decode(EventLog.Cursor.self, from: made)
        else { return false }
        one.identity.headHash = other.identity.headHash
        return one == other
    }

    private static func isBefore(_ one: [DatabaseValue], _ other: [DatabaseValue]) -> Bool {
        for (a, b) in zip(one, other) where a != b {
            if let a = Int64.fromDatabaseValue(a), let b = Int64.fromDatabaseValue(b) {
                return a < b
            }
            return a.description < b.description
        }
        return false
    }
}

extension LiveGeneration {
    /// The same, with its state in another directory.
    fileprivate func moved(to directory: String) -> LiveGeneration {
        var copy = self
        copy.directory = directory
        return copy
    }
}

extension Profiler {
    /// Returns whether everything up to `place` was folded; false when the log ends before it.
    func foldOut(
        to place: RecordPlace, progress: @Sendable (LogOffset) -> Void
    ) async throws(PipelineError) -> Bool {
        var idleCount = 0
        while standing != place || inputs.isDue(at: standing) {
            if let failure { throw failure }
            if phase == .stopped { return false }
            progress(applied.recordCount)
            // The end is believed when it was seen some times running.
            let isAtEnd = unappliedBytes == 0 && readerCondition?.isAtEnd == true
            idleCount = isAtEnd ? idleCount + 1 : 0
            if idleCount > 5 { return false }
            await withCheckedContinuation { roundWaiters.add($0) }
        }
        return true
    }
}
