import EventLog
import Events
import Features
import Profiles
import Sessions
import Snapshots

/// Telling who has changed (docs/control.md).
extension Profiler {
    /// Changes looked at before others get their turn.
    private static let watchSliceCount = 1024
    /// Users of one page that are read from the store.
    private static let watchLoadLimit = 64

    /// How far the profiles are.
    var revision: Revision {
        Revision(epoch: epoch, count: applied.recordCount + appliedInput)
    }

    /// Notes that a user's profile has changed with the record at `admission`, or with an input
    /// behind it.
    func noteChange(_ slot: Int, admittedAt admission: Int64) {
        guard isLeading, changes.limit > 0 else { return }
        let count = max(admission + 1, applied.recordCount) + appliedInput
        users[slot].changeCount = count
        changes.note(users[slot].user, count: count)
        watchers.note(users[slot].user)
    }

    /// Notes that nothing is held of a user any more.
    func noteGone(_ user: UserID) {
        guard isLeading, changes.limit > 0 else { return }
        changes.note(user, count: revision.count)
        watchers.note(user)
    }

    /// Counts from here on as nobody has counted before: everybody's profile is another.
    func beginEpoch(_ epoch: Int64) {
        self.epoch = epoch
        changes.restart(at: revision.count)
        watchers.resumeAll()
    }

    /// Who has changed since a revision; waits for the first change behind it.
    ///
    /// A cancelled task, and one that waits while the profiler drains, are answered what there is:
    /// perhaps nothing, with a revision to go on from.
    func watch(_ query: WatchQuery) async throws(PipelineError) -> WatchPage {
        guard let after = query.after else {
            guard isLeading else { throw .superseded }
            return page(WatchDraft(count: revision.count))
        }
        let wanted = query.users.map { Set($0) }
        var draft = WatchDraft(count: after.count)
        while true {
            if let failure { throw failure }
            guard isLeading else { throw .superseded }
            let isLost = after.epoch != epoch || draft.count < changes.start
            if isLost || isBeyondLog(draft.count) {
                // What was found so far is whole; the rest is not known any more.
                if draft.told > 0 { return page(draft) }
                return page(
                    WatchDraft(count: revision.count),
                    oldest: Revision(epoch: epoch, count: changes.start))
            }
            let isAtEnd = try take(&draft, wanted, limit: query.limit)
            if draft.isFull(query.limit) { return page(draft) }
            if !isAtEnd {
                await Task.yield()
                continue
            }
            if draft.told > 0 || Task.isCancelled { return page(draft) }
            if phase == .stopped {
                guard draft.hasWaited else { throw .stopping }
                return page(draft)
            }
            draft.hasWaited = true
            await nextChange(of: wanted, behind: draft.count)
        }
    }

    /// Whether the log ends before a count that was told once: it was cut.
    private func isBeyondLog(_ count: Int64) -> Bool { count > revision.count && isCaughtUp }

    /// Waits for one of the users to change.
    private func nextChange(of users: Set<UserID>?, behind count: Int64) async {
        if count > revision.count {
            // After a kill: folded again, up to there nothing is new.
            await nextRound()
            return
        }
        let id = watchers.makeID()
        await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                if Task.isCancelled {
                    continuation.resume()
                } else {
                    watchers.add(id, users, continuation)
                }
            }
        } onCancel: {
            Task { await self.endWatch(id) }
        }
    }

    private func endWatch(_ id: UInt64) { watchers.resume(id) }

    /// Takes the next changes into a draft; true when there are no more.
    private func take(
        _ draft: inout WatchDraft, _ wanted: Set<UserID>?, limit: Int
    ) throws(PipelineError) -> Bool {
        var index = changes.index(after: draft.count)
        let end = index + Self.watchSliceCount
        while index < changes.count {
            let change = changes[index]
            // What one record has changed is told whole.
            let isNext = change.count > draft.count
            if isNext, draft.isFull(limit) || index >= end { return false }
            draft.count = change.count
            index += 1
            if let wanted, !wanted.contains(change.user) { continue }
            try tell(change, &draft)
        }
        draft.count = max(draft.count, revision.count)
        return true
    }

    private func tell(
        _ change: ChangeRing.Change, _ draft: inout WatchDraft
    ) throws(PipelineError) {
        let revision = Revision(epoch: epoch, count: change.count)
        if forgotten.isHidden(change.user) {
            draft.tell(WatchPage.Change(forgotten: change.user, revision))
        } else if let slot = users.slot(of: change.user) {
            // A later change of the same user is here as well.
            if users[slot].changeCount > change.count { return }
            draft.tell(WatchPage.Change(change.user, users[slot].state, revision))
        } else {
            draft.loadCount += 1
            if draft.loadCount >= Self.watchLoadLimit { draft.isClosed = true }
            let state = try input(of: change.user)?.state
            draft.tell(
                state.map { WatchPage.Change(change.user, $0, revision) }
                    ?? WatchPage.Change(forgotten: change.user, revision))
        }
    }

    private func page(_ draft: WatchDraft, oldest: Revision? = nil) -> WatchPage {
        WatchPage(
            revision: Revision(epoch: epoch, count: draft.count),
            changes: draft.changes.compactMap { $0 }, oldest: oldest, space: generation.space,
            generation: generation.id, offset: applied.recordCount)
    }
}

/// A page in the making.
private struct WatchDraft {
    /// Up to here everything is in it.
    var count: Int64
    /// In order; nil where the same user comes again.
    var changes: [WatchPage.Change?] = []
    var told = 0
    /// Users read from the store.
    var loadCount = 0
    /// Whether it takes no more, full or not.
    var isClosed = false
    var hasWaited = false
    private var places: [UserID: Int] = [:]

    init(count: Int64) { self.count = count }

    func isFull(_ limit: Int) -> Bool { told >= limit || isClosed }

    mutating func tell(_ change: WatchPage.Change) {
        if let place = places[change.user] {
            changes[place] = nil
        } else {
            told += 1
        }
        places[change.user] = changes.count
        changes.append(change)
    }
}

extension WatchPage.Change {
    fileprivate init(_ user: UserID, _ state: UserState, _ revision: Revision) {
        self.init(
            user: user, revision: revision, newestSeconds: state.window.newestSeconds,
            eventCount: state.activity.eventCount + Int64(state.window.pending.count),
            isForgotten: false)
    }

    fileprivate init(forgotten user: UserID, _ revision: Revision) {
        self.init(
            user: user, revision: revision, newestSeconds: nil, eventCount: 0, isForgotten: true)
    }
}

extension LivePipeline {
    /// Who has changed since a revision, by the active generation; waits for the first change.
    ///
    /// A cancelled task is answered what there is.
    package func watch(_ query: WatchQuery) async throws(PipelineError) -> WatchPage {
        try await withProfiler(.active) { profiler throws(PipelineError) in
            try await profiler.watch(query)
        }
    }
}
