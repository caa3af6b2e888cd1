/// The parts that a profile may have, in the order of its columns (DESIGN §5).
///
/// The first seven are the published hybrid, 744 columns with the published widths; the last two are
/// the product's own.
package enum ProfilePart: String, Sendable, CaseIterable, Codable {
    case sra
    case mtl
    case mtlPropensity = "mtl-propensity"
    case fip
    case mtlChurn = "mtl-churn"
    case bprItems = "bpr-sku"
    case bprCategories = "bpr-category"
    case esa
    case stats

    /// Whether the published hybrid has the part.
    package var isPublished: Bool { self != .esa && self != .stats }
}

/// Which of the parts that a space has are served.
package enum Hybrid: String, Sendable, CaseIterable, Codable {
    /// All of them.
    case extended
    /// Those of the published hybrid only: 744 columns when target lists are full.
    case published
}
