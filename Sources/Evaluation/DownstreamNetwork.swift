import Kernels
import Learning

/// The challenge's downstream network (reference/evaluation-protocol.md §3, `tp/model.py`).
///
///     h = LN(W_in x + b_in)
///     each block: h = h + W₂ GELU(W₁ LN(h) + b₁) + b₂
///     logits = W_out LN(h) + b_out
///
/// GELU in its exact form, ε of the norms 1e-5, no dropout. Tensors have the names of the published
/// `state_dict`. Inputs are not scaled, whatever the size: the protocol does not.
package struct DownstreamNetwork<Scalar: TrainingScalar>: Sendable {
    /// Names, shapes and initial values, which are PyTorch's: U(±1/√in), norms 1 and 0.
    package let layout: ParameterLayout
    private let input: LinearLayer
    private let inputNorm: LayerNormLayer
    private let norms: [LayerNormLayer]
    private let blocks: [Block]
    private let outputNorm: LayerNormLayer
    private let output: LinearLayer

    /// The two layers of a block.
    private struct Block: Sendable {
        let widening: LinearLayer
        let narrowing: LinearLayer
        let active: String
    }

    /// What a forward pass leaves for the backward pass.
    package struct Trace: Sendable {
        /// `[B, outputs]`.
        package let logits: Matrix<Scalar>
        let x: Matrix<Scalar>
        let projected: Matrix<Scalar>
        let blocks: [BlockTrace]
        /// h after the last block, and its norm.
        let last: Matrix<Scalar>
        let lastNormed: Matrix<Scalar>
    }

    /// The same of a block: h before it, its norm, and the widened values before and after GELU.
    struct BlockTrace: Sendable {
        let h: Matrix<Scalar>
        let normed: Matrix<Scalar>
        let widened: Matrix<Scalar>
        let active: Matrix<Scalar>
    }

    /// A network of this size; traps on a width that is not positive.
    package init(_ configuration: DownstreamConfiguration, inputWidth: Int, outputWidth: Int) {
        let (width, hidden) = (configuration.width, configuration.hiddenWidth)
        var layout = ParameterLayout()
        input = LinearLayer(
            "input_projection", inputWidth: inputWidth, outputWidth: width, in: &layout)
        inputNorm = LayerNormLayer("ln_input", width: width, in: &layout)
        norms = (0..<configuration.blockCount).map {
            LayerNormLayer("layernorms.\($0)", width: width, in: &layout)
        }
        blocks = (0..<configuration.blockCount).map {
            let name = "bottlenecks.\($0)"
            return Block(
                widening: LinearLayer(
                    "\(name).l1", inputWidth: width, outputWidth: hidden, in: &layout),
                narrowing: LinearLayer(
                    "\(name).l2", inputWidth: hidden, outputWidth: width, in: &layout),
                active: "\(name).gelu")
        }
        outputNorm = LayerNormLayer("ln_output", width: width, in: &layout)
        output = LinearLayer(
            "linear_output", inputWidth: width, outputWidth: outputWidth, in: &layout)
        self.layout = layout
    }

    /// Logits of x `[B, E]`, in the workspace's memory.
    package func forward(_ x: Matrix<Scalar>, _ pass: NetworkPass<Scalar>) -> Trace {
        let projected = input.forward(x, pass)
        var h = inputNorm.forward(projected, pass)
        var traces: [BlockTrace] = []
        for (norm, block) in zip(norms, blocks) {
            let normed = norm.forward(h, pass)
            let widened = block.widening.forward(normed, pass)
            let active = pass.workspace.matrix(
                block.active, rows: widened.rows, columns: widened.columns)
            Scalar.gelu(widened, into: active)
            let sum = block.narrowing.forward(active, pass)
            Scalar.add(h, scale: 1, to: sum)
            traces.append(BlockTrace(h: h, normed: normed, widened: widened, active: active))
            h = sum
        }
        let normed = outputNorm.forward(h, pass)
        return Trace(
            logits: output.forward(normed, pass), x: x, projected: projected, blocks: traces,
            last: h, lastNormed: normed)
    }

    /// Adds the gradients of ∂L/∂logits `[B, outputs]` to the pass's.
    package func backward(
        _ dLogits: Matrix<Scalar>, _ trace: Trace, _ pass: NetworkPass<Scalar>
    ) {
        let dNormed = output.backward(dLogits, x: trace.lastNormed, pass)
        var dh = outputNorm.backward(dNormed, x: trace.last, pass)
        for index in blocks.indices.reversed() {
            let (block, kept) = (blocks[index], trace.blocks[index])
            let dWidened = block.narrowing.backward(dh, x: kept.active, pass)
            Scalar.geluBackward(x: kept.widened, dy: dWidened)
            let dBlock = block.widening.backward(dWidened, x: kept.normed, pass)
            let before = norms[index].backward(dBlock, x: kept.h, pass)
            Scalar.add(dh, scale: 1, to: before)
            dh = before
        }
        let dProjected = inputNorm.backward(dh, x: trace.projected, pass)
        input.addGradients(dProjected, x: trace.x, pass)
    }

    /// Mean binary cross-entropy over all of a batch's labels, the backward pass included when the
    /// pass has gradients.
    ///
    /// - Parameters:
    ///   - x: `[B, E]`.
    ///   - labels: `[B, outputs]` of 0 and 1.
    ///   - pass: its gradients are added to.
    /// - Returns: the mean, in nats.
    package func loss(
        _ x: Matrix<Scalar>, labels: Matrix<Scalar>, _ pass: NetworkPass<Scalar>
    ) -> Double {
        let trace = forward(x, pass)
        let count = Double(labels.count)
        // The logits become their gradient.
        let sum = Scalar.binaryCrossEntropy(trace.logits, labels: labels, scale: Scalar(1 / count))
        if pass.wantsGradients { backward(trace.logits, trace, pass) }
        return sum / count
    }
}
