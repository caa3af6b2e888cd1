import Features
import Learning

/// A user's BPR scores of a space's target items or categories.
///
/// The user's vector is folded in from the keys whose weighted events sum to more than 0
/// (`BPRFactors.foldIn`). A target without factors scores the mean of the user's other targets
/// (published-system.md §6).
struct TargetScores: Sendable {
    private let factors: BPRFactors?
    /// Place of each target in the factors; nil without.
    private let places: [Int?]

    /// - Parameters:
    ///   - factors: nil when there are none in the generation.
    ///   - targets: external ids, at most 100.
    init(_ factors: BPRFactors?, _ targets: [Int64]) {
        self.factors = factors
        places = targets.map { factors?.index(of: $0) }
    }

    /// A user's scores.
    ///
    /// - Parameter counts: lanes buy, add, remove.
    /// - Returns: in the order of the targets; nil for a user with no positive, and when no target
    ///   has factors.
    func scores(_ counts: KeyedCounts) -> [Float]? {
        guard let factors, places.contains(where: { $0 != nil }) else { return nil }
        let weights = factors.weights
        var liked: [Int] = []
        for entry in counts.entries {
            // In this order, so that the sum is the same wherever it is taken.
            let sum =
                Float(entry[0]) * weights.buy + Float(entry[1]) * weights.add
                + Float(entry[2]) * weights.remove
            guard sum > 0, let place = factors.index(of: entry.key) else { continue }
            liked.append(place)
        }
        guard let vector = factors.foldIn(liked) else { return nil }
        let known = factors.scores(vector, items: places.compactMap(\.self))
        let mean = known.reduce(0, +) / Float(known.count)
        var next = known.makeIterator()
        return places.map { $0 == nil ? mean : next.next() ?? mean }
    }
}
