import Encoders
import Glibc
import Kernels
import Storage
import Testing

@Suite struct MTLEncoderTests {
    /// Widths that are no multiples of a vector's, and a stack with a skip.
    private static let small: MTLFixture = {
        var fixture = MTLFixture()
        fixture.inputWidth = 20
        fixture.encoderWidths = [22, 22, 22]
        fixture.forwardWidth = 40
        fixture.residualWidth = 56
        fixture.latentWidth = 18
        fixture.headWidths = [30, 17]
        fixture.outputs = [1, 10, 7]
        return fixture
    }()

    // Tests/Golden/README.md names what gave the numbers of reference §11; float64, nine decimals.
    @Test(arguments: InstructionLevel.supported)
    func `is the published network`(level: InstructionLevel) throws {
        try check(
            level, latentWidth: 128, sum: -0.469_757_740, churn: 0.590_663_033,
            categories: [0.477_835_578, 0.336_006_008, 0.112_289_875],
            items: [0.442_029_216, 0.353_108_376, 0.180_041_299])
        try check(
            level, latentWidth: 32, sum: 0.517_119_774, churn: 0.588_154_433,
            categories: [0.481_155_530, 0.340_151_182, 0.116_352_979],
            items: [0.450_438_987, 0.359_594_612, 0.183_184_299])
    }

    private func check(
        _ level: InstructionLevel, latentWidth: Int, sum: Double, churn: Double,
        categories: [Double], items: [Double]
    ) throws {
        var fixture = MTLFixture()
        fixture.inputWidth = 59
        fixture.latentWidth = latentWidth
        let tensors = fixture.tensors { 0.1 * sin(0.37 * Double($1) + 0.11 * Double($0)) }
        let encoder = try MTLEncoder(tensors: tensors, level: level)
        let rows = (0..<5 * 59).map { i in
            Float(cos(0.13 * Double(i / 59) + 0.07 * Double(i % 59)))
        }
        let fresh: [Float] = []
        let outputs = encoder.encode(inputs: rows.span, lengths: [5], states: fresh.span)
        func expect(_ values: ArraySlice<Float>, _ wanted: [Double]) {
            #expect(values.count == wanted.count)
            for (value, want) in zip(values, wanted) {
                #expect(abs(Double(value) - want) < 1e-5 * abs(want), "\(value), not \(want)")
            }
        }
        expect(
            outputs.latents[..<4], [0.968_289_474, -0.781_346_478, 0.475_965_184, -0.349_216_557])
        // The sum cancels: its error is that of numbers near 1.
        let total = outputs.latents.reduce(0.0) { $0 + Double($1) }
        #expect(abs(total - sum) < 1e-5)
        expect(outputs.churn[...], [churn])
        expect(outputs.categories[..<3], categories)
        expect(outputs.items[..<3], items)
    }

    @Test func `a stack with a skip, and a window that moved on, are PyTorch's`() throws {
        let goldens = try EncoderGoldens()
        let encoder = try MTLEncoder(tensors: goldens.state("mtl"), level: .best)
        let rows = try goldens.values("mtl_rows").map(halfBits)
        // Three users of 9, 4 and 1 rows; the window holds four, so five rows have left it.
        var states = [Float](repeating: 0, count: 3 * encoder.stateWidth)
        var scratch = encoder.makeScratch()
        for row in 0..<5 {
            var all = states.mutableSpan
            var first = all._mutatingExtracting(first: encoder.stateWidth)
            encoder.step(
                rows: rows.span.extracting(row * 5..<(row + 1) * 5), states: &first,
                scratch: &scratch)
        }
        let outputs = encoder.encode(
            rows: rows.span.extracting(25..<70), lengths: [4, 4, 1], states: states.span)
        expectNear(outputs.latents, try goldens.values("mtl_latents"), "latents")
        expectNear(outputs.churn, try goldens.values("mtl_churn"), "churn")
        expectNear(outputs.categories, try goldens.values("mtl_category"), "categories")
        expectNear(outputs.items, try goldens.values("mtl_item"), "items")
    }

    @Test func `a user's bytes do not depend on who else is there, nor on the level`() throws {
        let tensors = Self.small.seeded(3)
        let encoder = try MTLEncoder(tensors: tensors, level: .best)
        let count = 4096
        let users = MTLUsers(count: count, width: 20, stateWidth: 66, seed: 4)
        let whole = users.encoded(by: encoder)
        #expect(users.lengths.contains(0) && users.lengths.contains(64))
        #expect(Set(whole.latents.map(\.bitPattern)).count > count)
        // In another order: 5 is coprime to 4096.
        let order = (0..<count).map { ($0 * 5 + 3) % count }
        let shuffled = users.picked(order).encoded(by: encoder)
        #expect(shuffled.isSame(as: whole.picked(order, of: count)))
        // Alone, and among seven.
        for start in stride(from: 0, to: count - 7, by: 101) {
            let seven = Array(start..<start + 7)
            let among = users.picked(seven).encoded(by: encoder)
            #expect(among.isSame(as: whole.picked(seven, of: count)))
            let alone = users.picked([start]).encoded(by: encoder)
            #expect(alone.isSame(as: whole.picked([start], of: count)))
        }
        let some = Array(0..<300)
        for level in InstructionLevel.supported {
            let other = try MTLEncoder(tensors: tensors, level: level)
            let outputs = users.picked(some).encoded(by: other)
            #expect(outputs.isSame(as: whole.picked(some, of: count)), "\(level)")
        }
    }

    @Test func `the product's sizes give the same bytes at every level and on two threads`()
        async throws
    {
        let tensors = MTLFixture().seeded(5)
        let users = MTLUsers(count: 40, width: 64, stateWidth: 128, seed: 6)
        let whole = users.encoded(by: try MTLEncoder(tensors: tensors, level: .best))
        for level in InstructionLevel.supported {
            let encoder = try MTLEncoder(tensors: tensors, level: level)
            let halves = [Array(0..<17), Array(17..<40)]
            let outputs = await withTaskGroup(of: (Int, MTLOutputs).self) { group in
                for (index, half) in halves.enumerated() {
                    let part = users.picked(half)
                    group.addTask { (index, part.encoded(by: encoder)) }
                }
                return await group.reduce(into: [:]) { $0[$1.0] = $1.1 }
            }
            for (index, half) in halves.enumerated() {
                let output = try #require(outputs[index])
                #expect(output.isSame(as: whole.picked(half, of: 40)), "\(level)")
            }
        }
    }

    @Test func `steps users together as one by one, at every level`() throws {
        let tensors = Self.small.seeded(7)
        let users = MTLUsers(count: 33, width: 20, stateWidth: 66, seed: 8)
        let rows = Array(users.rows[..<(33 * 20)])
        var expected: [Float] = []
        for level in InstructionLevel.supported {
            let encoder = try MTLEncoder(tensors: tensors, level: level)
            var scratch = encoder.makeScratch()
            var together = users.states
            var all = together.mutableSpan
            encoder.step(rows: rows.span, states: &all, scratch: &scratch)
            var alone = users.states
            for user in 0..<33 {
                var states = alone.mutableSpan
                var state = states._mutatingExtracting(user * 66..<(user + 1) * 66)
                encoder.step(
                    rows: rows.span.extracting(user * 20..<(user + 1) * 20), states: &state,
                    scratch: &scratch)
            }
            #expect(isSame(together, alone) && together != users.states)
            #expect(expected.isEmpty || isSame(together, expected), "\(level)")
            expected = together
        }
    }

    @Test func `keeps its bytes from build to build`() throws {
        // Our own bytes, not an oracle's: snapshots of one build must suit the next.
        let encoder = try MTLEncoder(tensors: MTLFixture().seeded(9), level: .best)
        let outputs = MTLUsers(count: 5, width: 64, stateWidth: 128, seed: 10).encoded(by: encoder)
        let all = outputs.latents + outputs.churn + outputs.categories + outputs.items
        let hash = all.reduce(UInt64(0)) { SeededRandom.mix($0 ^ UInt64($1.bitPattern)) }
        #expect(hash == 13_917_028_789_957_858_363)
    }

    @Test func `names the tensor that is wrong`() {
        let tensors = Self.small.seeded(1)
        func failure(_ change: (inout [NamedTensor]) -> Void) -> EncoderError? {
            var changed = tensors
            change(&changed)
            do throws(EncoderError) {
                _ = try MTLEncoder(tensors: changed, level: .portable)
                return nil
            } catch {
                return error
            }
        }
        #expect(failure { $0.reverse() } == nil)
        #expect(failure { $0.remove(at: 3) } == .missingTensor(name: "encoder.0.bias_hh_l0"))
        #expect(failure { $0.append($0[5]) } == .duplicateTensor(name: "encoder.1.weight_hh_l0"))
        let foreign = NamedTensor(name: "decoder.bias", shape: [1], values: [0])
        #expect(failure { $0.append(foreign) } == .unknownTensor(name: "decoder.bias"))
        let short = NamedTensor(name: "pool_norm.bias", shape: [3], values: [0, 0, 0])
        #expect(
            failure { $0[$0.firstIndex { $0.name == short.name } ?? 0] = short }
                == .wrongShape(name: short.name, shape: [3], wanted: [22]))
        let broken = NamedTensor(
            name: "latent.bias", shape: [18], values: Array(repeating: .infinity, count: 18))
        #expect(
            failure { $0[$0.firstIndex { $0.name == broken.name } ?? 0] = broken }
                == .notFinite(name: broken.name, index: 0))
    }
}
