import Kernels

/// Two linear layers around a sum: a + LN(GELU(W₂ drop(LN(GELU(W₁ a))))), as published
/// (reference §5.1, step 4); GELU in its exact form.
package struct ResidualMLP: Sendable {
    /// What a forward pass leaves for the backward pass.
    package struct Trace<Scalar: TrainingScalar>: Sendable {
        /// `[B, C]`.
        package let output: Matrix<Scalar>
        let input: Matrix<Scalar>
        let widened: Matrix<Scalar>
        let widenedActive: Matrix<Scalar>
        let hidden: Matrix<Scalar>
        let narrowed: Matrix<Scalar>
        let narrowedActive: Matrix<Scalar>
    }

    private let name: String
    private let dropout: Double
    private let site: Int
    private let linear1: LinearLayer
    private let norm1: LayerNormLayer
    private let linear2: LinearLayer
    private let norm2: LayerNormLayer

    /// Adds `name.linear1`, `.norm1`, `.linear2` and `.norm2`.
    package init(
        _ name: String, width: Int, hiddenWidth: Int, dropout: Double, site: Int,
        in layout: inout ParameterLayout
    ) {
        self.name = name
        self.dropout = dropout
        self.site = site
        linear1 = LinearLayer(
            "\(name).linear1", inputWidth: width, outputWidth: hiddenWidth, in: &layout)
        norm1 = LayerNormLayer("\(name).norm1", width: hiddenWidth, in: &layout)
        linear2 = LinearLayer(
            "\(name).linear2", inputWidth: hiddenWidth, outputWidth: width, in: &layout)
        norm2 = LayerNormLayer("\(name).norm2", width: width, in: &layout)
    }

    /// The block's output for a `[B, C]`.
    package func forward<Scalar>(_ a: Matrix<Scalar>, _ pass: NetworkPass<Scalar>) -> Trace<Scalar>
    {
        let widened = linear1.forward(a, pass)
        let widenedActive = pass.gelu(widened, as: "\(name).gelu1")
        let hidden = norm1.forward(widenedActive, pass)
        pass.drop(hidden, site, dropout)
        let narrowed = linear2.forward(hidden, pass)
        let narrowedActive = pass.gelu(narrowed, as: "\(name).gelu2")
        let output = norm2.forward(narrowedActive, pass)
        Scalar.add(a, scale: 1, to: output)
        return Trace(
            output: output, input: a, widened: widened, widenedActive: widenedActive,
            hidden: hidden, narrowed: narrowed, narrowedActive: narrowedActive)
    }

    /// ∂L/∂a `[B, C]` from ∂L/∂output `[B, C]`.
    package func backward<Scalar>(
        _ dOutput: Matrix<Scalar>, _ trace: Trace<Scalar>, _ pass: NetworkPass<Scalar>
    ) -> Matrix<Scalar> {
        let dNarrowed = norm2.backward(dOutput, x: trace.narrowedActive, pass)
        Scalar.geluBackward(x: trace.narrowed, dy: dNarrowed)
        let dHidden = linear2.backward(dNarrowed, x: trace.hidden, pass)
        pass.drop(dHidden, site, dropout)
        let dWidened = norm1.backward(dHidden, x: trace.widenedActive, pass)
        Scalar.geluBackward(x: trace.widened, dy: dWidened)
        let da = linear1.backward(dWidened, x: trace.input, pass)
        Scalar.add(dOutput, scale: 1, to: da)
        return da
    }
}

extension NetworkPass {
    /// GELU of x in the workspace's memory; x stays for the backward pass.
    func gelu(_ x: Matrix<Scalar>, as name: String) -> Matrix<Scalar> {
        let y = matrix(name, rows: x.rows, columns: x.columns)
        Scalar.gelu(x, into: y)
        return y
    }
}
