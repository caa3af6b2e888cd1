import Kernels
import Testing

/// A caller's mistake traps at the entry, before anything is written.
@Suite struct KernelMisuseTests {
    @Test func `a wrong shape traps`() async {
        await #expect(processExitsWith: .failure) {
            let y = Matrix<Float>(rows: 2, columns: 3)
            Float.addBias(Matrix(rows: 1, columns: 4), to: y)
        }
    }

    @Test func `views that overlap in part trap, the same view does not`() async {
        let values = Matrix<Float>([1, 2, 3, 4], rows: 1, columns: 4)
        Float.gelu(values, into: values)
        await #expect(processExitsWith: .failure) {
            let values = Matrix<Float>(rows: 1, columns: 4)
            Float.gelu(
                values.part(at: 0, rows: 1, columns: 3),
                into: values.part(at: 1, rows: 1, columns: 3))
        }
    }

    @Test func `layer norm in place traps, since its backward pass needs both`() async {
        await #expect(processExitsWith: .failure) {
            let x = Matrix<Float>(rows: 1, columns: 4)
            let row = Matrix<Float>(rows: 1, columns: 4)
            let saved = Matrix<Float>(rows: 1, columns: 2)
            Float.layerNorm(x, weight: row, bias: row, epsilon: 1, into: x, saved: saved)
        }
    }

    @Test func `an index beyond its table traps`() async {
        await #expect(processExitsWith: .failure) {
            let table = Matrix<Float>(rows: 2, columns: 3)
            Float.addLookup(table, indices: [2], to: Matrix(rows: 1, columns: 3))
        }
        await #expect(processExitsWith: .failure) {
            _ = Float.softmaxCrossEntropy(Matrix(rows: 1, columns: 3), labels: [3], scale: 1)
        }
    }
}
