import Encoders
import Kernels
import Storage
import Testing

@Suite struct SRATensorsTests {
    private let tensors = SRAEncoder.seededTensors(
        seed: 5, inputWidth: 64, hiddenWidth: 256, latentWidth: 128)

    @Test func `has PyTorch's names and shapes`() {
        let wanted: [(String, [Int])] = [
            ("encoder.weight_ih_l0", [768, 64]), ("encoder.weight_hh_l0", [768, 256]),
            ("encoder.bias_ih_l0", [768]), ("encoder.bias_hh_l0", [768]),
            ("decoder.weight_ih_l0", [768, 128]), ("decoder.weight_hh_l0", [768, 256]),
            ("decoder.bias_ih_l0", [768]), ("decoder.bias_hh_l0", [768]),
            ("latent.weight", [128, 256]), ("latent.bias", [128]),
            ("output.weight", [64, 256]), ("output.bias", [64]),
        ]
        #expect(tensors.map(\.name) == wanted.map(\.0))
        #expect(tensors.map(\.shape) == wanted.map(\.1))
    }

    @Test func `draws uniformly within PyTorch's bounds, from the seed alone`() {
        for tensor in tensors {
            #expect(tensor.values.allSatisfy { abs($0) <= 1 / 16 })
            let mean = tensor.values.reduce(0, +) / Float(tensor.values.count)
            // Six standard errors of a uniform mean.
            #expect(abs(mean) < 6 * 0.0361 / Float(tensor.values.count).squareRoot())
        }
        let again = SRAEncoder.seededTensors(
            seed: 5, inputWidth: 64, hiddenWidth: 256, latentWidth: 128)
        let other = SRAEncoder.seededTensors(
            seed: 6, inputWidth: 64, hiddenWidth: 256, latentWidth: 128)
        #expect(again == tensors)
        #expect(zip(other, tensors).allSatisfy { $0.values != $1.values })
        #expect(tensors[2].values != tensors[3].values)
    }

    @Test func `names the tensor that is wrong`() {
        func failure(_ change: (inout [NamedTensor]) -> Void) -> EncoderError? {
            var changed = tensors
            change(&changed)
            do throws(EncoderError) {
                _ = try SRAEncoder(tensors: changed, level: .portable)
                return nil
            } catch {
                return error
            }
        }
        #expect(failure { $0.reverse() } == nil)
        #expect(failure { $0.remove(at: 3) } == .missingTensor(name: "encoder.bias_hh_l0"))
        #expect(failure { $0.remove(at: 0) } == .missingTensor(name: "encoder.weight_ih_l0"))
        #expect(failure { $0.append($0[1]) } == .duplicateTensor(name: "encoder.weight_hh_l0"))
        let foreign = NamedTensor(name: "encoder.weight_ih_l1", shape: [1], values: [0])
        #expect(failure { $0.append(foreign) } == .unknownTensor(name: "encoder.weight_ih_l1"))
        let short = NamedTensor(name: "output.bias", shape: [59], values: floats(59))
        #expect(
            failure { $0[11] = short }
                == .wrongShape(name: "output.bias", shape: [59], wanted: [64]))
        var values = tensors[8].values
        values[7] = .nan
        let damaged = NamedTensor(name: "latent.weight", shape: [128, 256], values: values)
        #expect(failure { $0[8] = damaged } == .notFinite(name: "latent.weight", index: 7))
        let flat = NamedTensor(name: "latent.weight", shape: [6], values: floats(6))
        #expect(
            failure { $0[8] = flat }
                == .wrongShape(name: "latent.weight", shape: [6], wanted: [-1, -1]))
    }

    @Test func `survives a safetensors file`() throws {
        let file = try SafetensorsFile(decoding: SafetensorsFile(tensors).encoded())
        let encoder = try SRAEncoder(tensors: file.floats(), level: .best)
        #expect(encoder.inputWidth == 64 && encoder.hiddenWidth == 256)
        #expect(Dictionary(grouping: try file.floats(), by: \.name).count == 12)
    }

    private func floats(_ count: Int) -> [Float] { Array(repeating: 0.5, count: count) }
}
