import Events
import Pipeline
import TestSupport
import Testing

@Suite struct StoredUserCountTests {
    @Test func `counts the users that the other file does not know`() throws {
        let root = try TemporaryDirectory()
        func store(_ name: String, _ users: [Int64]) throws -> StateStore {
            let store = try StateStore("\(root.path)/\(name).sqlite")
            var commit = StateCommit()
            commit.users = users.map {
                StateCommit.User(
                    user: UserID(rawValue: $0), newestSeconds: 1, hot: [1], hidden: nil, chunks: [])
            }
            try store.commit(commit)
            return store
        }
        // More than a page of them, and the ends of what an id may be.
        let many = Array(-20_000...20_000 as ClosedRange<Int64>)
        let live = try store("live", [.min] + many + [.max])
        let new = try store("new", many.filter { $0 % 4 != 0 } + [30_000, .max])
        let count = try StoredUserCount(
            live: root.path + "/live.sqlite", new: root.path + "/new.sqlite")
        #expect(count.liveCount == 40_003 && count.departedCount == 10_002)
        let back = try StoredUserCount(
            live: root.path + "/new.sqlite", new: root.path + "/live.sqlite")
        #expect(back.liveCount == 30_002 && back.departedCount == 1)
        withExtendedLifetime((live, new)) {}
    }
}
