import Kernels

/// PyTorch's `nn.LayerNorm` over a row: γ (x − μ) / √(σ² + ε) + β.
///
/// Ba, Kiros and Hinton 2016, arXiv:1607.06450.
package struct LayerNormLayer: Sendable {
    /// ε of the published networks, which is PyTorch's.
    package static let epsilon = 1e-5

    /// The layer's place in its network, which names its tensors and its memory.
    package let name: String
    /// `[C]` γ.
    private let weight: ParameterLayout.Parameter
    /// `[C]` β.
    private let bias: ParameterLayout.Parameter

    /// Adds `name.weight`, ones, and `name.bias`, zeros.
    package init(_ name: String, width: Int, in layout: inout ParameterLayout) {
        self.name = name
        weight = layout.add("\(name).weight", [width], .ones)
        bias = layout.add("\(name).bias", [width], .zeros)
    }

    /// y `[R, C]` of x `[R, C]`, in memory of this layer's own.
    package func forward<Scalar>(_ x: Matrix<Scalar>, _ pass: NetworkPass<Scalar>) -> Matrix<Scalar>
    {
        let y = pass.matrix("\(name).y", rows: x.rows, columns: x.columns)
        Scalar.layerNorm(
            x, weight: pass.weight(weight), bias: pass.weight(bias),
            epsilon: Scalar(Self.epsilon), into: y, saved: saved(x.rows, pass))
        return y
    }

    /// ∂L/∂x `[R, C]`, in memory of this layer's own, after `forward` of the same x in this pass.
    package func backward<Scalar>(
        _ dy: Matrix<Scalar>, x: Matrix<Scalar>, _ pass: NetworkPass<Scalar>
    ) -> Matrix<Scalar> {
        let dx = pass.matrix("\(name).dx", rows: x.rows, columns: x.columns)
        Scalar.layerNormBackward(
            dy: dy, x: x, weight: pass.weight(weight), saved: saved(x.rows, pass), dx: dx,
            dWeight: pass.gradient(weight), dBias: pass.gradient(bias))
        return dx
    }

    /// `[R, 2]` what the forward pass leaves for the backward pass.
    private func saved<Scalar>(_ rows: Int, _ pass: NetworkPass<Scalar>) -> Matrix<Scalar> {
        pass.matrix("\(name).saved", rows: rows, columns: 2)
    }
}
