import Kernels

/// From one night's factors to the next one's in the same space.
///
/// Every night trains from the same first factors, so that two nights' lie near each other, but what
/// triples are drawn by chance moves them. A night therefore goes a part of the way only, which takes
/// the mean over nights, later ones counting more. A bias is a number that everybody's score of that
/// item has in common, and which negatives drawn by popularity leave to chance: an item keeps its own
/// (docs/decisions/0018-nightly-factors.md).
extension BPRFactors {
    /// The least cosine of two nights' factors with which one goes on from the other: below it they
    /// are turned against each other, and a point between them would be neither.
    package static let leastAgreement = 0.5

    /// How far an earlier night's factors lie in the same directions: the cosine of both, all
    /// factors of all common items taken as one vector, without biases; −1…1.
    ///
    /// - Returns: nil for factors that were trained otherwise (other options, seed included, or other
    ///   weights), without a common item, and when either has factors of 0 alone.
    package func agreement(with earlier: BPRFactors) -> Double? {
        guard earlier.options == options, earlier.weights == weights else { return nil }
        var (product, own, others) = (0.0, 0.0, 0.0)
        for (item, id) in ids.enumerated() {
            guard let place = earlier.index(of: id) else { continue }
            for factor in 0..<options.factorCount {
                let a = Double(values[item * rowWidth + factor])
                let b = Double(earlier.values[place * rowWidth + factor])
                product += a * b
                own += a * a
                others += b * b
            }
        }
        guard own > 0, others > 0 else { return nil }
        return product / (own * others).squareRoot()
    }

    /// Factors `share` of the way from an earlier night's to these, with that night's biases.
    ///
    /// An item that the earlier night did not have is as it is here, one that is not here is not in
    /// the result; popularity is this night's.
    ///
    /// - Parameters:
    ///   - earlier: of the same space, as far as `agreement` is `leastAgreement` or more: else these
    ///     factors are given as they are.
    ///   - share: in 0…1; 1 takes nothing of the earlier night.
    /// - Returns: of this night's items.
    package func approached(from earlier: BPRFactors, share: Float) -> BPRFactors {
        precondition((0...1).contains(share), "BPRFactors: share \(share)")
        guard share < 1, let agreement = agreement(with: earlier),
            agreement >= Self.leastAgreement
        else { return self }
        let width = rowWidth
        let rows = Matrix(values, rows: ids.count, columns: width)
        for (item, id) in ids.enumerated() {
            guard let place = earlier.index(of: id) else { continue }
            for column in 0..<options.factorCount {
                let before = earlier.values[place * width + column]
                rows[item, column] = before + share * (rows[item, column] - before)
            }
            let bias = place * width + options.factorCount
            rows[item, options.factorCount] = earlier.values[bias]
        }
        return BPRFactors(
            ids: ids, items: rows, popularity: popularity, options: options, weights: weights,
            level: level)
    }
}
