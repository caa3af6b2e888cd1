import EventLog
import Events
import Snapshots
import Storage

/// The place a following profiler is asked to fold to, and who waits for it.
struct FoldGoal {
    let place: RecordPlace
    /// On the monotonic clock; the wait is given up then.
    let deadline: UInt64
    let reached: CheckedContinuation<Bool, Never>
}

/// One profiler leads: the active generation's. The others fold behind it, never past where it
/// stands, until one of them takes over between two records (docs/generations.md).
extension Profiler {
    /// Records behind the active generation from which a swap is worth trying.
    private static let nearRecordCount: Int64 = 4096

    /// Says where the fold stands, for those that follow.
    func publishStanding() {
        if isLeading {
            fence.advance(to: FoldFence.Standing(place: standing, input: knownInput))
        } else {
            checkGoal()
        }
    }

    /// Whether the records of a segment may be come to now; waits, false when it is to stop.
    func mayEnter(_ segment: Int64) async -> Bool {
        while true {
            let mark = fence.mark()
            if isLeading || mark.standing.place.segment >= segment { return true }
            if phase == .draining { return false }
            noteWaiting()
            await fence.changed(since: mark)
        }
    }

    /// The entries of a batch that may be folded now end here; waits for at least one.
    ///
    /// Nil when the profiler is to stop where it stands.
    func allowedEnd(
        of batch: LogBatch, from index: Int
    ) async throws(PipelineError) -> Int? {
        let count = batch.parsed.entries.count
        let first = batch.chunk.firstOffset - segmentStart.offset
        while true {
            if isLeading, !isFrozen { return count }
            let mark = fence.mark()
            if !isLeading {
                if phase == .draining { return nil }
                try learnInputs(upTo: mark.standing.input)
                let limit = mark.standing.place
                if limit.segment > batch.chunk.segment { return count }
                if limit.segment == batch.chunk.segment, limit.recordIndex - first > Int64(index) {
                    return min(count, Int(limit.recordIndex - first))
                }
                try await applyDueInputs()
            }
            noteWaiting()
            await fence.changed(since: mark)
        }
    }

    /// Reads what the active generation has accepted since; it takes effect further on.
    func learnInputs(upTo id: Int64) throws(PipelineError) {
        guard id > knownInput else { return }
        let new: [LogInput]
        do { new = try registry.inputs(after: knownInput) } catch { throw .init(error) }
        if let missed = new.first(where: { $0.place < standing }) {
            throw .damagedState(path: store.path, reason: missed.missedReason(at: standing))
        }
        inputs.append(new)
        try learn(new)
        knownInput = new.last?.id ?? knownInput
    }

    /// What a round of `run` adds for one that follows, and a ring of the bell now and then.
    func endFollowingRound(_ now: UInt64) async throws(PipelineError) {
        if !isLeading {
            try learnInputs(upTo: fence.mark().standing.input)
            try await applyDueInputs()
            noteWaiting()
        } else {
            ringInTime(now, pauseMilliseconds: options.generationLookMilliseconds)
        }
    }

    /// Rings unless that was done just now.
    private func ringInTime(_ now: UInt64, pauseMilliseconds: UInt64) {
        let pause = min(pauseMilliseconds, options.generationLookMilliseconds) * 1_000_000
        guard now - lastRingNanoseconds >= pause else { return }
        lastRingNanoseconds = now
        bell.ring()
    }

    /// Milliseconds between two commits of a generation that has caught up: one that only follows
    /// is made again from the log at little cost.
    var commitMilliseconds: UInt64 { options.commitMilliseconds * (isLeading ? 1 : 10) }

    /// It can go no further at the moment: a chance to swap, or to have reached the goal.
    private func noteWaiting() {
        checkGoal()
        roundWaiters.resumeAll()
        if !isLeading { ringInTime(host.clock.monotonicNanoseconds(), pauseMilliseconds: 20) }
    }
}

/// What the desk of generations asks around a swap.
extension Profiler {
    /// Whether so little is left to fold that the active generation may wait for it.
    func isNearlyLevel() -> Bool {
        guard !isLeading, failure == nil, phase == .live || phase == .catchingUp, cut == nil
        else { return false }
        let limit = fence.mark().standing.place
        return standing == limit
            || limit.segment == standing.segment && standing < limit
                && limit.recordIndex - standing.recordIndex <= Self.nearRecordCount
    }

    /// Stands still between two micro-batches, while reads go on.
    ///
    /// Returns where; nil when it is stopping.
    func freeze() -> RecordPlace? {
        guard isLeading, failure == nil, phase == .live || phase == .catchingUp else { return nil }
        isFrozen = true
        publishStanding()
        return standing
    }

    /// Goes on after all.
    func thaw() {
        isFrozen = false
        fence.wake()
    }

    /// Folds exactly to `place`, where the active generation stands still; false when it cannot.
    func reach(_ place: RecordPlace, patienceMilliseconds: UInt64) async -> Bool {
        let deadline = host.clock.monotonicNanoseconds() + patienceMilliseconds * 1_000_000
        return await withCheckedContinuation { continuation in
            endGoal()
            goal = FoldGoal(place: place, deadline: deadline, reached: continuation)
            fence.wake()
            // A round ends soon, also when there is nothing to read.
            source.wake()
        }
    }

    /// Answers who waits for the goal once it is reached, or never will be.
    private func checkGoal() {
        guard let goal else { return }
        let isThere =
            standing == goal.place && knownInput >= fence.mark().standing.input
            && !inputs.isDue(at: standing)
        let isOver =
            isThere || standing > goal.place || failure != nil
            || host.clock.monotonicNanoseconds() >= goal.deadline
        guard isOver else { return }
        self.goal = nil
        goal.reached.resume(returning: isThere)
    }

    /// Gives the goal up.
    func endGoal() {
        goal?.reached.resume(returning: false)
        goal = nil
    }

    /// Leads from here on: the others follow this one; revisions are of the epoch from here on.
    func lead(_ pipeline: PipelineOptions, epoch: Int64) {
        isLeading = true
        isFrozen = false
        options.residentByteCount = pipeline.residentByteCount(isLeading: true)
        publishStanding()
        fence.wake()
        beginEpoch(epoch)
    }

    /// Follows from here on, for consumers of another space.
    func follow(_ pipeline: PipelineOptions) {
        isLeading = false
        isFrozen = false
        // They ask the one that leads now.
        watchers.resumeAll()
        options.residentByteCount = pipeline.residentByteCount(isLeading: false)
        fence.wake()
    }

    /// Stops where it stands, with a commit; `run` returns when that is done.
    func retire() {
        guard phase != .stopped else { return }
        isLeading = false
        isFrozen = false
        watchers.resumeAll()
        phase = .draining
        endGoal()
        fence.wake()
        source.wake()
    }
}

extension PipelineOptions {
    /// Bytes of resident users of one generation: those beside the active one have a quarter.
    func residentByteCount(isLeading: Bool) -> Int64 {
        isLeading ? residentByteCount : residentByteCount / 4
    }
}
