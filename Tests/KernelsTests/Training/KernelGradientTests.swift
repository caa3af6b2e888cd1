import Kernels
import TestSupport
import Testing

/// The backward kernels of `Double` against central differences of its forward kernels.
@Suite struct KernelGradientTests {
    @Test func `products' gates`() {
        let width = 3
        let inputs = [(2, 9), (2, 9), (1, 9), (1, 9), (2, 3)].enumerated().map { index, shape in
            numbers(shape.0, shape.1, seed: UInt64(index))
        }
        let seeds = numbers(2, width, seed: 9)
        func forward(_ m: [Matrix<Double>]) -> (Matrix<Double>, Matrix<Double>) {
            let state = Matrix<Double>(rows: 2, columns: width)
            let gates = Matrix<Double>(rows: 2, columns: 4 * width)
            Double.gruGates(
                x: m[0], u: m[1], biasIH: m[2], biasHH: m[3], previous: m[4], state: state,
                gates: gates)
            return (state, gates)
        }
        check(inputs) {
            dot(forward($0).0, seeds)
        } gradients: {
            let gradients = zeros(like: $0)
            Double.gruGatesBackward(
                dState: seeds, previous: $0[4], gates: forward($0).1, dx: gradients[0],
                du: gradients[1], dPrevious: gradients[4], dBiasIH: gradients[2],
                dBiasHH: gradients[3])
            return gradients
        }
    }

    @Test func `GELU`() {
        let seeds = numbers(3, 7, seed: 1)
        check([numbers(3, 7, seed: 2, scale: 3)]) {
            let y = Matrix<Double>(rows: 3, columns: 7)
            Double.gelu($0[0], into: y)
            return dot(y, seeds)
        } gradients: {
            let dy = copy(seeds)
            Double.geluBackward(x: $0[0], dy: dy)
            return [dy]
        }
    }

    @Test func `ReLU and dropout`() {
        let seeds = numbers(3, 40, seed: 3)
        let mask = DropoutMask(probability: 0.3, key: 1, firstCounter: 2)
        func forward(_ x: Matrix<Double>) -> Matrix<Double> {
            let y = copy(x)
            Double.relu(y)
            Double.dropout(y, mask)
            return y
        }
        check([numbers(3, 40, seed: 4)]) {
            dot(forward($0[0]), seeds)
        } gradients: {
            let dy = copy(seeds)
            Double.dropout(dy, mask)
            Double.reluBackward(y: forward($0[0]), dy: dy)
            return [dy]
        }
    }

    @Test func `layer norm`() {
        let seeds = numbers(3, 5, seed: 5)
        let inputs = [
            numbers(3, 5, seed: 6), numbers(1, 5, seed: 7), numbers(1, 5, seed: 8),
        ]
        func forward(_ m: [Matrix<Double>]) -> (Matrix<Double>, Matrix<Double>) {
            let y = Matrix<Double>(rows: 3, columns: 5)
            let saved = Matrix<Double>(rows: 3, columns: 2)
            Double.layerNorm(
                m[0], weight: m[1], bias: m[2], epsilon: 1e-2, into: y, saved: saved)
            return (y, saved)
        }
        check(inputs) {
            dot(forward($0).0, seeds)
        } gradients: {
            let gradients = zeros(like: $0)
            Double.layerNormBackward(
                dy: seeds, x: $0[0], weight: $0[1], saved: forward($0).1, dx: gradients[0],
                dWeight: gradients[1], dBias: gradients[2])
            return gradients
        }
    }

    @Test(arguments: [0, 0.5])
    func `attention`(probability: Double) {
        let batch = RaggedBatch(lengths: [4, 3, 1])
        let mask = DropoutMask(probability: probability, key: 3, firstCounter: 5)
        let seeds = numbers(8, 6, seed: 10)
        func forward(_ qkv: Matrix<Double>) -> (Matrix<Double>, Matrix<Double>) {
            let out = Matrix<Double>(rows: 8, columns: 6)
            let probabilities = Matrix<Double>(rows: 1, columns: 2 * 26)
            Double.attention(
                qkv: qkv, batch: batch, heads: 2, mask: mask, into: out,
                probabilities: probabilities)
            return (out, probabilities)
        }
        check([numbers(8, 18, seed: 11)]) {
            dot(forward($0[0]).0, seeds)
        } gradients: {
            let dqkv = Matrix<Double>(rows: 8, columns: 18)
            Double.attentionBackward(
                dOut: seeds, qkv: $0[0], batch: batch, heads: 2, mask: mask,
                probabilities: forward($0[0]).1, into: dqkv)
            return [dqkv]
        }
    }

    @Test func `means and lookups`() {
        let batch = RaggedBatch(lengths: [4, 3, 1])
        let means = numbers(3, 5, seed: 12)
        check([numbers(8, 5, seed: 13)]) {
            let result = Matrix<Double>(rows: 3, columns: 5)
            Double.meanRows($0[0], batch: batch, into: result)
            return dot(result, means)
        } gradients: {
            let gradients = zeros(like: $0)
            Double.meanRowsBackward(means, batch: batch, into: gradients[0])
            return gradients
        }
        let indices: [Int32] = [2, -1, 0, 2]
        let seeds = numbers(4, 5, seed: 14)
        check([numbers(3, 5, seed: 15)]) {
            let y = Matrix<Double>(rows: 4, columns: 5)
            Double.addLookup($0[0], indices: indices, to: y)
            return dot(y, seeds)
        } gradients: {
            let gradients = zeros(like: $0)
            Double.addLookupBackward(seeds, indices: indices, to: gradients[0])
            return gradients
        }
    }

    @Test func `losses`() {
        let target = numbers(3, 5, seed: 16)
        let keep = Matrix(target.values.map { $0 > 0 ? 1.0 : 0 }, rows: 3, columns: 5)
        let weights = numbers(3, 1, seed: 17)
        let kernels: [(Matrix<Double>) -> Double] = [
            {
                Double.squaredError(
                    $0, target: target, keep: keep, weights: weights, scale: 0.5)
            },
            { Double.binaryCrossEntropy($0, labels: keep, scale: 0.5) },
            { Double.softmaxCrossEntropy($0, labels: [4, -1, 0], scale: 0.5) },
        ]
        for kernel in kernels {
            check([numbers(3, 5, seed: 18, scale: 3)]) {
                0.5 * kernel(copy($0[0]))
            } gradients: {
                let gradient = copy($0[0])
                _ = kernel(gradient)
                return [gradient]
            }
        }
    }

    /// Compares every partial derivative to 10⁻⁶ of the greatest of its matrix.
    private func check(
        _ inputs: [Matrix<Double>], loss: ([Matrix<Double>]) -> Double,
        gradients: ([Matrix<Double>]) -> [Matrix<Double>]
    ) {
        let step = 1e-5
        for (input, gradient) in zip(inputs, gradients(inputs)) {
            let size = gradient.values.map(\.magnitude).max() ?? 0
            #expect(size > 0)
            for i in 0..<input.count {
                let value = input[i]
                input[i] = value + step
                let above = loss(inputs)
                input[i] = value - step
                let below = loss(inputs)
                input[i] = value
                let slope = (above - below) / (2 * step)
                #expect((slope - gradient[i]).magnitude < 1e-6 * size, "\(i): \(slope)")
            }
        }
    }

    private func numbers(
        _ rows: Int, _ columns: Int, seed: UInt64, scale: Double = 1
    ) -> Matrix<Double> {
        doubles(random(rows, columns, seed: 100 + seed, scale: scale))
    }

    private func copy(_ matrix: Matrix<Double>) -> Matrix<Double> {
        Matrix(matrix.values, rows: matrix.rows, columns: matrix.columns)
    }

    private func zeros(like matrices: [Matrix<Double>]) -> [Matrix<Double>] {
        matrices.map { Matrix(rows: $0.rows, columns: $0.columns) }
    }

    private func dot(_ a: Matrix<Double>, _ b: Matrix<Double>) -> Double {
        zip(a.values, b.values).reduce(0) { $0 + $1.0 * $1.1 }
    }
}
