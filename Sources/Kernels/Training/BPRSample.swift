import CKernels

/// Frozen items that stand for what a user does not like, with their products with each other: what
/// folding users in needs of them, whoever the user is.
package struct BPRSample: Sendable {
    /// Margins are computed for blocks of so many.
    private static let block = 128

    /// Distinct items.
    package let count: Int
    /// K.
    private let factorCount: Int
    private let level: InstructionLevel
    /// `count` rounded up to whole blocks.
    private let stride: Int
    /// `[count, W]`.
    private let rows: [Float]
    /// `[K, stride]`: the factors of all, one after the other.
    private var columns: [Float]
    /// `[count, stride]`.
    private var products: [Float]
    /// `[stride]`: each one's bias, and the sum of its factors.
    private var biases: [Float]
    private var sums: [Float]

    /// Multiplies the items with each other.
    ///
    /// - Parameters:
    ///   - rows: `[count, W]` distinct items: K factors, the bias, zeros.
    ///   - factorCount: K.
    ///   - level: a supported level; it changes no result.
    /// - Complexity: O(count² K).
    package init(rows: [Float], factorCount: Int, level: InstructionLevel) {
        let width = BPRKernels.rowWidth(factorCount: factorCount)
        let count = rows.count / width
        precondition(rows.count == count * width, "BPRSample: rows of \(rows.count)")
        let stride = (count + Self.block - 1) / Self.block * Self.block
        (self.count, self.stride) = (count, stride)
        self.factorCount = factorCount
        self.level = level
        self.rows = rows
        columns = Array(repeating: 0, count: factorCount * stride)
        products = Array(repeating: 0, count: count * stride)
        biases = Array(repeating: 0, count: stride)
        sums = biases
        // SAFETY: the arrays have the shapes that the kernel asks for.
        unsafe kernels_bpr_fill_sample(
            level.checkedCode, rows, count, stride, width, factorCount, &columns, &products,
            &biases, &sums)
    }

    /// A user's vector from the items it likes, against frozen item factors.
    ///
    /// Maximises mean over liked i and sampled j of ln σ(w · (h_i − h_j)) − (penalty / 2)|w|² by
    /// accelerated gradient steps from 0 (Beck and Teboulle 2009, doi:10.1137/080716542). Every w on
    /// the way is a sum of weighted items, so the steps are taken in those weights and read nothing
    /// but the items' products with each other; the vector is summed up once, at the end.
    ///
    /// - Parameters:
    ///   - liked: `[n, W]` rows of items, n > 0.
    ///   - counts: `[count]` how often each sampled item was drawn; 0 for one the user likes, not
    ///     all 0.
    ///   - penalty: ≥ 0.
    ///   - rounds: gradient steps.
    /// - Returns: `[W]`, column K is 1; the same bytes at each instruction level.
    /// - Complexity: O(n (n + count) K) for the products, then O((n + count)²) a round.
    package func foldIn(
        liked: [Float], counts: [Float], penalty: Float, rounds: Int
    ) -> [Float] {
        let width = BPRKernels.rowWidth(factorCount: factorCount)
        let positives = liked.count / width
        precondition(positives > 0 && liked.count == positives * width, "BPRSample: liked")
        precondition(
            counts.count == count && counts.contains { $0 > 0 } && counts.allSatisfy { $0 >= 0 },
            "BPRSample: counts")
        precondition(rounds >= 0 && penalty >= 0, "BPRSample: \(rounds) rounds, \(penalty)")
        let drawn = counts + repeatElement(0, count: stride - count)
        var vector = [Float](repeating: 0, count: width)
        // SAFETY: shapes are checked above; scratch has the size that the kernel asks for.
        unsafe withSample { sample in
            var scratch = unsafe [Float](
                repeating: 0, count: kernels_bpr_fold_in_scratch(sample, positives, factorCount))
            unsafe kernels_bpr_fold_in(
                level.checkedCode, sample, drawn, liked, positives, width, factorCount, penalty,
                rounds, &scratch, &vector)
        }
        return vector
    }

    /// What the kernels read, for as long as `body` runs.
    private func withSample(_ body: (UnsafePointer<kernels_bpr_sample>) -> Void) {
        // SAFETY: the struct does not outlive the arrays' pointers.
        unsafe rows.withUnsafeBufferPointer { rows in
            unsafe columns.withUnsafeBufferPointer { columns in
                unsafe products.withUnsafeBufferPointer { products in
                    unsafe biases.withUnsafeBufferPointer { biases in
                        unsafe sums.withUnsafeBufferPointer { sums in
                            var sample = unsafe kernels_bpr_sample(
                                rows: rows.baseAddress, columns: columns.baseAddress,
                                products: products.baseAddress, biases: biases.baseAddress,
                                sums: sums.baseAddress, count: count, stride: stride)
                            unsafe body(&sample)
                        }
                    }
                }
            }
        }
    }
}

extension BPRKernels {
    /// w · h with the item's bias, of some items.
    ///
    /// - Parameters:
    ///   - vector: `[W]` a user's, column K is 1.
    ///   - items: `[I, W]`.
    ///   - indices: rows of `items`.
    ///   - level: a supported level; the result is the same at each.
    /// - Returns: in the order of the indices.
    package static func scores(
        _ vector: [Float], items: [Float], indices: [Int32], level: InstructionLevel
    ) -> [Float] {
        let rows = items.count / max(1, vector.count)
        precondition(
            vector.count.isMultiple(of: 16) && items.count == rows * vector.count,
            "BPRKernels: items of \(items.count)")
        precondition(
            indices.allSatisfy { $0 >= 0 && Int($0) < rows }, "BPRKernels: an index of no item")
        var scores = [Float](repeating: 0, count: indices.count)
        // SAFETY: every index names a row, and there is a score for each.
        unsafe kernels_bpr_scores(
            level.checkedCode, items, indices, indices.count, vector.count, vector, &scores)
        return scores
    }
}
