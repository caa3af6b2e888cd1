import Glibc
import Kernels

/// The naive twin of `Float`'s layers: the equations of `LayerKernels`, one number at a time.
extension Double: LayerKernels {
    package static func widen(_ halfs: [UInt16], into y: Matrix<Double>) {
        precondition(halfs.count == y.count, "widen: \(halfs.count) halfs into \(y.count)")
        for i in 0..<y.count { y[i] = Double(float(fromHalf: halfs[i])) }
    }

    package static func addBias(_ bias: Matrix<Double>, to y: Matrix<Double>) {
        check(bias, [1, y.columns], "addBias")
        for i in 0..<y.rows {
            for c in 0..<y.columns { y[i, c] += bias[0, c] }
        }
    }

    package static func addColumnSums(_ dy: Matrix<Double>, to dBias: Matrix<Double>) {
        check(dBias, [1, dy.columns], "addColumnSums")
        for i in 0..<dy.rows {
            for c in 0..<dy.columns { dBias[0, c] += dy[i, c] }
        }
    }

    package static func add(_ x: Matrix<Double>, scale: Double, to y: Matrix<Double>) {
        precondition(x.count == y.count, "add: \(x.count) numbers to \(y.count)")
        for i in 0..<y.count { y[i] += scale * x[i] }
    }

    package static func relu(_ y: Matrix<Double>) {
        for i in 0..<y.count { y[i] = max(y[i], 0) }
    }

    package static func reluBackward(y: Matrix<Double>, dy: Matrix<Double>) {
        for i in 0..<y.count { dy[i] = y[i] > 0 ? dy[i] : 0 }
    }

    package static func gelu(_ x: Matrix<Double>, into y: Matrix<Double>) {
        for i in 0..<x.count { y[i] = x[i] * normalCDF(x[i]) }
    }

    package static func geluBackward(x: Matrix<Double>, dy: Matrix<Double>) {
        for i in 0..<x.count { dy[i] *= normalCDF(x[i]) + x[i] * normalDensity(x[i]) }
    }

    package static func dropout(_ y: Matrix<Double>, _ mask: DropoutMask) {
        guard mask.probability > 0 else { return }
        for i in 0..<y.count {
            y[i] = mask.isKept(UInt64(i)) ? y[i] / (1 - mask.probability) : 0
        }
    }

    package static func layerNorm(
        _ x: Matrix<Double>, weight: Matrix<Double>, bias: Matrix<Double>, epsilon: Double,
        into y: Matrix<Double>, saved: Matrix<Double>
    ) {
        check(weight, [1, x.columns], "layerNorm: weight")
        check(bias, [1, x.columns], "layerNorm: bias")
        check(y, [x.rows, x.columns], "layerNorm: y")
        check(saved, [x.rows, 2], "layerNorm: saved")
        let width = Double(x.columns)
        for i in 0..<x.rows {
            let mean = (0..<x.columns).reduce(0) { $0 + x[i, $1] } / width
            let variance =
                (0..<x.columns).reduce(0) { $0 + (x[i, $1] - mean) * (x[i, $1] - mean) } / width
            let inverse = 1 / (variance + epsilon).squareRoot()
            for c in 0..<x.columns {
                y[i, c] = weight[0, c] * (x[i, c] - mean) * inverse + bias[0, c]
            }
            saved[i, 0] = mean
            saved[i, 1] = inverse
        }
    }

    package static func layerNormBackward(
        dy: Matrix<Double>, x: Matrix<Double>, weight: Matrix<Double>, saved: Matrix<Double>,
        dx: Matrix<Double>, dWeight: Matrix<Double>, dBias: Matrix<Double>
    ) {
        let width = Double(x.columns)
        for i in 0..<x.rows {
            let inverse = saved[i, 1]
            // dx̂ = γ ⊙ dy,  dx = (dx̂ − mean(dx̂) − x̂ mean(dx̂ ⊙ x̂)) / √(σ² + ε)
            let normal = (0..<x.columns).map { (x[i, $0] - saved[i, 0]) * inverse }
            let dNormal = (0..<x.columns).map { weight[0, $0] * dy[i, $0] }
            let mean = dNormal.reduce(0, +) / width
            let product = zip(dNormal, normal).reduce(0) { $0 + $1.0 * $1.1 } / width
            for c in 0..<x.columns {
                dWeight[0, c] += dy[i, c] * normal[c]
                dBias[0, c] += dy[i, c]
                dx[i, c] = (dNormal[c] - mean - normal[c] * product) * inverse
            }
        }
    }

    package static func meanRows(
        _ rows: Matrix<Double>, batch: RaggedBatch, into means: Matrix<Double>
    ) {
        check(rows, [batch.rowCount, means.columns], "meanRows: rows")
        check(means, [batch.count, rows.columns], "meanRows: means")
        for (user, length) in batch.lengths.enumerated() {
            for c in 0..<rows.columns {
                let sum = (0..<length).reduce(0) { $0 + rows[batch.row(of: user, at: $1), c] }
                means[user, c] = sum / Double(length)
            }
        }
    }

    package static func meanRowsBackward(
        _ dMeans: Matrix<Double>, batch: RaggedBatch, into dRows: Matrix<Double>
    ) {
        for (user, length) in batch.lengths.enumerated() {
            for t in 0..<length {
                for c in 0..<dRows.columns {
                    dRows[batch.row(of: user, at: t), c] = dMeans[user, c] / Double(length)
                }
            }
        }
    }

    package static func addLookup(
        _ table: Matrix<Double>, indices: [Int32], to y: Matrix<Double>
    ) {
        check(y, [indices.count, table.columns], "addLookup: y")
        for (i, index) in indices.enumerated() where index >= 0 {
            for c in 0..<table.columns { y[i, c] += table[Int(index), c] }
        }
    }

    package static func addLookupBackward(
        _ dy: Matrix<Double>, indices: [Int32], to dTable: Matrix<Double>
    ) {
        check(dy, [indices.count, dTable.columns], "addLookupBackward: dy")
        for (i, index) in indices.enumerated() where index >= 0 {
            for c in 0..<dTable.columns { dTable[Int(index), c] += dy[i, c] }
        }
    }

    private static func normalCDF(_ x: Double) -> Double {
        0.5 * Glibc.erfc(-x * 0.5.squareRoot())
    }

    private static func normalDensity(_ x: Double) -> Double {
        Glibc.exp(-0.5 * x * x) / (2 * Double.pi).squareRoot()
    }
}
