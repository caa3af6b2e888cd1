import Features

/// The fields of a row as ESA sees it, in the order of its tensors.
package enum ESAField: Int, Sendable, CaseIterable {
    /// The row's type. `nn.ModuleDict` has a `type` of its own, so tensors are named `kind`.
    case kind
    case category
    case price
    case item
    case url
    case weekday
    case gap

    /// Names its embedding table and its output layer.
    package var name: String {
        switch self {
        case .kind: "kind"
        case .category: "category"
        case .price: "price"
        case .item: "item"
        case .url: "url"
        case .weekday: "weekday"
        case .gap: "gap"
        }
    }

    /// The field's index in a token; −1 when its row type has no such field.
    package func index(in token: RowToken) -> Int32 {
        switch self {
        case .kind: token.type
        case .category: token.category
        case .price: token.price
        case .item: token.item
        case .url: token.url
        case .weekday: token.weekday
        case .gap: token.gap
        }
    }
}
