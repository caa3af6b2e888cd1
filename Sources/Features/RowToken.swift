import Events

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

extension RowToken {
    /// What ESA reads of a row: its kind, its ids as the vocabulary numbers them, its times.
    ///
    /// - Parameters:
    ///   - key: of the row.
    ///   - vocabulary: of the space.
    package init(_ key: RowKey, vocabulary: RowVocabulary) {
        let isProduct = key.kind.isProduct
        self.init(
            type: Int32(RowLayout.oneHot(key.kind)),
            category: key.category.map(vocabulary.category) ?? -1,
            price: key.price.map(Int32.init) ?? -1,
            item: isProduct ? vocabulary.item(key.key) : -1,
            url: key.kind == .pageVisit ? vocabulary.url(key.key) : -1,
            weekday: Int32(Calendar.weekday(key.seconds) - 1),
            gap: Int32(key.gap))
    }
}

extension RowToken {
    /// Row types: buy, add, remove, visit session, search session.
    package static let rowTypes = 5

    /// What the encoder reads after the last row, and the decoder predicts there: the type END with
    /// the bucketed time from the last event to the cut, and nothing else.
    package static func end(bucket: UInt8) -> Self {
        Self(type: Int32(Self.rowTypes), weekday: -1, gap: Int32(bucket))
    }

    /// What the decoder reads before it predicts the first row.
    package static let start = Self(
        type: Int32(Self.rowTypes + 1), weekday: -1, gap: -1)
}
