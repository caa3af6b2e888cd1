import CKernels

/// The gates at the processor's best instruction level; the bytes are the same at each.
extension Float {
    /// `ProductKernels.gruGates`; outputs may overlap nothing but `state` with `previous`.
    package static func gruGates(
        x: Matrix<Float>, u: Matrix<Float>, biasIH: Matrix<Float>, biasHH: Matrix<Float>,
        previous: Matrix<Float>, state: Matrix<Float>, gates: Matrix<Float>
    ) {
        gruGates(
            x: x, u: u, biasIH: biasIH, biasHH: biasHH, previous: previous, state: state,
            gates: gates, level: .best)
    }

    /// `ProductKernels.gruGatesBackward`; outputs may overlap nothing but `dPrevious` with
    /// `dState`.
    package static func gruGatesBackward(
        dState: Matrix<Float>, previous: Matrix<Float>, gates: Matrix<Float>, dx: Matrix<Float>,
        du: Matrix<Float>, dPrevious: Matrix<Float>, dBiasIH: Matrix<Float>,
        dBiasHH: Matrix<Float>
    ) {
        gruGatesBackward(
            dState: dState, previous: previous, gates: gates, dx: dx, du: du,
            dPrevious: dPrevious, dBiasIH: dBiasIH, dBiasHH: dBiasHH, level: .best)
    }

    /// `gruGates` at a supported level.
    package static func gruGates(
        x: Matrix<Float>, u: Matrix<Float>, biasIH: Matrix<Float>, biasHH: Matrix<Float>,
        previous: Matrix<Float>, state: Matrix<Float>, gates: Matrix<Float>,
        level: InstructionLevel
    ) {
        let (rows, width) = (state.rows, state.columns)
        previous.checkGates([rows, width], "previous")
        x.checkGates([rows, 3 * width], "x")
        u.checkGates([rows, 3 * width], "u")
        gates.checkGates([rows, 4 * width], "gates")
        biasIH.checkGates([1, 3 * width], "biasIH")
        biasHH.checkGates([1, 3 * width], "biasHH")
        for input in [x, u, biasIH, biasHH] {
            precondition(
                !input.overlaps(state) && !input.overlaps(gates), "gruGates: outputs are inputs")
        }
        precondition(
            !gates.overlaps(state) && !gates.overlaps(previous)
                && (!state.overlaps(previous) || state.beginsWith(previous)),
            "gruGates: outputs overlap")
        // SAFETY: shapes and overlap as the kernel wants them, checked above; the views are held.
        unsafe kernels_gru_gates(
            level.checkedCode, rows, width, x.pointer, u.pointer, biasIH.pointer, biasHH.pointer,
            previous.pointer, state.pointer, gates.pointer)
        withExtendedLifetime((x, u, biasIH, biasHH)) {}
        withExtendedLifetime((previous, state, gates)) {}
    }

    /// `gruGatesBackward` at a supported level.
    package static func gruGatesBackward(
        dState: Matrix<Float>, previous: Matrix<Float>, gates: Matrix<Float>, dx: Matrix<Float>,
        du: Matrix<Float>, dPrevious: Matrix<Float>, dBiasIH: Matrix<Float>,
        dBiasHH: Matrix<Float>, level: InstructionLevel
    ) {
        let (rows, width) = (dState.rows, dState.columns)
        previous.checkGates([rows, width], "previous")
        gates.checkGates([rows, 4 * width], "gates")
        dx.checkGates([rows, 3 * width], "dx")
        du.checkGates([rows, 3 * width], "du")
        dPrevious.checkGates([rows, width], "dPrevious")
        dBiasIH.checkGates([1, 3 * width], "dBiasIH")
        dBiasHH.checkGates([1, 3 * width], "dBiasHH")
        let outputs = [dx, du, dPrevious, dBiasIH, dBiasHH]
        for (index, output) in outputs.enumerated() {
            precondition(
                !output.overlaps(previous) && !output.overlaps(gates)
                    && (!output.overlaps(dState) || output.beginsWith(dPrevious))
                    && outputs[..<index].allSatisfy { !$0.overlaps(output) },
                "gruGatesBackward: outputs overlap")
        }
        precondition(
            !dPrevious.overlaps(dState) || dPrevious.beginsWith(dState),
            "gruGatesBackward: dPrevious is part of dState")
        // SAFETY: shapes and overlap as the kernel wants them, checked above; the views are held.
        unsafe kernels_gru_gates_backward(
            level.checkedCode, rows, width, dState.pointer, previous.pointer, gates.pointer,
            dx.pointer, du.pointer, dPrevious.pointer, dBiasIH.pointer, dBiasHH.pointer)
        withExtendedLifetime((dState, previous, gates)) {}
        withExtendedLifetime(outputs) {}
    }
}

extension Matrix {
    /// Whether both views begin at the same number.
    fileprivate func beginsWith(_ other: Self) -> Bool {
        // SAFETY: the addresses are only compared.
        unsafe pointer == other.pointer
    }

    /// Traps unless the matrix has the shape that the gates want.
    fileprivate func checkGates(_ shape: [Int], _ name: String) {
        precondition(
            rows == shape[0] && columns == shape[1],
            "gates: \(name) is [\(rows), \(columns)], not \(shape)")
    }
}
