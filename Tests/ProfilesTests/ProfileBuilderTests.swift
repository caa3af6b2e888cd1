import Encoders
import Events
import Features
import Kernels
import Profiles
import Storage
import Testing

@Suite struct ProfileBuilderTests {
    private let encoder: SRAEncoder
    private let reducer: Reducer

    init() throws {
        encoder = try SRAEncoder(
            tensors: SRAEncoder.seededTensors(
                seed: 3, inputWidth: RowLayout.width, hiddenWidth: 24, latentWidth: 10),
            level: .best)
        reducer = Reducer(statistics: .empty, options: FoldOptions())
    }

    /// A user of some random events; short ones fit the row window, long ones do not.
    private func user(_ seed: UInt64) -> (state: UserState, rows: [UInt16]) {
        var random = SeededRandom(seed: seed, stream: 4)
        var state = UserState(firstOffset: 0, options: reducer.options)
        var scratch = FoldScratch()
        var seconds: Int64 = 1_667_952_000
        for offset in 0..<Int64.random(in: 1...60, using: &random) {
            seconds += Int64.random(in: 0...4000, using: &random)
            let event = Event(
                user: UserID(rawValue: 1), seconds: seconds,
                kind: EventKind.allCases.randomElement(using: &random) ?? .pageVisit,
                key: Int64.random(in: 0...9, using: &random))
            reducer.admit(EnrichedEvent(event), at: offset, into: &state, &scratch)
        }
        _ = reducer.settled(state, &scratch)
        return (state, scratch.halves)
    }

    /// The hidden state after the user's first `count` rows.
    private func hidden(_ rows: [UInt16], _ count: Int) -> [Float] {
        var scratch = encoder.makeScratch()
        var hidden = [Float](repeating: 0, count: encoder.hiddenWidth)
        var state = hidden.mutableSpan
        let steps = rows.span.extracting(first: count * RowLayout.width)
        encoder.replay(rows: steps, count: count, hidden: &state, scratch: &scratch)
        return hidden
    }

    @Test func `the parts stand side by side`() {
        let builder = ProfileBuilder(reducer: reducer, encoder: encoder)
        #expect(builder.layout.parts.map(\.name) == ["sra", "stats"])
        #expect(builder.layout.parts.map(\.start) == [0, 10])
        #expect(builder.layout.parts.map(\.end) == [10, 10 + StatsPart.width])
        #expect(builder.layout.width == 10 + StatsPart.width)
        let builtIn = ProfileBuilder(reducer: reducer, encoder: nil)
        #expect(builtIn.layout.parts.map(\.name) == ["stats"])
        #expect(ProfileLayout([]).width == 0)
    }

    @Test func `a profile is the encoder over all rows and the stats, wherever the steps stand`() {
        var builder = ProfileBuilder(reducer: reducer, encoder: encoder)
        var random = SeededRandom(seed: 1, stream: 1)
        for seed in 0..<20 as Range<UInt64> {
            let (state, rows) = user(seed)
            var scratch = FoldScratch()
            let settled = reducer.settled(state, &scratch)
            let wanted =
                encoder.encode(rows: rows.span, count: rows.count / RowLayout.width)
                + StatsPart.values(settled, asOf: 1_700_000_000)
            // As stored, fully stepped, and somewhere between.
            let total = state.rows.totalCount
            let first = state.rows.firstIndex
            for stepped in [first, Int64.random(in: first...total, using: &random), total] {
                let input = ProfileBuilder.Input(
                    state: state, hidden: stepped == 0 ? [] : hidden(rows, Int(stepped)),
                    steppedCount: stepped)
                let (states, values) = builder.profiles([input], asOf: 1_700_000_000)
                let isSame = values.map(\.bitPattern) == wanted.map(\.bitPattern)
                #expect(isSame, "seed \(seed), stepped \(stepped) of \(total)")
                let isSettled = states == [settled]
                #expect(isSettled)
                #expect(builder.stepCount == rows.count / RowLayout.width - Int(stepped))
            }
        }
    }

    @Test func `the same bytes alone and in any batch`() {
        var builder = ProfileBuilder(reducer: reducer, encoder: encoder)
        let inputs = (0..<17 as Range<UInt64>).map { seed in
            ProfileBuilder.Input(state: user(seed).state, hidden: [], steppedCount: 0)
        }.filter { $0.state.rows.holdsAll }
        #expect(inputs.count > 8)
        let alone = inputs.map { builder.profiles([$0], asOf: 7).values.map(\.bitPattern) }
        let together = builder.profiles(inputs, asOf: 7).values.map(\.bitPattern)
        #expect(together == alone.flatMap(\.self))
        let reversed = builder.profiles(inputs.reversed(), asOf: 7).values.map(\.bitPattern)
        #expect(reversed == alone.reversed().flatMap(\.self))
        #expect(builder.profiles([], asOf: 7).values.isEmpty)
    }
}
