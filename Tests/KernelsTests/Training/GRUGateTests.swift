import Kernels
import Storage
import TestSupport
import Testing

@Suite struct GRUGateTests {
    static let shapes = [
        (1, 1), (3, 5), (4, 16), (5, 18), (9, 33), (2, 8), (8, 128), (6, 256), (0, 16),
    ]

    /// The inputs and outputs of one forward and backward step.
    struct Step {
        let x, u, biasIH, biasHH, previous, dState: Matrix<Float>
        let state, gates, dx, du, dPrevious, dBiasIH, dBiasHH: Matrix<Float>

        init(rows: Int, width: Int) {
            x = matrix(rows, 3 * width, seed: 1, scale: 3)
            u = matrix(rows, 3 * width, seed: 2, scale: 3)
            biasIH = matrix(1, 3 * width, seed: 3)
            biasHH = matrix(1, 3 * width, seed: 4)
            previous = matrix(rows, width, seed: 5)
            dState = matrix(rows, width, seed: 6)
            state = Matrix(rows: rows, columns: width)
            gates = Matrix(rows: rows, columns: 4 * width)
            dx = Matrix(rows: rows, columns: 3 * width)
            du = Matrix(rows: rows, columns: 3 * width)
            dPrevious = Matrix(rows: rows, columns: width)
            dBiasIH = matrix(1, 3 * width, seed: 7)
            dBiasHH = matrix(1, 3 * width, seed: 8)
        }

        func run(_ level: InstructionLevel) {
            Float.gruGates(
                x: x, u: u, biasIH: biasIH, biasHH: biasHH, previous: previous, state: state,
                gates: gates, level: level)
            Float.gruGatesBackward(
                dState: dState, previous: previous, gates: gates, dx: dx, du: du,
                dPrevious: dPrevious, dBiasIH: dBiasIH, dBiasHH: dBiasHH, level: level)
        }

        var outputs: [Matrix<Float>] {
            [state, gates, dx, du, dPrevious, dBiasIH, dBiasHH]
        }
    }

    @Test(arguments: shapes)
    func `gives the same bytes at every level`(rows: Int, width: Int) {
        let portable = Step(rows: rows, width: width)
        portable.run(.portable)
        for level in InstructionLevel.supported {
            let step = Step(rows: rows, width: width)
            step.run(level)
            for (result, expected) in zip(step.outputs, portable.outputs) {
                #expect(isSame(result.values, expected.values), "\(level)")
            }
        }
    }

    @Test(arguments: shapes)
    func `is near the equations in Double`(rows: Int, width: Int) {
        let step = Step(rows: rows, width: width)
        let exact = step.outputs.map(widened)
        step.run(.best)
        Double.gruGates(
            x: widened(step.x), u: widened(step.u), biasIH: widened(step.biasIH),
            biasHH: widened(step.biasHH), previous: widened(step.previous), state: exact[0],
            gates: exact[1])
        Double.gruGatesBackward(
            dState: widened(step.dState), previous: widened(step.previous), gates: exact[1],
            dx: exact[2], du: exact[3], dPrevious: exact[4], dBiasIH: exact[5],
            dBiasHH: exact[6])
        for (result, want) in zip(step.outputs, exact) {
            #expect(worst(result, want) < 5e-6)
        }
    }

    @Test func `writes the gradient of the state before in place`() {
        let apart = Step(rows: 5, width: 18)
        apart.run(.best)
        let step = Step(rows: 5, width: 18)
        Float.gruGatesBackward(
            dState: step.dState, previous: step.previous, gates: apart.gates, dx: step.dx,
            du: step.du, dPrevious: step.dState, dBiasIH: step.dBiasIH, dBiasHH: step.dBiasHH)
        #expect(isSame(step.dState.values, apart.dPrevious.values))
        #expect(isSame(step.du.values, apart.du.values))
    }

    @Test func `steps states in place`() {
        let apart = Step(rows: 5, width: 18)
        apart.run(.best)
        let step = Step(rows: 5, width: 18)
        Float.gruGates(
            x: step.x, u: step.u, biasIH: step.biasIH, biasHH: step.biasHH,
            previous: step.previous, state: step.previous, gates: step.gates)
        #expect(isSame(step.previous.values, apart.state.values))
    }

    @Test func `traps on wrong shapes and overlapping outputs`() async {
        await #expect(processExitsWith: .failure) {
            let step = Step(rows: 2, width: 3)
            Float.gruGates(
                x: step.x, u: step.u, biasIH: step.biasIH, biasHH: step.biasHH,
                previous: step.previous, state: step.state, gates: step.x)
        }
        await #expect(processExitsWith: .failure) {
            let step = Step(rows: 2, width: 3)
            Float.gruGatesBackward(
                dState: step.dState, previous: step.previous, gates: step.gates, dx: step.dx,
                du: step.dx, dPrevious: step.dState, dBiasIH: step.dBiasIH,
                dBiasHH: step.dBiasHH)
        }
    }
}
