import Kernels
import TestSupport
import Testing

/// Each kernel of `Float` against its twin in `Double`, and against itself at every level.
@Suite struct FloatKernelsTests {
    @Test(arguments: elementwise)
    func `elementwise kernels agree with their twins`(kernel: KernelCase) { kernel.check() }

    @Test(arguments: norms)
    func `layer norm agrees with its twin`(kernel: KernelCase) { kernel.check() }

    @Test(arguments: attentions)
    func `attention agrees with its twin`(kernel: KernelCase) { kernel.check() }

    @Test(arguments: rowKernels)
    func `means and lookups agree with their twins`(kernel: KernelCase) { kernel.check() }

    @Test(arguments: losses)
    func `losses agree with their twins`(kernel: KernelCase) { kernel.check() }

    @Test(arguments: optimisers)
    func `optimiser passes agree with their twins`(kernel: KernelCase) { kernel.check() }

    @Test func `a NaN shows`() {
        let values = Matrix<Float>([1, .nan, -2], rows: 1, columns: 3)
        FloatKernels.best.relu(values)
        #expect(values[0] == 1 && values[1].isNaN && values[2] == 0)
        FloatKernels.best.gelu(values, into: values)
        #expect(values[1].isNaN)
        #expect(FloatKernels.best.sumOfSquares(values).isNaN)
        let target = Matrix<Float>(rows: 1, columns: 3)
        #expect(FloatKernels.best.binaryCrossEntropy(values, labels: target, scale: 1).isNaN)
        #expect(FloatKernels.best.softmaxCrossEntropy(values, labels: [0], scale: 1).isNaN)
    }
}

/// Rows and columns: none, one, below, at and above a vector's width, the product's.
private let shapes = [(0, 16), (1, 1), (3, 15), (2, 16), (5, 37), (3, 100), (7, 128), (1, 1100)]

private let elementwise = shapes.flatMap { rows, columns -> [KernelCase] in
    let x = random(rows, columns, seed: 1, scale: 6)
    let y = random(rows, columns, seed: 2)
    let row = random(1, columns, seed: 3)
    let mask = DropoutMask(probability: 0.3, key: 7, firstCounter: 1_000_003)
    let size = "[\(rows), \(columns)]"
    var sums = KernelCase("addColumnSums \(size)", [y, row]) { kernels, m in
        kernels.addColumnSums(m[0], to: m[1])
        return 0
    } naive: { m in
        Double.addColumnSums(m[0], to: m[1])
        return 0
    }
    sums.tolerance = 1e-6
    return [
        sums,
        KernelCase("addBias \(size)", [row, y]) {
            $0.addBias($1[0], to: $1[1])
            return 0
        } naive: {
            Double.addBias($0[0], to: $0[1])
            return 0
        },
        KernelCase("add \(size)", [x, y]) {
            $0.add($1[0], scale: -0.7, to: $1[1])
            return 0
        } naive: {
            Double.add($0[0], scale: Double(Float(-0.7)), to: $0[1])
            return 0
        },
        KernelCase("relu \(size)", [x]) {
            $0.relu($1[0])
            return 0
        } naive: {
            Double.relu($0[0])
            return 0
        },
        KernelCase("reluBackward \(size)", [x, y]) {
            $0.reluBackward(y: $1[0], dy: $1[1])
            return 0
        } naive: {
            Double.reluBackward(y: $0[0], dy: $0[1])
            return 0
        },
        KernelCase("gelu \(size)", [x, y]) {
            $0.gelu($1[0], into: $1[1])
            return 0
        } naive: {
            Double.gelu($0[0], into: $0[1])
            return 0
        },
        KernelCase("gelu in place \(size)", [x]) {
            $0.gelu($1[0], into: $1[0])
            return 0
        } naive: {
            Double.gelu($0[0], into: $0[0])
            return 0
        },
        KernelCase("geluBackward \(size)", [x, y]) {
            $0.geluBackward(x: $1[0], dy: $1[1])
            return 0
        } naive: {
            Double.geluBackward(x: $0[0], dy: $0[1])
            return 0
        },
        KernelCase("dropout \(size)", [x]) {
            $0.dropout($1[0], mask)
            return 0
        } naive: {
            Double.dropout($0[0], mask)
            return 0
        },
    ]
}

private let norms = shapes.flatMap { rows, columns -> [KernelCase] in
    let x = random(rows, columns, seed: 11, scale: 3)
    let weight = random(1, columns, seed: 12)
    let bias = random(1, columns, seed: 13)
    let dy = random(rows, columns, seed: 14)
    let y = Matrix<Float>(rows: rows, columns: columns)
    let saved = Matrix<Float>(rows: rows, columns: 2)
    FloatKernels.best.layerNorm(
        x, weight: weight, bias: bias, epsilon: 1e-5, into: y, saved: saved)
    let forward = KernelCase("layerNorm [\(rows), \(columns)]", [x, weight, bias, y, saved]) {
        $0.layerNorm(
            $1[0], weight: $1[1], bias: $1[2], epsilon: 1e-5, into: $1[3], saved: $1[4])
        return 0
    } naive: {
        Double.layerNorm(
            $0[0], weight: $0[1], bias: $0[2], epsilon: Double(Float(1e-5)), into: $0[3],
            saved: $0[4])
        return 0
    }
    var backward = KernelCase(
        "layerNormBackward [\(rows), \(columns)]", [dy, x, weight, saved, y, weight, bias]
    ) {
        $0.layerNormBackward(
            dy: $1[0], x: $1[1], weight: $1[2], saved: $1[3], dx: $1[4], dWeight: $1[5],
            dBias: $1[6])
        return 0
    } naive: {
        Double.layerNormBackward(
            dy: $0[0], x: $0[1], weight: $0[2], saved: $0[3], dx: $0[4], dWeight: $0[5],
            dBias: $0[6])
        return 0
    }
    // With one column dx is (x − x) / √ε, whose rounding error is that much greater.
    backward.tolerance = columns == 1 ? 1e-4 : 2e-6
    return [forward, backward]
}

private let attentions = batches.flatMap { batch in
    [(12, 2), (6, 2), (128, 2), (16, 1)].flatMap { width, heads in
        [0, 0.4].flatMap { attentionCases(batch, width, heads, probability: $0) }
    }
}

private func attentionCases(
    _ batch: RaggedBatch, _ width: Int, _ heads: Int, probability: Double
) -> [KernelCase] {
    let rows = batch.rowCount
    let mask = DropoutMask(probability: probability, key: 3, firstCounter: 77)
    let qkv = random(rows, 3 * width, seed: 21, scale: 2)
    let out = random(rows, width, seed: 22)
    let probabilities = Matrix<Float>(rows: 1, columns: batch.probabilityCount(heads))
    let name = "\(batch.lengths) E \(width) heads \(heads) p \(probability)"
    let forward = KernelCase("attention \(name)", [qkv, out, probabilities]) {
        $0.attention(
            qkv: $1[0], batch: batch, heads: heads, mask: mask, into: $1[1],
            probabilities: $1[2])
        return 0
    } naive: {
        Double.attention(
            qkv: $0[0], batch: batch, heads: heads, mask: mask, into: $0[1],
            probabilities: $0[2])
        return 0
    }
    let dOut = random(rows, width, seed: 23)
    FloatKernels.best.attention(
        qkv: qkv, batch: batch, heads: heads, mask: mask, into: out,
        probabilities: probabilities)
    let dqkv = random(rows, 3 * width, seed: 24)
    let backward = KernelCase("attentionBackward \(name)", [dOut, qkv, probabilities, dqkv]) {
        $0.attentionBackward(
            dOut: $1[0], qkv: $1[1], batch: batch, heads: heads, mask: mask,
            probabilities: $1[2], into: $1[3])
        return 0
    } naive: {
        Double.attentionBackward(
            dOut: $0[0], qkv: $0[1], batch: batch, heads: heads, mask: mask,
            probabilities: $0[2], into: $0[3])
        return 0
    }
    return [forward, backward]
}

private let rowKernels = batches.flatMap { batch in
    [1, 16, 37, 128].flatMap { columns -> [KernelCase] in
        let rows = random(batch.rowCount, columns, seed: 31)
        let means = random(batch.count, columns, seed: 32)
        let table = random(9, columns, seed: 33)
        let indices = labels(batch.rowCount, below: 9, seed: 34)
        let name = "\(batch.lengths) C \(columns)"
        return [
            KernelCase("meanRows \(name)", [rows, means]) {
                $0.meanRows($1[0], batch: batch, into: $1[1])
                return 0
            } naive: {
                Double.meanRows($0[0], batch: batch, into: $0[1])
                return 0
            },
            KernelCase("meanRowsBackward \(name)", [rows, means]) {
                $0.meanRowsBackward($1[1], batch: batch, into: $1[0])
                return 0
            } naive: {
                Double.meanRowsBackward($0[1], batch: batch, into: $0[0])
                return 0
            },
            KernelCase("addLookup \(name)", [table, rows]) {
                $0.addLookup($1[0], indices: indices, to: $1[1])
                return 0
            } naive: {
                Double.addLookup($0[0], indices: indices, to: $0[1])
                return 0
            },
            KernelCase("addLookupBackward \(name)", [rows, table]) {
                $0.addLookupBackward($1[0], indices: indices, to: $1[1])
                return 0
            } naive: {
                Double.addLookupBackward($0[0], indices: indices, to: $0[1])
                return 0
            },
        ]
    }
}

private let losses = shapes.flatMap { rows, columns in
    [1.0, 100].flatMap { scale -> [KernelCase] in
        let logits = random(rows, columns, seed: 41, scale: scale)
        let target = random(rows, columns, seed: 42)
        let bits = random(rows, columns, seed: 43).values.map { $0 > 0 ? Float(1) : 0 }
        let keep = Matrix(bits, rows: rows, columns: columns)
        let none = Matrix<Float>(rows: rows, columns: columns)
        let weights = random(rows, 1, seed: 44)
        let classes = labels(rows, below: columns, seed: 45)
        let name = "[\(rows), \(columns)] × \(scale)"
        let share: Float = 0.125
        return [
            KernelCase("squaredError \(name)", [logits, target]) {
                $0.squaredError($1[0], target: $1[1], keep: nil, weights: nil, scale: share)
            } naive: {
                Double.squaredError($0[0], target: $0[1], keep: nil, weights: nil, scale: 0.125)
            },
            KernelCase("squaredError weighted \(name)", [logits, target, keep, weights]) {
                $0.squaredError($1[0], target: $1[1], keep: $1[2], weights: $1[3], scale: share)
            } naive: {
                Double.squaredError(
                    $0[0], target: $0[1], keep: $0[2], weights: $0[3], scale: 0.125)
            },
            KernelCase("squaredError all masked \(name)", [logits, target, none]) {
                $0.squaredError($1[0], target: $1[1], keep: $1[2], weights: nil, scale: share)
            } naive: {
                Double.squaredError($0[0], target: $0[1], keep: $0[2], weights: nil, scale: 0.125)
            },
            KernelCase("binaryCrossEntropy \(name)", [logits, keep]) {
                $0.binaryCrossEntropy($1[0], labels: $1[1], scale: share)
            } naive: {
                Double.binaryCrossEntropy($0[0], labels: $0[1], scale: 0.125)
            },
            KernelCase("softmaxCrossEntropy \(name)", [logits]) {
                $0.softmaxCrossEntropy($1[0], labels: classes, scale: share)
            } naive: {
                Double.softmaxCrossEntropy($0[0], labels: classes, scale: 0.125)
            },
            KernelCase("softmaxCrossEntropy all masked \(name)", [logits]) { kernels, m in
                kernels.softmaxCrossEntropy(
                    m[0], labels: [Int32](repeating: -1, count: rows), scale: share)
            } naive: { m in
                Double.softmaxCrossEntropy(
                    m[0], labels: [Int32](repeating: -1, count: rows), scale: 0.125)
            },
        ]
    }
}

private let optimisers = shapes.flatMap { rows, columns -> [KernelCase] in
    let x = random(rows, columns, seed: 51, scale: 3)
    let name = "[\(rows), \(columns)]"
    let state = (0..<4).map { random(rows, columns, seed: 60 + $0, scale: 0.1) }
    // The second moment is not negative.
    let second = Matrix(state[3].values.map(\.magnitude), rows: rows, columns: columns)
    let steps = [(1, false), (1, true), (1000, true)].map { number, isDecoupled in
        var step = AdamStep(number: number, learningRate: 0.01)
        step.weightDecay = 0.1
        step.isDecoupled = isDecoupled
        step.clipping = number == 1 ? 1 : 0.3
        return step
    }
    return [
        KernelCase("sumOfSquares \(name)", [x]) {
            $0.sumOfSquares($1[0])
        } naive: {
            Double.sumOfSquares($0[0])
        },
        KernelCase("add and square \(name)", [x, state[0]]) {
            $0.add($1[0], to: $1[1])
        } naive: {
            Double.add($0[0], to: $0[1])
        },
    ]
        + steps.map { step in
            KernelCase("adam \(name) \(step)", [state[0], state[1], state[2], second]) {
                $0.adam(
                    weights: $1[0], gradients: $1[1], first: $1[2], second: $1[3], step: step)
                return 0
            } naive: {
                Double.adam(
                    weights: $0[0], gradients: $0[1], first: $0[2], second: $0[3], step: step)
                return 0
            }
        }
}
