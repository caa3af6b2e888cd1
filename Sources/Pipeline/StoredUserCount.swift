import GRDB
import Snapshots

/// How the users of two `state.sqlite` differ; both may be in use by others meanwhile.
package struct StoredUserCount: Sendable, Equatable {
    /// Users of the file that is in use.
    package var liveCount: Int64 = 0
    /// Those of them whom the other file does not know: they have left.
    package var departedCount: Int64 = 0

    /// Walks through both in ascending order; memory is that of two pages of ids.
    package init(live: String, new: String) throws(PipelineError) {
        do {
            var (left, right) = (try UserPages(live), try UserPages(new))
            var other = try right.next()
            while let user = try left.next() {
                liveCount += 1
                while let known = other, known < user { other = try right.next() }
                if other != user { departedCount += 1 }
            }
        } catch {
            throw .storage("\(live): its users cannot be read: \(error)")
        }
    }
}

/// The ids of stored users, ascending.
private struct UserPages {
    private static let pageCount = 16_384

    private let database: DatabaseQueue
    private var page: ArraySlice<Int64> = []
    private var from = Int64.min
    private var isOver = false

    init(_ path: String) throws {
        database = try DatabaseQueue(
            path: path, configuration: DatabaseSettings.makeReader(label: "users"))
    }

    mutating func next() throws -> Int64? {
        if let user = page.popFirst() { return user }
        guard !isOver else { return nil }
        let start = from
        let found = try database.read { db in
            try Int64.fetchAll(
                db, sql: "SELECT user FROM users WHERE user >= ? ORDER BY user LIMIT ?",
                arguments: [start, Self.pageCount])
        }
        isOver = found.count < Self.pageCount || found.last == .max
        if let last = found.last, last < .max { from = last + 1 }
        page = found[...]
        return page.popFirst()
    }
}
