import CKernels

/// The updates and the fold-in of Bayesian personalised ranking (arXiv:1205.2618).
///
/// Factors of users and items are matrices `[·, W]` with W = `rowWidth(factorCount:)`: K factors,
/// then a constant 1 in a user's row and the bias in an item's, then zeros. The margin of user u
/// between items i and j is w_u · (h_i − h_j). All in Float32 in one documented order
/// (Sources/CKernels/bpr.h), so that every instruction level gives the same bytes.
package enum BPRKernels {
    /// How many updates a list of triples gave.
    package struct Counts: Sendable, Equatable {
        /// Triples whose sampled item the user did not have.
        package var updated: Int64
        /// Those of them that were in order already: x̂ > 0.
        package var ordered: Int64

        /// Sets both.
        package init(updated: Int64 = 0, ordered: Int64 = 0) {
            self.updated = updated
            self.ordered = ordered
        }

        package static func += (left: inout Self, right: Self) {
            left.updated += right.updated
            left.ordered += right.ordered
        }
    }

    /// W: K factors and one column more, rounded up to whole vectors.
    package static func rowWidth(factorCount: Int) -> Int {
        precondition(factorCount >= 1, "BPRKernels: K = \(factorCount)")
        return PackedGRU.padded(factorCount + 1)
    }

    /// Stochastic gradient steps on ln σ(x̂) − (reg / 2)(|w|² + |h_i|² + |h_j|²), in order.
    ///
    ///     w ← w + η (s (h_i − h_j) − reg w),  h_i ← h_i + η (s w − reg h_i),
    ///     h_j ← h_j + η (−s w − reg h_j),     s = σ(−x̂), old values on the right
    ///
    /// - Parameters:
    ///   - triples: `[n, 3]` rows (user, liked item, sampled item); indices are checked.
    ///   - steps: which of the rows.
    ///   - pairs: whose liked items are never sampled: such a triple is passed over.
    ///   - users: `[U, W]`; updated. Another thread may update other rows at the same time.
    ///   - items: `[I, W]`; updated, likewise.
    ///   - factorCount: K.
    ///   - rate: η.
    ///   - regularization: reg.
    ///   - level: a supported level; the result is the same at each.
    /// - Returns: how many triples changed something, and were in order.
    package static func update(
        _ triples: [Int32], steps: Range<Int>, pairs: BPRPairs, users: Matrix<Float>,
        items: Matrix<Float>,
        factorCount: Int, rate: Float, regularization: Float, level: InstructionLevel
    ) -> Counts {
        let width = rowWidth(factorCount: factorCount)
        precondition(
            steps.lowerBound >= 0 && 3 * steps.upperBound <= triples.count,
            "BPRKernels: steps \(steps) of \(triples.count) numbers")
        precondition(users.columns == width && items.columns == width, "BPRKernels: not [·, W]")
        precondition(pairs.userCount == users.rows, "BPRKernels: pairs of \(pairs.userCount)")
        let code = level.checkedCode
        var counts = Counts()
        guard !steps.isEmpty else { return counts }
        checkIndices(triples, steps, userCount: users.rows, itemCount: items.rows)
        // SAFETY: `steps` are rows of the triples, with indices that `checkIndices` has compared with
        // the rows of both matrices and with the pairs' users; the pairs' starts ascend within its
        // items.
        unsafe triples.withUnsafeBufferPointer { rows in
            unsafe pairs.starts.withUnsafeBufferPointer { starts in
                unsafe pairs.items.withUnsafeBufferPointer { liked in
                    unsafe kernels_bpr_updates(
                        code, rows.baseAddress.map { unsafe $0 + 3 * steps.lowerBound },
                        steps.count, starts.baseAddress, liked.baseAddress, users.pointer,
                        items.pointer, width, factorCount, rate, regularization,
                        &counts.updated, &counts.ordered)
                }
            }
        }
        withExtendedLifetime((users, items)) {}
        return counts
    }

    private static func checkIndices(
        _ triples: [Int32], _ steps: Range<Int>, userCount: Int, itemCount: Int
    ) {
        var bad = false
        for step in steps {
            // Without a branch a row, so that the loop costs next to nothing.
            bad =
                bad || UInt(bitPattern: Int(triples[3 * step])) >= UInt(userCount)
                || UInt(bitPattern: Int(triples[3 * step + 1])) >= UInt(itemCount)
                || UInt(bitPattern: Int(triples[3 * step + 2])) >= UInt(itemCount)
        }
        precondition(!bad, "BPRKernels: a triple names no user or item")
    }
}

/// Which user likes which items: distinct pairs, by user, items ascending.
package struct BPRPairs: Sendable, Equatable {
    /// `[U + 1]`: where each user's items begin.
    package let starts: [Int32]
    /// `[P]`, ascending within a user.
    package let items: [Int32]

    /// Takes pairs sorted by (user, item); traps when they are not, or when a user is ≥ `userCount`.
    package init(sorted pairs: [(user: Int32, item: Int32)], userCount: Int) {
        precondition(pairs.count < Int(Int32.max), "BPRPairs: \(pairs.count) pairs")
        var starts = [Int32](repeating: 0, count: userCount + 1)
        for (index, pair) in pairs.enumerated() {
            precondition(pair.user >= 0 && Int(pair.user) < userCount, "BPRPairs: \(pair)")
            let last = index > 0 ? pairs[index - 1] : (user: -1, item: -1)
            precondition((last.user, last.item) < (pair.user, pair.item), "BPRPairs: not sorted")
            starts[Int(pair.user) + 1] += 1
        }
        for user in 0..<userCount { starts[user + 1] += starts[user] }
        self.starts = starts
        items = pairs.map(\.item)
    }

    /// U.
    package var userCount: Int { starts.count - 1 }
    /// P.
    package var count: Int { items.count }

    /// The places of a user's items in `items`.
    package func range(of user: Int) -> Range<Int> { Int(starts[user])..<Int(starts[user + 1]) }
}
