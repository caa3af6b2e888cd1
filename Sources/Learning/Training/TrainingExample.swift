/// What a network learns from about one user: rows before the cut T, and what came after it.
package struct TrainingExample: Sendable, Equatable {
    /// `[T, 64]` binary16 bits, oldest first, T > 0: the sequence that a read at the cut would use,
    /// the latest `train.max_rows` of it.
    package var rows: [UInt16]
    /// `[F, 64]` rows of the user's future; empty when there are none, or nobody asked.
    package var futureRows: [UInt16]
    /// What ESA reads of each row, `[T]`; empty when nobody asked.
    package var tokens: [RowToken]
    /// log-bucketed time from the last event to the cut, for ESA's END.
    package var endBucket: UInt8
    /// Labels in the horizon after the cut; nil when nobody asked.
    package var labels: TaskLabels?

    package init(
        rows: [UInt16], futureRows: [UInt16] = [], tokens: [RowToken] = [], endBucket: UInt8 = 0,
        labels: TaskLabels? = nil
    ) {
        self.rows = rows
        self.futureRows = futureRows
        self.tokens = tokens
        self.endBucket = endBucket
        self.labels = labels
    }
}

/// One row as ESA sees it: indices into embedding tables, −1 where the row type has no such field.
package struct RowToken: Sendable, Equatable {
    /// 0 buy, 1 add, 2 remove, 3 visit session, 4 search session.
    package var type: Int32
    /// Index in the space's vocabulary; 0 stands for those outside of it.
    package var category: Int32
    /// 0…99.
    package var price: Int32
    package var item: Int32
    package var url: Int32
    /// 0 Monday … 6 Sunday.
    package var weekday: Int32
    /// log-bucketed gap to the row before.
    package var gap: Int32

    package init(
        type: Int32, category: Int32 = -1, price: Int32 = -1, item: Int32 = -1, url: Int32 = -1,
        weekday: Int32, gap: Int32
    ) {
        self.type = type
        self.category = category
        self.price = price
        self.item = item
        self.url = url
        self.weekday = weekday
        self.gap = gap
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
