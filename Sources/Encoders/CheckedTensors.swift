import Kernels
import Storage

/// A network's tensors by PyTorch's names, whose shapes and finiteness have been checked.
struct CheckedTensors {
    private let byName: [String: NamedTensor]

    /// Takes each name once; nothing else is checked until `check`.
    init(_ tensors: [NamedTensor]) throws(EncoderError) {
        var byName: [String: NamedTensor] = [:]
        for tensor in tensors {
            guard byName.updateValue(tensor, forKey: tensor.name) == nil else {
                throw .duplicateTensor(name: tensor.name)
            }
        }
        self.byName = byName
    }

    /// Throws unless the tensors are exactly these, and finite.
    func check(_ wanted: [TensorShape], _ tensors: [NamedTensor]) throws(EncoderError) {
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
    }

    /// Whether there is a tensor of this name.
    func contains(_ name: String) -> Bool { byName[name] != nil }

    /// The two sizes of a tensor that tells a network's widths.
    func matrix(_ name: String) throws(EncoderError) -> (rows: Int, columns: Int) {
        guard let tensor = byName[name] else { throw .missingTensor(name: name) }
        guard tensor.shape.count == 2, tensor.shape.allSatisfy({ $0 > 0 }) else {
            throw .wrongShape(name: name, shape: tensor.shape, wanted: [-1, -1])
        }
        return (tensor.shape[0], tensor.shape[1])
    }

    /// The values of a tensor that was checked.
    func values(_ name: String) -> [Float] { byName[name]?.values ?? [] }

    /// The one-layer GRU whose four tensors' names begin with `name`.
    func gru(_ name: String) -> PackedGRU {
        PackedGRU(
            weightIH: values("\(name).weight_ih_l0"), weightHH: values("\(name).weight_hh_l0"),
            biasIH: values("\(name).bias_ih_l0"), biasHH: values("\(name).bias_hh_l0"),
            hiddenWidth: values("\(name).bias_hh_l0").count / 3)
    }

    /// The linear layer of the tensors `weight` and `bias`.
    func linear(weight: String, bias: String) -> PackedLinear {
        PackedLinear(weight: values(weight), bias: values(bias))
    }

    /// The linear layer whose two tensors' names begin with `name`.
    func linear(_ name: String) -> PackedLinear {
        linear(weight: "\(name).weight", bias: "\(name).bias")
    }

    /// The layer norm whose two tensors' names begin with `name`.
    func norm(_ name: String) -> LayerNorm {
        LayerNorm(weight: values("\(name).weight"), bias: values("\(name).bias"))
    }
}

/// A tensor's name and the shape it must have.
typealias TensorShape = (name: String, shape: [Int])

/// Shapes of PyTorch's layers, in `state_dict`'s order.
enum TensorShapes {
    static func gru(_ name: String, _ inputs: Int, _ width: Int) -> [TensorShape] {
        [
            ("\(name).weight_ih_l0", [3 * width, inputs]),
            ("\(name).weight_hh_l0", [3 * width, width]),
            ("\(name).bias_ih_l0", [3 * width]), ("\(name).bias_hh_l0", [3 * width]),
        ]
    }

    static func linear(_ name: String, _ inputs: Int, _ outputs: Int) -> [TensorShape] {
        [("\(name).weight", [outputs, inputs]), ("\(name).bias", [outputs])]
    }

    static func norm(_ name: String, _ width: Int) -> [TensorShape] {
        [("\(name).weight", [width]), ("\(name).bias", [width])]
    }
}

/// γ and β of PyTorch's `nn.LayerNorm`, with its ε.
struct LayerNorm: Sendable {
    /// PyTorch's default.
    static let epsilon: Float = 1e-5

    let weight: [Float]
    let bias: [Float]
}
