import Events
import Kernels
import Storage

/// The organisers' baseline: counts of each user's events, in all and of the most frequent values in
/// the last days, and the mean query (reference/evaluation-protocol.md §6, `bl/`).
///
/// Columns, type by type in the order of `kinds`: the number of events; then for each window and each
/// of sku, category and price (or the url) the events in the window of each of the most frequent
/// values; for searches the mean vector. All are float16, so counts above 2048 lose their last
/// digits and those above 65,519 become infinite, which no validator accepts: `Summary` counts them.
package struct AggregatedBaseline: Sendable {
    /// The organisers' order of types.
    static let kinds: [EventKind] = [.productBuy, .addToCart, .removeFromCart, .pageVisit]
    /// Components of a query.
    static let queryWidth = 16

    /// The order of the rows, which is the order of training and so moves the score.
    package enum RowOrder: Sendable {
        /// The organisers': users with a purchase ascending, then the others who added to a cart, and
        /// so on over the types; who has no event comes last.
        case firstSeen
        /// `ShopEvents.users`: ascending, as in a snapshot.
        case users
    }

    /// What is counted, and how rows stand.
    package struct Options: Sendable {
        /// Days of each window, back from the last event of the type; ≥ 0.
        package var windowDays: [Int64] = [1, 7, 30]
        /// Values of a column that are counted, 0…254.
        package var topCount = 10
        package var rowOrder = RowOrder.users

        /// The organisers' numbers.
        package init(rowOrder: RowOrder = .users) { self.rowOrder = rowOrder }
    }

    /// What was written.
    package struct Summary: Sendable, Equatable {
        package var users = 0
        package var width = 0
        /// Users without an event before the cutoff: rows of zeros, where the organisers have none.
        package var usersWithoutEvents = 0
        /// Product events of items without a category or a price: counted as events of their sku
        /// alone, where the organisers refuse the data.
        package var eventsWithoutProperties = 0
        /// Infinite values, from more than 65,519 events.
        package var infiniteValues = 0
    }

    private let users: [UserID]
    private let tables: [BaselineTable]
    private let queries: BaselineQueries
    private let options: Options

    /// Counts what lies before the cutoff.
    ///
    /// - Parameters:
    ///   - events: rows come from its users, in log order as from the organisers' files.
    ///   - cutoffSeconds: the first second that is no input.
    ///   - options: the organisers' numbers by default.
    /// - Complexity: O(events · log), some 16 bytes an event beside them.
    package init(events: ShopEvents, cutoffSeconds: Int64, options: Options = Options()) {
        precondition((0...254).contains(options.topCount), "AggregatedBaseline: topCount")
        self.options = options
        users = events.users
        tables = Self.kinds.map { kind in
            BaselineTable(kind, events, cutoffSeconds: cutoffSeconds, topCount: options.topCount)
        }
        queries = BaselineQueries(events, cutoffSeconds: cutoffSeconds)
    }

    /// Columns of a row; 320 when each of the ten columns has as many values as are counted.
    package var width: Int {
        tables.reduce(Self.queryWidth) { $0 + $1.width(windows: options.windowDays.count) }
    }

    /// Writes `client_ids.npy` and `embeddings.npy` into a new directory, which appears with both.
    ///
    /// - Throws: `exists` when there is such a directory already, or what the disk throws; nothing
    ///   stands under `directory` then.
    package func write(to directory: String, on host: Host) throws(StorageError) -> Summary {
        let disk = host.disk
        if try disk.status(directory) != nil { throw .exists(path: directory) }
        let aside = AtomicFile.temporaryName(for: directory, host.randomness)
        do throws(StorageError) {
            try disk.makeDirectory(aside)
            let summary = try writeFiles(in: aside, on: disk)
            try disk.syncDirectory(aside)
            try disk.rename(aside, to: directory)
            try disk.syncDirectory(directory.parentPath ?? ".")
            return summary
        } catch {
            // Best effort: the first error matters, and the name tells what a leftover is.
            try? disk.remove(aside)
            throw error
        }
    }

    private func writeFiles(
        in directory: String, on disk: any Disk
    ) throws(StorageError) -> Summary {
        var summary = Summary(users: users.count, width: width)
        summary.eventsWithoutProperties = tables.reduce(0) { $0 + $1.eventsWithoutProperties }
        let ids = try NpyStream("client_ids.npy", in: directory, .int64, columns: nil, on: disk)
        let rows = try NpyStream(
            "embeddings.npy", in: directory, .float16, columns: width, on: disk)
        var (idBytes, rowBytes): ([UInt8], [UInt8]) = ([], [])
        var row: [UInt16] = []
        for user in rowOrder() {
            row.removeAll(keepingCapacity: true)
            fill(&row, user: user)
            if !hasEvents(user) { summary.usersWithoutEvents += 1 }
            for half in row where half & 0x7FFF == 0x7C00 { summary.infiniteValues += 1 }
            idBytes.append(littleEndian: UInt64(bitPattern: users[user].rawValue))
            rowBytes.append(littleEndian: row.span)
            if rowBytes.count >= readByteCount {
                try ids.append(idBytes)
                try rows.append(rowBytes)
                idBytes.removeAll(keepingCapacity: true)
                rowBytes.removeAll(keepingCapacity: true)
            }
        }
        try ids.append(idBytes)
        try rows.append(rowBytes)
        for stream in [ids, rows] {
            _ = try stream.finish(on: disk)
            // Opened again: the header must be one that says how long the file is.
            _ = try NpyReader(directory + "/" + stream.name, on: disk)
        }
        return summary
    }

    private func hasEvents(_ user: Int) -> Bool {
        queries.has(user) || tables.contains { $0.count(of: user) > 0 }
    }

    /// Users by their index, in the order of the rows.
    private func rowOrder() -> [Int] {
        guard options.rowOrder == .firstSeen else { return Array(users.indices) }
        var order: [Int] = []
        order.reserveCapacity(users.count)
        var isTaken = [Bool](repeating: false, count: users.count)
        func take(where has: (Int) -> Bool) {
            for user in users.indices where !isTaken[user] && has(user) {
                isTaken[user] = true
                order.append(user)
            }
        }
        for table in tables { take { table.count(of: $0) > 0 } }
        take { queries.has($0) }
        take { _ in true }
        return order
    }

    /// Appends a user's row, float16 bit patterns `[width]`.
    private func fill(_ row: inout [UInt16], user: Int) {
        for table in tables { table.fill(&row, user: user, windowDays: options.windowDays) }
        queries.fill(&row, user: user)
    }
}
