import EventLog
import Events
import Features
import Profiles
import Sessions
import Storage
import Synchronization

/// Answering: profiles and status, from the state between two micro-batches.
extension Profiler {
    /// What a profile of a user would be made of now; nil for an unknown user.
    func input(of user: UserID) throws(PipelineError) -> ProfileBuilder.Input? {
        if forgotten.isHidden(user) { return nil }
        if let slot = users.slot(of: user) { return users[slot].input }
        if isErased(user) { return nil }
        do throws(PipelineError) {
            guard awayUserCount > 0, let stored = try store.loadUser(user) else { return nil }
            return try stored.resident(user, of: generation, from: store).input
        } catch {
            noteDamage(error)
            throw error
        }
    }

    /// Profiles of the users, in the order asked, all at the applied cursor.
    ///
    /// Says first that somebody waits, so that the ingest makes way.
    nonisolated func profiles(
        of ids: [UserID], asOf: Int64?
    ) async throws(PipelineError) -> ProfileReply {
        askers.add(1, ordering: .relaxed)
        return try await answer(ids, asOf: asOf)
    }

    private func answer(
        _ ids: [UserID], asOf: Int64?
    ) async throws(PipelineError) -> ProfileReply {
        askers.subtract(1, ordering: .relaxed)
        var read = try look(up: ids, asOf: asOf)
        var reply = emptyReply(read)
        await settleInTurns(&read) { reply.rows += profileRows($0, $1) }
        return reply
    }

    /// Profiles without letting anybody in between.
    func answerNow(_ ids: [UserID]) throws(PipelineError) -> ProfileReply {
        var read = try look(up: ids)
        settle(&read, ids.indices)
        var reply = emptyReply(read)
        reply.rows = profileRows(read, ids.indices)
        return reply
    }

    private func emptyReply(_ read: UserRead) -> ProfileReply {
        ProfileReply(
            space: generation.space, generation: generation.id, trained: generation.trained,
            asOf: intake.counters.read == 0 && !read.isDated ? nil : read.asOf,
            offset: applied.recordCount, stalenessSeconds: max(0, intake.asOf - read.asOf),
            parts: builder.layout.parts, rows: [])
    }

    private func profileRows(_ read: UserRead, _ piece: Range<Int>) -> [ProfileReply.Row] {
        piece.map { place in
            let id = read.ids[place]
            guard let user = read.found[place] else {
                return ProfileReply.Row(unknown: id, width: builder.layout.width)
            }
            return ProfileReply.Row(
                user: id, isKnown: true, values: values(of: user, read, place),
                rowCount: user.settled.state.rows.totalCount,
                eventCount: user.settled.state.activity.eventCount,
                newestSeconds: user.newestSeconds, pendingCount: user.pendingCount)
        }
    }

    /// A settled user's profile, `[D]`, which is remembered where the user is.
    private func values(of user: SettledUser, _ read: UserRead, _ place: Int) -> [Float] {
        guard user.values.isEmpty else { return user.values }
        var user = user
        user.values.reserveCapacity(builder.layout.width)
        builder.append(user.settled, to: &user.values)
        remember(user, read, place)
        return user.values
    }

    /// What a user is remembered under: a number that no change leaves as it is, and 0 for one who
    /// is away, of whom nothing is remembered once it comes in (`bringIn`).
    private func version(of user: UserID) -> UInt64 {
        users.slot(of: user).map { users[$0].touched } ?? 0
    }

    /// What the users will do, in the order asked, all at the applied cursor.
    nonisolated func predictions(
        of ids: [UserID]
    ) async throws(PipelineError) -> PredictionReply {
        askers.add(1, ordering: .relaxed)
        return try await foretell(ids)
    }

    private func foretell(_ ids: [UserID]) async throws(PipelineError) -> PredictionReply {
        askers.subtract(1, ordering: .relaxed)
        var read = try look(up: ids)
        var reply = emptyPredictions
        await settleInTurns(&read) { reply.rows += predictionRows($0, $1) }
        return reply
    }

    /// Predictions without letting anybody in between.
    func foretellNow(_ ids: [UserID]) throws(PipelineError) -> PredictionReply {
        var read = try look(up: ids)
        settle(&read, ids.indices)
        var reply = emptyPredictions
        reply.rows = predictionRows(read, ids.indices)
        return reply
    }

    private var emptyPredictions: PredictionReply {
        PredictionReply(
            space: generation.space, generation: generation.id, trained: generation.trained,
            asOf: intake.counters.read == 0 ? nil : intake.asOf, offset: applied.recordCount,
            rows: [])
    }

    private func predictionRows(_ read: UserRead, _ piece: Range<Int>) -> [PredictionReply.Row] {
        piece.map { place in
            PredictionReply.Row(
                user: read.ids[place],
                prediction: read.found[place].map { builder.prediction($0.settled) })
        }
    }

    /// A user as it is settled now, remembered or made, at a time; nil for an unknown one.
    func settledUser(_ id: UserID, asOf: Int64?) throws(PipelineError) -> SettledUser? {
        var read = try look(up: [id], asOf: asOf)
        settle(&read, read.ids.indices)
        return read.found[0]
    }

    /// Finds the users of a read at the applied cursor, copying what their profiles are made of:
    /// whatever is folded while they are settled piece by piece does not reach them.
    private func look(up ids: [UserID], asOf: Int64? = nil) throws(PipelineError) -> UserRead {
        guard ids.count <= options.profileBatchCount else {
            throw .tooManyUsers(asked: ids.count, limit: options.profileBatchCount)
        }
        var read = UserRead(
            asOf: asOf ?? intake.asOf, isDated: asOf != nil, evictionCount: evictionCount)
        for id in ids {
            let version = version(of: id)
            let known = forgotten.isHidden(id) ? nil : settledCache.settled(id, version: version)
            read.append(
                id, version: version, known, known == nil ? try input(of: id) : nil)
        }
        return read
    }

    /// Settles a read piece by piece and hands each on; others have a turn in between when one waits
    /// for an answer, or a micro-batch's time has passed.
    private func settleInTurns(
        _ read: inout UserRead, _ use: (UserRead, Range<Int>) -> Void
    ) async {
        var deadline = turnEnd
        for piece in read.pieces {
            if piece.lowerBound > 0, mustYield(deadline) {
                await Task.yield()
                deadline = turnEnd
            }
            settle(&read, piece)
            use(read, piece)
        }
    }

    /// Settles the users of a piece who are not remembered at the read's time.
    private func settle(_ read: inout UserRead, _ piece: Range<Int>) {
        let stale = piece.filter { read.found[$0].map { $0.settled.asOf != read.asOf } ?? false }
        var moved = stale.compactMap { read.found[$0]?.settled }
        builder.move(&moved, to: read.asOf)
        for (place, settled) in zip(stale, moved) {
            read.found[place]?.settled = settled
            read.found[place]?.values = []
            if let user = read.found[place] { remember(user, read, place) }
        }
        let missing = piece.filter { read.inputs[$0] != nil }
        let inputs = missing.compactMap { read.inputs[$0] }
        let made = builder.settle(inputs, asOf: read.asOf, withLogits: false)
        stepCount += Int64(builder.stepCount)
        for (index, place) in missing.enumerated() {
            let user = SettledUser(inputs[index], made[index])
            read.found[place] = user
            read.inputs[place] = nil
            remember(user, read, place)
        }
    }

    /// Remembers a user who still is as the read found it.
    private func remember(_ user: SettledUser, _ read: UserRead, _ place: Int) {
        let id = read.ids[place]
        let version = read.versions[place]
        guard version == self.version(of: id), !forgotten.isHidden(id), !isErased(id),
            // Who was away may have come in, changed and left.
            version != 0 || evictionCount == read.evictionCount
        else { return }
        settledCache.keep(id, version: version, user)
    }

    /// Everything of `status` that the profiler knows; snapshots are added by `LivePipeline`.
    ///
    /// Says first that somebody waits, so that the ingest makes way.
    nonisolated func report() async -> StatusReport {
        askers.add(1, ordering: .relaxed)
        return await ownReport()
    }

    private func ownReport() -> StatusReport {
        askers.subtract(1, ordering: .relaxed)
        var report = StatusReport()
        report.state = phase.rawValue
        report.applied = applied
        report.committed = committed
        report.rounds = Int64(roundCount)
        report.counters = intake.counters
        fillLag(&report)
        report.recordsPerSecond = meter.perSecond
        report.logClock = intake.clock.seconds
        report.users = userCount
        report.residentUsers = Int64(users.count)
        report.rows = rowCount
        report.encoderSteps = stepCount
        report.generation = generation.id
        report.space = generation.space
        report.trained = generation.trained
        report.quarantine = quarantine
        report.waitingInputs = Int64(inputs.count)
        let known = Double(max(1, users.count))
        report.parts = users.byteCounts().map {
            StatusReport.Part(
                name: $0.name, byteCount: $0.byteCount, bytesPerUser: Double($0.byteCount) / known)
        }
        report.degraded = degraded + readerProblems
        if let failure { report.degraded.append("stopped: \(failure)") }
        return report
    }

    private func fillLag(_ report: inout StatusReport) {
        guard !isCaughtUp else { return }
        let unread = readerCondition?.lagByteCount ?? 0
        report.lagBytes = unread + unappliedBytes
        let events = Double(unread) / lagMeter.bytesPerRecord + Double(unappliedBytes) / 90
        report.lagEvents = max(1, Int64(events))
        report.lagSeconds = max(0, newestReadSeconds - intake.asOf)
        if meter.perSecond > 0 { report.etaSeconds = Double(report.lagEvents) / meter.perSecond }
    }

    private var readerProblems: [String] {
        guard let condition = readerCondition else { return [] }
        let obstacle = condition.obstacle.map { ["log: \($0)"] } ?? []
        return obstacle + condition.notices.suffix(8).map { "log: \($0)" }
    }
}

extension ProfileReply.Row {
    /// The row of a user no event of whom was applied: zeros, and said so.
    init(unknown user: UserID, width: Int) {
        self.init(
            user: user, isKnown: false, values: Array(repeating: 0, count: width), rowCount: 0,
            eventCount: 0, newestSeconds: nil, pendingCount: 0)
    }
}
