import EventLog
import Events
import Profiles
import Snapshots
import Storage
import Synchronization

/// What may be asked about one user's profile beyond the profile itself.
package protocol ProfileInquiry: Sendable {
    /// What a user's predictions owe to each session, at the applied cursor.
    ///
    /// `asOf` is the event time that is looked from; nil means the log clock.
    func explanation(
        of user: UserID, asOf: Int64?, from selector: GenerationSelector
    ) async throws(PipelineError) -> ExplanationReply
    /// The user in the newest `limit` published snapshots, of one space or of all.
    func history(
        of user: UserID, limit: Int, space: Int64?
    ) async throws(PipelineError) -> SnapshotHistory
}

/// Answer to `profile.explain`.
package struct ExplanationReply: Sendable {
    package var user: UserID
    package var space: Int64
    package var generation: Int64
    package var trained: Bool
    /// Event time it speaks for; nil before the first event.
    package var asOf: Int64?
    package var offset: LogOffset
    /// nil for a user no event of whom was applied.
    package var explanation: Explanation?

    package init(
        user: UserID, space: Int64, generation: Int64, trained: Bool, asOf: Int64?,
        offset: LogOffset, explanation: Explanation?
    ) {
        self.user = user
        self.space = space
        self.generation = generation
        self.trained = trained
        self.asOf = asOf
        self.offset = offset
        self.explanation = explanation
    }
}

/// A settled user, and what explains it elsewhere than on the profiler.
struct ExplanationBasis: Sendable {
    let user: ProfileBuilder.Settled?
    let generation: LiveGeneration
    /// All but the explanation.
    let reply: ExplanationReply
}

extension Profiler {
    /// What an explanation of a user's predictions is made of: a read like any other.
    ///
    /// Says first that somebody waits, so that the ingest makes way.
    nonisolated func basis(
        of user: UserID, asOf: Int64?
    ) async throws(PipelineError) -> ExplanationBasis {
        askers.add(1, ordering: .relaxed)
        return try await look(at: user, asOf: asOf)
    }

    private func look(at user: UserID, asOf: Int64?) throws(PipelineError) -> ExplanationBasis {
        askers.subtract(1, ordering: .relaxed)
        let time = asOf ?? intake.asOf
        return ExplanationBasis(
            user: try settledUser(user, asOf: time)?.settled, generation: generation,
            reply: ExplanationReply(
                user: user, space: generation.space, generation: generation.id,
                trained: generation.trained,
                asOf: intake.counters.read == 0 && asOf == nil ? nil : time,
                offset: applied.recordCount, explanation: nil))
    }
}

/// Explains on a thread of its own, one user at a time, so that no read waits for it.
actor PredictionExplainer {
    private nonisolated let executor = ThreadExecutor(name: "explain", niceness: 5)

    nonisolated var unownedExecutor: UnownedSerialExecutor { executor.unowned }

    /// The reply, with the explanation in it.
    func reply(_ basis: ExplanationBasis) -> ExplanationReply {
        var reply = basis.reply
        guard let user = basis.user else { return reply }
        reply.explanation = basis.generation.makeBuilder().explanation(of: user)
        return reply
    }
}

/// Looks users up in snapshots on a thread of its own, one at a time.
actor SnapshotHistorian {
    private nonisolated let executor = ThreadExecutor(name: "snapshot-history", niceness: 5)
    private let store: SnapshotStore

    nonisolated var unownedExecutor: UnownedSerialExecutor { executor.unowned }

    init(store: SnapshotStore) { self.store = store }

    /// The user in the newest snapshots.
    func history(
        of user: UserID, limit: Int, space: Int64?
    ) throws(PipelineError) -> SnapshotHistory {
        do { return try store.history(of: user, limit: limit, space: space) } catch {
            throw .init(error)
        }
    }
}

extension LivePipeline {
    /// What a user's predictions owe to each session, by the generation that is asked for.
    package func explanation(
        of user: UserID, asOf: Int64?, from selector: GenerationSelector
    ) async throws(PipelineError) -> ExplanationReply {
        let basis = try await served.profiler(for: selector).basis(of: user, asOf: asOf)
        return await explainer.reply(basis)
    }

    /// The user in the newest published snapshots.
    package func history(
        of user: UserID, limit: Int, space: Int64?
    ) async throws(PipelineError) -> SnapshotHistory {
        try await historian.history(of: user, limit: limit, space: space)
    }
}
