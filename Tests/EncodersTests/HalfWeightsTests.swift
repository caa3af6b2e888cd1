import Encoders
import Storage
import Testing

@Suite struct HalfWeightsTests {
    @Test func `publishes a matrix as binary16 has it, to nearest even`() {
        // 1 + 2^-11 lies half way between 1 and 1 + 2^-10; 3 * 2^-11 more than half way.
        let matrix = NamedTensor(
            name: "w", shape: [2, 3],
            values: [1 + 0x1p-11, 1 + 3 * 0x1p-11, -0.1, 0x1p-26, 65519, 0])
        let published = matrix.published
        #expect(published.values == matrix.values.map { Float(Float16($0)) })
        #expect(published.values[0] == 1)
        #expect(published.values[1] == 1 + 0x1p-9)
        #expect(published.shape == [2, 3])
        #expect(published.published == published)
    }

    @Test func `leaves vectors and numbers beyond binary16 alone`() {
        let bias = NamedTensor(name: "b", shape: [2], values: [0.1, 0.2])
        #expect(bias.published == bias)
        let large = NamedTensor(name: "w", shape: [1, 2], values: [65520, 0.1])
        #expect(large.published == large)
    }
}
