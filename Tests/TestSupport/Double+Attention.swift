import Glibc
import Kernels

/// Attention inside each sequence, one number at a time; part of `Double`'s `LayerKernels`.
extension Double {
    package static func attention(
        qkv: Matrix<Double>, batch: RaggedBatch, heads: Int, mask: DropoutMask,
        into out: Matrix<Double>, probabilities: Matrix<Double>
    ) {
        let width = out.columns
        check(qkv, [batch.rowCount, 3 * width], "attention: qkv")
        check(out, [batch.rowCount, width], "attention: out")
        precondition(width.isMultiple(of: heads), "attention: \(heads) heads of \(width)")
        let head = width / heads
        forEachHead(batch, heads) { user, h, length, start in
            func element(_ part: Int, _ t: Int, _ c: Int) -> Double {
                qkv[batch.row(of: user, at: t), part * width + h * head + c]
            }
            for i in 0..<length {
                let scores = (0..<length).map { j in
                    (0..<head).reduce(0) { $0 + element(0, i, $1) * element(1, j, $1) }
                        / Double(head).squareRoot()
                }
                let most = scores.max() ?? 0
                let sum = scores.reduce(0) { $0 + Glibc.exp($1 - most) }
                for j in 0..<length {
                    probabilities[start + i * length + j] = Glibc.exp(scores[j] - most) / sum
                }
                for c in 0..<head {
                    out[batch.row(of: user, at: i), h * head + c] = (0..<length).reduce(0) {
                        let index = start + i * length + $1
                        return $0 + kept(mask, index, probabilities[index]) * element(2, $1, c)
                    }
                }
            }
        }
    }

    package static func attentionBackward(
        dOut: Matrix<Double>, qkv: Matrix<Double>, batch: RaggedBatch, heads: Int,
        mask: DropoutMask, probabilities: Matrix<Double>, into dqkv: Matrix<Double>
    ) {
        let width = dOut.columns
        let head = width / heads
        let scale = 1 / Double(head).squareRoot()
        dqkv.fill(0)
        forEachHead(batch, heads) { user, h, length, start in
            func row(_ t: Int) -> Int { batch.row(of: user, at: t) }
            func column(_ part: Int, _ c: Int) -> Int { part * width + h * head + c }
            for i in 0..<length {
                // dP' = dOut vᵀ through the dropout, dS = P ⊙ (dP − Σ_j dP P)
                let dP = (0..<length).map { j in
                    kept(
                        mask, start + i * length + j,
                        (0..<head).reduce(0) {
                            $0 + dOut[row(i), h * head + $1] * qkv[row(j), column(2, $1)]
                        })
                }
                let dot = (0..<length).reduce(0) {
                    $0 + dP[$1] * probabilities[start + i * length + $1]
                }
                for j in 0..<length {
                    let index = start + i * length + j
                    let dS = probabilities[index] * (dP[j] - dot) * scale
                    for c in 0..<head {
                        dqkv[row(i), column(0, c)] += dS * qkv[row(j), column(1, c)]
                        dqkv[row(j), column(1, c)] += dS * qkv[row(i), column(0, c)]
                        dqkv[row(j), column(2, c)] +=
                            kept(mask, index, probabilities[index]) * dOut[row(i), h * head + c]
                    }
                }
            }
        }
    }

    /// Number `index` of a dropout's argument, kept and scaled or 0.
    private static func kept(_ mask: DropoutMask, _ index: Int, _ value: Double) -> Double {
        guard mask.probability > 0 else { return value }
        return mask.isKept(UInt64(index)) ? value / (1 - mask.probability) : 0
    }

    /// Calls `body` with user, head, T_u and where the T_u² probabilities begin.
    private static func forEachHead(
        _ batch: RaggedBatch, _ heads: Int, _ body: (Int, Int, Int, Int) -> Void
    ) {
        var start = 0
        for (user, length) in batch.lengths.enumerated() {
            for h in 0..<heads {
                body(user, h, length, start)
                start += length * length
            }
        }
    }
}
