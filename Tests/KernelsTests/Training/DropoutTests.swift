import Kernels
import TestSupport
import Testing

@Suite struct DropoutTests {
    // Random123's kat_vectors, philox4x32 with 10 rounds.
    @Test func `Philox gives the published words`() {
        func words(_ key: InlineArray<2, UInt32>, _ counter: InlineArray<4, UInt32>) -> [UInt32] {
            let block = DropoutMask.philox(key: key, counter: counter)
            return block.indices.map { block[$0] }
        }
        let ones = UInt32.max
        #expect(
            words([0, 0], [0, 0, 0, 0]) == [0x6627_E8D5, 0xE169_C58D, 0xBC57_AC4C, 0x9B00_DBD8])
        #expect(
            words([ones, ones], [ones, ones, ones, ones])
                == [0x408F_276D, 0x41C8_3B0E, 0xA20B_C7C6, 0x6D54_51FD])
        #expect(
            words(
                [0xA409_3822, 0x299F_31D0], [0x243F_6A88, 0x85A3_08D3, 0x1319_8A2E, 0x0370_7344])
                == [0xD16C_FE09, 0x94FD_CCEB, 0x5001_E420, 0x2412_6EA1])
    }

    @Test(arguments: [0, 5, (1 << 34) - 70, .max - 1300] as [UInt64])
    func `the loops draw what the definition draws`(first: UInt64) {
        let key: UInt64 = 0x1234_5678_9ABC_DEF0
        let wanted = (0..<1000).map {
            DropoutMask.draw(key: key, counter: first + UInt64($0))
        }
        for level in InstructionLevel.supported {
            for count in [0, 1, 63, 64, 65, 1000] {
                let draws = FloatKernels(level: level)
                    .draws(key: key, firstCounter: first, count: count)
                #expect(draws == Array(wanted[..<count]))
            }
        }
    }

    @Test(arguments: [0.1, 0.3, 0.5, 0.9])
    func `keeps the share and the mean`(probability: Double) {
        let count = 1_000_000
        let values = Matrix([Float](repeating: 1, count: count), rows: 1, columns: count)
        FloatKernels.best.dropout(
            values, DropoutMask(probability: probability, key: 5, firstCounter: 0))
        let kept = Double(values.values.count { $0 != 0 }) / Double(count)
        // Five standard deviations.
        let slack = 5 * (probability * (1 - probability) / Double(count)).squareRoot()
        #expect((kept - (1 - probability)).magnitude < slack)
        let mean = values.values.reduce(0.0) { $0 + Double($1) } / Double(count)
        #expect((mean - 1).magnitude < slack / (1 - probability))
        #expect(Set(values.values).count == 2)
    }

    @Test func `gives a gradient the same mask, and nothing without p`() {
        let mask = DropoutMask(probability: 0.4, key: 8, firstCounter: 13)
        let forward = random(9, 31, seed: 1)
        let before = forward.values
        let gradient = random(9, 31, seed: 2)
        FloatKernels.best.dropout(forward, mask)
        FloatKernels.best.dropout(gradient, mask)
        #expect(forward.values.map { $0 == 0 } == gradient.values.map { $0 == 0 })
        #expect(forward.values.contains(0))
        let untouched = Matrix(before, rows: 9, columns: 31)
        FloatKernels.best.dropout(untouched, .none)
        #expect(untouched.values == before)
    }

    @Test func `shards that count on use other draws, and together the whole's`() {
        let ones = [Float](repeating: 1, count: 600)
        func masked(_ first: UInt64, _ count: Int) -> [Float] {
            let part = Matrix(Array(ones[..<count]), rows: 1, columns: count)
            FloatKernels.best.dropout(
                part, DropoutMask(probability: 0.5, key: 4, firstCounter: first))
            return part.values
        }
        let whole = masked(100, 600)
        #expect(masked(100, 277) + masked(377, 323) == whole)
        #expect(masked(100, 300) != masked(400, 300))
        let draws = FloatKernels.best.draws(key: 4, firstCounter: 100, count: 600)
        #expect(Set(draws).count == 600)
    }

    @Test func `other keys give other draws`() {
        let first = FloatKernels.best.draws(key: 1, firstCounter: 0, count: 64)
        let second = FloatKernels.best.draws(key: 1 << 32, firstCounter: 0, count: 64)
        #expect(Set(first).isDisjoint(with: second))
    }
}
