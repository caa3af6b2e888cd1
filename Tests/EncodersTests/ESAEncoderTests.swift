import Encoders
import Kernels
import Storage
import Testing

@Suite struct ESAEncoderTests {
    @Test(arguments: InstructionLevel.supported)
    func `is PyTorch's, END included`(level: InstructionLevel) throws {
        let goldens = try EncoderGoldens()
        let encoder = try ESAEncoder(tensors: goldens.state("esa"), level: level)
        #expect(encoder.embeddingWidth == 6 && encoder.hiddenWidth == 9)
        #expect(encoder.valueCounts == [6, 4, 10, 8, 7, 7, 5])
        let tokens = try goldens.values("esa_tokens").map { Int32($0) }
        var scratch = encoder.makeScratch()
        var hidden = [Float](repeating: 0, count: 9)
        for row in 0..<3 {
            var state = hidden.mutableSpan
            encoder.step(
                tokens: Array(tokens[row * 7..<(row + 1) * 7]), hidden: &state,
                scratch: &scratch)
        }
        expectNear(hidden, try goldens.values("esa_hidden"), "hidden")
        let ended = encoder.ended(hidden: hidden.span, buckets: [3], scratch: &scratch)
        expectNear(ended, try goldens.values("esa_ended"), "ended")
    }

    @Test func `a user's bytes do not depend on who else is there, nor on the level`() throws {
        let counts = [6, 300, 100, 50, 60, 7, 32]
        let tensors = Self.tensors(counts, embedding: 20, hidden: 41)
        let users = 4096
        var random = SeededRandom(seed: 1, stream: 0)
        let tokens = (0..<users * 7).map { place in
            Int32(random.next() % UInt64(counts[place % 7] + 1)) - 1
        }
        let start = (0..<users * 41).map { _ in Float(2 * random.nextUnit() - 1) }
        let buckets = (0..<users).map { _ in UInt8(random.next() % 32) }
        func vectors(_ level: InstructionLevel, _ picked: [Int]) throws -> [Float] {
            let encoder = try ESAEncoder(tensors: tensors, level: level)
            var scratch = encoder.makeScratch()
            var hidden = picked.flatMap { start[$0 * 41..<($0 + 1) * 41] }
            var states = hidden.mutableSpan
            encoder.step(
                tokens: picked.flatMap { tokens[$0 * 7..<($0 + 1) * 7] }, hidden: &states,
                scratch: &scratch)
            return encoder.ended(
                hidden: hidden.span, buckets: picked.map { buckets[$0] }, scratch: &scratch)
        }
        let whole = try vectors(.best, Array(0..<users))
        func expected(_ picked: [Int]) -> [Float] {
            picked.flatMap { whole[$0 * 41..<($0 + 1) * 41] }
        }
        let order = (0..<users).map { ($0 * 5 + 3) % users }
        #expect(isSame(try vectors(.best, order), expected(order)))
        for level in InstructionLevel.supported {
            for picked in [[7], Array(90..<97), Array(0..<300)] {
                #expect(isSame(try vectors(level, picked), expected(picked)), "\(level)")
            }
        }
        #expect(Set(whole.map(\.bitPattern)).count > users)
    }

    @Test func `names the tensor that is wrong`() throws {
        let tensors = Self.tensors([6, 3, 2, 2, 2, 7, 4], embedding: 4, hidden: 5)
        func failure(_ change: (inout [NamedTensor]) -> Void) -> EncoderError? {
            var changed = tensors
            change(&changed)
            do throws(EncoderError) {
                _ = try ESAEncoder(tensors: changed, level: .portable)
                return nil
            } catch {
                return error
            }
        }
        #expect(failure { _ in } == nil)
        #expect(failure { $0.removeLast() } == .missingTensor(name: "decoder.bias_hh_l0"))
        let cut = NamedTensor(
            name: "embeddings.kind.weight", shape: [6, 4], values: Array(repeating: 0, count: 24))
        #expect(
            failure { $0[0] = cut }
                == .wrongShape(name: cut.name, shape: [6, 4], wanted: [7, 4]))
    }

    private static func tensors(_ counts: [Int], embedding: Int, hidden: Int) -> [NamedTensor] {
        var shapes: [(name: String, shape: [Int])] = []
        for (field, count) in zip(ESAEncoder.fields, counts) {
            let rows = count + (field == "kind" ? 1 : 0)
            shapes.append(("embeddings.\(field).weight", [rows, embedding]))
            shapes.append(("heads.\(field).weight", [count, hidden]))
            shapes.append(("heads.\(field).bias", [count]))
        }
        for name in ["encoder", "decoder"] {
            shapes.append(("\(name).weight_ih_l0", [3 * hidden, embedding]))
            shapes.append(("\(name).weight_hh_l0", [3 * hidden, hidden]))
            shapes.append(("\(name).bias_ih_l0", [3 * hidden]))
            shapes.append(("\(name).bias_hh_l0", [3 * hidden]))
        }
        return shapes.enumerated().map { index, tensor in
            var random = SeededRandom(seed: 2, stream: UInt64(index))
            let values = (0..<tensor.shape.reduce(1, *)).map { _ in
                Float(random.nextUnit() - 0.5)
            }
            return NamedTensor(name: tensor.name, shape: tensor.shape, values: values)
        }
    }
}
