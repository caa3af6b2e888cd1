import Glibc
import Kernels

/// The naive twin of `Float`'s products and gates: the equations of `ProductKernels`, one number at
/// a time.
extension Double: ProductKernels {
    package static func multiply(
        _ a: Matrix<Double>, _ aForm: MatrixForm, _ b: Matrix<Double>, _ bForm: MatrixForm,
        into c: Matrix<Double>, adding: Bool, precision: ProductPrecision
    ) {
        func element(_ x: Matrix<Double>, _ form: MatrixForm, _ i: Int, _ j: Int) -> Double {
            form == .plain ? x[i, j] : x[j, i]
        }
        let m = aForm == .plain ? a.rows : a.columns
        let k = aForm == .plain ? a.columns : a.rows
        let n = bForm == .plain ? b.columns : b.rows
        precondition(
            (bForm == .plain ? b.rows : b.columns) == k && c.rows == m && c.columns == n,
            "multiply: [\(m), \(k)] · [.., \(n)] into [\(c.rows), \(c.columns)]")
        for i in 0..<m {
            for j in 0..<n {
                var sum = adding ? c[i, j] : 0
                for l in 0..<k { sum += element(a, aForm, i, l) * element(b, bForm, l, j) }
                c[i, j] = sum
            }
        }
    }

    package static func gruGates(
        x: Matrix<Double>, u: Matrix<Double>, biasIH: Matrix<Double>, biasHH: Matrix<Double>,
        previous: Matrix<Double>, state: Matrix<Double>, gates: Matrix<Double>
    ) {
        let width = state.columns
        check(biasIH, [1, 3 * width], "gruGates: biasIH")
        check(biasHH, [1, 3 * width], "gruGates: biasHH")
        check(gates, [state.rows, 4 * width], "gruGates: gates")
        check(x, [state.rows, 3 * width], "gruGates: x")
        check(u, [state.rows, 3 * width], "gruGates: u")
        check(previous, [state.rows, width], "gruGates: previous")
        for i in 0..<state.rows {
            for j in 0..<width {
                func input(_ gate: Int) -> Double {
                    x[i, gate * width + j] + biasIH[gate * width + j]
                }
                func recurrent(_ gate: Int) -> Double {
                    u[i, gate * width + j] + biasHH[gate * width + j]
                }
                let r = sigmoid(input(0) + recurrent(0))
                let z = sigmoid(input(1) + recurrent(1))
                let un = recurrent(2)
                let n = Glibc.tanh(input(2) + r * un)
                state[i, j] = n + z * (previous[i, j] - n)
                gates[i, j] = r
                gates[i, width + j] = z
                gates[i, 2 * width + j] = n
                gates[i, 3 * width + j] = un
            }
        }
    }

    package static func gruGatesBackward(
        dState: Matrix<Double>, previous: Matrix<Double>, gates: Matrix<Double>,
        dx: Matrix<Double>, du: Matrix<Double>, dPrevious: Matrix<Double>,
        dBiasIH: Matrix<Double>, dBiasHH: Matrix<Double>
    ) {
        let width = dState.columns
        check(gates, [dState.rows, 4 * width], "gruGatesBackward: gates")
        check(dx, [dState.rows, 3 * width], "gruGatesBackward: dx")
        check(du, [dState.rows, 3 * width], "gruGatesBackward: du")
        for i in 0..<dState.rows {
            for j in 0..<width {
                let r = gates[i, j]
                let z = gates[i, width + j]
                let n = gates[i, 2 * width + j]
                let un = gates[i, 3 * width + j]
                let dh = dState[i, j]
                let dn = dh * (1 - z) * (1 - n * n)
                let dr = dn * un * r * (1 - r)
                let dz = dh * (previous[i, j] - n) * z * (1 - z)
                for gradient in [dx, du] {
                    gradient[i, j] = dr
                    gradient[i, width + j] = dz
                }
                dx[i, 2 * width + j] = dn
                du[i, 2 * width + j] = dn * r
                dPrevious[i, j] = dh * z
                for column in [j, width + j, 2 * width + j] {
                    dBiasIH[column] += dx[i, column]
                    dBiasHH[column] += du[i, column]
                }
            }
        }
    }

    private static func sigmoid(_ x: Double) -> Double { 1 / (1 + Glibc.exp(-x)) }
}

/// Traps unless a matrix has the shape its kernel wants.
func check(_ matrix: Matrix<Double>, _ shape: [Int], _ name: String) {
    precondition(
        [matrix.rows, matrix.columns] == shape,
        "\(name) is [\(matrix.rows), \(matrix.columns)], want \(shape)")
}
