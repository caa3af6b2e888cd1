/// Whether a part of users' profiles still tells users apart.
///
/// A column has **spread** when its deviation is more than 2⁻¹¹ of its root mean square: less is
/// lost in a snapshot's float16. The **effective rank** is the participation ratio of the
/// correlation matrix R of the columns with spread, (tr R)² / ‖R‖²: K when they are uncorrelated, 1
/// when all are one column up to scale. It needs no eigenvalues, and scaling a column changes
/// nothing. Users whose columns are all zero tell nothing of the part (somebody who never bought
/// has no BPR scores) and are left out.
package struct PartHealth: Sendable, Hashable {
    /// What a part may lack without being broken.
    package enum Kind: Sendable, Hashable {
        /// A network's latent vector: every column is there for everybody.
        case latent
        /// Columns of things that a shop may lack: scores of target lists, statistics.
        case listed
    }

    /// What is the matter.
    package enum Verdict: String, Sendable, Hashable, Codable {
        case healthy
        /// Zero for everybody, which a listed part may be: the caller knows whether it should.
        case empty
        case collapsed
        case notFinite = "not finite"
    }

    package var verdict: Verdict
    /// K of the part, and how many of its columns have spread.
    package var columnCount: Int
    package var spreadCount: Int
    /// Participation ratio, 1…spread columns; nil when there are less than two of them.
    package var effectiveRank: Double?
    /// Users with a column that is not zero.
    package var filledCount: Int

    /// Below it, columns' mean squared correlation is above 0.9999.
    ///
    /// One column then leaves 1 % of another's deviation open. A good latent of churn came to 1.015.
    package static let leastRank = 1.0001
    /// Share of a latent's columns that must have spread.
    package static let leastShare = 0.5
    /// Users whose correlations are counted; more would say the same.
    private static let sampleLimit = 4096

    /// Looks at a part.
    ///
    /// - Parameters:
    ///   - table: `[n, K]`; the first rows with a number ≠ 0 are sampled for the rank.
    ///   - kind: what it may lack.
    package init(_ table: UserColumns, kind: Kind) {
        columnCount = table.columns.count
        spreadCount = 0
        effectiveRank = nil
        filledCount = 0
        guard table.firstNotFinite == nil else {
            verdict = .notFinite
            return
        }
        let filled = table.rows.filter { row in
            table.range(row).contains { table.values[$0] != 0 }
        }
        filledCount = filled.count
        guard !filled.isEmpty else {
            verdict = kind == .listed ? .empty : .collapsed
            return
        }
        let sample = table.rows(Array(filled.prefix(Self.sampleLimit)))
        let scale = ColumnScale(sample, smallest: 0x1p-11)
        spreadCount = scale.kept.count
        effectiveRank = spreadCount < 2 ? nil : Self.rank(StandardizedColumns(sample, scale))
        let hasFew =
            kind == .latent && Double(spreadCount) < Self.leastShare * Double(columnCount)
        let isOne = effectiveRank.map { $0 < Self.leastRank } ?? false
        verdict = spreadCount == 0 || hasFew || isOne ? .collapsed : .healthy
    }

    /// K² / Σ r², the sum over all pairs of columns.
    private static func rank(_ columns: StandardizedColumns) -> Double {
        let count = columns.columnCount
        let lanes = columns.lanes.span
        var products = [SIMD8<Double>](repeating: SIMD8(repeating: 0), count: count)
        var sum = 0.0
        for first in 0..<count {
            for other in first..<count { products[other] = SIMD8(repeating: 0) }
            for block in 0..<columns.blockCount {
                let own = SIMD8<Double>(lanes[block * count + first])
                for other in first..<count {
                    products[other] += own * SIMD8<Double>(lanes[block * count + other])
                }
            }
            for other in first..<count {
                let correlation = products[other].sum() / Double(columns.rowCount)
                sum += correlation * correlation * (other == first ? 1 : 2)
            }
        }
        return Double(count) * Double(count) / sum
    }
}
