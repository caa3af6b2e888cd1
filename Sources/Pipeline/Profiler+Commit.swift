import Encoders
import EventLog
import Events
import Features
import Profiles
import Sessions
import Storage

/// Committing and recovering.
extension Profiler {
    /// Makes everything applied so far durable, after a commit that is on its way.
    func commit() async throws(PipelineError) {
        await commitEnd()
        if let failure { throw failure }
        guard isChanged else { return }
        beginCommit()
        await commitEnd()
        if let failure { throw failure }
    }

    /// Commits everything applied so far; where that was.
    func checkpoint() async throws(PipelineError) -> Cursor {
        try await commit()
        return committed
    }

    /// Finishes what is read, commits, and ends `run`; returns when that is done.
    func drain() async throws(PipelineError) {
        if phase == .stopped { return }
        phase = .draining
        source.wake()
        while phase != .stopped {
            if let failure { throw failure }
            await withCheckedContinuation { stopWaiters.add($0) }
        }
        if let failure { throw failure }
    }

    /// Wakes whoever waits for the end of `run`.
    func noteStop() {
        phase = .stopped
        endGoal()
        noteRound()
        watchers.resumeAll()
        stopWaiters.resumeAll()
    }

    /// Begins a commit of everything applied so far; the ingest goes on.
    ///
    /// The changed users are encoded in slices between micro-batches; one that is about to change
    /// before its turn is encoded then, so the commit holds every user as of its cursor. The commit
    /// before, when it is still on its way, is hurried instead; in the end it is waited for.
    func beginCommit() {
        guard !isCommitting else {
            committer.hurry()
            return
        }
        isCommitting = true
        stepQueued()
        commitDraft = CommitDraft(commit: draftCommit(), slots: users.takeDirty())
        bytesSinceCommit = 0
        lastCommitNanoseconds = host.clock.monotonicNanoseconds()
        Task {
            while inShare(of: .commit, encodeSlice) { await Task.yield() }
            await writeDraft()
        }
    }

    /// Encodes waiting users for one micro-batch's time; false when none is left.
    private func encodeSlice() -> Bool {
        let deadline = turnEnd
        while let slot = commitDraft?.slots.popLast() {
            encodeIfAwaited(slot)
            if mustYield(deadline) { break }
        }
        return commitDraft?.slots.isEmpty == false
    }

    /// Encodes a user for the commit that has begun, if it was not yet.
    func encodeIfAwaited(_ slot: Int) {
        guard users.awaitsEncoding(slot) else { return }
        users.noteEncoded(slot)
        commitDraft?.commit.users.append(encode(slot))
        if !users[slot].isStored { arrivingUsers.append(users[slot].user) }
        users[slot].isStored = true
        users[slot].storedRowCount = users[slot].state.rows.totalCount
    }

    private func writeDraft() async {
        guard let commit = commitDraft?.commit else { return }
        commitDraft = nil
        let end = CommitEnd(commit)
        do throws(PipelineError) {
            quarantine = try await committer.write(consume commit)
            endCommit(end, error: nil)
        } catch {
            endCommit(end, error: error)
        }
    }

    /// Users whom the store does not show yet, ascending: what a cut must not miss.
    var unstoredUsers: [UserID] {
        let slots = users.dirty + (commitDraft?.slots ?? [])
        let unstored = slots.filter { !users[$0].isStored }.map { users[$0].user }
        return Set(unstored + arrivingUsers).sorted()
    }

    private func endCommit(_ commit: CommitEnd, error: PipelineError?) {
        isCommitting = false
        committer.relax()
        arrivingUsers = []
        if let error {
            failure = error
        } else {
            committed = commit.cursor
            committedInput = commit.input
            committedForget = commit.forget
            erasuresOnTheWay = []
            evict()
        }
        commitWaiters.resumeAll()
    }

    /// Waits until no commit is on its way.
    func commitEnd() async {
        while isCommitting {
            committer.hurry()
            await withCheckedContinuation { commitWaiters.add($0) }
        }
    }

    /// Everything of a commit but the users.
    private func draftCommit() -> StateCommit {
        var commit = StateCommit()
        commit.cursor = applied
        commit.catalogue = intake.takeChanges()
        if heldChanged {
            commit.held = intake.held.events.map { event in
                var out = ByteWriter()
                StateCodec.put(event, &out)
                return out.bytes
            }
            heldChanged = false
        }
        commit.refused = refused
        refused = []
        commit.meta = RecoveredState(of: self).meta(generation: generation.id)
        commit.input = appliedInput
        commit.forget = forgotten.lastInput
        commit.erased = erasures.sorted()
        erasuresOnTheWay = erasures
        erasures = []
        commit.refusedChanges = refusedRecords.takeChanges()
        return commit
    }

    private func encode(_ slot: Int) -> StateCommit.User {
        let rows = users[slot].state.rows
        var hidden: [Float]?
        if !generation.model.bank.isEmpty, !rows.holdsAll {
            precondition(
                users[slot].steppedCount == rows.totalCount, "a committed state lags its rows")
            hidden = users[slot].hidden
        }
        return StateCommit.User(
            user: users[slot].user, state: users[slot].state, hidden: hidden,
            storedRowCount: users[slot].storedRowCount)
    }

    /// Lets clean users go when memory is over its budget; no commit is on its way.
    private func evict() {
        users.weighSome()
        let byteCount = users.byteCounts().reduce(0) { $0 + $1.byteCount }
        guard byteCount > options.residentByteCount, users.count > 0 else { return }
        let perUser = max(1, byteCount / Int64(users.count))
        // A tenth below the budget, so that not every commit evicts.
        let excess = byteCount - options.residentByteCount / 10 * 9
        let count = users.count
        users.evict(Int(excess / perUser) + 1)
        guard users.count < count else { return }
        awayUserCount += Int64(count - users.count)
        evictionCount += 1
        warm = WarmUsers()
    }
}

extension StateCommit.User {
    /// A user's record as it is stored, with the row chunks that changed.
    ///
    /// - Parameters:
    ///   - user: whose record it is.
    ///   - state: the state to be stored.
    ///   - hidden: `[S]`, stored only when rows have left the window; nil otherwise.
    ///   - storedRowCount: the user's rows that are durable already.
    package init(user: UserID, state: UserState, hidden: [Float]?, storedRowCount: Int64) {
        let rows = state.rows
        let first = max(storedRowCount, rows.firstIndex)
        let changed = Set(
            (first..<rows.totalCount).map { rows.slot(of: $0) / StateStore.chunkSlotCount })
        self.init(
            user: user, newestSeconds: state.window.newestSeconds ?? 0,
            hot: StateCodec.encode(state),
            hidden: hidden.map { values in
                var out = ByteWriter()
                out.put(floats: values)
                return out.bytes
            },
            chunks: changed.sorted().map { (index: $0, data: RowChunk.encode(rows, $0)) })
    }
}

/// Rows in stored form: chunks of 16 slots of the ring.
enum RowChunk {
    /// The slots of one chunk that hold rows.
    static func encode(_ rows: RowWindow, _ chunk: Int) -> [UInt8] {
        let first = chunk * StateStore.chunkSlotCount
        let slots = first..<min(first + StateStore.chunkSlotCount, rows.count)
        var out = ByteWriter()
        out.put(UInt64(slots.count))
        let width = RowLayout.width
        out.put(halves: rows.halves[slots.lowerBound * width..<slots.upperBound * width])
        for slot in slots { StateCodec.put(rows.keys[slot], &out) }
        return out.bytes
    }

    /// The window of all chunks, ascending.
    static func decode(
        _ chunks: [[UInt8]], limit: Int, totalCount: Int64
    ) throws(ByteReader.Failure) -> RowWindow {
        var halves: [UInt16] = []
        var keys: [RowKey] = []
        for chunk in chunks {
            var input = ByteReader(chunk)
            let count = try input.count(ofAtLeast: 2 * RowLayout.width)
            halves += try input.halves(count * RowLayout.width)
            for _ in 0..<count { keys.append(try StateCodec.rowKey(&input)) }
        }
        guard totalCount >= 0, Int64(keys.count) == min(totalCount, Int64(limit)) else {
            throw .malformed(at: 0, what: "\(keys.count) rows stored of \(totalCount)")
        }
        return RowWindow(limit: limit, totalCount: totalCount, halves: halves, keys: keys)
    }
}
