import Encoders
import Features

/// Sizes of an `ESANetwork`.
package struct ESAConfiguration: Sendable, Equatable {
    /// Row types: buy, add, remove, visit session, search session.
    package static let rowTypes = RowToken.rowTypes

    /// E of the summed embeddings.
    package var embeddingWidth = 128
    /// H of both GRUs, and the width of the profile's part.
    package var hiddenWidth = 256
    /// Categories of the space, with index 0 for those outside of it.
    package var categoryCount: Int
    /// Price buckets.
    package var priceCount = 100
    /// Items of the space, with index 0 for those outside of it.
    package var itemCount = 5001
    /// URLs of the space, with index 0 for those outside of it.
    package var urlCount = 5001
    /// Logarithmic buckets of the gap between rows, and of the time from the last row to the cut.
    package var gapCount = 32

    /// The published vocabularies, 5000 items and URLs, and the space's categories.
    package init(categoryCount: Int) { self.categoryCount = categoryCount }

    /// Values a decoder may predict for a field: a softmax's width.
    package func outputCount(_ field: ESAField) -> Int {
        switch field {
        case .kind: Self.rowTypes + 1
        case .category: categoryCount
        case .price: priceCount
        case .item: itemCount
        case .url: urlCount
        case .weekday: 7
        case .gap: gapCount
        }
    }

    /// Rows of a field's embedding table: START is a type that is read and never predicted.
    package func tableCount(_ field: ESAField) -> Int {
        outputCount(field) + (field == .kind ? 1 : 0)
    }
}

extension ESAConfiguration {
    /// Sizes for a space's vocabulary.
    package init(_ vocabulary: RowVocabulary) {
        self.init(categoryCount: vocabulary.categories.count + 1)
    }
}
