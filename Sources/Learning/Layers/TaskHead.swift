import Kernels

/// One task's output layer: Linear, GELU, dropout, Linear, GELU, dropout, Linear (reference §5.1).
package struct TaskHead: Sendable {
    /// What a forward pass leaves for the backward pass.
    package struct Trace<Scalar: TrainingScalar>: Sendable {
        /// `[B, outputs]`.
        package let logits: Matrix<Scalar>
        /// The three layers' inputs.
        let inputs: [Matrix<Scalar>]
        /// The first two layers' outputs before GELU.
        let sums: [Matrix<Scalar>]
    }

    private let layers: [LinearLayer]
    private let dropout: Double
    private let firstSite: Int

    /// Adds `name.0`, `name.3` and `name.6`: an `nn.Sequential` that holds GELU and dropout too.
    ///
    /// - Parameters:
    ///   - name: the head's place in its network.
    ///   - widths: of the input, the two hidden layers, and the logits.
    ///   - dropout: p after each GELU.
    ///   - firstSite: the network's number of the first of the two dropouts.
    ///   - layout: of the network.
    package init(
        _ name: String, widths: [Int], dropout: Double, firstSite: Int,
        in layout: inout ParameterLayout
    ) {
        precondition(widths.count == 4, "TaskHead: \(widths.count) widths")
        self.dropout = dropout
        self.firstSite = firstSite
        layers = (0..<3).map {
            LinearLayer(
                "\(name).\(3 * $0)", inputWidth: widths[$0], outputWidth: widths[$0 + 1],
                in: &layout)
        }
    }

    /// Logits of z `[B, Z]`.
    package func forward<Scalar>(_ z: Matrix<Scalar>, _ pass: NetworkPass<Scalar>) -> Trace<Scalar>
    {
        var inputs = [z]
        var sums: [Matrix<Scalar>] = []
        var input = z
        for (index, layer) in layers.dropLast().enumerated() {
            let sum = layer.forward(input, pass)
            input = pass.gelu(sum, as: "\(layer.name).gelu")
            pass.drop(input, firstSite + index, dropout)
            sums.append(sum)
            inputs.append(input)
        }
        return Trace(logits: layers[2].forward(input, pass), inputs: inputs, sums: sums)
    }

    /// ∂L/∂z `[B, Z]` from ∂L/∂logits.
    package func backward<Scalar>(
        _ dLogits: Matrix<Scalar>, _ trace: Trace<Scalar>, _ pass: NetworkPass<Scalar>
    ) -> Matrix<Scalar> {
        var gradient = layers[2].backward(dLogits, x: trace.inputs[2], pass)
        for index in [1, 0] {
            pass.drop(gradient, firstSite + index, dropout)
            Scalar.geluBackward(x: trace.sums[index], dy: gradient)
            gradient = layers[index].backward(gradient, x: trace.inputs[index], pass)
        }
        return gradient
    }
}
