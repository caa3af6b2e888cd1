import Encoders
import EventLog
import Events
import Features
import Profiles
import Sessions
import Storage
import Synchronization

/// Folding: records into users, rows into hidden states.
extension Profiler {
    /// Entries between two looks at the clock.
    private static let clockStride = 32

    /// Folds entries from `start` to `end` or until the deadline; the index after the last one.
    func applySlice(
        _ batch: LogBatch, from start: Int, to end: Int, until deadline: UInt64
    ) throws(PipelineError) -> Int {
        var index = start
        let entries = batch.parsed.entries
        let first = batch.chunk.firstOffset - segmentStart.offset
        while index < end {
            if inputs.isEmpty {
                try apply(entries[index], at: index, of: batch)
                index += 1
            } else {
                var place = RecordPlace(
                    segment: batch.chunk.segment, recordIndex: first + Int64(index))
                if inputs.setsAside(place) {
                    setAside(place, index, of: batch)
                } else {
                    try apply(entries[index], at: index, of: batch)
                }
                index += 1
                place = place.next
                if inputs.isDue(at: place) { break }
            }
            if queuedRowCount >= options.stepRowCount, !stepQueued(untilAsked: true) { break }
            if (index - start) % Self.clockStride == 0 ? mustYield(deadline) : isAsked { break }
        }
        return index
    }

    /// Sets a record aside that a later input brings back; it is in the quarantine already, or has
    /// left it.
    private func setAside(_ place: RecordPlace, _ index: Int, of batch: LogBatch) {
        intake.setAside()
        refusedRecords.add(place)
        // The slice counts those of every record that the parser took.
        intake.countUnknownFields(-batch.parsed.unknownFieldCount(in: index..<index + 1))
    }

    private func apply(
        _ entry: ParsedChunk.Entry, at index: Int, of batch: LogBatch
    ) throws(PipelineError) {
        guard !forgotten.isEmpty, case .record(.event(let event)) = entry,
            forgotten.isHidden(event.user)
        else {
            try take(entry, at: index, of: batch)
            return
        }
        if forgotten.isAway(event.user) {
            intake.suppress()
        } else {
            try take(.record(.event(event.blanked)), at: index, of: batch)
        }
    }

    private func take(
        _ entry: ParsedChunk.Entry, at index: Int, of batch: LogBatch
    ) throws(PipelineError) {
        let offset = batch.chunk.firstOffset + LogOffset(index)
        let heldCount = intake.held.events.count
        let refusal: Refusal?
        do {
            refusal = try intake.take(entry, at: offset) { event, place in
                try fold(event, at: place, admittedAt: offset)
            }
        } catch let error as PipelineError {
            throw error
        } catch {
            throw .state("\(error)")
        }
        if intake.held.events.count != heldCount { heldChanged = true }
        if case .record(.event(let event)) = entry {
            newestReadSeconds = max(newestReadSeconds, event.seconds)
            if heldCount > 0 { heldChanged = true }
        }
        if let refusal { refuse(refusal, index, of: batch.chunk) }
    }

    /// Folds an event; one that was held stands in the log before the record that releases it.
    func fold(
        _ event: EnrichedEvent, at offset: LogOffset, admittedAt admission: LogOffset
    ) throws(PipelineError) -> Reducer.Outcome {
        if !forgotten.isEmpty, forgotten.isLeaving(event.event.user) {
            return try letBy(event, admittedAt: admission)
        }
        if !stepping.isEmpty { stepQueued() }
        let slot = try residentSlot(event.event.user, firstOffset: admission)
        handOver(slot)
        encodeIfAwaited(slot)
        scratch.removeRows()
        let outcome = generation.reducer.admit(
            event, at: offset, into: &users[slot].state, &scratch)
        users.touch(slot)
        if !scratch.keys.isEmpty { noteRows(slot) }
        if outcome.admission != .duplicate { noteChange(slot, admittedAt: admission) }
        return outcome
    }

    /// The slot of a user, loaded from the store or made new when it is not resident.
    func residentSlot(
        _ user: UserID, firstOffset: LogOffset
    ) throws(PipelineError) -> Int {
        if let slot = users.slot(of: user) { return slot }
        // Most users of a first catch-up need no lookup.
        if awayUserCount > 0, let stored = try storedUser(user) { return bringIn(stored) }
        userCount += 1
        let state = UserState(firstOffset: firstOffset, options: generation.reducer.options)
        return users.insert(ResidentUser(user: user, state: state))
    }

    /// Puts a user who was away into memory; what was remembered of it holds until it changes.
    func bringIn(_ stored: ResidentUser) -> Int {
        awayUserCount -= 1
        settledCache.remove(stored.user)
        return users.insert(stored)
    }

    /// A user who is not resident: read ahead, or read now; nil for one the store does not know.
    func storedUser(_ user: UserID) throws(PipelineError) -> ResidentUser? {
        if isErased(user) { return nil }
        if let known = warm.users.removeValue(forKey: user) { return known }
        return try store.loadUser(user)?.resident(user, of: generation, from: store)
    }

    /// The users of a batch that must be read from the store before it is folded, ascending.
    func absentUsers(of distinct: [UserID]) -> (users: [UserID], evictionCount: Int) {
        guard awayUserCount > 0 else { return ([], evictionCount) }
        // Those who were read for the batch before this one are about to be residents.
        let absent = distinct.filter {
            users.slot(of: $0) == nil && warm.users[$0] == nil && !isErased($0)
        }
        return (absent, evictionCount)
    }

    /// Notes the rows that an admission committed, and those that it pushed out of the window and
    /// that the encoders have still to read; both wait for `stepQueued`.
    private func noteRows(_ slot: Int) {
        let count = Int64(scratch.keys.count)
        rowCount += count
        guard replay != nil else { return }
        users[slot].departed.append(scratch.departed)
        let keepsStates = options.stepping == .resident || !users[slot].hidden.isEmpty
        guard keepsStates || !users[slot].state.rows.holdsAll else { return }
        queuedRowCount += Int(count)
        if !users[slot].isQueued {
            users[slot].isQueued = true
            queued.append(slot)
        }
    }

    /// Brings the hidden states of all queued users up to their last committed row, in one ragged
    /// batch, encoder by encoder.
    ///
    /// - Parameter untilAsked: whether to stop between two encoders when somebody waits for an
    ///   answer. Until it is called again the states stand where they stood, and a read takes the
    ///   steps that are missing on a copy; whoever folds an event first finishes them.
    /// - Returns: whether none waits any more.
    @discardableResult
    func stepQueued(untilAsked: Bool = false) -> Bool {
        if stepping.isEmpty {
            guard !queued.isEmpty else { return true }
            beginSteps()
        }
        while replay?.runNextEncoder() ?? false {
            if untilAsked, isAsked { return false }
        }
        endSteps()
        return true
    }

    private func beginSteps() {
        replay?.removeAll()
        for slot in queued {
            replay?.addUser(
                users[slot].hidden, steppedCount: users[slot].steppedCount,
                departed: users[slot].departed, users[slot].state.rows)
        }
        swap(&stepping, &queued)
        queuedRowCount = 0
    }

    private func endSteps() {
        stepCount += Int64(replay?.stepCount ?? 0)
        for (index, slot) in stepping.enumerated() {
            users[slot].hidden = replay?.state(index) ?? []
            users[slot].steppedCount = users[slot].state.rows.totalCount
            users[slot].departed.removeAll()
            users[slot].isQueued = false
        }
        stepping.removeAll(keepingCapacity: true)
    }

    private func refuse(_ refusal: Refusal, _ index: Int, of chunk: LogChunk) {
        let entry = chunk.entries[index]
        let bytes = Array(chunk.bytes[entry.start..<entry.start + entry.byteCount])
        let place = RecordPlace(
            segment: chunk.segment,
            recordIndex: chunk.firstOffset + LogOffset(index) - segmentStart.offset)
        refusedRecords.add(place)
        if !forgotten.isEmpty, NamedUsers(in: bytes).contains(where: forgotten.isHidden) { return }
        refused.append(
            QuarantineEntry(
                key: place,
                position: entry.damage?.position ?? entry.framePosition,
                byteCount: entry.damage?.byteCount ?? Int64(entry.byteCount),
                reason: entry.damage?.reason ?? "\(refusal.code): \(refusal.reason)",
                bytes: bytes))
    }
}
