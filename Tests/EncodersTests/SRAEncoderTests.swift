import Encoders
import Glibc
import Kernels
import Storage
import Testing

@Suite struct SRAEncoderTests {
    // Tests/Golden/sra_network.py (torch 2.15, float64); the published repository gave the same.
    @Test(arguments: InstructionLevel.supported)
    func `is the published network`(level: InstructionLevel) throws {
        let tensors = goldenTensors()
        let encoder = try SRAEncoder(tensors: tensors, level: level)
        let rows = (0..<5 * 59).map { i in
            Float(cos(0.13 * Double(i / 59) + 0.07 * Double(i % 59)))
        }
        var scratch = encoder.makeScratch()
        var hidden = [Float](repeating: 0, count: 256)
        for t in 0..<5 {
            var state = hidden.mutableSpan
            let row = rows.span.extracting(t * 59..<(t + 1) * 59)
            encoder.step(inputs: row, hidden: &state, scratch: &scratch)
        }
        var z = [Float](repeating: 0, count: 128)
        var latent = z.mutableSpan
        encoder.latent(hidden: hidden.span, into: &latent)
        expect(z[..<4], near: [1.285_997_606, 1.356_337_946, 1.137_972_872, 0.678_777_177])
        let sum = z.reduce(0.0) { $0 + Double($1) }
        #expect(abs(sum - 1.279_072_157_86) < 1e-5 * 1.28)

        let decoder = try SRADecoder(tensors: tensors, level: level)
        let output = decoder.reconstruct(latent: z.span, count: 5)
        expect(
            output[..<4], near: [0.693_366_325, 0.815_170_293, 0.766_903_627, 0.558_537_813])
        expect(
            output[(4 * 59)..<(4 * 59 + 4)],
            near: [1.007_741_778, 1.214_906_261, 1.164_506_304, 0.866_980_329])
        let loss = zip(output, rows).reduce(0.0) { sum, pair in
            let difference = Double(pair.0) - Double(pair.1)
            return sum + difference * difference / 5
        }
        #expect(abs(loss - 60.284_623_954) < 1e-5 * 60)
    }

    @Test func `gives a user the same bytes alone, in a batch, and at every level`() throws {
        let tensors = SRAEncoder.seededTensors(
            seed: 3, inputWidth: 64, hiddenWidth: 256, latentWidth: 128)
        let users = (0..<7).map { user in halfRows(6, width: 64, seed: UInt64(user)) }
        var expected: [UInt32]?
        for level in InstructionLevel.supported {
            let encoder = try SRAEncoder(tensors: tensors, level: level)
            let alone = users.flatMap { encoder.encode(rows: $0.span, count: 6) }
            var scratch = encoder.makeScratch()
            var hidden = [Float](repeating: 0, count: 7 * 256)
            for t in 0..<6 {
                let rows = users.flatMap { $0[t * 64..<(t + 1) * 64] }
                var states = hidden.mutableSpan
                encoder.step(rows: rows.span, hidden: &states, scratch: &scratch)
            }
            var together = [Float](repeating: 0, count: 7 * 128)
            var latents = together.mutableSpan
            encoder.latent(hidden: hidden.span, into: &latents)
            let bits = alone.map(\.bitPattern)
            let isSameTogether = together.map(\.bitPattern) == bits
            let isSameAtThisLevel = bits == expected ?? bits
            #expect(isSameTogether && isSameAtThisLevel, "\(level)")
            expected = bits
        }
    }

    // Our own bytes, not an oracle's: states that one build stored must suit the next.
    @Test func `keeps its bytes from build to build`() throws {
        let tensors = SRAEncoder.seededTensors(
            seed: 3, inputWidth: 64, hiddenWidth: 256, latentWidth: 128)
        let encoder = try SRAEncoder(tensors: tensors, level: .best)
        let z = encoder.encode(rows: halfRows(6, width: 64, seed: 1).span, count: 6)
        let hash = z.reduce(UInt64(0)) { SeededRandom.mix($0 ^ UInt64($1.bitPattern)) }
        #expect(hash == 2_134_145_949_351_413_015)
    }

    @Test func `reads rows as halfs`() throws {
        let tensors = SRAEncoder.seededTensors(
            seed: 1, inputWidth: 5, hiddenWidth: 20, latentWidth: 3)
        let encoder = try SRAEncoder(tensors: tensors, level: .best)
        let rows = halfRows(100, width: 5, seed: 9)
        var scratch = encoder.makeScratch()
        var byHalfs = [Float](repeating: 0, count: 100 * 20)
        var byFloats = byHalfs
        var states = byHalfs.mutableSpan
        encoder.step(rows: rows.span, hidden: &states, scratch: &scratch)
        var others = byFloats.mutableSpan
        let values = rows.map { float(fromHalf: $0) }
        encoder.step(inputs: values.span, hidden: &others, scratch: &scratch)
        #expect(byHalfs == byFloats)
        #expect(Set(byHalfs).count > 1900)
    }

    @Test func `gives a user without rows the latent layer's bias`() throws {
        let tensors = SRAEncoder.seededTensors(
            seed: 1, inputWidth: 5, hiddenWidth: 20, latentWidth: 3)
        let encoder = try SRAEncoder(tensors: tensors, level: .best)
        let bias = try #require(tensors.first { $0.name == "latent.bias" })
        #expect(encoder.encode(rows: [UInt16]().span, count: 0) == bias.values)
    }
}

private func expect(_ values: ArraySlice<Float>, near golden: [Double]) {
    for (value, want) in zip(values, golden) {
        #expect(abs(Double(value) - want) < 1e-5 * abs(want), "\(value), not \(want)")
    }
    #expect(values.count == golden.count)
}

/// The parameters of Tests/Golden/sra_network.py.
private func goldenTensors() -> [NamedTensor] {
    SRAEncoder.seededTensors(seed: 0, inputWidth: 59, hiddenWidth: 256, latentWidth: 128)
        .enumerated().map { k, tensor in
            let values = tensor.values.indices.map { i in
                Float(0.1 * sin(0.37 * Double(i) + 0.11 * Double(k)))
            }
            return NamedTensor(name: tensor.name, shape: tensor.shape, values: values)
        }
}

/// Seeded rows in [−1, 1), as halfs.
private func halfRows(_ count: Int, width: Int, seed: UInt64) -> [UInt16] {
    var random = SeededRandom(seed: seed, stream: 0)
    return (0..<count * width).map { _ in halfBits(Float(2 * random.nextUnit() - 1)) }
}
