/// The challenge's six tasks (reference/evaluation-protocol.md §2), in the order of its reports.
///
/// Raw values are the names of its command line.
package enum EvaluationTask: String, Sendable, CaseIterable, Codable {
    /// No purchase in the window, of users who had bought before.
    case churn
    /// No purchase in the window, of all users; positive for those who do *not* buy, as published.
    case conversion
    /// Which of 100 categories are bought.
    case category = "propensity_category"
    /// Which of the 100 most bought items are bought.
    case item = "propensity_sku"
    /// Which of 100 items that nobody had bought before the cutoff are bought.
    case newItem = "propensity_new_sku"
    /// Which of 100 price buckets something is bought in.
    case price = "propensity_price"

    /// Whether there is one label, and the score is the AUROC alone.
    package var isBinary: Bool { self == .churn || self == .conversion }
}
