import Kernels

/// PyTorch's `nn.Linear`: y = x Wᵀ + b.
package struct LinearLayer: Sendable {
    /// The layer's place in its network, which names its tensors and its memory.
    package let name: String
    /// `[out, in]`.
    let weight: ParameterLayout.Parameter
    /// `[out]`.
    let bias: ParameterLayout.Parameter
    let outputWidth: Int

    /// Adds `name.weight` and `name.bias`, which begin in U(−1/√in, 1/√in).
    package init(
        _ name: String, inputWidth: Int, outputWidth: Int, in layout: inout ParameterLayout
    ) {
        let initial = ParameterLayout.InitialValues.uniform(
            bound: 1 / Double(inputWidth).squareRoot())
        self.init(
            name, weight: layout.add("\(name).weight", [outputWidth, inputWidth], initial),
            bias: layout.add("\(name).bias", [outputWidth], initial), outputWidth: outputWidth)
    }

    /// A layer over tensors whose names or initial values are others.
    init(
        _ name: String, weight: ParameterLayout.Parameter, bias: ParameterLayout.Parameter,
        outputWidth: Int
    ) {
        self.name = name
        self.weight = weight
        self.bias = bias
        self.outputWidth = outputWidth
    }

    /// y `[R, out]` of x `[R, in]`, in memory of this layer's own.
    package func forward<Scalar>(_ x: Matrix<Scalar>, _ pass: NetworkPass<Scalar>) -> Matrix<Scalar>
    {
        let y = pass.matrix("\(name).y", rows: x.rows, columns: outputWidth)
        pass.multiply(x, by: weight, .transposed, into: y)
        Scalar.addBias(pass.weight(bias), to: y)
        return y
    }

    /// Adds the gradients of W and b; for a layer whose input learns nothing.
    ///
    /// - Parameters:
    ///   - dy: `[R, out]` ∂L/∂y.
    ///   - x: `[R, in]` the forward input.
    ///   - pass: with gradients.
    package func addGradients<Scalar>(
        _ dy: Matrix<Scalar>, x: Matrix<Scalar>, _ pass: NetworkPass<Scalar>
    ) {
        pass.addProduct(dy, x, toGradient: weight)
        Scalar.addColumnSums(dy, to: pass.gradient(bias))
    }

    /// As `addGradients`, and returns ∂L/∂x `[R, in]` in memory of this layer's own.
    package func backward<Scalar>(
        _ dy: Matrix<Scalar>, x: Matrix<Scalar>, _ pass: NetworkPass<Scalar>
    ) -> Matrix<Scalar> {
        addGradients(dy, x: x, pass)
        let dx = pass.matrix("\(name).dx", rows: x.rows, columns: x.columns)
        pass.multiply(dy, by: weight, .plain, into: dx)
        return dx
    }
}
