import Kernels
import Storage

/// A seeded matrix in [−scale, scale).
func matrix(_ rows: Int, _ columns: Int, seed: UInt64, scale: Double = 1) -> Matrix<Float> {
    Matrix(floats(rows * columns, seed: seed, scale: scale), rows: rows, columns: columns)
}

/// The same numbers in Double.
func widened(_ matrix: Matrix<Float>) -> Matrix<Double> {
    Matrix(matrix.values.map(Double.init), rows: matrix.rows, columns: matrix.columns)
}

/// The same numbers rounded to bfloat16, to nearest even, by arithmetic alone.
func rounded(_ matrix: Matrix<Float>) -> Matrix<Float> {
    Matrix(
        matrix.values.map(bfloat16Rounded), rows: matrix.rows, columns: matrix.columns)
}

/// A finite number rounded to eight significant bits.
func bfloat16Rounded(_ x: Float) -> Float {
    guard x != 0 else { return x }
    let unit = Double(sign: .plus, exponent: max(Int(x.exponent), -126) - 7, significand: 1)
    return Float((Double(x) / unit).rounded(.toNearestOrEven) * unit)
}

/// The largest difference between two matrices of one shape.
func worst(_ a: Matrix<Float>, _ b: Matrix<Double>) -> Double {
    guard a.rows == b.rows, a.columns == b.columns else { return .infinity }
    var worst = 0.0
    for (x, y) in zip(a.values, b.values) {
        let difference = (Double(x) - y).magnitude
        // A NaN must not pass for small.
        if !(difference <= worst) { worst = difference.isNaN ? .infinity : difference }
    }
    return worst
}
