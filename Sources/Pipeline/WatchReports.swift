import Events

/// How far the profiles of the active generation have come; what a watch is resumed by.
///
/// `count` rises with every record folded and every input applied, so it is the same again when a
/// fold comes to the same place after a restart. `epoch` rises when counts of before say nothing any
/// more: another generation answers, or a state is folded anew.
package struct Revision: Sendable, Hashable, Comparable, CustomStringConvertible {
    /// Seconds since 1970 when the epoch began, or one more than the epoch before; ≥ 0.
    package var epoch: Int64
    /// Records folded plus the highest input applied, ≥ 0.
    package var count: Int64

    package init(epoch: Int64, count: Int64) {
        self.epoch = epoch
        self.count = count
    }

    /// Reads what `description` writes; nil for anything else.
    package init?(_ text: String) {
        let halves = text.split(separator: "-", omittingEmptySubsequences: false)
        guard halves.count == 2, let epoch = Self.number(halves[0]),
            let count = Self.number(halves[1])
        else { return nil }
        self.init(epoch: epoch, count: count)
    }

    private static func number(_ text: Substring) -> Int64? {
        guard !text.isEmpty, text.utf8.allSatisfy({ (0x30...0x39).contains($0) }) else {
            return nil
        }
        return Int64(text)
    }

    package static func < (left: Revision, right: Revision) -> Bool {
        (left.epoch, left.count) < (right.epoch, right.count)
    }

    package var description: String { "\(epoch)-\(count)" }
}

/// What a watch asks.
package struct WatchQuery: Sendable {
    /// Whose changes; nil for everybody's.
    package var users: [UserID]?
    /// Changes behind this revision; nil asks for the present one.
    package var after: Revision?
    /// Changes of one page; a record that changes several users at once is not divided.
    package var limit: Int

    package init(users: [UserID]? = nil, after: Revision? = nil, limit: Int = 1000) {
        self.users = users
        self.after = after
        self.limit = limit
    }
}

/// Who has changed since a revision.
package struct WatchPage: Sendable {
    /// One user who has changed.
    package struct Change: Sendable, Equatable {
        package var user: UserID
        /// Of the user's last change that the page speaks of.
        package var revision: Revision
        /// Event time of the user's newest event, seconds since 1970; nil without one.
        package var newestSeconds: Int64?
        /// Events applied, those that wait among them.
        package var eventCount: Int64
        /// Whether nothing is held of the user any more.
        package var isForgotten: Bool

        package init(
            user: UserID, revision: Revision, newestSeconds: Int64?, eventCount: Int64,
            isForgotten: Bool
        ) {
            self.user = user
            self.revision = revision
            self.newestSeconds = newestSeconds
            self.eventCount = eventCount
            self.isForgotten = isForgotten
        }
    }

    /// Where the page ends: what the next watch asks for changes behind.
    package var revision: Revision
    /// Each user once, in the order of the last changes.
    package var changes: [Change]
    /// The earliest revision that could still be answered; nil when the one asked for was.
    package var oldest: Revision?
    package var space: Int64
    package var generation: Int64
    /// Records applied.
    package var offset: Int64

    package init(
        revision: Revision, changes: [Change], oldest: Revision?, space: Int64, generation: Int64,
        offset: Int64
    ) {
        self.revision = revision
        self.changes = changes
        self.oldest = oldest
        self.space = space
        self.generation = generation
        self.offset = offset
    }
}
