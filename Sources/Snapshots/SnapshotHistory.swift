/// One user across the published snapshots.
package struct SnapshotHistory: Sendable, Equatable {
    /// The columns of one part.
    package struct Part: Sendable, Equatable {
        package var name: String
        /// Columns `start` to `end`, the end excluded.
        package var start: Int
        package var end: Int
        /// Length of the columns.
        package var norm: Double
        /// Cosine to the same part in the snapshot before, −1…1: 1 between two zero vectors, 0 where
        /// one is zero; nil where they cannot be compared.
        package var cosine: Double?

        package init(name: String, start: Int, end: Int, norm: Double, cosine: Double?) {
            self.name = name
            self.start = start
            self.end = end
            self.norm = norm
            self.cosine = cosine
        }
    }

    /// The user in one snapshot.
    package struct Entry: Sendable, Equatable {
        package var version: Int64
        /// Of those asked for, the one before, with which it is compared; nil for the first.
        package var previous: Int64?
        package var isCurrent: Bool
        package var space: Int64
        package var generation: Int64
        package var trained: Bool
        /// Event time it speaks for, seconds since 1970.
        package var asOf: Int64?
        /// Seconds since 1970, wall clock.
        package var createdSeconds: Int64
        /// Whether it holds a profile of the user.
        package var isKnown = false
        /// Why its files cannot be read; nil when they can.
        package var problem: String?
        /// Why no cosine is given; nil when they are.
        package var incomparable: String?
        /// In column order; empty for a user who is not in it.
        package var parts: [Part] = []
        /// `[D]`, as float16 holds them; empty for a user who is not in it.
        package var values: [Float] = []

        package init(
            version: Int64, previous: Int64?, isCurrent: Bool, space: Int64, generation: Int64,
            trained: Bool, asOf: Int64?, createdSeconds: Int64
        ) {
            self.version = version
            self.previous = previous
            self.isCurrent = isCurrent
            self.space = space
            self.generation = generation
            self.trained = trained
            self.asOf = asOf
            self.createdSeconds = createdSeconds
        }
    }

    /// The newest ones, ascending by version.
    package var entries: [Entry]
    /// How many there are before them.
    package var olderCount: Int

    package init(entries: [Entry], olderCount: Int) {
        self.entries = entries
        self.olderCount = olderCount
    }
}
