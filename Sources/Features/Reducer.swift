import EventLog
import Events
import Sessions

/// The one fold: a user's events in, rows out (DESIGN §1, invariants 1 and 2).
///
/// Live updates, the nightly re-fold and training rows all come out of this type.
package struct Reducer: Sendable {
    package let statistics: FrozenStatistics
    package let options: FoldOptions

    package init(statistics: FrozenStatistics, options: FoldOptions) {
        self.statistics = statistics
        self.options = options
    }

    /// What one arriving event led to.
    package struct Outcome: Sendable {
        package var admission: OrderWindow.Admission
        /// Events that were pending and are folded now; a late event is not among them.
        package var foldedCount: Int
        /// Whether it was let by because its user is forgotten further on in the log.
        package var isSuppressed = false

        package init(
            admission: OrderWindow.Admission, foldedCount: Int, isSuppressed: Bool = false
        ) {
            self.admission = admission
            self.foldedCount = foldedCount
            self.isSuppressed = isSuppressed
        }
    }

    /// Takes an event in and folds all whose place in the user's order is now certain.
    ///
    /// Committed rows are appended to `state.rows` and to `scratch`.
    @discardableResult
    package func admit(
        _ event: EnrichedEvent, at offset: LogOffset, into state: inout UserState,
        _ scratch: inout FoldScratch
    ) -> Outcome {
        let admission = state.window.admit(event, at: offset, options.order)
        switch admission {
        case .duplicate:
            return Outcome(admission: admission, foldedCount: 0)
        case .late:
            fold(event, isLate: true, into: &state, &scratch)
        case .pending:
            break
        }
        var foldedCount = 0
        while let next = state.window.popReady(options.order) {
            fold(next.event, isLate: false, into: &state, &scratch)
            foldedCount += 1
        }
        return Outcome(admission: admission, foldedCount: foldedCount)
    }

    /// The state as a read sees it: pending events folded, open sessions closed at last + gap.
    ///
    /// The rows it adds are those that would be committed if the user's next event came after all
    /// of them; they are appended to `scratch` as well.
    package func settled(_ state: UserState, _ scratch: inout FoldScratch) -> UserState {
        var copy = state
        while let next = copy.window.popFirst() {
            fold(next.event, isLate: false, into: &copy, &scratch)
        }
        closeSessions(
            visit: copy.visitSession?.endSeconds(options.sessions),
            search: copy.searchSession?.endSeconds(options.sessions), in: &copy, &scratch)
        return copy
    }

    private func fold(
        _ enriched: EnrichedEvent, isLate: Bool, into state: inout UserState,
        _ scratch: inout FoldScratch
    ) {
        let event = enriched.event
        let seconds = isLate ? (state.window.foldedSeconds ?? event.seconds) : event.seconds
        if !isLate {
            closeSessions(
                visit: state.visitSession?.closing(
                    by: event.kind, at: seconds, table: .pageVisit, options.sessions),
                search: state.searchSession?.closing(
                    by: event.kind, at: seconds, table: .searchQuery, options.sessions),
                in: &state, &scratch)
        }
        if scratch.collectsRaw { scratch.folded.append(enriched) }
        if state.firstSeconds == nil { state.firstSeconds = seconds }
        state.activity.add(event, isLate: isLate)
        switch event.kind {
        case .pageVisit: foldVisit(event, at: seconds, isLate: isLate, into: &state, &scratch)
        case .searchQuery: foldSearch(event, at: seconds, isLate: isLate, into: &state, &scratch)
        case .addToCart, .removeFromCart, .productBuy:
            foldProduct(enriched, at: seconds, isLate: isLate, into: &state, &scratch)
        }
    }

    private func foldVisit(
        _ event: Event, at seconds: Int64, isLate: Bool, into state: inout UserState,
        _ scratch: inout FoldScratch
    ) {
        state.urls.add(event.key, lane: 0, count: 1, weight: 0, limit: options.mapKeyLimit)
        let alone = OpenSession(firstKey: event.key, firstQuery: nil, start: event.seconds)
        if isLate {
            commitVisits(alone, at: seconds, isLate: true, into: &state, &scratch)
        } else if state.visitSession == nil {
            state.visitSession = alone
        } else {
            state.visitSession?.extend(to: seconds)
        }
    }

    private func foldSearch(
        _ event: Event, at seconds: Int64, isLate: Bool, into state: inout UserState,
        _ scratch: inout FoldScratch
    ) {
        let key = event.query.map(FrozenStatistics.queryKey)
        if let key {
            state.queries.add(key, lane: 0, count: 1, weight: 0, limit: options.mapKeyLimit)
        }
        if let cluster = scratch.queryCluster(event.query, statistics) {
            state.queryClusters.add(
                cluster, lane: 0, count: 1, weight: 0, limit: options.mapKeyLimit)
        }
        let alone = OpenSession(firstKey: key, firstQuery: event.query, start: event.seconds)
        if isLate {
            commitSearches(alone, at: seconds, isLate: true, into: &state, &scratch)
        } else if state.searchSession == nil {
            state.searchSession = alone
        } else {
            state.searchSession?.extend(to: seconds)
        }
    }

    /// Commits the rows of the sessions that close, by closing time, visits before searches.
    private func closeSessions(
        visit: Int64?, search: Int64?, in state: inout UserState, _ scratch: inout FoldScratch
    ) {
        let searchFirst = if let visit, let search { search < visit } else { false }
        if searchFirst { closeSearches(search, in: &state, &scratch) }
        if let visit, let session = state.visitSession {
            state.visitSession = nil
            commitVisits(session, at: visit, isLate: false, into: &state, &scratch)
        }
        if !searchFirst { closeSearches(search, in: &state, &scratch) }
    }

    private func closeSearches(
        _ seconds: Int64?, in state: inout UserState, _ scratch: inout FoldScratch
    ) {
        guard let seconds, let session = state.searchSession else { return }
        state.searchSession = nil
        commitSearches(session, at: seconds, isLate: false, into: &state, &scratch)
    }
}
