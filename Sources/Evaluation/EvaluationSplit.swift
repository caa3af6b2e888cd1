/// The cutoff and the two target windows behind it: input before the cutoff, labels that the
/// downstream network learns from the first window, labels that it is scored on from the second
/// (reference/evaluation-protocol.md §1, `du/split_data.py`).
package struct EvaluationSplit: Sendable, Hashable, Codable {
    package static let defaultTargetDays: Int64 = 14

    /// First second that is no input, seconds since 1970 UTC; the first window begins with it.
    package var cutoffSeconds: Int64
    /// Length of each window.
    package var targetDays: Int64

    package init(cutoffSeconds: Int64, targetDays: Int64 = defaultTargetDays) {
        self.cutoffSeconds = cutoffSeconds
        self.targetDays = targetDays
    }

    /// The challenge's own: midnight UTC 27 days before the last purchase, so that the second window
    /// ends with the day of that purchase.
    package init(lastPurchaseSeconds: Int64, targetDays: Int64 = defaultTargetDays) {
        let first = lastPurchaseSeconds - (2 * targetDays - 1) * 86_400
        let day = first >= 0 ? first / 86_400 : (first - 86_399) / 86_400
        self.init(cutoffSeconds: day * 86_400, targetDays: targetDays)
    }

    /// Purchases that the downstream network is trained on.
    package var training: Range<Int64> {
        cutoffSeconds..<cutoffSeconds + targetDays * 86_400
    }
    /// Purchases that it is scored on.
    package var validation: Range<Int64> {
        training.upperBound..<training.upperBound + targetDays * 86_400
    }
}
