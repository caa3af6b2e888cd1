import Kernels

/// One forward pass of a `GRULayer`: blocks of waves, each projected by one product, then stepped.
struct GRUForward<Scalar: TrainingScalar> {
    private let pass: GRULayer.Pass<Scalar>
    private let width: Int
    private let weightIH: PreparedMatrix<Scalar>
    private let weightHH: PreparedMatrix<Scalar>
    private let biasIH: Matrix<Scalar>
    private let biasHH: Matrix<Scalar>
    /// `[block or B, 3H]` input products.
    private let x: Matrix<Scalar>
    /// `[B, 3H]` recurrent products of one wave.
    private let u: Matrix<Scalar>
    /// `[B, H]` the states before wave 0.
    private let initial: Matrix<Scalar>
    private let blocks: [Range<Int>]

    init(
        _ pass: GRULayer.Pass<Scalar>, weights: Matrix<Scalar>, layout: ParameterLayout,
        workspace: Workspace<Scalar>
    ) {
        let layer = pass.layer
        let batch = pass.batch
        let name = layer.prefix
        self.pass = pass
        width = layer.hiddenWidth
        let precision = pass.precision
        weightIH = Scalar.prepared(
            layout.view(layer.weightIH, of: weights), .transposed, precision: precision,
            rows: pass.inputs.rows
        ) { workspace.matrix(name + ".weightIH", rows: 1, columns: $0) }
        weightHH = Scalar.prepared(
            layout.view(layer.weightHH, of: weights), .transposed, precision: precision,
            rows: batch.rowCount
        ) { workspace.matrix(name + ".weightHH", rows: 1, columns: $0) }
        biasIH = layout.view(layer.biasIH, of: weights)
        biasHH = layout.view(layer.biasHH, of: weights)
        blocks = batch.blocks()
        let projected =
            switch pass.inputs {
            case .perRow(let rows):
                layer.checked(rows, rows: batch.rowCount, largest: batch.largest(of: blocks))
            case .perSequence(let rows):
                layer.checked(rows, rows: batch.count, largest: batch.count)
            }
        x = workspace.matrix(name + ".x", rows: projected, columns: 3 * width)
        u = workspace.matrix(name + ".u", rows: batch.count, columns: 3 * width)
        if let given = pass.initial {
            precondition(
                given.rows == batch.count && given.columns == width,
                "GRULayer: \(name): initial [\(given.rows), \(given.columns)]")
            initial = given
        } else {
            initial = workspace.zeros(name + ".initial", rows: batch.count, columns: width)
        }
    }

    func run() {
        if case .perSequence(let rows) = pass.inputs { project(rows) }
        for block in blocks {
            let first = pass.batch.waveStarts[block.lowerBound]
            if case .perRow(let rows) = pass.inputs {
                project(rows.rows(first..<pass.batch.waveStarts[block.upperBound]))
            }
            for step in block { advance(step, blockStart: first) }
        }
    }

    private func project(_ rows: Matrix<Scalar>) {
        Scalar.multiply(rows, by: weightIH, into: x.rows(0..<rows.rows), adding: false)
    }

    private func advance(_ step: Int, blockStart: Int) {
        let wave = pass.batch.wave(step)
        let previous =
            step == 0
            ? initial : pass.states.rows(pass.batch.previous(of: step))
        let recurrent = u.rows(0..<wave.count)
        if step == 0, pass.initial == nil {
            recurrent.fill(0)
        } else {
            Scalar.multiply(previous, by: weightHH, into: recurrent, adding: false)
        }
        let projected: Range<Int> =
            switch pass.inputs {
            case .perRow: wave.lowerBound - blockStart..<wave.upperBound - blockStart
            case .perSequence: 0..<wave.count
            }
        Scalar.gruGates(
            x: x.rows(projected), u: recurrent, biasIH: biasIH, biasHH: biasHH,
            previous: previous, state: pass.states.rows(wave), gates: pass.gates.rows(wave))
    }
}

/// Rows that are projected at once, and whose part of the weights' gradients is one product.
///
/// Enough for the products' speed, few enough that what they write is still in a near cache when
/// the gates read it; from 256 to 2048 the processor's time differs by some 3 %.
private let blockRows = 768

extension RaggedBatch {
    /// The rows of the wave before `step` ≥ 1 whose sequences go on.
    func previous(of step: Int) -> Range<Int> {
        waveStarts[step - 1]..<waveStarts[step - 1] + wave(step).count
    }

    /// Consecutive waves with at least `blockRows` rows together, but for the last block.
    func blocks() -> [Range<Int>] {
        var blocks: [Range<Int>] = []
        var start = 0
        for step in 0..<waveCount
        where step + 1 == waveCount || waveStarts[step + 1] - waveStarts[start] >= blockRows {
            blocks.append(start..<step + 1)
            start = step + 1
        }
        return blocks
    }

    /// Rows of the largest block.
    func largest(of blocks: [Range<Int>]) -> Int {
        blocks.map { waveStarts[$0.upperBound] - waveStarts[$0.lowerBound] }.max() ?? 0
    }
}

extension GRULayer {
    /// `largest`, once the inputs are `[rows, D]`.
    func checked<Scalar>(_ inputs: Matrix<Scalar>, rows: Int, largest: Int) -> Int {
        precondition(
            inputs.rows == rows && inputs.columns == inputWidth,
            "GRULayer: \(prefix): inputs [\(inputs.rows), \(inputs.columns)]")
        return largest
    }
}
