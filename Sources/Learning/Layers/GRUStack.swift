import Kernels

/// GRUs on top of each other with skip connections (reference §5.1; the paper's §4.1.3).
///
///     o_j = drop(GRU_j(o_{j−1}) + Σ o_i over i ≤ j − 2 of equal width),   o_{−1} = rows
///
/// The last layer's output is not dropped, as in `nn.GRU`. With one layer, as in all published
/// configurations, there is no sum and no dropout.
package struct GRUStack: Sendable {
    /// What a forward pass leaves for the backward pass.
    package struct Trace<Scalar: TrainingScalar>: Sendable {
        /// `[R, H]` of the last layer.
        package let output: Matrix<Scalar>
        let layers: [GRULayer.Pass<Scalar>]
    }

    /// The layers, the first of which reads the rows.
    package let layers: [GRULayer]
    private let name: String
    private let dropout: Double
    private let firstSite: Int

    /// Adds `name.0.weight_ih_l0` … : an `nn.ModuleList` of `nn.GRU`.
    ///
    /// - Parameters:
    ///   - name: the stack's place in its network.
    ///   - inputWidth: D.
    ///   - widths: H of each layer, at least one.
    ///   - dropout: p between layers.
    ///   - firstSite: the network's number of the first dropout; a layer has one, but the last.
    ///   - layout: of the network.
    package init(
        _ name: String, inputWidth: Int, widths: [Int], dropout: Double, firstSite: Int,
        in layout: inout ParameterLayout
    ) {
        precondition(!widths.isEmpty, "GRUStack: no layers")
        self.name = name
        self.dropout = dropout
        self.firstSite = firstSite
        var layers: [GRULayer] = []
        for (index, width) in widths.enumerated() {
            layers.append(
                GRULayer(
                    "\(name).\(index)", inputWidth: layers.last?.hiddenWidth ?? inputWidth,
                    hiddenWidth: width, in: &layout))
        }
        self.layers = layers
    }

    /// The stack's output for rows `[R, D]`.
    package func forward<Scalar>(
        _ rows: Matrix<Scalar>, batch: RaggedBatch, _ pass: NetworkPass<Scalar>
    ) -> Trace<Scalar> {
        var traces: [GRULayer.Pass<Scalar>] = []
        var outputs: [Matrix<Scalar>] = []
        for (index, layer) in layers.enumerated() {
            let trace = layer.forward(.perRow(outputs.last ?? rows), batch: batch, pass)
            traces.append(trace)
            outputs.append(output(index, trace.states, outputs, pass))
        }
        return Trace(output: outputs[layers.count - 1], layers: traces)
    }

    /// Adds all gradients, from ∂L/∂output `[R, H]`; the rows learn nothing.
    package func backward<Scalar>(
        _ dOutput: Matrix<Scalar>, _ trace: Trace<Scalar>, _ pass: NetworkPass<Scalar>
    ) {
        let last = layers.count - 1
        var gradients = layers.dropLast().map {
            pass.workspace.zeros(
                "\($0.prefix).dOutput", rows: dOutput.rows, columns: $0.hiddenWidth)
        }
        gradients.append(dOutput)
        for index in layers.indices.reversed() {
            let gradient = gradients[index]
            if index < last { pass.drop(gradient, firstSite + index, dropout) }
            for below in skips(to: index) {
                Scalar.add(gradient, scale: 1, to: gradients[below])
            }
            guard index > 0 else {
                layers[0].backward(trace.layers[0], dStates: gradient, pass)
                return
            }
            let dInputs = pass.matrix(
                "\(layers[index].prefix).dInputs", rows: gradient.rows,
                columns: layers[index].inputWidth)
            layers[index].backward(
                trace.layers[index], dStates: gradient, dInputs: dInputs, pass)
            Scalar.add(dInputs, scale: 1, to: gradients[index - 1])
        }
    }

    /// The layers whose outputs are added to that of layer `index`.
    package func skips(to index: Int) -> [Int] {
        (0..<max(index - 1, 0)).filter { layers[$0].hiddenWidth == layers[index].hiddenWidth }
    }

    /// o_j, a copy of the hidden states if anything happens to them: the GRU itself needs those.
    private func output<Scalar>(
        _ index: Int, _ states: Matrix<Scalar>, _ below: [Matrix<Scalar>],
        _ pass: NetworkPass<Scalar>
    ) -> Matrix<Scalar> {
        let drops = index < layers.count - 1 && dropout > 0 && pass.dropout != nil
        let skips = skips(to: index)
        guard drops || !skips.isEmpty else { return states }
        let output = pass.copy(states, as: "\(layers[index].prefix).output")
        for layer in skips { Scalar.add(below[layer], scale: 1, to: output) }
        if drops { pass.drop(output, firstSite + index, dropout) }
        return output
    }
}
