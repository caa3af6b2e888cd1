import Storage
import TestSupport
import Testing

/// Tests/Golden/encoder_goldens.safetensors, which make_encoder_goldens.py made with PyTorch.
struct EncoderGoldens {
    private let tensors: [NamedTensor]

    init() throws {
        let path = goldenPath("encoder_goldens.safetensors")
        tensors = try SafetensorsFile.read(path, on: RealDisk()).floats()
    }

    /// The `state_dict` kept under `prefix`, by PyTorch's own names.
    func state(_ prefix: String) -> [NamedTensor] {
        tensors.compactMap { tensor in
            guard tensor.name.hasPrefix("\(prefix).") else { return nil }
            return NamedTensor(
                name: String(tensor.name.dropFirst(prefix.count + 1)), shape: tensor.shape,
                values: tensor.values)
        }
    }

    func values(_ name: String) throws -> [Float] {
        try #require(tensors.first { $0.name == name }, "\(name)").values
    }
}

/// Whether two results are the same bytes; a Bool, so that a failure does not print thousands.
func isSame(_ a: [Float], _ b: [Float]) -> Bool { a.map(\.bitPattern) == b.map(\.bitPattern) }

/// Compares to 10⁻⁵ of the greatest number.
func expectNear(
    _ values: [Float], _ wanted: [Float], _ name: String,
    sourceLocation: SourceLocation = #_sourceLocation
) {
    let size = wanted.map(\.magnitude).max() ?? 0
    let worst = zip(values, wanted).map { ($0 - $1).magnitude }.max() ?? .infinity
    #expect(
        values.count == wanted.count && worst <= 1e-5 * size, "\(name) by \(worst)",
        sourceLocation: sourceLocation)
}
