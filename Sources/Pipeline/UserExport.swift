import EventLog
import Events
import Features
import Profiles
import Sessions
import Snapshots

/// Everything that is held about a user, as of one cursor of the active generation.
package struct UserExport: Sendable {
    package var user: UserID
    /// The committed state and what waits in it; nil for an unknown user.
    package var state: UserState?
    /// Events that are too far ahead of everybody's time, in log order.
    package var held: [PendingEvent]
    /// The profile, in one row.
    package var profile: ProfileReply
    package var prediction: Prediction?
    /// When and why the user was forgotten, oldest first.
    package var suppressions: [Suppression]
    /// Whether the user was forgotten for good, or is about to be further on in the log.
    package var isSuppressed: Bool

    package init(
        user: UserID, state: UserState?, held: [PendingEvent], profile: ProfileReply,
        prediction: Prediction?, suppressions: [Suppression], isSuppressed: Bool
    ) {
        self.user = user
        self.state = state
        self.held = held
        self.profile = profile
        self.prediction = prediction
        self.suppressions = suppressions
        self.isSuppressed = isSuppressed
    }
}

extension Profiler {
    /// Everything that is held about a user.
    func export(_ user: UserID) throws(PipelineError) -> UserExport {
        let suppressions: [Suppression]
        do { suppressions = try registry.suppressions(of: user) } catch { throw .init(error) }
        return UserExport(
            user: user, state: try input(of: user)?.state,
            held: intake.held.events.filter { $0.event.event.user == user },
            profile: try answerNow([user]), prediction: try foretellNow([user]).rows[0].prediction,
            suppressions: suppressions, isSuppressed: forgotten.isHidden(user))
    }
}

extension LivePipeline {
    /// Forgets a user; what is on disk beside the live states is erased in the background.
    package func forget(_ request: ForgetRequest) async throws(PipelineError) -> ForgetReport {
        let report = try await withProfiler(.active) { profiler throws(PipelineError) in
            try await profiler.forget(request)
        }
        if report.input != nil { erasures.ring() }
        return report
    }

    /// Everything that is held about a user, of the active generation.
    package func export(_ user: UserID) async throws(PipelineError) -> UserExport {
        try await withProfiler(.active) { profiler throws(PipelineError) in
            try await profiler.export(user)
        }
    }

    /// Forgotten users, a page at a time.
    package func suppressions(
        after: Int64, limit: Int
    ) async throws(PipelineError) -> SuppressionPage {
        do {
            var items = try registry.suppressions(after: after, limit: limit + 1)
            let isMore = items.count > limit
            if isMore { items.removeLast() }
            return SuppressionPage(
                items: items, next: isMore ? items.last?.input : nil,
                pendingCount: try registry.pendingErasureCount())
        } catch {
            throw .init(error)
        }
    }
}
