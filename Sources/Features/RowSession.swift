import Events
import Kernels
import Sessions

/// A run of a user's rows with no pause above the inactivity gap, told from the rows alone.
///
/// Rows do not say to which session their event belonged, only when they were placed; the rule by
/// which they are put together is in docs/profile.md, "Leaving a session out".
package struct RowSession: Hashable, Sendable {
    /// Which rows, counted from the user's first; no other row lies between them.
    package var rows: Range<Int64>
    /// Times of the first and of the last event, seconds since 1970, as far as rows tell them.
    package var beginSeconds: Int64
    package var endSeconds: Int64
    /// Rows by `EventKind.rawValue`; visits and searches stand for closed sessions.
    package var counts = SIMD8<UInt32>(repeating: 0)

    /// A run of one row.
    fileprivate init(_ row: Int64, _ kind: EventKind, _ seconds: ClosedRange<Int64>) {
        rows = row..<row + 1
        beginSeconds = seconds.lowerBound
        endSeconds = seconds.upperBound
        counts[Int(kind.rawValue)] = 1
    }

    /// Rows of a kind.
    package func count(_ kind: EventKind) -> UInt32 { counts[Int(kind.rawValue)] }

    /// The run that this one and a later one are together.
    fileprivate func joined(_ later: RowSession) -> RowSession {
        var both = self
        both.rows = rows.lowerBound..<later.rows.upperBound
        both.beginSeconds = min(beginSeconds, later.beginSeconds)
        both.endSeconds = max(endSeconds, later.endSeconds)
        both.counts &+= later.counts
        return both
    }
}

extension Reducer {
    /// The sessions of a user's last rows, oldest first; together they hold all of those rows.
    ///
    /// - Parameters:
    ///   - window: of a settled state.
    ///   - count: N ≥ 0, how many rows are looked at, if there are so many.
    /// - Returns: runs of rows, none of them empty.
    package func sessions(in window: RowWindow, last count: Int) -> [RowSession] {
        var sessions: [RowSession] = []
        var isLate = false
        let first = first(of: window, last: count)
        for index in first..<window.totalCount {
            isLate = isOfLateEvent(index, in: window, from: first, afterLate: isLate)
            let kind = window.key(index).kind
            var session = RowSession(index, kind, span(index, window, isLate: isLate))
            // A session's row comes after those of all product events within it.
            while let last = sessions.last,
                session.beginSeconds <= last.endSeconds + options.sessions.gapSeconds
            {
                session = sessions.removeLast().joined(session)
            }
            sessions.append(session)
        }
        return sessions
    }

    /// What is left of a user's last rows without those of one session, oldest first.
    ///
    /// The row after it says the gap to the row that comes before it now, or 0 when none ever did;
    /// where that row has left the last N, it says what it said. Nothing else changes.
    ///
    /// - Parameters:
    ///   - window: of a settled state.
    ///   - count: N ≥ 0, as for `sessions`.
    ///   - session: one of `sessions`.
    /// - Returns: `[rows, 64]`, float16 bits.
    package func rows(
        of window: RowWindow, last count: Int, without session: RowSession
    ) -> [UInt16] {
        let first = first(of: window, last: count)
        var rows: [UInt16] = []
        rows.reserveCapacity(count * RowLayout.width)
        for index in first..<window.totalCount where !session.rows.contains(index) {
            rows.append(contentsOf: window.row(index))
        }
        let next = session.rows.upperBound
        // The first and a late one say 0, and go on saying so.
        guard next < window.totalCount, window.key(next).gap > 0 else { return rows }
        let isFirst = session.rows.lowerBound == first
        if isFirst, first > 0 { return rows }
        let key = window.key(next)
        let before = isFirst ? key : window.key(session.rows.lowerBound - 1)
        let gap = max(0, key.seconds - before.seconds)
        let scaler = statistics.scalers[RowTable(key.kind).rawValue].scalers[RowLayout.gap]
        let place = Int(session.rows.lowerBound - first) * RowLayout.width + RowLayout.gap
        rows[place] = halfBits(Float(scaler.scaled(Double(gap))))
        return rows
    }

    /// Index of the first of the last N rows.
    private func first(of window: RowWindow, last count: Int) -> Int64 {
        max(window.firstIndex, window.totalCount - Int64(count))
    }

    /// Whether a row is known to be that of a late event: its gap is 0 although it is not the first.
    ///
    /// Of rows that are not, only a search session's can be placed in the second of the one before
    /// it, a visit session's that closed with it; product rows stand for their second either way.
    private func isOfLateEvent(
        _ index: Int64, in window: RowWindow, from first: Int64, afterLate: Bool
    ) -> Bool {
        let key = window.key(index)
        guard index > first, key.gap == 0 else { return false }
        let before = window.key(index - 1)
        let closedTogether =
            key.kind == .searchQuery && before.kind == .pageVisit && key.seconds == before.seconds
        return !closedTogether || afterLate
    }

    /// The times from the first to the last event that a row stands for.
    private func span(
        _ index: Int64, _ window: RowWindow, isLate: Bool
    ) -> ClosedRange<Int64> {
        let key = window.key(index)
        let table = RowTable(key.kind)
        guard !isLate, table != .product else { return key.seconds...key.seconds }
        let position = table == .visit ? RowLayout.visitDuration : RowLayout.searchDuration
        let row = window.row(index)
        let bits = row[row.startIndex + position]
        let scaler = statistics.scalers[table.rawValue].scalers[position]
        let end = key.seconds - options.sessions.gapSeconds
        return end - scaler.wholeSeconds(Float16(bitPattern: bits))...end
    }
}

extension Scaler {
    /// The duration, in whole seconds ≥ 0, that `scaled` gave `value` for, as near as it tells.
    ///
    /// A duration above the fit's largest reads as the largest.
    fileprivate func wholeSeconds(_ value: Float16) -> Int64 {
        guard treatment == .rate, value.isFinite, high > low, high < 1e12 else { return 0 }
        let share = min(1, max(0, (Double(value) + 1) / 2))
        return Int64(max(0, low + share * (high - low)).rounded())
    }
}
