import Kernels

/// PyTorch's `nn.TransformerEncoderLayer` over a ragged batch, each sequence by itself.
///
/// With ReLU, and the norms after the sums (Vaswani et al. 2017):
///
///     y = LN₁(x + drop(MHA(x)))     out = LN₂(y + drop(W₂ drop(relu(W₁ y + b₁)) + b₂))
///
/// Attention looks both ways and no row has a position: the result does not depend on the order
/// of a sequence's rows. One probability drops in four places: the attention's probabilities, its
/// output, after the ReLU, and the feed-forward output.
package struct AttentionLayer: Sendable {
    /// What a forward pass leaves for the backward pass.
    package struct Trace<Scalar: TrainingScalar>: Sendable {
        /// `[R, E]` the layer's output.
        package let output: Matrix<Scalar>
        let input: Matrix<Scalar>
        let batch: RaggedBatch
        let qkv: Matrix<Scalar>
        let probabilities: Matrix<Scalar>
        let attended: Matrix<Scalar>
        let firstSum: Matrix<Scalar>
        let middle: Matrix<Scalar>
        let hidden: Matrix<Scalar>
        let secondSum: Matrix<Scalar>
    }

    private let name: String
    private let heads: Int
    private let dropout: Double
    private let firstSite: Int
    private let inputProjection: LinearLayer
    private let outputProjection: LinearLayer
    private let linear1: LinearLayer
    private let linear2: LinearLayer
    private let norm1: LayerNormLayer
    private let norm2: LayerNormLayer

    /// Adds the tensors of `nn.TransformerEncoderLayer` under `name`, in `state_dict`'s order.
    ///
    /// - Parameters:
    ///   - name: the layer's place in its network.
    ///   - width: E.
    ///   - heads: divides E.
    ///   - forwardWidth: of the feed-forward layer.
    ///   - dropout: p of the four places.
    ///   - firstSite: the network's number of the first of the four; they are consecutive.
    ///   - layout: of the network.
    package init(
        _ name: String, width: Int, heads: Int, forwardWidth: Int, dropout: Double,
        firstSite: Int, in layout: inout ParameterLayout
    ) {
        precondition(width.isMultiple(of: heads), "AttentionLayer: \(heads) heads of \(width)")
        self.name = name
        self.heads = heads
        self.dropout = dropout
        self.firstSite = firstSite
        let attention = "\(name).self_attn"
        // Xavier's bound over the whole of q, k and v, as nn.MultiheadAttention takes it.
        inputProjection = LinearLayer(
            "\(attention).in_proj",
            weight: layout.add(
                "\(attention).in_proj_weight", [3 * width, width],
                .uniform(bound: (6 / Double(4 * width)).squareRoot())),
            bias: layout.add("\(attention).in_proj_bias", [3 * width], .zeros),
            outputWidth: 3 * width)
        outputProjection = LinearLayer(
            "\(attention).out_proj",
            weight: layout.add(
                "\(attention).out_proj.weight", [width, width],
                .uniform(bound: 1 / Double(width).squareRoot())),
            bias: layout.add("\(attention).out_proj.bias", [width], .zeros), outputWidth: width)
        linear1 = LinearLayer(
            "\(name).linear1", inputWidth: width, outputWidth: forwardWidth, in: &layout)
        linear2 = LinearLayer(
            "\(name).linear2", inputWidth: forwardWidth, outputWidth: width, in: &layout)
        norm1 = LayerNormLayer("\(name).norm1", width: width, in: &layout)
        norm2 = LayerNormLayer("\(name).norm2", width: width, in: &layout)
    }

    /// The layer's output for x `[R, E]`, rows in wave order.
    package func forward<Scalar>(
        _ x: Matrix<Scalar>, batch: RaggedBatch, _ pass: NetworkPass<Scalar>
    ) -> Trace<Scalar> {
        let qkv = inputProjection.forward(x, pass)
        let attended = pass.matrix("\(name).attended", rows: x.rows, columns: x.columns)
        let squares = batch.lengths.reduce(0) { $0 + $1 * $1 }
        let probabilities = pass.matrix(
            "\(name).probabilities", rows: 1, columns: heads * squares)
        Scalar.attention(
            qkv: qkv, batch: batch, heads: heads, mask: pass.mask(firstSite, dropout),
            into: attended, probabilities: probabilities)
        let firstSum = outputProjection.forward(attended, pass)
        pass.drop(firstSum, firstSite + 1, dropout)
        Scalar.add(x, scale: 1, to: firstSum)
        let middle = norm1.forward(firstSum, pass)
        let hidden = linear1.forward(middle, pass)
        Scalar.relu(hidden)
        pass.drop(hidden, firstSite + 2, dropout)
        let secondSum = linear2.forward(hidden, pass)
        pass.drop(secondSum, firstSite + 3, dropout)
        Scalar.add(middle, scale: 1, to: secondSum)
        return Trace(
            output: norm2.forward(secondSum, pass), input: x, batch: batch, qkv: qkv,
            probabilities: probabilities, attended: attended, firstSum: firstSum,
            middle: middle, hidden: hidden, secondSum: secondSum)
    }

    /// ∂L/∂x `[R, E]` from ∂L/∂output `[R, E]`.
    package func backward<Scalar>(
        _ dOutput: Matrix<Scalar>, _ trace: Trace<Scalar>, _ pass: NetworkPass<Scalar>
    ) -> Matrix<Scalar> {
        let dSecond = norm2.backward(dOutput, x: trace.secondSum, pass)
        let dForward = pass.copy(dSecond, as: "\(name).dForward")
        pass.drop(dForward, firstSite + 3, dropout)
        let dHidden = linear2.backward(dForward, x: trace.hidden, pass)
        pass.drop(dHidden, firstSite + 2, dropout)
        // A dropped number is 0 in `hidden`, and its gradient is 0 already.
        Scalar.reluBackward(y: trace.hidden, dy: dHidden)
        let dMiddle = linear1.backward(dHidden, x: trace.middle, pass)
        Scalar.add(dSecond, scale: 1, to: dMiddle)
        let dFirst = norm1.backward(dMiddle, x: trace.firstSum, pass)
        let dProjected = pass.copy(dFirst, as: "\(name).dProjected")
        pass.drop(dProjected, firstSite + 1, dropout)
        let dAttended = outputProjection.backward(dProjected, x: trace.attended, pass)
        let dqkv = pass.matrix("\(name).dqkv", rows: trace.qkv.rows, columns: trace.qkv.columns)
        Scalar.attentionBackward(
            dOut: dAttended, qkv: trace.qkv, batch: trace.batch, heads: heads,
            mask: pass.mask(firstSite, dropout), probabilities: trace.probabilities, into: dqkv)
        let dx = inputProjection.backward(dqkv, x: trace.input, pass)
        Scalar.add(dFirst, scale: 1, to: dx)
        return dx
    }
}
