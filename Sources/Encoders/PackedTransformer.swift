import Kernels

/// PyTorch's `nn.TransformerEncoderLayer` in evaluation, post-norm with ReLU, each sequence by
/// itself.
///
/// Vaswani et al. 2017, arXiv:1706.03762:
///
///     y = LN₁(x + MHA(x))     out = LN₂(y + W₂ relu(W₁ y + b₁) + b₂)
struct PackedTransformer: Sendable {
    /// E.
    let width: Int
    private let heads: Int
    private let inputProjection: PackedLinear
    private let outputProjection: PackedLinear
    private let linear1: PackedLinear
    private let linear2: PackedLinear
    private let norm1: LayerNorm
    private let norm2: LayerNorm

    /// Packs checked tensors whose names begin with `name`; `heads` divides E.
    init(_ tensors: CheckedTensors, _ name: String, heads: Int) {
        self.heads = heads
        let attention = "\(name).self_attn"
        inputProjection = tensors.linear(
            weight: "\(attention).in_proj_weight", bias: "\(attention).in_proj_bias")
        outputProjection = tensors.linear("\(attention).out_proj")
        linear1 = tensors.linear("\(name).linear1")
        linear2 = tensors.linear("\(name).linear2")
        norm1 = tensors.norm("\(name).norm1")
        norm2 = tensors.norm("\(name).norm2")
        width = outputProjection.outputWidth
        precondition(width.isMultiple(of: heads), "PackedTransformer: \(heads) heads of \(width)")
    }

    /// Names and shapes, in `state_dict`'s order.
    static func shapes(_ name: String, width: Int, forwardWidth: Int) -> [TensorShape] {
        let attention = "\(name).self_attn"
        return [
            ("\(attention).in_proj_weight", [3 * width, width]),
            ("\(attention).in_proj_bias", [3 * width]),
        ]
            + TensorShapes.linear("\(attention).out_proj", width, width)
            + TensorShapes.linear("\(name).linear1", width, forwardWidth)
            + TensorShapes.linear("\(name).linear2", forwardWidth, width)
            + TensorShapes.norm("\(name).norm1", width)
            + TensorShapes.norm("\(name).norm2", width)
    }

    /// `[R, E]` of x `[R, E]`, rows in wave order.
    func callAsFunction(_ x: [Float], batch: RaggedBatch, kernels: FloatKernels) -> [Float] {
        let qkv = kernels.applied(inputProjection, to: x)
        var attended = [Float](repeating: 0, count: x.count)
        var out = attended.mutableSpan
        kernels.attention(qkv: qkv.span, batch: batch, heads: heads, into: &out)
        var middle = kernels.applied(outputProjection, to: attended)
        kernels.add(x, to: &middle)
        kernels.normalise(&middle, norm1)
        var hidden = kernels.applied(linear1, to: middle)
        var values = hidden.mutableSpan
        kernels.relu(&values)
        var result = kernels.applied(linear2, to: hidden)
        kernels.add(middle, to: &result)
        kernels.normalise(&result, norm2)
        return result
    }
}

extension FloatKernels {
    /// `[R, out]` of `[R, in]`, in new memory.
    func applied(_ linear: PackedLinear, to x: [Float]) -> [Float] {
        let rows = x.count / linear.inputWidth
        var result = [Float](repeating: 0, count: rows * linear.outputWidth)
        var outputs = result.mutableSpan
        linear.apply(x.span, into: &outputs, level: level)
        return result
    }

    /// GELU of a linear layer's output.
    func geluApplied(_ linear: PackedLinear, to x: [Float]) -> [Float] {
        var result = applied(linear, to: x)
        var values = result.mutableSpan
        gelu(&values)
        return result
    }

    /// Y ← Y + X.
    func add(_ x: [Float], to y: inout [Float]) {
        var sums = y.mutableSpan
        add(x.span, to: &sums)
    }

    /// Layer norm of each row, in place.
    func normalise(_ rows: inout [Float], _ norm: LayerNorm) {
        var values = rows.mutableSpan
        layerNorm(
            &values, weight: norm.weight.span, bias: norm.bias.span, epsilon: LayerNorm.epsilon)
    }
}
