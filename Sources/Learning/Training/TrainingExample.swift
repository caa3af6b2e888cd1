import Features

/// What a network learns from about one user: rows before the cut T, and what came after it.
package struct TrainingExample: Sendable, Equatable {
    /// `[T, 64]` binary16 bits, oldest first, T > 0: the sequence that a read at the cut would use,
    /// the latest `train.max_rows` of it.
    package var rows: [UInt16]
    /// `[64]` END, with which a sequence that ends at the cut goes on; empty when nobody asked.
    package var endRow: [UInt16]
    /// `[F, 64]` rows of the user's future; empty when there are none, or nobody asked.
    package var futureRows: [UInt16]
    /// What ESA reads of each row, `[T]`; empty when nobody asked.
    package var tokens: [RowToken]
    /// log-bucketed time from the last event to the cut, for ESA's END.
    package var endBucket: UInt8
    /// Labels in the horizon after the cut; nil when nobody asked.
    package var labels: TaskLabels?
    /// `[Z]` what a frozen encoder made of the rows; empty when nobody asked.
    ///
    /// For the training of heads alone, which reads no rows. Not kept in files of examples.
    package var latents: [Float]

    package init(
        rows: [UInt16], endRow: [UInt16] = [], futureRows: [UInt16] = [],
        tokens: [RowToken] = [], endBucket: UInt8 = 0, labels: TaskLabels? = nil,
        latents: [Float] = []
    ) {
        self.rows = rows
        self.endRow = endRow
        self.futureRows = futureRows
        self.tokens = tokens
        self.endBucket = endBucket
        self.labels = labels
        self.latents = latents
    }

    /// What a multi-task network reads: the latest rows, and END after them if it reads that too.
    ///
    /// - Parameters:
    ///   - limit: N ≥ 1.
    ///   - readsEndRow: whether it does.
    /// - Returns: `[min(T, N), 64]`, or one row more; nil for an example without the END it wants.
    package func latestRows(_ limit: Int, readsEndRow: Bool) -> [UInt16]? {
        guard !readsEndRow || endRow.count == RowLayout.width else { return nil }
        return rows.suffix(limit * RowLayout.width) + (readsEndRow ? endRow : [])
    }
}

/// What a user did in the label horizon (reference §5.2).
package struct TaskLabels: Sendable, Equatable {
    /// 1 when nothing was bought.
    package var churned: Bool
    /// Which of the space's target categories were bought: indices 0…99, ascending.
    package var categories: [UInt8]
    /// Which of the space's target items were bought: indices 0…99, ascending.
    package var items: [UInt8]

    package init(churned: Bool, categories: [UInt8], items: [UInt8]) {
        self.churned = churned
        self.categories = categories
        self.items = items
    }
}
