import EventLog
import Events
import Sessions
import Snapshots
import Storage

/// Inputs: what changes states and is not in the log (docs/decisions/0007-inputs.md).
extension Profiler {
    /// Inputs applied between two micro-batches, and made durable together.
    static let inputSliceCount = 32

    /// Where the fold stands: the place of the record it takes next.
    var standing: RecordPlace {
        RecordPlace(
            segment: segmentStart.segment,
            recordIndex: applied.recordCount - segmentStart.offset)
    }

    /// Notes that the records from here on are of the chunk's segment.
    func enterSegment(of chunk: LogChunk) {
        guard chunk.segment != segmentStart.segment else { return }
        segmentStart = SegmentStart(segment: chunk.segment, offset: chunk.firstOffset)
    }

    /// Applies the inputs that take effect where the fold stands, a slice at a time.
    func applyDueInputs() async throws(PipelineError) {
        while inputs.isDue(at: standing) {
            await cutPassed()
            for _ in 0..<Self.inputSliceCount {
                guard let input = inputs.takeDue(at: standing) else { break }
                try apply(input)
            }
            await Task.yield()
        }
    }

    /// Waits while a snapshot is cut exactly here: an input's new users must not enter it.
    func cutPassed() async {
        while let cut, cut.offset == applied.recordCount { await Task.yield() }
    }

    func apply(_ input: LogInput) throws(PipelineError) {
        appliedInput = input.id
        switch input.kind {
        case .replay: try applyReplay(input)
        case .forget, .forgetPast: try applyForget(input)
        }
        watchers.resumeReady()
    }

    private func applyReplay(_ input: LogInput) throws(PipelineError) {
        // Another fold set it aside; this one took it, or begins behind it.
        guard let place = input.replayedPlace, refusedRecords.contains(place) else { return }
        let stored: [UInt8]?
        do { stored = try registry.inputPayload(input.id) } catch { throw .init(error) }
        guard let payload = stored.flatMap(ReplayPayload.init(encoded:)) else {
            throw .state("input \(input.id) of the registry is damaged: restore ubpd.sqlite")
        }
        var parsed: (record: Record, unknownFieldCount: Int)
        do throws(RecordError) { parsed = try payload.parse() } catch {
            noteRefused(place, error)
            return
        }
        if case .event(let event) = parsed.record, forgotten.isLeaving(event.user) {
            parsed.record = .event(event.blanked)
        }
        // It stands behind the record before it, which has the last offset there is as yet.
        let offset = max(0, applied.recordCount - 1)
        do {
            let refusal = try intake.replay(parsed.record, at: offset) { event, eventPlace in
                try fold(event, at: eventPlace, admittedAt: offset)
            }
            guard refusal == nil else { return }
        } catch let error as PipelineError {
            throw error
        } catch {
            throw .state("\(error)")
        }
        heldChanged = true
        refusedRecords.remove(place)
        intake.countUnknownFields(parsed.unknownFieldCount)
        if queuedRowCount >= options.stepRowCount { stepQueued() }
    }
}

extension Profiler {
    /// Lines of `degraded` that inputs may add.
    private static let complaintLimit = 16

    private func noteRefused(_ place: RecordPlace, _ error: RecordError) {
        inputComplaintCount += 1
        guard inputComplaintCount <= Self.complaintLimit else { return }
        degraded.append(
            "record \(place) was replayed, but this version refuses it: \(error)")
    }
}

/// Replaying quarantined records on an operator's word.
extension Profiler {
    /// What a replay takes if it is accepted.
    private struct Candidate {
        var place: RecordPlace
        var payload: ReplayPayload
    }

    /// Gives quarantined records to the fold again where it stands; why those stay that must.
    ///
    /// Each slice is durable before it is applied, and applied before anything else happens. A
    /// record is accepted only if it is certain to be taken.
    func replay(
        _ entries: [QuarantineEntry], dryRun: Bool
    ) async throws(PipelineError) -> [ReplayOutcome] {
        var outcomes: [ReplayOutcome] = []
        for start in stride(from: 0, to: entries.count, by: Self.inputSliceCount) {
            let slice = entries[start..<min(start + Self.inputSliceCount, entries.count)]
            await duePassed()
            await cutPassed()
            try checkMayAccept()
            let (made, accepted) = try judge(slice)
            if !dryRun, !accepted.isEmpty { try accept(accepted) }
            outcomes += made
            await Task.yield()
        }
        stepQueued()
        return outcomes
    }

    /// Waits while inputs that take effect exactly here are being applied.
    func duePassed() async {
        while inputs.isDue(at: standing), failure == nil, phase != .stopped {
            await Task.yield()
        }
    }

    func checkMayAccept() throws(PipelineError) {
        if let failure { throw failure }
        guard phase != .stopped, phase != .draining else { throw .stopping }
        guard isLeading, !isFrozen else { throw .superseded }
        guard inputs.isEmpty else { throw .inputsWaiting(count: inputs.count) }
    }

    /// Makes the replays durable at the place where the fold stands, then applies them.
    private func accept(_ candidates: [Candidate]) throws(PipelineError) {
        do {
            let made = try registry.addInputs(
                .replay, at: standing, seconds: host.clock.seconds(), above: appliedInput,
                candidates.map {
                    (subject: $0.place.description, payload: $0.payload.encoded)
                })
            knownInput = made.last?.id ?? knownInput
            // Before the next record, so that whoever follows hears of it in time.
            publishStanding()
            for input in made { try apply(input) }
        } catch SnapshotError.inputsFull(let path, let limit) {
            throw .storage(SnapshotError.inputsFull(path: path, limit: limit).description)
        } catch {
            // Whether it is durable is not known: the next start finds out, and goes on from there.
            let stop = (error as? PipelineError) ?? .storage("\(error)")
            failure = stop
            throw stop
        }
    }

    private func judge(
        _ entries: ArraySlice<QuarantineEntry>
    ) throws(PipelineError) -> (outcomes: [ReplayOutcome], accepted: [Candidate]) {
        var known: Set<String>
        do {
            known = try registry.knownSubjects(.replay, among: entries.map(\.key.description))
        } catch {
            throw .init(error)
        }
        var accepted: [Candidate] = []
        var held: [UserID: Int] = [:]
        var outcomes: [ReplayOutcome] = []
        for entry in entries {
            let payload = ReplayPayload(
                earliestSeconds: options.earliestSeconds, latestSeconds: options.latestSeconds,
                bytes: entry.bytes)
            let refusal =
                known.contains(entry.key.description)
                ? .replayed : refusal(of: payload, at: entry.key, held: &held)
            outcomes.append(ReplayOutcome(place: entry.key, refusal: refusal))
            guard refusal == nil else { continue }
            known.insert(entry.key.description)
            accepted.append(Candidate(place: entry.key, payload: payload))
        }
        return (outcomes, accepted)
    }

    /// Why a record may not be replayed now; nil when it is certain to be taken.
    ///
    /// `held` counts the events of this slice that will be held; the clock only moves on, so one
    /// that need not wait now will not have to.
    private func refusal(
        of payload: ReplayPayload, at place: RecordPlace, held: inout [UserID: Int]
    ) -> Refusal? {
        guard refusedRecords.contains(place) else { return .taken }
        let record: Record
        do throws(RecordError) { record = try payload.parse().record } catch {
            return Refusal(code: error.reasonCode, reason: error.description)
        }
        guard record != .blank else { return .empty }
        if case .event(let event) = record, let cut = forgotten.cut(of: event.user),
            place < cut || forgotten.isAway(event.user)
        {
            return .forgotten
        }
        guard case .event(let event) = record,
            HeldEvents.mustHold(event.seconds, clock: intake.clock, options.clock)
        else { return nil }
        let others = held.values.reduce(0, +)
        let own = held[event.user] ?? 0
        guard intake.held.hasRoom(for: event.user, others: others, own: own, options.clock) else {
            return intake.tooFarAhead(event)
        }
        held[event.user, default: 0] += 1
        return nil
    }
}

extension Refusal {
    fileprivate static let replayed = Refusal(
        code: "replayed", reason: "it was replayed already; nothing is done twice")
    fileprivate static let taken = Refusal(
        code: "not_set_aside",
        reason: "the present state does not hold it as set aside: the record was taken from the "
            + "log, is among the oldest ones, or is yet to be read again")
    fileprivate static let forgotten = Refusal(
        code: "forgotten", reason: "its user was forgotten; nothing from before comes back")
    fileprivate static let empty = Refusal(
        code: "empty", reason: "no record was left of the damaged bytes; take it from its source")
}
