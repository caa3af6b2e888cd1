import Kernels
import Storage
import Testing

/// One call of a kernel: its arguments, the fast way and the naive one.
///
/// Arguments are read and written in place; a loss is returned, other kernels return 0.
struct KernelCase: CustomTestStringConvertible, Sendable {
    let testDescription: String
    var arguments: [Matrix<Float>]
    /// Of the greatest magnitude of each argument, or of 1.
    var tolerance = 2e-6
    let fast: @Sendable (FloatKernels, [Matrix<Float>]) -> Double
    let naive: @Sendable ([Matrix<Double>]) -> Double

    init(
        _ name: String, _ arguments: [Matrix<Float>],
        fast: @escaping @Sendable (FloatKernels, [Matrix<Float>]) -> Double,
        naive: @escaping @Sendable ([Matrix<Double>]) -> Double
    ) {
        testDescription = name
        self.arguments = arguments
        self.fast = fast
        self.naive = naive
    }

    /// Arguments and result after the fast kernel, on copies.
    func run(_ level: InstructionLevel) -> (arguments: [[Float]], result: Double) {
        let copies = arguments.map { Matrix($0.values, rows: $0.rows, columns: $0.columns) }
        let result = fast(FloatKernels(level: level), copies)
        return (copies.map(\.values), result)
    }

    func check() {
        let base = run(.portable)
        for level in InstructionLevel.supported {
            let (values, result) = run(level)
            let isSameResult = result.bitPattern == base.result.bitPattern
            let isSameHere = isSameResult && zip(values, base.arguments).allSatisfy(isSame)
            #expect(isSameHere, "\(testDescription): other bytes at \(level)")
        }
        let exact = arguments.map(doubles)
        let result = naive(exact)
        #expect(
            (base.result - result).magnitude <= tolerance * max(1, result.magnitude),
            "\(testDescription): \(base.result), not \(result)")
        for (index, (ours, wanted)) in zip(base.arguments, exact).enumerated() {
            let size = wanted.values.reduce(1) { max($0, $1.magnitude) }
            let worst = zip(ours, wanted.values).map { (Double($0) - $1).magnitude }.max() ?? 0
            #expect(
                worst <= tolerance * size, "\(testDescription): argument \(index) by \(worst)")
        }
    }
}

/// The same numbers in Double.
func doubles(_ matrix: Matrix<Float>) -> Matrix<Double> {
    Matrix(matrix.values.map(Double.init), rows: matrix.rows, columns: matrix.columns)
}

/// Seeded numbers in [−scale, scale).
func random(
    _ rows: Int, _ columns: Int, seed: UInt64, scale: Double = 1
) -> Matrix<Float> {
    Matrix(floats(rows * columns, seed: seed, scale: scale), rows: rows, columns: columns)
}

/// Labels that begin with −1 and stay below `bound`.
func labels(_ count: Int, below bound: Int, seed: UInt64) -> [Int32] {
    var random = SeededRandom(seed: seed, stream: 9)
    return (0..<count).map { $0 == 0 ? -1 : Int32(random.next() % UInt64(bound)) }
}

/// Ragged shapes: one row, equal lengths, mixed ones around a vector's width, none.
let batches: [RaggedBatch] = [
    RaggedBatch(lengths: [1]), RaggedBatch(lengths: [5, 5]),
    RaggedBatch(lengths: [33, 17, 16, 4, 3, 1, 1]), RaggedBatch(lengths: []),
]
