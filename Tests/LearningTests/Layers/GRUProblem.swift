import Kernels
import Learning
import Storage
import TestSupport

/// A GRU layer with weights, inputs and a loss: Σ states ⊙ dStates + Σ last ⊙ dLast.
struct GRUProblem<Scalar: TrainingScalar> {
    let batch: RaggedBatch
    let layer: GRULayer
    let layout: ParameterLayout
    let weights: Matrix<Scalar>
    let inputs: Matrix<Scalar>
    let initial: Matrix<Scalar>?
    let isRepeated: Bool
    let dStates: Matrix<Scalar>
    let dLast: Matrix<Scalar>
    var precision = ProductPrecision.float32

    /// Seeded Float32 numbers, so that the same problem can be made in Double.
    init(
        lengths: [Int], inputWidth: Int, hiddenWidth: Int, isRepeated: Bool = false,
        hasInitial: Bool = false, seed: UInt64 = 1
    ) {
        batch = RaggedBatch(lengths: lengths)
        var layout = ParameterLayout()
        // So that the layer's tensors do not begin at the layout's beginning.
        _ = layout.add("before", [3], .ones)
        layer = GRULayer(
            "gru", inputWidth: inputWidth, hiddenWidth: hiddenWidth, in: &layout)
        self.layout = layout
        self.isRepeated = isRepeated
        let count = lengths.count
        let rows = isRepeated ? count : batch.rowCount
        // As weights begin; larger ones would make the recurrence enlarge differences.
        weights = Self.numbers(
            1, layout.count, seed: seed, scale: 1 / Double(hiddenWidth).squareRoot())
        inputs = Self.numbers(rows, inputWidth, seed: seed + 1)
        initial = hasInitial ? Self.numbers(count, hiddenWidth, seed: seed + 2) : nil
        dStates = Self.numbers(batch.rowCount, hiddenWidth, seed: seed + 3)
        dLast = Self.numbers(count, hiddenWidth, seed: seed + 4)
    }

    /// From PyTorch's file.
    init(_ golden: GRUGolden) {
        batch = RaggedBatch(lengths: golden.lengths)
        var layout = ParameterLayout()
        let inputs: Matrix<Scalar> = golden.matrix("inputs")
        let dStates: Matrix<Scalar> = golden.matrix("d_states")
        layer = GRULayer(
            "gru", inputWidth: inputs.columns, hiddenWidth: dStates.columns, in: &layout)
        self.layout = layout
        weights = golden.flat(layout, prefix: "")
        self.inputs = inputs
        initial = golden.has("initial") ? golden.matrix("initial") : nil
        isRepeated = golden.name == "repeated"
        self.dStates = dStates
        dLast = golden.matrix("d_last")
    }

    /// One sequence of a problem by itself, with the same weights and loss.
    init(alone sequence: Int, of whole: Self) {
        batch = RaggedBatch(lengths: [whole.batch.lengths[sequence]])
        (layer, layout, weights) = (whole.layer, whole.layout, whole.weights)
        isRepeated = whole.isRepeated
        func taken(_ rows: [Int], of all: Matrix<Scalar>) -> Matrix<Scalar> {
            let some = Matrix<Scalar>(rows: rows.count, columns: all.columns)
            for (place, row) in rows.enumerated() {
                some.rows(place..<place + 1).copy(from: all.rows(row..<row + 1))
            }
            return some
        }
        let rows = (0..<batch.rowCount).map { whole.batch.row(of: sequence, at: $0) }
        inputs = taken(isRepeated ? [sequence] : rows, of: whole.inputs)
        initial = whole.initial.map { taken([sequence], of: $0) }
        dStates = taken(rows, of: whole.dStates)
        dLast = taken([sequence], of: whole.dLast)
    }

    /// Everything that comes out.
    struct Result {
        let states: Matrix<Scalar>
        let last: Matrix<Scalar>
        let gradients: Matrix<Scalar>
        let dInputs: Matrix<Scalar>
        let dInitial: Matrix<Scalar>
    }

    func forward(_ workspace: Workspace<Scalar>) -> GRULayer.Pass<Scalar> {
        layer.forward(
            isRepeated ? .perSequence(inputs) : .perRow(inputs), batch: batch, initial: initial,
            weights: weights, layout: layout, precision: precision, workspace: workspace)
    }

    /// The loss alone.
    func loss(_ workspace: Workspace<Scalar>) -> Double {
        let pass = forward(workspace)
        let last = Matrix<Scalar>(rows: batch.count, columns: layer.hiddenWidth)
        pass.copyLast(into: last)
        var loss = 0.0
        for (state, weight) in [(pass.states, dStates), (last, dLast)] {
            for index in 0..<state.count { loss += Double(state[index]) * Double(weight[index]) }
        }
        return loss
    }

    /// Values and gradients, of all that can be asked for.
    func run(_ workspace: Workspace<Scalar> = Workspace()) -> Result {
        let pass = forward(workspace)
        let result = Result(
            states: Matrix(rows: batch.rowCount, columns: layer.hiddenWidth),
            last: Matrix(rows: batch.count, columns: layer.hiddenWidth),
            gradients: Matrix(rows: 1, columns: layout.count),
            dInputs: Matrix(rows: inputs.rows, columns: inputs.columns),
            dInitial: Matrix(rows: batch.count, columns: layer.hiddenWidth))
        result.states.copy(from: pass.states)
        pass.copyLast(into: result.last)
        layer.backward(
            pass, dStates: dStates, dLast: dLast, dInitial: result.dInitial,
            dInputs: result.dInputs, weights: weights, gradients: result.gradients,
            layout: layout, workspace: workspace)
        return result
    }

    private static func numbers(
        _ rows: Int, _ columns: Int, seed: UInt64, scale: Double = 1
    ) -> Matrix<Scalar> {
        var random = SeededRandom(seed: seed, stream: 0)
        return Matrix(
            (0..<rows * columns).map { _ in Scalar(Float((2 * random.nextUnit() - 1) * scale)) },
            rows: rows, columns: columns)
    }
}

/// One case of Tests/Golden/gru_layer.safetensors.
struct GRUGolden {
    let name: String
    private let tensors: [String: SafetensorsFile.Tensor]

    init(_ name: String) throws {
        self.name = name
        let file = try SafetensorsFile.read(
            goldenPath("gru_layer.safetensors"), on: RealDisk())
        tensors = Dictionary(uniqueKeysWithValues: file.tensors.map { ($0.name, $0) })
    }

    var lengths: [Int] {
        guard case .int64(let lengths) = tensors["\(name).lengths"]?.values else { return [] }
        return lengths.map(Int.init)
    }

    func has(_ key: String) -> Bool { tensors["\(name).\(key)"] != nil }

    func matrix<Scalar: TrainingScalar>(_ key: String) -> Matrix<Scalar> {
        guard let tensor = tensors["\(name).\(key)"], case .float32(let values) = tensor.values
        else { preconditionFailure("no \(name).\(key)") }
        let rows = tensor.shape.count == 2 ? tensor.shape[0] : 1
        return Matrix(
            values.map { Scalar($0) }, rows: rows, columns: values.count / max(rows, 1))
    }

    /// The tensors of a layout, those whose names begin with `prefix`, in one storage.
    func flat<Scalar: TrainingScalar>(
        _ layout: ParameterLayout, prefix: String
    ) -> Matrix<Scalar> {
        let flat = Matrix<Scalar>(rows: 1, columns: layout.count)
        for entry in layout.entries {
            flat.part(at: entry.start, rows: 1, columns: entry.count)
                .copy(from: matrix(prefix + entry.name))
        }
        return flat
    }
}

/// The largest difference between two matrices over the largest number of the second.
func relativeError<A: BinaryFloatingPoint & BitwiseCopyable & Sendable>(
    _ a: Matrix<A>, _ b: Matrix<Double>
) -> Double {
    guard a.count == b.count else { return .infinity }
    var worst = 0.0
    var largest = 0.0
    for index in 0..<a.count {
        let difference = (Double(a[index]) - b[index]).magnitude
        // A NaN must not pass for small.
        if !(difference <= worst) { worst = difference.isNaN ? .infinity : difference }
        largest = max(largest, b[index].magnitude)
    }
    return worst == 0 ? 0 : worst / largest
}
