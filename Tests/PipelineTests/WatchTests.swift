import EventLog
import Events
import Pipeline
import Storage
import TestSupport
import Testing

/// Who has changed: told once, in order, all of it, or said that it cannot be.
@Suite(.serialized, .timeLimit(.minutes(5)))
struct WatchTests {
    /// A fixture, its log where it grows, `written` records of it there, and who follows it.
    private func follow(
        _ directory: borrowing TemporaryDirectory, count: Int = 900, written: Int = 0,
        by options: (PipelineFixture) -> PipelineOptions = { $0.growing("live") }
    ) throws -> (PipelineFixture, PipelineOptions, GrowingLog) {
        let fixture = try PipelineFixture(root: directory.path, count: count)
        var options = options(fixture)
        options.watchChangeCount = 10_000
        let log = try GrowingLog(fixture, directory: options.logDirectory)
        try log.grow(to: written)
        return (fixture, options, log)
    }

    /// Every page behind a revision until there are no more; checked for order and for repeats.
    private func pages(
        _ running: RunningPipeline, after: Revision, limit: Int = 1000, users: [UserID]? = nil
    ) async throws -> [WatchPage] {
        var pages: [WatchPage] = []
        var last = after
        while true {
            let query = WatchQuery(users: users, after: last, limit: limit)
            // Cancelled before it begins, so that it does not wait.
            let work = Task { try await running.pipeline.watch(query) }
            work.cancel()
            let page = try await work.value
            #expect(page.revision >= last && page.oldest == nil)
            #expect(Set(page.changes.map(\.user)).count == page.changes.count)
            let revisions = page.changes.map(\.revision)
            #expect(revisions == revisions.sorted())
            if let first = revisions.first { #expect(first > last) }
            if let newest = revisions.last { #expect(newest <= page.revision) }
            pages.append(page)
            last = page.revision
            if page.changes.isEmpty { return pages }
        }
    }

    /// Events by user as the pipeline answers them.
    private func counts(
        _ running: RunningPipeline, _ users: [UserID]
    ) async throws -> [UserID: Int64] {
        let rows = try await running.pipeline.profiles(of: users, asOf: nil).rows
        return Dictionary(
            uniqueKeysWithValues: rows.filter(\.isKnown).map { ($0.user, $0.eventCount) })
    }

    private func fold(_ pages: [WatchPage], into counts: inout [UserID: Int64]) {
        for change in pages.flatMap(\.changes) {
            counts[change.user] = change.isForgotten ? nil : change.eventCount
        }
    }

    @Test(arguments: [1, 7, 1000])
    func `what a follower folds is what the daemon answers`(limit: Int) async throws {
        let directory = try TemporaryDirectory()
        let (fixture, usual, log) = try follow(directory, count: 1500)
        var options = usual
        // Some users are always away, so that their changes are told of what is stored.
        options.residentByteCount = limit == 7 ? 1 : options.residentByteCount
        try await fixture.life(options) { running in
            var revision = try await running.pipeline.watch(WatchQuery()).revision
            var folded: [UserID: Int64] = [:]
            while log.written < log.records.count {
                try log.grow(by: 150)
                try await running.catchUp(to: log.written)
                let made = try await pages(running, after: revision, limit: limit)
                if limit == 1000 { #expect(made.count == 2, "a page, and the empty one") }
                fold(made, into: &folded)
                revision = made.last?.revision ?? revision
                #expect(try await folded == counts(running, fixture.log.users))
            }
            #expect(folded.count > 40)
            #expect(revision.count == Int64(log.records.count))
        }
    }

    @Test func `a record of the user wakes who waits for it, and no other`() async throws {
        let directory = try TemporaryDirectory()
        let (fixture, options, log) = try follow(directory, written: 300)
        try await fixture.life(options) { running in
            try await running.catchUp(to: 300)
            let after = try await running.pipeline.watch(WatchQuery()).revision
            // Held until after the shop's pause, so that 40 records do not change them.
            let patient = UserID(rawValue: ShopLog.pausedUser)
            let one = Task {
                try await running.pipeline.watch(WatchQuery(users: [patient], after: after))
            }
            let all = Task { try await running.pipeline.watch(WatchQuery(after: after)) }
            try log.grow(by: 40)
            let first = try await all.value
            #expect(!first.changes.isEmpty && first.revision > after)
            try await running.catchUp(to: 340)
            try log.grow(to: log.records.count)
            let page = try await one.value
            #expect(page.changes.map(\.user) == [patient] && page.revision.count > 340)
        }
    }

    @Test func `says so when it cannot tell any more`() async throws {
        let directory = try TemporaryDirectory()
        let (fixture, usual, log) = try follow(directory)
        var options = usual
        options.watchChangeCount = 32
        try await fixture.life(options) { running in
            let start = try await running.pipeline.watch(WatchQuery()).revision
            try log.grow(by: 400)
            try await running.catchUp(to: 400)
            let page = try await running.pipeline.watch(WatchQuery(after: start))
            let oldest = try #require(page.oldest)
            #expect(page.changes.isEmpty && page.revision.count == 400)
            #expect(oldest > start && oldest < page.revision)
            // The oldest that is named is the oldest that can be answered.
            let told = try await pages(running, after: oldest)
            #expect(told.flatMap(\.changes).count > 10)
            let before = Revision(epoch: oldest.epoch, count: oldest.count - 1)
            #expect(try await running.pipeline.watch(WatchQuery(after: before)).oldest == oldest)
        }
    }

    @Test func `goes on over a restart, and over a kill`() async throws {
        let directory = try TemporaryDirectory()
        let (fixture, usual, log) = try follow(directory, count: 1500, written: 500)
        var options = usual
        let started = try await fixture.life(options) { running in
            try await running.catchUp(to: 500)
            return try await running.pipeline.watch(WatchQuery()).revision
        }
        #expect(started.count == 500)
        var (revision, folded) = (started, [UserID: Int64]())
        let killed = fixture.growing("killed").stateDirectory
        try await fixture.life(options) { running in
            folded = try await counts(running, fixture.log.users)
            try log.grow(by: 200)
            try await running.catchUp(to: 700)
            _ = try await running.pipeline.checkpoint()
            try copyDurable(options.stateDirectory, to: killed)
            try log.grow(by: 200)
            try await running.catchUp(to: 900)
            let made = try await pages(running, after: revision)
            fold(made, into: &folded)
            #expect(try await folded == counts(running, fixture.log.users))
            revision = try #require(made.last).revision
        }
        // The state of before: what the follower knows comes later than where the daemon begins.
        options.stateDirectory = killed
        try await fixture.life(options) { running in
            try log.grow(by: 300)
            try await running.catchUp(to: 1200)
            let made = try await pages(running, after: revision)
            fold(made, into: &folded)
            #expect(try await folded == counts(running, fixture.log.users))
            // From before the last commit it cannot be told.
            #expect(try await running.pipeline.watch(WatchQuery(after: started)).oldest != nil)
            let late = Revision(epoch: revision.epoch, count: 1_000_000)
            #expect(
                try await running.pipeline.watch(WatchQuery(after: late)).oldest != nil,
                "the log ends before it")
        }
    }

    @Test func `another generation is another beginning, for those too who wait`() async throws {
        let directory = try TemporaryDirectory()
        let (fixture, options, log) = try follow(directory, written: 400) {
            $0.watchful("live")
        }
        for seed in [1, 2] as [UInt64] { try fixture.refresh(options.stateDirectory, seed: seed) }
        let second = options.stateDirectory + "/generations/2"
        try move(second, to: directory.path + "/second")
        let last = try await fixture.life(options) { running in
            try await running.catchUp(to: 400)
            let after = try await running.pipeline.watch(WatchQuery()).revision
            let unknown = UserID(rawValue: ShopUser.unknown)
            let waiting = Task {
                try await running.pipeline.watch(WatchQuery(users: [unknown], after: after))
            }
            try move(directory.path + "/second", to: second)
            try await running.untilActive(2)
            let page = try await waiting.value
            #expect(page.generation == 2 && page.oldest == page.revision)
            #expect(page.revision > after && page.changes.isEmpty)
            try log.grow(by: 100)
            try await running.catchUp(to: 500)
            let made = try await pages(running, after: page.revision)
            #expect(made.flatMap(\.changes).count > 5)
            return try #require(made.last).revision
        }
        try await fixture.life(options) { running in
            try log.grow(by: 100)
            try await running.catchUp(to: 600)
            #expect(try await pages(running, after: last).flatMap(\.changes).count > 5)
        }
    }

    @Test func `a forgotten user is told to those who wait for it`() async throws {
        let directory = try TemporaryDirectory()
        let (fixture, options, log) = try follow(directory, written: 600)
        try await fixture.life(options) { running in
            try await running.catchUp(to: 600)
            let after = try await running.pipeline.watch(WatchQuery()).revision
            let user = UserID(rawValue: ShopUser.some)
            let waiting = Task {
                try await running.pipeline.watch(WatchQuery(users: [user], after: after))
            }
            try await running.forget(ShopUser.some)
            let page = try await waiting.value
            #expect(page.changes.map(\.isForgotten) == [true])
            #expect(page.changes.map(\.user) == [user] && page.changes[0].eventCount == 0)
            // Suppressed events change nobody.
            try log.grow(to: log.records.count)
            try await running.catchUp(to: log.written)
            let others = try await pages(running, after: page.revision)
            #expect(!others.flatMap(\.changes).contains { $0.user == user })
        }
    }

    @Test func `a drain answers those who wait, with all there is`() async throws {
        let directory = try TemporaryDirectory()
        let (fixture, options, _) = try follow(directory, written: 300)
        let running = try await fixture.open(options)
        try await running.catchUp(to: 300)
        let after = try await running.pipeline.watch(WatchQuery()).revision
        let unknown = UserID(rawValue: ShopUser.unknown)
        let waiting = Task {
            try await running.pipeline.watch(WatchQuery(users: [unknown], after: after))
        }
        let cancelled = Task { try await running.pipeline.watch(WatchQuery(after: after)) }
        cancelled.cancel()
        #expect(try await cancelled.value.changes.isEmpty)
        try await running.drain()
        do {
            let page = try await waiting.value
            #expect(page.changes.isEmpty && page.oldest == nil && page.revision >= after)
        } catch PipelineError.stopping {
            // It came when all was over.
        }
        await #expect(throws: PipelineError.self) {
            try await running.pipeline.watch(WatchQuery(after: after))
        }
    }

    @Test(arguments: ["", "5", "-", "5-", "-5", "5-6-7", "a-b", "5-+6", "99999999999999999999-1"])
    func `takes no text for a revision that is none`(text: String) {
        #expect(Revision(text) == nil)
        #expect(Revision("17-4711") == Revision(epoch: 17, count: 4711))
    }
}
