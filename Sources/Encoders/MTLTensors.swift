import Kernels
import Storage

/// The tensors of the multi-task network by PyTorch's names, with shapes and finiteness checked.
///
/// `encoder.0` … are the GRUs of a stack (`nn.ModuleList` of `nn.GRU`), `transformer` an
/// `nn.TransformerEncoderLayer`, `pool_norm` an `nn.LayerNorm`, `mlp` the residual block, `latent`
/// an `nn.Linear`, and `churn`, `category`, `item` are `nn.Sequential` of Linear, GELU, Dropout
/// twice, and Linear.
struct MTLTensors {
    static let tasks = ["churn", "category", "item"]

    let tensors: CheckedTensors
    /// H of each GRU.
    let encoderWidths: [Int]

    init(_ tensors: [NamedTensor]) throws(EncoderError) {
        let checked = try CheckedTensors(tensors)
        self.tensors = checked
        let input = try checked.matrix("encoder.0.weight_ih_l0")
        var widths: [Int] = []
        while widths.isEmpty || checked.contains("encoder.\(widths.count).weight_hh_l0") {
            widths.append(try checked.matrix("encoder.\(widths.count).weight_hh_l0").columns)
        }
        encoderWidths = widths
        let width = widths[widths.count - 1]
        let latent = try checked.matrix("latent.weight").rows
        let forward = try checked.matrix("transformer.linear1.weight").rows
        let residual = try checked.matrix("mlp.linear1.weight").rows
        var wanted: [TensorShape] = []
        for (index, layer) in widths.enumerated() {
            let inputs = index == 0 ? input.columns : widths[index - 1]
            wanted += TensorShapes.gru("encoder.\(index)", inputs, layer)
        }
        wanted += PackedTransformer.shapes("transformer", width: width, forwardWidth: forward)
        wanted += TensorShapes.norm("pool_norm", width)
        wanted += TensorShapes.linear("mlp.linear1", width, residual)
        wanted += TensorShapes.norm("mlp.norm1", residual)
        wanted += TensorShapes.linear("mlp.linear2", residual, width)
        wanted += TensorShapes.norm("mlp.norm2", width)
        wanted += TensorShapes.linear("latent", width, latent)
        for task in Self.tasks {
            let first = try checked.matrix("\(task).0.weight").rows
            let second = try checked.matrix("\(task).3.weight").rows
            let outputs = try checked.matrix("\(task).6.weight").rows
            wanted += TensorShapes.linear("\(task).0", latent, first)
            wanted += TensorShapes.linear("\(task).3", first, second)
            wanted += TensorShapes.linear("\(task).6", second, outputs)
        }
        try checked.check(wanted, tensors)
    }

    /// The GRUs, in order.
    var stack: PackedGRUStack {
        PackedGRUStack(layers: encoderWidths.indices.map { tensors.gru("encoder.\($0)") })
    }
}
