import Events
import Features

extension RowToken {
    /// What ESA reads of a row: its kind, its ids as the vocabulary numbers them, its times.
    ///
    /// - Parameters:
    ///   - key: of the row.
    ///   - previousSeconds: when the row before it was placed; nil before the first, whose gap is 0.
    ///   - vocabulary: of the space.
    package init(_ key: RowKey, previousSeconds: Int64?, vocabulary: RowVocabulary) {
        let isProduct = key.kind.isProduct
        self.init(
            type: Int32(RowLayout.oneHot(key.kind)),
            category: key.category.map(vocabulary.category) ?? -1,
            price: key.price.map(Int32.init) ?? -1,
            item: isProduct ? vocabulary.item(key.key) : -1,
            url: key.kind == .pageVisit ? vocabulary.url(key.key) : -1,
            weekday: Int32(Calendar.weekday(key.seconds) - 1),
            gap: Int32(
                LogBuckets.index(seconds: key.seconds - (previousSeconds ?? key.seconds))))
    }
}
