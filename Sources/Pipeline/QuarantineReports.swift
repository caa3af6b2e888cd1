import EventLog

/// Which quarantined records `quarantine.list` asks for.
package struct QuarantineQuery: Sendable, Equatable {
    /// Only records behind this one: the page before ended with it.
    package var after: RecordPlace?
    package var segment: Int64?
    /// A `reasonCode`.
    package var code: String?
    /// Entries of a page, at most.
    package var limit: Int

    /// Asks for a page.
    package init(
        after: RecordPlace? = nil, segment: Int64? = nil, code: String? = nil, limit: Int
    ) {
        self.after = after
        self.segment = segment
        self.code = code
        self.limit = limit
    }
}

/// A quarantined record, and whether it was replayed.
package struct QuarantineItem: Sendable, Equatable {
    package var entry: QuarantineEntry
    package var isReplayed: Bool

    /// Describes a quarantined record.
    package init(entry: QuarantineEntry, isReplayed: Bool) {
        self.entry = entry
        self.isReplayed = isReplayed
    }
}

/// How full the quarantine is.
package struct QuarantineCondition: Sendable, Equatable, Codable {
    package var entryCount: Int64 = 0
    package var byteCount: Int64 = 0
    /// Entries that left for space or age.
    package var droppedCount: Int64 = 0

    package init() {}
}

/// Answer to `quarantine.list`.
package struct QuarantinePage: Sendable {
    /// In log order.
    package var items: [QuarantineItem]
    /// What the next page comes after; nil when this is the last.
    package var next: RecordPlace?
    package var condition: QuarantineCondition

    /// One page.
    package init(items: [QuarantineItem], next: RecordPlace?, condition: QuarantineCondition) {
        self.items = items
        self.next = next
        self.condition = condition
    }
}

/// What became, or would become, of one record that was to be replayed.
package struct ReplayOutcome: Sendable, Equatable {
    package var place: RecordPlace
    /// Why it stays in the quarantine; nil when it was taken.
    package var refusal: Refusal?

    /// One record's outcome.
    package init(place: RecordPlace, refusal: Refusal?) {
        self.place = place
        self.refusal = refusal
    }
}
