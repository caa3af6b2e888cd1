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
    private let byName: [String: NamedTensor]

    init(_ tensors: [NamedTensor]) throws(EncoderError) {
        var byName: [String: NamedTensor] = [:]
        for tensor in tensors {
            guard byName.updateValue(tensor, forKey: tensor.name) == nil else {
                throw .duplicateTensor(name: tensor.name)
            }
        }
        // Two tensors give the three widths; all shapes are then checked against those.
        let input = try Self.matrix("encoder.weight_ih_l0", in: byName)
        let latent = try Self.matrix("latent.weight", in: byName)
        inputWidth = input.columns
        hiddenWidth = latent.columns
        latentWidth = latent.rows
        let wanted = Self.shapes(
            inputWidth: inputWidth, hiddenWidth: hiddenWidth, latentWidth: latentWidth)
        let names = Set(wanted.map(\.name))
        for tensor in tensors where !names.contains(tensor.name) {
            throw .unknownTensor(name: tensor.name)
        }
        for (name, shape) in wanted {
            guard let tensor = byName[name] else { throw .missingTensor(name: name) }
            guard tensor.shape == shape else {
                throw .wrongShape(name: name, shape: tensor.shape, wanted: shape)
            }
            if let index = tensor.values.firstIndex(where: { !$0.isFinite }) {
                throw .notFinite(name: name, index: index)
            }
        }
        self.byName = byName
    }

    /// The GRU whose four tensors' names begin with `name`.
    func gru(_ name: String) -> PackedGRU {
        PackedGRU(
            weightIH: values("\(name).weight_ih_l0"), weightHH: values("\(name).weight_hh_l0"),
            biasIH: values("\(name).bias_ih_l0"), biasHH: values("\(name).bias_hh_l0"),
            hiddenWidth: hiddenWidth)
    }

    /// The linear layer whose two tensors' names begin with `name`.
    func linear(_ name: String) -> PackedLinear {
        PackedLinear(weight: values("\(name).weight"), bias: values("\(name).bias"))
    }

    /// The values of a tensor that `init` has checked.
    private func values(_ name: String) -> [Float] { byName[name]?.values ?? [] }

    /// All names and shapes, in the order of PyTorch's `state_dict`.
    static func shapes(
        inputWidth: Int, hiddenWidth: Int, latentWidth: Int
    ) -> [(name: String, shape: [Int])] {
        let gates = 3 * hiddenWidth
        func gru(_ name: String, _ width: Int) -> [(name: String, shape: [Int])] {
            [
                ("\(name).weight_ih_l0", [gates, width]),
                ("\(name).weight_hh_l0", [gates, hiddenWidth]),
                ("\(name).bias_ih_l0", [gates]),
                ("\(name).bias_hh_l0", [gates]),
            ]
        }
        return gru("encoder", inputWidth) + gru("decoder", latentWidth) + [
            ("latent.weight", [latentWidth, hiddenWidth]), ("latent.bias", [latentWidth]),
            ("output.weight", [inputWidth, hiddenWidth]), ("output.bias", [inputWidth]),
        ]
    }

    private static func matrix(
        _ name: String, in tensors: [String: NamedTensor]
    ) throws(EncoderError) -> (rows: Int, columns: Int) {
        guard let tensor = tensors[name] else { throw .missingTensor(name: name) }
        guard tensor.shape.count == 2, tensor.shape.allSatisfy({ $0 > 0 }) else {
            throw .wrongShape(name: name, shape: tensor.shape, wanted: [-1, -1])
        }
        return (tensor.shape[0], tensor.shape[1])
    }
}
