import Kernels
import Storage

/// The tensors of the SRA network by PyTorch's names, with shapes and finiteness checked.
///
/// An encoder GRU (D → H), a linear layer (H → Z), a decoder GRU (Z → H) and a linear layer
/// (H → D), as published (reference §3).
struct SRATensors {
    let inputWidth: Int
    let hiddenWidth: Int
    let latentWidth: Int
    private let tensors: CheckedTensors

    init(_ tensors: [NamedTensor]) throws(EncoderError) {
        let checked = try CheckedTensors(tensors)
        // Two tensors give the three widths; all shapes are then checked against those.
        let input = try checked.matrix("encoder.weight_ih_l0")
        let latent = try checked.matrix("latent.weight")
        inputWidth = input.columns
        hiddenWidth = latent.columns
        latentWidth = latent.rows
        let wanted = Self.shapes(
            inputWidth: inputWidth, hiddenWidth: hiddenWidth, latentWidth: latentWidth)
        try checked.check(wanted, tensors)
        self.tensors = checked
    }

    /// The GRU whose four tensors' names begin with `name`.
    func gru(_ name: String) -> PackedGRU { tensors.gru(name) }

    /// The linear layer whose two tensors' names begin with `name`.
    func linear(_ name: String) -> PackedLinear { tensors.linear(name) }

    /// All names and shapes, in the order of PyTorch's `state_dict`.
    static func shapes(
        inputWidth: Int, hiddenWidth: Int, latentWidth: Int
    ) -> [TensorShape] {
        TensorShapes.gru("encoder", inputWidth, hiddenWidth)
            + TensorShapes.gru("decoder", latentWidth, hiddenWidth)
            + TensorShapes.linear("latent", hiddenWidth, latentWidth)
            + TensorShapes.linear("output", hiddenWidth, inputWidth)
    }
}
