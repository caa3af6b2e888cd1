import EventLog
import Events
import Features
import Profiles
import Sessions
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

    private func answer(_ ids: [UserID], asOf: Int64?) throws(PipelineError) -> ProfileReply {
        askers.subtract(1, ordering: .relaxed)
        return try answerNow(ids, asOf: asOf)
    }

    func answerNow(_ ids: [UserID], asOf: Int64? = nil) throws(PipelineError) -> ProfileReply {
        guard ids.count <= options.profileBatchCount else {
            throw .tooManyUsers(asked: ids.count, limit: options.profileBatchCount)
        }
        let time = asOf ?? intake.asOf
        let rows = zip(ids, try settledUsers(ids, asOf: time)).map { id, user in
            guard let user else {
                return ProfileReply.Row(unknown: id, width: builder.layout.width)
            }
            return ProfileReply.Row(
                user: id, isKnown: true, values: values(of: user, id),
                rowCount: user.settled.state.rows.totalCount,
                eventCount: user.settled.state.activity.eventCount,
                newestSeconds: user.newestSeconds, pendingCount: user.pendingCount)
        }
        return ProfileReply(
            space: generation.space, generation: generation.id, trained: generation.trained,
            asOf: intake.counters.read == 0 && asOf == nil ? nil : time,
            offset: applied.recordCount,
            stalenessSeconds: max(0, intake.asOf - time),
            parts: builder.layout.parts, rows: rows)
    }

    /// A settled user's profile, `[D]`, which is remembered where the user is.
    private func values(of user: SettledUser, _ id: UserID) -> [Float] {
        guard user.values.isEmpty else { return user.values }
        var user = user
        user.values.reserveCapacity(builder.layout.width)
        builder.append(user.settled, to: &user.values)
        settledCache.keep(id, version: version(of: id), user)
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

    private func foretell(_ ids: [UserID]) throws(PipelineError) -> PredictionReply {
        askers.subtract(1, ordering: .relaxed)
        return try foretellNow(ids)
    }

    func foretellNow(_ ids: [UserID]) throws(PipelineError) -> PredictionReply {
        guard ids.count <= options.profileBatchCount else {
            throw .tooManyUsers(asked: ids.count, limit: options.profileBatchCount)
        }
        let time = intake.asOf
        let rows = zip(ids, try settledUsers(ids, asOf: time)).map { id, user in
            PredictionReply.Row(
                user: id, prediction: user.map { builder.prediction($0.settled) })
        }
        return PredictionReply(
            space: generation.space, generation: generation.id, trained: generation.trained,
            asOf: intake.counters.read == 0 ? nil : time, offset: applied.recordCount, rows: rows)
    }

    /// The users as they are settled now, remembered or made, at a time; nil for an unknown one.
    func settledUsers(
        _ ids: [UserID], asOf: Int64
    ) throws(PipelineError) -> [SettledUser?] {
        var found: [SettledUser?] = []
        var missing: [(place: Int, version: UInt64)] = []
        // Remembered at another time.
        var stale: [(place: Int, version: UInt64)] = []
        var inputs: [ProfileBuilder.Input] = []
        for (place, id) in ids.enumerated() {
            let version = version(of: id)
            let known = forgotten.isHidden(id) ? nil : settledCache.settled(id, version: version)
            found.append(known)
            if let known, known.settled.asOf != asOf { stale.append((place, version)) }
            guard known == nil, let input = try input(of: id) else { continue }
            inputs.append(input)
            missing.append((place, version))
        }
        var moved = stale.compactMap { found[$0.place]?.settled }
        builder.move(&moved, to: asOf)
        for ((place, version), settled) in zip(stale, moved) {
            guard var user = found[place] else { continue }
            user.settled = settled
            user.values = []
            found[place] = user
            settledCache.keep(ids[place], version: version, user)
        }
        let made = builder.settle(inputs, asOf: asOf, withLogits: false)
        stepCount += Int64(builder.stepCount)
        for (index, (place, version)) in missing.enumerated() {
            let user = SettledUser(inputs[index], made[index])
            found[place] = user
            settledCache.keep(ids[place], version: version, user)
        }
        return found
    }

    /// Everything of `status` that the profiler knows; snapshots are added by `LivePipeline`.
    func report() -> StatusReport {
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
