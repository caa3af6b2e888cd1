import Kernels
import Storage
import TestSupport
import Testing

/// `Float` and `Double` against PyTorch in float64: Tests/Golden/make_layer_goldens.py.
@Suite struct LayerGoldenTests {
    private let tensors: [String: NamedTensor]

    init() throws {
        let file = try SafetensorsFile.read(
            goldenPath("layer_goldens.safetensors"), on: RealDisk())
        tensors = Dictionary(uniqueKeysWithValues: try file.floats().map { ($0.name, $0) })
    }

    @Test func `layer norm is PyTorch's, with ε inside the root`() throws {
        try checkNorm(Float.self, within: 2e-6)
        try checkNorm(Double.self, within: 2e-7)
    }

    private func checkNorm<S: TrainingScalar>(_: S.Type, within tolerance: Double) throws {
        let x: Matrix<S> = try matrix("norm.x")
        let weight: Matrix<S> = try matrix("norm.weight")
        let y: Matrix<S> = Matrix(rows: 5, columns: 37)
        let saved = Matrix<S>(rows: 5, columns: 2)
        S.layerNorm(
            x, weight: weight, bias: try matrix("norm.bias"), epsilon: 1e-5, into: y,
            saved: saved)
        // The second row's mean is 2000 of its deviations, which Float32 cannot hold closer.
        try expect(y, "norm.y", within: S.self == Float.self ? 2e-4 : tolerance)
        let dx = Matrix<S>(rows: 5, columns: 37)
        let dWeight = Matrix<S>(rows: 1, columns: 37)
        let dBias = Matrix<S>(rows: 1, columns: 37)
        S.layerNormBackward(
            dy: try matrix("norm.dy"), x: x, weight: weight, saved: saved, dx: dx,
            dWeight: dWeight, dBias: dBias)
        try expect(dx, "norm.dx", within: S.self == Float.self ? 2e-4 : tolerance)
        try expect(dWeight, "norm.dweight", within: S.self == Float.self ? 2e-4 : tolerance)
        try expect(dBias, "norm.dbias", within: tolerance)
    }

    @Test func `GELU is the one with erf, not the one with tanh`() throws {
        try checkGELU(Float.self)
        try checkGELU(Double.self)
    }

    private func checkGELU<S: TrainingScalar>(_: S.Type) throws {
        let x: Matrix<S> = try matrix("gelu.x")
        let y = Matrix<S>(rows: x.rows, columns: x.columns)
        S.gelu(x, into: y)
        try expect(y, "gelu.y", within: 1e-6, relativeToEach: true)
        let slope = Matrix<S>(rows: x.rows, columns: x.columns)
        slope.fill(1)
        S.geluBackward(x: x, dy: slope)
        try expect(slope, "gelu.dx", within: 1e-6)
        let other: Matrix<S> = try matrix("gelu.tanh")
        let apart = zip(y.values, other.values).map { Double(($0 - $1).magnitude) }.max() ?? 0
        #expect(apart > 4e-4)
    }

    @Test func `attention is PyTorch's in each sequence of a ragged batch`() throws {
        try checkAttention(Float.self, within: 1e-6)
        try checkAttention(Double.self, within: 2e-7)
    }

    private func checkAttention<S: TrainingScalar>(_: S.Type, within tolerance: Double) throws {
        let batch = RaggedBatch(lengths: [7, 3, 1])
        let qkv: Matrix<S> = inWaves(try matrix("attention.qkv"), batch)
        let out = Matrix<S>(rows: 11, columns: 12)
        let probabilities = Matrix<S>(rows: 1, columns: 2 * (49 + 9 + 1))
        S.attention(
            qkv: qkv, batch: batch, heads: 2, mask: .none, into: out,
            probabilities: probabilities)
        let wanted: Matrix<S> = inWaves(try matrix("attention.out"), batch)
        expect(out.values, wanted.values, "attention.out", within: tolerance)
        let dqkv = Matrix<S>(rows: 11, columns: 36)
        S.attentionBackward(
            dOut: inWaves(try matrix("attention.dout"), batch), qkv: qkv, batch: batch, heads: 2,
            mask: .none, probabilities: probabilities, into: dqkv)
        let gradient: Matrix<S> = inWaves(try matrix("attention.dqkv"), batch)
        expect(dqkv.values, gradient.values, "attention.dqkv", within: tolerance)
    }

    @Test func `losses are PyTorch's, with logits of ±100 and rows left out`() throws {
        try checkLosses(Float.self)
        try checkLosses(Double.self)
    }

    private func checkLosses<S: TrainingScalar>(_: S.Type) throws {
        let binary: Matrix<S> = try matrix("bce.logits")
        let sum = S.binaryCrossEntropy(binary, labels: try matrix("bce.labels"), scale: 0.25)
        expect([sum], try values("bce.loss"), "bce.loss", within: 1e-6)
        try expect(binary, "bce.gradient", within: 1e-6)
        let logits: Matrix<S> = try matrix("ce.logits")
        let classes = try values("ce.labels").map { Int32(max($0, -1)) }
        let total = S.softmaxCrossEntropy(logits, labels: classes, scale: 0.25)
        expect([total], try values("ce.loss"), "ce.loss", within: 1e-6)
        try expect(logits, "ce.gradient", within: 1e-6)
    }

    @Test func `Adam and AdamW follow PyTorch, bias correction and ε included`() throws {
        try checkAdam(Float.self, within: 3e-6)
        try checkAdam(Double.self, within: 2e-7)
    }

    private func checkAdam<S: TrainingScalar>(_: S.Type, within tolerance: Double) throws {
        let gradients: Matrix<S> = try matrix("adam.gradients")
        for name in ["adam", "adamw", "plain"] {
            let weights: Matrix<S> = try matrix("adam.start")
            let first = Matrix<S>(rows: 1, columns: 20)
            let second = Matrix<S>(rows: 1, columns: 20)
            let trace = Matrix<S>(rows: 6, columns: 20)
            for row in 0..<6 {
                var step = AdamStep(number: row + 1, learningRate: 0.01)
                step.isDecoupled = name == "adamw"
                if name != "plain" { (step.epsilon, step.weightDecay) = (1e-3, 0.1) }
                S.adam(
                    weights: weights, gradients: gradients.rows(row..<row + 1), first: first,
                    second: second, step: step)
                trace.rows(row..<row + 1).copy(from: weights)
            }
            try expect(trace, "adam.\(name)", within: tolerance)
        }
    }

    /// The forms that are not PyTorch's miss the same numbers by far, so the test above sees them.
    @Test func `wrong forms of Adam's step would be seen`() throws {
        let wanted = try values("adam.adam")
        let gradients = try values("adam.gradients")
        func missed(_ change: (_ m: Double, _ v: Double, _ t: Double) -> Double) throws -> Double {
            var weights = try values("adam.start")
            var first = [Double](repeating: 0, count: 20)
            var second = first
            var worst = 0.0
            for row in 0..<6 {
                for i in 0..<20 {
                    let g = gradients[row * 20 + i] + 0.1 * weights[i]
                    first[i] = 0.9 * first[i] + 0.1 * g
                    second[i] = 0.999 * second[i] + 0.001 * g * g
                    weights[i] -= 0.01 * change(first[i], second[i], Double(row + 1))
                    worst = max(worst, (weights[i] - wanted[row * 20 + i]).magnitude)
                }
            }
            return worst
        }
        func first(_ m: Double, _ t: Double) -> Double { m / (1 - exactPow(0.9, t)) }
        func second(_ v: Double, _ t: Double) -> Double { v / (1 - exactPow(0.999, t)) }
        let right = try missed { first($0, $2) / (second($1, $2).squareRoot() + 1e-3) }
        let inside = try missed { first($0, $2) / (second($1, $2) + 1e-3).squareRoot() }
        let beforeCorrection = try missed {
            first($0, $2) * (1 - exactPow(0.999, $2)).squareRoot() / ($1.squareRoot() + 1e-3)
        }
        let uncorrected = try missed { m, v, _ in m / (v.squareRoot() + 1e-3) }
        #expect(right < 1e-6)
        #expect(inside > 1e-4 && beforeCorrection > 1e-4 && uncorrected > 1e-3)
    }

    @Test func `clips a norm as PyTorch does`() throws {
        try checkClipping(Float.self)
        try checkClipping(Double.self)
    }

    private func checkClipping<S: TrainingScalar>(_: S.Type) throws {
        for (name, maximum) in [("long", 1), ("short", 1), ("tiny", 1e-6)] {
            let gradients: Matrix<S> = try matrix("clip.\(name)")
            let norm = S.sumOfSquares(gradients).squareRoot()
            let factor = S(AdamStep.clipping(norm: norm, maximum: maximum))
            let wanted = try values("clip.\(name).norm")[0]
            #expect((norm - wanted).magnitude <= 2e-7 * wanted)
            // Relative to each number: the third case tells what is added to the norm.
            let clipped = Matrix(
                gradients.values.map { $0 * factor }, rows: gradients.rows,
                columns: gradients.columns)
            try expect(clipped, "clip.\(name).clipped", within: 1e-6, relativeToEach: true)
        }
        #expect(AdamStep.clipping(norm: .infinity, maximum: 1) == 1)
        #expect(AdamStep.clipping(norm: .nan, maximum: 1) == 1)
    }

    private func values(_ name: String) throws -> [Double] {
        try #require(tensors[name], "\(name)").values.map(Double.init)
    }

    private func matrix<S: TrainingScalar>(_ name: String) throws -> Matrix<S> {
        let tensor = try #require(tensors[name], "\(name)")
        let rows = tensor.shape.count == 2 ? tensor.shape[0] : 1
        return Matrix(
            tensor.values.map { S($0) }, rows: rows, columns: tensor.values.count / rows)
    }

    /// Sequences one after another, in the order of a ragged batch.
    private func inWaves<S: TrainingScalar>(_ rows: Matrix<S>, _ batch: RaggedBatch) -> Matrix<S> {
        let result = Matrix<S>(rows: rows.rows, columns: rows.columns)
        var row = 0
        for (sequence, length) in batch.lengths.enumerated() {
            for step in 0..<length {
                let place = batch.row(of: sequence, at: step)
                result.rows(place..<place + 1).copy(from: rows.rows(row..<row + 1))
                row += 1
            }
        }
        return result
    }

    private func expect<S: TrainingScalar>(
        _ matrix: Matrix<S>, _ name: String, within tolerance: Double,
        relativeToEach: Bool = false
    ) throws {
        expect(
            matrix.values, try values(name).map { S($0) }, name, within: tolerance,
            relativeToEach: relativeToEach)
    }

    /// Compares to `tolerance` of each number, or of the greatest.
    private func expect<S: TrainingScalar>(
        _ ours: [S], _ wanted: [S], _ name: String, within tolerance: Double,
        relativeToEach: Bool = false
    ) {
        let size = wanted.reduce(0) { max($0, Double($1.magnitude)) }
        for (index, (value, want)) in zip(ours, wanted).enumerated() {
            let scale = relativeToEach ? Double(want.magnitude) : size
            let error = (Double(value) - Double(want)).magnitude
            #expect(error <= tolerance * scale, "\(S.self) \(name)[\(index)]: \(value), \(want)")
        }
        #expect(ours.count == wanted.count)
    }
}
