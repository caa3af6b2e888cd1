import Encoders
import EventLog
import Events
import Features
import Profiles
import Snapshots
import Storage
import Synchronization

/// Owns every user's state and everything that commits with it; lives on a thread of its own.
///
/// `run` folds micro-batches and yields between them, so every other method sees, and answers
/// from, a state between two micro-batches. What a batch changes does not depend on where it was
/// cut (DESIGN §1, invariants 1 and 3).
package actor Profiler {
    /// Where the pipeline is in its life.
    enum Phase: String {
        case recovering
        case catchingUp = "catching-up"
        case live
        case draining
        case stopped
    }

    nonisolated let executor: ThreadExecutor
    let host: Host
    var options: PipelineOptions
    let generation: LiveGeneration
    let store: StateStore
    let snapshots: SnapshotService
    let source: LogSource
    let committer: Committer
    let loader: UserLoader
    let registry: Registry
    let keeper: QuarantineKeeper
    let fence: FoldFence
    let bell: Bell

    /// Whether this is the active generation's; the others follow it (Profiler+Following.swift).
    var isLeading: Bool
    /// Whether it stands still, so that another may take over.
    var isFrozen = false
    /// The place that a following one is asked to fold to.
    var goal: FoldGoal?
    /// The highest input that this fold knows of, applied or waiting.
    var knownInput: Int64
    /// When the bell was last rung.
    var lastRingNanoseconds: UInt64

    var users = UserTable()
    var intake: Intake
    var scratch = FoldScratch()
    var builder: ProfileBuilder
    /// Users read lately, and how many readers wait for the profiler now.
    var settledCache: SettledCache
    nonisolated let askers = Atomic<Int>(0)
    /// Until when the slice of work at hand lets nobody in; nil when it makes way at once.
    var unaskedUntil: UInt64?
    /// By `Work`.
    var shares = Work.allCases.map { _ in WorkShare() }
    /// Steps the rows that queued users have committed; nil for generation 0.
    var replay: RaggedReplay?
    /// Slots with rows to step, and how many rows.
    var queued: [Int] = []
    var queuedRowCount = 0
    /// Slots whose rows are being stepped: the replay has them, and not all encoders are through.
    var stepping: [Int] = []

    var applied: Cursor
    var committed: Cursor
    /// Records before the recovered cursor.
    nonisolated let recoveredOffset: LogOffset
    var refused: [QuarantineEntry] = []
    /// Inputs that the fold has not come to yet; the last one applied, and the last one committed.
    var inputs: PendingInputs
    var appliedInput: Int64
    var committedInput: Int64
    /// Whom this fold skips, and the highest input of theirs that was committed.
    var forgotten: ForgottenUsers
    var committedForget: Int64
    /// Users whom the recovered state still holds although they are forgotten further on.
    var unstripped: [UserID]
    /// Users whose stored records are to be deleted, and those whose deletion is being written.
    var erasures: Set<UserID> = []
    var erasuresOnTheWay: Set<UserID> = []
    /// Replayed records that this version refuses again.
    var inputComplaintCount = 0
    /// Where the records of the present segment begin.
    var segmentStart: SegmentStart
    /// The records that this state has set aside.
    var refusedRecords: RefusedRecords
    /// How full the quarantine was when it was last written to or expired.
    var quarantine: QuarantineCondition
    var lastExpiryNanoseconds: UInt64
    var heldChanged = false
    /// Users in the store who are not resident, and users ever seen.
    var awayUserCount: Int64
    var userCount: Int64
    /// Users of the batch being folded who were read ahead, and how often users have left memory.
    var warm = WarmUsers()
    var evictionCount = 0
    /// Rows ever committed, and GRU steps taken by this process.
    var rowCount: Int64
    var stepCount: Int64 = 0

    var phase = Phase.recovering
    var failure: PipelineError?
    var degraded: [String]
    /// The commit whose users are being encoded.
    var commitDraft: CommitDraft?
    /// Users whose first record is being written to the store.
    var arrivingUsers: [UserID] = []
    /// Whether the committer is writing, and who waits for it.
    var isCommitting = false
    var commitWaiters = Waiters()
    var stopWaiters = Waiters()
    /// Rounds of `run`: each is one answer of the reader, folded; and who waits for the next.
    var roundCount = 0
    var roundWaiters = Waiters()
    var bytesSinceCommit: Int64 = 0
    var lastCommitNanoseconds: UInt64
    var readerCondition: Follower.Condition?
    var unappliedBytes: Int64 = 0
    var meter: RateMeter
    var lagMeter = LagMeter()
    var newestReadSeconds: Int64 = 0
    /// The snapshot being written, if any.
    var cut: SnapshotCut?
    /// Who changed lately, who waits to hear of it, and the epoch of the revisions.
    var changes: ChangeRing
    var watchers = ChangeWatchers()
    var epoch: Int64 = 0

    package nonisolated var unownedExecutor: UnownedSerialExecutor { executor.unowned }

    /// Recovers from the last commit in the generation's `state.sqlite`.
    init(
        _ shared: SharedPipeline, generation: LiveGeneration, isLeading: Bool, degraded: [String]
    ) throws(PipelineError) {
        let (host, options) = (shared.host, shared.options)
        executor = ThreadExecutor(name: "profiler")
        self.host = host
        self.options = options
        self.generation = generation
        self.isLeading = isLeading
        snapshots = shared.snapshots
        registry = shared.registry
        keeper = shared.keeper
        fence = shared.fence
        bell = shared.bell
        do {
            try host.disk.makeDirectory(generation.directory)
        } catch {
            throw .storage("\(error)")
        }
        let opened = try StateRecovery(
            host: host, options: options, generation: generation, registry: shared.registry)
        store = opened.store
        let recovered = opened.recovered
        intake = recovered.intake
        applied = recovered.cursor
        recoveredOffset = recovered.cursor.recordCount
        committed = recovered.cursor
        appliedInput = recovered.appliedInput
        committedInput = recovered.appliedInput
        segmentStart = recovered.segmentStart
        refusedRecords = recovered.refusedRecords
        inputs = PendingInputs(opened.inputs)
        knownInput = opened.inputs.last?.id ?? recovered.appliedInput
        forgotten = opened.forgotten
        committedForget = recovered.knownForget
        unstripped = opened.inputs.filter { $0.id > recovered.knownForget }
            .compactMap(\.forgottenUser)
        rowCount = recovered.rowCount
        awayUserCount = recovered.userCount
        userCount = recovered.userCount
        builder = generation.makeBuilder()
        changes = ChangeRing(limit: options.watchChangeCount)
        settledCache = SettledCache(count: options.profileCacheCount)
        replay = generation.model.bank.isEmpty ? nil : RaggedReplay(generation.model.bank)
        source = try LogSource(
            host: host, options: options, cursor: recovered.cursor,
            segmentStart: recovered.segmentStart)
        readerCondition = source.firstCondition
        committer = Committer(store: store, quarantine: shared.keeper)
        loader = UserLoader(store: store, generation: generation)
        quarantine = shared.keeper.firstCondition
        self.degraded = degraded + opened.degraded
        lastCommitNanoseconds = host.clock.monotonicNanoseconds()
        lastExpiryNanoseconds = lastCommitNanoseconds
        lastRingNanoseconds = lastCommitNanoseconds
        meter = RateMeter(nanoseconds: lastCommitNanoseconds)
        self.options.residentByteCount = options.residentByteCount(isLeading: isLeading)
        guard isLeading, options.watchChangeCount > 0 else { return }
        let count = recovered.cursor.recordCount + recovered.appliedInput
        changes.restart(at: count)
        do throws(SnapshotError) {
            // A state that is folded from the beginning tells nobody where they were.
            epoch = try registry.revisionEpoch(
                of: generation.id, renews: count == 0 || !opened.degraded.isEmpty,
                seconds: host.clock.seconds())
        } catch {
            throw .init(error)
        }
    }

    /// The loop: read ahead, fold a micro-batch, yield, commit when due; until drained.
    ///
    /// - Throws: what made it stop; the durable state is that of the last commit.
    package func run() async throws(PipelineError) {
        do throws(PipelineError) {
            if phase == .recovering { phase = .catchingUp }
            try stripRecovered()
            publishStanding()
            try await applyDueInputs()
            var ahead = readAhead()
            while phase != .draining {
                let batch = try await ahead.value.get()
                ahead = readAhead()
                if let batch { try await apply(batch) }
                try await endRound(hasRead: batch != nil)
            }
            source.wake()
            if let batch = try await ahead.value.get() { try await apply(batch) }
            try await commit()
            // What it is being read for must not change under it by its next life.
            while !isLeading, cut != nil { await Task.yield() }
            noteStop()
        } catch {
            failure = error
            noteDamage(error)
            noteStop()
            source.wake()
            throw error
        }
    }

    /// Leaves word of damaged state for the next start, which sets it aside.
    func noteDamage(_ error: PipelineError) {
        guard case .damagedState(let path, let reason) = error else { return }
        StateRecovery.mark(path, reason: reason, on: host)
        degraded.append("\(error)")
    }

    /// The next batch, read on the follower's thread while this one folds, and its absent users.
    private func readAhead() -> Task<Result<LogBatch?, PipelineError>, Never> {
        let (source, loader) = (source, loader)
        // Nothing but the log can end a quiet wait early, and only a commit needs it to end at all.
        let wait = isChanged ? options.idleMilliseconds : 8 * options.idleMilliseconds
        return Task.detached {
            do throws(PipelineError) {
                guard var batch = try await source.next(waitMilliseconds: wait) else {
                    return .success(nil)
                }
                let absent = await self.absentUsers(of: batch.distinctUsers)
                if !absent.users.isEmpty {
                    batch.warm = WarmUsers(
                        evictionCount: absent.evictionCount,
                        users: try await loader.load(absent.users))
                }
                return .success(batch)
            } catch {
                return .failure(error)
            }
        }
    }

    /// Folds a batch in micro-batches, each at most `batchMicroseconds` long.
    private func apply(_ batch: LogBatch) async throws(PipelineError) {
        var index = 0
        let count = batch.parsed.entries.count
        unappliedBytes = Int64(batch.chunk.bytes.count)
        guard await mayEnter(batch.chunk.segment) else { return }
        enterSegment(of: batch.chunk)
        publishStanding()
        try await applyDueInputs()
        warm = batch.warm.evictionCount == evictionCount ? batch.warm : WarmUsers()
        while index < count {
            guard let end = try await allowedEnd(of: batch, from: index) else { return }
            try await applyDueInputs()
            let start = index
            index = try inShare(of: .ingest) { () throws(PipelineError) -> Int in
                try applySlice(batch, from: start, to: end, until: turnEnd)
            }
            // With the records they stand in: a commit may come between two slices.
            intake.countUnknownFields(batch.parsed.unknownFieldCount(in: start..<index))
            applied = batch.chunk.cursor(after: index - 1)
            publishStanding()
            watchers.resumeReady()
            try await applyDueInputs()
            while let cut, cut.isFull(options.snapshotHandoverCount) { await Task.yield() }
            await Task.yield()
            if !stepping.isEmpty { await stepInTurns() }
        }
        unappliedBytes = 0
        warm = WarmUsers()
        bytesSinceCommit += Int64(batch.chunk.bytes.count)
        await stepInTurns()
    }

    /// Commits when due and looks at how the reader stands.
    private func endRound(hasRead: Bool) async throws(PipelineError) {
        readerCondition = await source.condition()
        let isAtEnd = readerCondition?.isAtEnd ?? false
        if phase != .draining { phase = isAtEnd ? .live : .catchingUp }
        noteRound()
        if let failure { throw failure }
        let now = host.clock.monotonicNanoseconds()
        meter.note(intake.counters.read + intake.counters.catalogue, nanoseconds: now)
        lagMeter.note(
            unread: readerCondition?.lagByteCount ?? 0, records: applied.recordCount)
        expireQuarantine(now)
        try await endFollowingRound(now)
        guard isChanged else { return }
        // Short of the end with nothing to read, something is in the way, for who knows how long.
        let isDue =
            isAtEnd || !hasRead
            ? now - lastCommitNanoseconds >= commitMilliseconds * 1_000_000
            : bytesSinceCommit >= options.commitByteCount
                || users.dirty.count >= options.commitUserCount
        if isDue || refused.count >= Self.refusedLimit { beginCommit() }
        try await awaitOverdueCommit()
    }

    /// Stands still while the commit before cannot keep up, so that what waits for the next is bounded.
    private func awaitOverdueCommit() async throws(PipelineError) {
        let factor = 4
        let isOverdue =
            bytesSinceCommit >= Int64(factor) * max(options.commitByteCount, 1 << 16)
            || users.dirty.count >= factor * max(options.commitUserCount, 1000)
            || refused.count >= factor * Self.refusedLimit
        guard isCommitting, isOverdue else { return }
        await commitEnd()
        if let failure { throw failure }
        beginCommit()
    }

    /// Refused records that wait for a commit before one begins.
    private static let refusedLimit = 10_000

    /// Lets old quarantine entries go, now and then, also while nothing is written.
    private func expireQuarantine(_ nanoseconds: UInt64) {
        guard isLeading,
            nanoseconds - lastExpiryNanoseconds >= options.quarantineExpirySeconds * 1_000_000_000
        else { return }
        lastExpiryNanoseconds = nanoseconds
        Task {
            do throws(PipelineError) { quarantine = try await keeper.expire() } catch {
                failure = error
            }
        }
    }

    /// Counts a round and wakes who waits for one.
    func noteRound() {
        roundCount += 1
        roundWaiters.resumeAll()
    }

    /// Whether anything was applied since the last commit.
    var isChanged: Bool {
        applied != committed || appliedInput != committedInput
            || forgotten.lastInput != committedForget
    }

    /// Whether everything readable was read and folded, and the inputs up to there applied.
    ///
    /// Records are compared, not places: the reader may stand in a segment that has none yet.
    var isCaughtUp: Bool {
        unappliedBytes == 0 && (readerCondition?.isAtEnd ?? false)
            && readerCondition?.cursor.recordCount == applied.recordCount
            && !inputs.isDue(at: standing)
    }
}
