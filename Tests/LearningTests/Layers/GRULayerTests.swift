import Kernels
import Learning
import TestSupport
import Testing

@Suite struct GRULayerTests {
    /// Lengths with ties, ones, a single sequence, and none.
    static let lengths = [[5, 3, 3, 1], [1], [6], [2, 2], [4, 1, 1, 1, 1]]

    @Test(arguments: lengths, [false, true])
    func `has the gradients of central differences`(lengths: [Int], isRepeated: Bool) {
        for hasInitial in [false, true] {
            let problem = GRUProblem<Double>(
                lengths: lengths, inputWidth: 3, hiddenWidth: 4, isRepeated: isRepeated,
                hasInitial: hasInitial)
            let result = problem.run()
            let workspace = Workspace<Double>()
            for entry in problem.layout.entries.dropFirst() {
                let part = { (flat: Matrix<Double>) in
                    flat.part(at: entry.start, rows: 1, columns: entry.count)
                }
                let numeric = differences(of: part(problem.weights)) { problem.loss(workspace) }
                #expect(relativeError(part(result.gradients), numeric) < 1e-6, "\(entry.name)")
            }
            let numeric = differences(of: problem.inputs) { problem.loss(workspace) }
            #expect(relativeError(result.dInputs, numeric) < 1e-6)
            if let initial = problem.initial {
                let numeric = differences(of: initial) { problem.loss(workspace) }
                #expect(relativeError(result.dInitial, numeric) < 1e-6)
            }
        }
    }

    @Test(arguments: ["rows", "repeated", "initial"])
    func `is PyTorch's GRU, values and gradients`(name: String) throws {
        let golden = try GRUGolden(name)
        let problem = GRUProblem<Double>(golden)
        let result = problem.run()
        #expect(relativeError(result.states, golden.matrix("states")) < 1e-7)
        #expect(relativeError(result.last, golden.matrix("last")) < 1e-7)
        #expect(relativeError(result.dInputs, golden.matrix("d_inputs")) < 1e-7)
        if golden.has("d_initial") {
            #expect(relativeError(result.dInitial, golden.matrix("d_initial")) < 1e-7)
        }
        for entry in problem.layout.entries {
            let part = result.gradients.part(at: entry.start, rows: 1, columns: entry.count)
            #expect(
                relativeError(part, golden.matrix("d_\(entry.name)")) < 1e-7, "\(entry.name)")
        }
        expect(GRUProblem<Float>(golden).run(), near: result, within: 1e-5, "Float")
    }

    /// Odd widths, many rows, several blocks, and the widths of the product.
    static let sizes = [
        (lengths: [5, 3, 3, 1], inputs: 3, hidden: 5),
        (lengths: [90, 40, 40, 7] + Array(repeating: 3, count: 200), inputs: 9, hidden: 18),
        (lengths: Array(repeating: 20, count: 65), inputs: 16, hidden: 32),
        (lengths: [12, 9, 9, 4, 1], inputs: 64, hidden: 128),
    ]

    @Test(arguments: sizes.indices, [false, true])
    func `in Float is that in Double`(index: Int, isRepeated: Bool) {
        let (lengths, inputs, hidden) = Self.sizes[index]
        let exact = GRUProblem<Double>(
            lengths: lengths, inputWidth: inputs, hiddenWidth: hidden, isRepeated: isRepeated
        ).run()
        var problem = GRUProblem<Float>(
            lengths: lengths, inputWidth: inputs, hiddenWidth: hidden, isRepeated: isRepeated)
        expect(problem.run(), near: exact, within: 1e-5, "Float32")
        problem.precision = .bfloat16
        // An operand's eight significant bits are 2^-9 of error; the worst number has a few such.
        expect(problem.run(), near: exact, within: 0.01, "bfloat16")
    }

    @Test(arguments: [false, true])
    func `over a batch is its sequences one by one`(isRepeated: Bool) {
        // Far more rows than a block has.
        let lengths = (1...80).map { max(1, ($0 * $0 * 7) % 41) }.sorted(by: >)
        let whole = GRUProblem<Double>(
            lengths: lengths, inputWidth: 2, hiddenWidth: 3, isRepeated: isRepeated)
        let result = whole.run()
        let sum = Matrix<Double>(rows: 1, columns: whole.layout.count)
        for sequence in lengths.indices {
            let one = GRUProblem(alone: sequence, of: whole)
            let alone = one.run()
            for index in 0..<sum.count { sum[index] += alone.gradients[index] }
            let rows = (0..<lengths[sequence]).map {
                whole.batch.row(of: sequence, at: $0)
            }
            for (step, row) in rows.enumerated() {
                let want = result.states.rows(row..<row + 1)
                #expect(relativeError(alone.states.rows(step..<step + 1), want) < 1e-12)
            }
        }
        #expect(relativeError(result.gradients, sum) < 1e-12)
    }

    @Test func `gives the same bytes again, in a workspace used for other batches`() {
        for precision in ProductPrecision.allCases {
            var problem = GRUProblem<Float>(
                lengths: [40, 13, 13, 2, 1], inputWidth: 8, hiddenWidth: 24)
            var other = GRUProblem<Float>(
                lengths: [7, 7, 7], inputWidth: 8, hiddenWidth: 24, seed: 9)
            problem.precision = precision
            other.precision = precision
            let first = problem.run()
            let workspace = Workspace<Float>()
            _ = other.run(workspace)
            let again = problem.run(workspace)
            #expect(first.states.values == again.states.values)
            #expect(first.gradients.values == again.gradients.values)
            #expect(first.dInputs.values == again.dInputs.values)
        }
    }

    @Test func `starts as PyTorch does`() {
        var layout = ParameterLayout()
        _ = GRULayer("encoder", inputWidth: 3, hiddenWidth: 4, in: &layout)
        #expect(
            layout.entries.map(\.name) == [
                "encoder.weight_ih_l0", "encoder.weight_hh_l0", "encoder.bias_ih_l0",
                "encoder.bias_hh_l0",
            ])
        #expect(layout.entries.map(\.shape) == [[12, 3], [12, 4], [12], [12]])
        #expect(layout.entries.allSatisfy { $0.initial == .uniform(bound: 0.5) })
    }

    /// Central differences of `loss` in each number of `parameter`.
    private func differences(of parameter: Matrix<Double>, _ loss: () -> Double) -> Matrix<Double> {
        let numeric = Matrix<Double>(rows: parameter.rows, columns: parameter.columns)
        for index in 0..<parameter.count {
            let (old, step) = (parameter[index], 1e-5)
            parameter[index] = old + step
            let above = loss()
            parameter[index] = old - step
            numeric[index] = (above - loss()) / (2 * step)
            parameter[index] = old
        }
        return numeric
    }

    private func expect(
        _ result: GRUProblem<Float>.Result, near exact: GRUProblem<Double>.Result,
        within bound: Double, _ name: String
    ) {
        #expect(relativeError(result.states, exact.states) < bound, "\(name): states")
        #expect(relativeError(result.last, exact.last) < bound, "\(name): last")
        #expect(relativeError(result.gradients, exact.gradients) < bound, "\(name): gradients")
        #expect(relativeError(result.dInputs, exact.dInputs) < bound, "\(name): dInputs")
        #expect(relativeError(result.dInitial, exact.dInitial) < bound, "\(name): dInitial")
    }
}
