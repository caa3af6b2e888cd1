import Encoders
import EventLog
import Events
import Features
import Profiles
import Sessions
import Snapshots
import Storage

/// Forgetting users: an input with a place in the log (docs/forgetting.md).
///
/// As soon as the fold knows of it, the user's state is stripped to what a fold would have that
/// had known it from the beginning: seen event ids, and nothing that was done. At the place itself
/// that goes as well.
extension Profiler {
    /// Forgets a user where the fold stands; durable, and applied, when it returns.
    func forget(_ request: ForgetRequest) async throws(PipelineError) -> ForgetReport {
        // What waits here comes first, and no snapshot is cut exactly here.
        await duePassed()
        await cutPassed()
        try checkMayAccept()
        var report = try account(of: request.user)
        report.isAlready = forgotten.isAway(request.user) && !request.allowsReturn
        if request.isDryRun || report.isAlready { return report }
        do {
            let input = try registry.addForget(
                request.user, allowsReturn: request.allowsReturn, reason: request.reason,
                at: standing, offset: applied.recordCount, seconds: host.clock.seconds(),
                above: appliedInput)
            knownInput = input.id
            // Before the next record, so that whoever follows hears of it in time.
            publishStanding()
            report.input = input.id
            try apply(input)
        } catch SnapshotError.inputsFull(let path, let limit) {
            throw .storage(SnapshotError.inputsFull(path: path, limit: limit).description)
        } catch {
            // Whether it is durable is not known: the next start finds out, and goes on from there.
            let stop = (error as? PipelineError) ?? .storage("\(error)")
            failure = stop
            throw stop
        }
        return report
    }

    /// What is held about a user, and where that would be forgotten now.
    private func account(of user: UserID) throws(PipelineError) -> ForgetReport {
        var report = ForgetReport(user: user, place: standing, offset: applied.recordCount)
        if let state = try input(of: user)?.state {
            report.isKnown = true
            report.events =
                state.activity.eventCount + Int64(state.window.pending.count)
            report.rows = state.rows.totalCount
        }
        let held = intake.held.events.count { $0.event.event.user == user }
        report.events += Int64(held)
        report.isKnown = report.isKnown || held > 0
        return report
    }

    /// Strips users of whose being forgotten the recovered state did not know yet.
    func stripRecovered() throws(PipelineError) {
        for user in unstripped { try strip(user) }
        unstripped = []
    }

    /// Takes up inputs that this fold will come to.
    func learn(_ new: [LogInput]) throws(PipelineError) {
        for input in new {
            if let user = forgotten.learn(input) { try strip(user) }
        }
    }

    /// Forgets the user of an input whose place the fold has come to.
    func applyForget(_ input: LogInput) throws(PipelineError) {
        guard let user = input.forgottenUser else { return }
        try learn([input])
        // What was let by since it was stripped.
        try strip(user)
        intake.forget(user)
        heldChanged = true
        if let slot = users.slot(of: user) {
            settledCache.remove(user)
            users.remove(slot)
            userCount -= 1
            erasures.insert(user)
        }
        forgotten.apply(input)
        noteGone(user)
    }

    /// Leaves of a user what tells repeated events, and counts the events as suppressed.
    private func strip(_ user: UserID) throws(PipelineError) {
        intake.blankHeld(user)
        heldChanged = true
        settledCache.remove(user)
        // Whoever was read ahead was read as the store has it.
        warm = WarmUsers()
        evictionCount += 1
        guard let slot = try knownSlot(user) else { return }
        stepQueued()
        // A commit that has begun holds everybody as of its cursor.
        encodeIfAwaited(slot)
        let state = users[slot].state
        let late = Int64(state.activity.lateCount)
        intake.suppress(
            applied: state.activity.eventCount - late, late: late,
            pending: Int64(state.window.pending.count))
        rowCount -= state.rows.totalCount
        var bare = UserState(firstOffset: state.firstOffset, options: generation.reducer.options)
        bare.window = state.window.onlyEventIDs
        users[slot].state = bare
        users[slot].hidden = []
        users[slot].steppedCount = 0
        users[slot].departed.removeAll()
        users[slot].storedRowCount = 0
        users.touch(slot)
        erasures.insert(user)
    }

    /// The slot of a user that there is, loaded if need be.
    private func knownSlot(_ user: UserID) throws(PipelineError) -> Int? {
        if let slot = users.slot(of: user) { return slot }
        guard awayUserCount > 0, let stored = try storedUser(user) else { return nil }
        return bringIn(stored)
    }

    /// Whether the store still has what was erased here.
    func isErased(_ user: UserID) -> Bool {
        erasures.contains(user) || erasuresOnTheWay.contains(user)
    }

    /// Lets an event by whose user is forgotten further on.
    func letBy(
        _ event: EnrichedEvent, admittedAt admission: LogOffset
    ) throws(PipelineError) -> Reducer.Outcome {
        let slot = try residentSlot(event.event.user, firstOffset: admission)
        encodeIfAwaited(slot)
        let isNew = users[slot].state.window.notePassed(
            event.event, generation.reducer.options.order)
        users.touch(slot)
        return Reducer.Outcome(
            admission: isNew ? .pending : .duplicate, foldedCount: 0, isSuppressed: isNew)
    }

    /// Makes durable that users are forgotten, and empties the write-ahead log of them.
    ///
    /// False while this fold has still to be told: it follows, and has not looked yet.
    func eraseDurably(_ id: Int64) async throws(PipelineError) -> Bool {
        if phase == .recovering {
            // Nobody runs it: it was opened for this alone.
            try stripRecovered()
            try await applyDueInputs()
        } else if forgotten.lastInput < id {
            try learnInputs(upTo: id)
            // One that takes effect just here must not be committed as only known of.
            try await applyDueInputs()
        }
        try await commit()
        committer.hurry()
        try await committer.empty()
        return committedForget >= id
    }
}
