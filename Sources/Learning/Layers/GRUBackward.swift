import Kernels

/// One backward pass of a `GRULayer`: waves from the last to the first, weight gradients by one
/// product for each block of them.
struct GRUBackward<Scalar: TrainingScalar> {
    private let pass: GRULayer.Pass<Scalar>
    private let width: Int
    private let dInputs: Matrix<Scalar>?
    private let inputWeights: PreparedMatrix<Scalar>?
    private let recurrentWeights: PreparedMatrix<Scalar>
    private let dWeightIH: Matrix<Scalar>
    private let dWeightHH: Matrix<Scalar>
    private let dBiasIH: Matrix<Scalar>
    private let dBiasHH: Matrix<Scalar>
    private let blocks: [Range<Int>]
    /// `[block, 3H]` ∂L/∂ of a block's input products.
    private let dx: Matrix<Scalar>
    /// `[block, 3H]` ∂L/∂ of a block's recurrent products.
    private let du: Matrix<Scalar>
    /// `[block, H]` the states before a block's rows.
    private let before: Matrix<Scalar>
    /// `[B, H]` ∂L/∂ the states of the wave at hand, as far as it is known.
    private let carry: Matrix<Scalar>
    /// `[B, 3H]` Σ over a sequence's steps of dx, for inputs that are repeated.
    private let dxSums: Matrix<Scalar>?

    init(
        _ pass: GRULayer.Pass<Scalar>, dInputs: Matrix<Scalar>?, weights: Matrix<Scalar>,
        gradients: Matrix<Scalar>, layout: ParameterLayout, workspace: Workspace<Scalar>
    ) {
        let layer = pass.layer
        let batch = pass.batch
        let name = layer.prefix
        self.pass = pass
        self.dInputs = dInputs
        width = layer.hiddenWidth
        inputWeights = dInputs.map { _ in
            Scalar.prepared(
                layout.view(layer.weightIH, of: weights), .plain, precision: pass.precision,
                rows: pass.inputs.rows
            ) { workspace.matrix(name + ".weightIH", rows: 1, columns: $0) }
        }
        // In the forward pass's memory, which is over.
        recurrentWeights = Scalar.prepared(
            layout.view(layer.weightHH, of: weights), .plain, precision: pass.precision,
            rows: batch.rowCount
        ) { workspace.matrix(name + ".weightHH", rows: 1, columns: $0) }
        dWeightIH = layout.view(layer.weightIH, of: gradients)
        dWeightHH = layout.view(layer.weightHH, of: gradients)
        dBiasIH = layout.view(layer.biasIH, of: gradients)
        dBiasHH = layout.view(layer.biasHH, of: gradients)
        blocks = batch.blocks()
        let largest = batch.largest(of: blocks)
        dx = workspace.matrix(name + ".dx", rows: largest, columns: 3 * width)
        du = workspace.matrix(name + ".du", rows: largest, columns: 3 * width)
        before = workspace.matrix(name + ".before", rows: largest, columns: width)
        carry = workspace.matrix(name + ".carry", rows: batch.count, columns: width)
        switch pass.inputs {
        case .perRow: dxSums = nil
        case .perSequence:
            dxSums = workspace.zeros(name + ".dxSums", rows: batch.count, columns: 3 * width)
        }
    }

    func run(dStates: Matrix<Scalar>?, dLast: Matrix<Scalar>?, dInitial: Matrix<Scalar>?) {
        if let dLast { carry.copy(from: dLast) } else { carry.fill(0) }
        for block in blocks.reversed() {
            let first = pass.batch.waveStarts[block.lowerBound]
            for step in block.reversed() {
                goBack(
                    step, blockStart: first, dStates: dStates, intoInitial: dInitial != nil)
            }
            let rows = first..<pass.batch.waveStarts[block.upperBound]
            addInputGradients(rows)
            addRecurrentGradients(rows)
        }
        if let dxSums, case .perSequence(let inputs) = pass.inputs {
            addInputGradients(dxSums, inputs: inputs, dInputs: dInputs)
        }
        dInitial?.copy(from: carry)
    }

    /// Takes ∂L/∂ the states of wave `step` to those of the wave before.
    private func goBack(
        _ step: Int, blockStart: Int, dStates: Matrix<Scalar>?, intoInitial: Bool
    ) {
        let wave = pass.batch.wave(step)
        let place = wave.lowerBound - blockStart..<wave.upperBound - blockStart
        let dState = carry.rows(0..<wave.count)
        let dRecurrent = du.rows(place)
        let previous = before.rows(place)
        if let dStates { Scalar.add(dStates.rows(wave), scale: 1, to: dState) }
        if step > 0 {
            previous.copy(from: pass.states.rows(pass.batch.previous(of: step)))
        } else if let initial = pass.initial {
            previous.copy(from: initial)
        } else {
            previous.fill(0)
        }
        Scalar.gruGatesBackward(
            dState: dState, previous: previous, gates: pass.gates.rows(wave),
            dx: dx.rows(place), du: dRecurrent, dPrevious: dState, dBiasIH: dBiasIH,
            dBiasHH: dBiasHH)
        if let dxSums {
            Scalar.add(dx.rows(place), scale: 1, to: dxSums.rows(0..<wave.count))
        }
        if step > 0 || intoInitial {
            Scalar.multiply(dRecurrent, by: recurrentWeights, into: dState, adding: true)
        }
    }

    private func addInputGradients(_ rows: Range<Int>) {
        guard case .perRow(let inputs) = pass.inputs else { return }
        addInputGradients(
            dx.rows(0..<rows.count), inputs: inputs.rows(rows), dInputs: dInputs?.rows(rows))
    }

    private func addInputGradients(
        _ dx: Matrix<Scalar>, inputs: Matrix<Scalar>, dInputs: Matrix<Scalar>?
    ) {
        Scalar.multiply(
            dx, .transposed, inputs, .plain, into: dWeightIH, adding: true,
            precision: pass.precision)
        guard let dInputs, let inputWeights else { return }
        Scalar.multiply(dx, by: inputWeights, into: dInputs, adding: false)
    }

    private func addRecurrentGradients(_ rows: Range<Int>) {
        Scalar.multiply(
            du.rows(0..<rows.count), .transposed, before.rows(0..<rows.count), .plain,
            into: dWeightHH, adding: true, precision: pass.precision)
    }
}
