import Encoders
import Features
import Learning
import Sessions

/// What a prediction owes to each of a user's sessions: what it would be without one of them.
///
/// Only what the multi-task networks read row by row can be left out (docs/profile.md, "Leaving a
/// session out"): the rows before the last N live on in the networks' states, and BPR's scores are
/// made of items, of which no state says in which session they were touched.
package struct Explanation: Sendable, Equatable {
    /// One session of the last N rows, and the prediction without it.
    package struct Session: Sendable, Equatable {
        package var session: RowSession
        /// False where rows before the last N may belong to it too.
        package var isWhole: Bool
        /// As in `Prediction`, without the session's rows; nil without MTL Churn.
        package var churn: Double?
        /// In the order of the prediction's targets; empty without MTL Propensity.
        package var categories: [Double]
        package var items: [Double]

        package init(
            session: RowSession, isWhole: Bool, churn: Double? = nil, categories: [Double] = [],
            items: [Double] = []
        ) {
            self.session = session
            self.isWhole = isWhole
            self.churn = churn
            self.categories = categories
            self.items = items
        }
    }

    /// With all sessions: what `profile.predict` says of the same state at the same time.
    package var prediction: Prediction
    /// Rows that the networks read anew, at most N, and those before them.
    package var windowRowCount: Int64
    package var olderRowCount: Int64
    /// The greatest effect on churn first, whatever its sign; the newest first among equal ones
    /// and where there is no churn.
    package var sessions: [Session]

    package init(
        prediction: Prediction, windowRowCount: Int64, olderRowCount: Int64, sessions: [Session]
    ) {
        self.prediction = prediction
        self.windowRowCount = windowRowCount
        self.olderRowCount = olderRowCount
        self.sessions = sessions
    }

    /// Whether any network of the generation predicts at all.
    package var hasNetworks: Bool {
        prediction.churn != nil || !prediction.categories.isEmpty || !prediction.items.isEmpty
    }
}

extension ProfileBuilder {
    /// Rows that are read side by side to explain, about; bounds memory, and no more.
    private static let explainedRowsAtOnce = 4096

    /// A settled user's sessions, left out one at a time.
    ///
    /// - Complexity: at most N forward passes of two networks over at most N + 1 rows each.
    package func explanation(of user: Settled) -> Explanation {
        let window = user.state.rows
        let count = min(window.totalCount, Int64(model.rowWindow))
        let older = window.totalCount - count
        let found = model.reducer.sessions(in: window, last: model.rowWindow)
        var explanation = Explanation(
            prediction: prediction(user), windowRowCount: count, olderRowCount: older,
            sessions: found.map {
                .init(session: $0, isWhole: older == 0 || $0.rows.lowerBound > older)
            })
        let step = max(1, Self.explainedRowsAtOnce / max(1, model.rowWindow))
        for start in stride(from: 0, to: found.count, by: step) {
            let some = start..<min(start + step, found.count)
            let lacking = some.map { rows(of: user, without: $0, of: found) }
            for (place, logits) in zip(some, logits(of: user, over: lacking)) {
                explanation.sessions[place].churn = logits.churn.map(Self.sigmoid)
                explanation.sessions[place].categories = zip(
                    model.targets.categories, logits.categories
                ).map { Self.sigmoid($1) }
                explanation.sessions[place].items = zip(model.targets.items, logits.items)
                    .map { Self.sigmoid($1) }
            }
        }
        let churn = explanation.prediction.churn
        explanation.sessions.sort { left, right in
            let effects = (Self.effect(of: left, on: churn), Self.effect(of: right, on: churn))
            return effects.0 != effects.1
                ? effects.0 > effects.1
                : left.session.rows.lowerBound > right.session.rows.lowerBound
        }
        return explanation
    }

    private static func effect(of session: Explanation.Session, on churn: Double?) -> Double {
        guard let churn, let without = session.churn else { return 0 }
        return abs(churn - without)
    }

    /// What a network reads of a user without one session.
    private struct Lacking {
        /// `[rows, 64]`, float16 bits.
        var rows: [UInt16]
        /// END, `[64]`.
        var end: [UInt16]
    }

    /// The rows and END of a user without the session at `place`.
    private func rows(
        of user: Settled, without place: Int, of sessions: [RowSession]
    ) -> Lacking {
        let session = sessions[place]
        var newest = user.state.window.newestSeconds
        // The newest event was in the last session; with no other, nothing says when one was.
        if place == sessions.count - 1, place > 0 { newest = sessions[place - 1].endSeconds }
        var weeks = user.state.weeks
        for row in session.rows { weeks.remove(at: user.state.rows.key(row).seconds) }
        return Lacking(
            rows: model.reducer.rows(
                of: user.state.rows, last: model.rowWindow, without: session),
            end: endRow.halves(
                user.state, asOf: user.asOf, newestSeconds: newest, weeks: weeks))
    }

    /// What the heads say of what is left, from the networks' states before the last N rows.
    private func logits(of user: Settled, over lacking: [Lacking]) -> [Logits] {
        var logits = Array(repeating: Logits(), count: lacking.count)
        func outputs(_ name: EncoderName) -> (MTLOutputs, categories: Int, items: Int)? {
            guard let encoder = model.bank.multiTaskEncoder(name) else { return nil }
            let readsEndRow = model.endRowNetworks.contains(name)
            let rows = lacking.flatMap { readsEndRow ? $0.rows + $0.end : $0.rows }
            let lengths = lacking.map {
                $0.rows.count / RowLayout.width + (readsEndRow ? 1 : 0)
            }
            let states = lacking.flatMap { _ in user.windowStates[name] ?? [] }
            let made = encoder.outputs(
                latents: encoder.latents(rows: rows.span, lengths: lengths, states: states.span))
            return (
                made, made.categories.count / lacking.count, made.items.count / lacking.count
            )
        }
        if let (made, _, _) = outputs(.mtlChurn) {
            for place in logits.indices { logits[place].churn = made.churn[place] }
        }
        if let (made, categories, items) = outputs(.mtlPropensity) {
            for place in logits.indices {
                logits[place].categories = Array(
                    made.categories[place * categories..<(place + 1) * categories])
                logits[place].items = Array(made.items[place * items..<(place + 1) * items])
            }
        }
        return logits
    }
}
