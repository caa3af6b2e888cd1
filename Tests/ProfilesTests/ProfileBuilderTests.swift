import Encoders
import Events
import Features
import Kernels
import Learning
import Profiles
import Sessions
import Storage
import TestSupport
import Testing

/// Profiles of users, against each part made by itself.
@Suite struct ProfileBuilderTests {
    private static let asOf: Int64 = 1_700_000_000
    private let fold: FoldOptions = {
        var fold = FoldOptions()
        fold.rowWindow = 7
        return fold
    }()
    /// Networks that read END.
    private var readers = Set(EncoderName.multiTask)
    private var model: ProfileModel

    init() throws {
        model = try Self.model(fold, readers)
    }

    private static func model(
        _ fold: FoldOptions, _ readers: Set<EncoderName>
    ) throws -> ProfileModel {
        var space = TinySpace.space()
        space.endRowNetworks = readers
        return try ProfileModel(
            statistics: TinySpace.statistics, fold: fold, space: space,
            generation: TinySpace.generation(), hybrid: .extended, level: .best)
    }

    /// A user of some random events, at a place of the fold where `hidden` stands somewhere.
    private struct User {
        var state: UserState
        /// All rows, those of pending events and open sessions included.
        var halves: [UInt16] = []
        var keys: [RowKey] = []
        /// Rows that have left the window, all of them.
        var departed = DepartedRows()
    }

    /// Short users fit the row window, long ones do not.
    private func user(_ seed: UInt64, window: Int? = nil) -> User {
        var random = SeededRandom(seed: seed, stream: 4)
        var fold = fold
        if let window { fold.rowWindow = window }
        var user = User(state: UserState(firstOffset: 0, options: fold))
        var scratch = FoldScratch()
        var seconds: Int64 = 1_667_952_000
        for offset in 0..<Int64.random(in: 1...40, using: &random) {
            seconds += Int64.random(in: 0...4000, using: &random)
            let event = Event(
                user: UserID(rawValue: 1), seconds: seconds,
                kind: EventKind.allCases.randomElement(using: &random) ?? .pageVisit,
                key: Int64.random(in: 0...40, using: &random))
            let item = CatalogueEntry(
                category: Int64.random(in: 0...33, using: &random),
                price: UInt8.random(in: 0...99, using: &random))
            model.reducer.admit(
                EnrichedEvent(event, item), at: offset, into: &user.state, &scratch)
        }
        user.departed = scratch.departed
        _ = model.reducer.settled(user.state, &scratch)
        user.halves = scratch.halves
        user.keys = scratch.keys
        return user
    }

    /// The user as it stands in memory after `count` rows were stepped.
    private func input(_ user: User, steppedCount: Int64) -> ProfileBuilder.Input {
        var window = RowWindow(limit: fold.rowWindow)
        var departed = DepartedRows()
        let total = user.state.rows.totalCount
        for index in 0..<Int(total) {
            let leaving = Int64(index - fold.rowWindow)
            if leaving >= max(0, steppedCount - Int64(fold.rowWindow)) {
                departed.appendNext(of: window)
            }
            let row = row(user, index)
            window.append(row.span, user.keys[index])
        }
        var replay = RaggedReplay(model.bank)
        var early = RowWindow(limit: max(fold.rowWindow, Int(steppedCount)))
        for index in 0..<Int(steppedCount) {
            let row = row(user, index)
            early.append(row.span, user.keys[index])
        }
        replay.addUser([], steppedCount: 0, early)
        replay.run()
        return ProfileBuilder.Input(
            state: user.state, hidden: steppedCount == 0 ? [] : replay.state(0),
            steppedCount: steppedCount, departed: departed)
    }

    private func row(_ user: User, _ index: Int) -> [UInt16] {
        Array(user.halves[index * RowLayout.width..<(index + 1) * RowLayout.width])
    }

    /// The profile, part by part, each by the network alone.
    private func wanted(_ user: User, asOf: Int64 = asOf) throws -> [Float] {
        var scratch = FoldScratch()
        let settled = model.reducer.settled(user.state, &scratch)
        let sra = try latent(.sra, user)
        let mtl = try multiTask(.mtl, user, asOf).latents
        let factors = TinySpace.generation()
        return blend(sra, try latent(.previousSRA, user))
            + blend(mtl, try multiTask(.previousMTL, user, asOf).latents)
            + (try multiTask(.mtlPropensity, user, asOf).latents) + (try latent(.fip, user))
            + (try multiTask(.mtlChurn, user, asOf).latents)
            + scores(settled.items, factors.itemFactors, TinySpace.targets.items)
            + scores(settled.categories, factors.categoryFactors, TinySpace.targets.categories)
            + (try ended(user, settled, asOf)) + StatsPart.values(settled, asOf: asOf)
    }

    private func blend(_ own: [Float], _ previous: [Float]) -> [Float] {
        own.indices.map { Float(0.7) * own[$0] + Float(0.3) * previous[$0] }
    }

    private func latent(_ name: EncoderName, _ user: User) throws -> [Float] {
        let encoder = try SRAEncoder(
            tensors: TinySpace.encoders([name])[name] ?? [], level: .best)
        return encoder.encode(rows: user.halves.span, count: user.keys.count)
    }

    private func multiTask(
        _ name: EncoderName, _ user: User, _ asOf: Int64
    ) throws -> MTLOutputs {
        let encoder = try MTLEncoder(
            tensors: TinySpace.encoders([name])[name] ?? [], level: .best)
        let before = max(0, user.keys.count - fold.rowWindow)
        var states = [Float](repeating: 0, count: encoder.stateWidth)
        var scratch = encoder.makeScratch()
        for index in 0..<before {
            let row = row(user, index)
            var span = states.mutableSpan
            encoder.step(rows: row.span, states: &span, scratch: &scratch)
        }
        var rows = Array(user.halves[(before * RowLayout.width)...])
        if readers.contains(name) {
            var fold = FoldScratch()
            rows += EndRow(TinySpace.statistics).halves(
                model.reducer.settled(user.state, &fold), asOf: asOf)
        }
        return encoder.encode(
            rows: rows.span, lengths: [rows.count / RowLayout.width], states: states.span)
    }

    private func scores(
        _ counts: KeyedCounts, _ factors: BPRFactors?, _ targets: [Int64]
    ) -> [Float] {
        guard let factors else { return Array(repeating: 0, count: 100) }
        let weights = factors.weights
        var liked: [Int] = []
        for key in counts.entries.map(\.key).sorted() {
            let sum =
                Float(counts.count(of: key, lane: 0)) * weights.buy
                + Float(counts.count(of: key, lane: 1)) * weights.add
                + Float(counts.count(of: key, lane: 2)) * weights.remove
            if sum > 0, let index = factors.index(of: key) { liked.append(index) }
        }
        guard let vector = factors.foldIn(liked) else { return Array(repeating: 0, count: 100) }
        let known = factors.scores(vector, items: targets.compactMap { factors.index(of: $0) })
        let mean = known.reduce(0, +) / Float(known.count)
        let all = targets.map { target in
            factors.index(of: target).map { factors.scores(vector, items: [$0])[0] } ?? mean
        }
        return all + Array(repeating: 0, count: 100 - all.count)
    }

    private func ended(
        _ user: User, _ settled: UserState, _ asOf: Int64
    ) throws -> [Float] {
        let encoder = try ESAEncoder(tensors: TinySpace.encoders([.esa])[.esa] ?? [], level: .best)
        var scratch = encoder.makeScratch()
        var hidden = [Float](repeating: 0, count: encoder.hiddenWidth)
        for key in user.keys {
            var span = hidden.mutableSpan
            encoder.step(
                tokens: ESAEncoder.indices(RowToken(key, vocabulary: TinySpace.vocabulary)),
                hidden: &span, scratch: &scratch)
        }
        let newest = try #require(settled.window.newestSeconds)
        return encoder.ended(
            hidden: hidden.span, buckets: [LogBuckets.index(seconds: asOf - newest)],
            scratch: &scratch)
    }

    @Test func `a profile is each network over all rows, wherever the steps stand`() throws {
        var builder = ProfileBuilder(model: model)
        var random = SeededRandom(seed: 1, stream: 1)
        var longCount = 0
        for seed in 0..<24 as Range<UInt64> {
            let user = user(seed)
            let wanted = try wanted(user).map(\.bitPattern)
            let total = user.state.rows.totalCount
            if total > Int64(fold.rowWindow) { longCount += 1 }
            // As derived anew, fully stepped, and somewhere between.
            let before = max(0, total - Int64.random(in: 0...12, using: &random))
            for stepped in [0, before, total] {
                let input = input(user, steppedCount: stepped)
                let made = builder.profiles([input], asOf: Self.asOf).values.map(\.bitPattern)
                for part in model.layout.parts {
                    let isSame = made[part.start..<part.end] == wanted[part.start..<part.end]
                    #expect(isSame, "\(part.name): seed \(seed), stepped \(stepped) of \(total)")
                }
                #expect(made.count == model.layout.width && wanted.count == made.count)
            }
        }
        #expect(longCount > 5)
    }

    @Test(arguments: [[], [.mtlChurn], [.mtl, .previousMTL], EncoderName.allCases])
    mutating func `a network reads END where its space says so, and nowhere else`(
        readers: [EncoderName]
    ) throws {
        self.readers = Set(readers)
        model = try Self.model(fold, self.readers)
        var builder = ProfileBuilder(model: model)
        for seed in 0..<8 as Range<UInt64> {
            let user = user(seed)
            let early = input(user, steppedCount: 0)
            #expect(
                builder.profiles([early], asOf: Self.asOf).values == (try wanted(user)),
                "seed \(seed)")
        }
    }

    @Test func `users who are taken to another time are those who are settled there`() throws {
        // Near the events: far from them the scalers tell no time from another.
        let base: Int64 = 1_668_200_000
        var builder = ProfileBuilder(model: model)
        let users = (0..<9 as Range<UInt64>).map { user($0) }
        let inputs = users.map { input($0, steppedCount: $0.state.rows.totalCount) }
        var settled = builder.settle(inputs, asOf: base)
        let first = settled.map { builder.prediction($0) }
        var seen: Set<[Float]> = []
        for asOf in [base, base + 86_400, base + 20 * 86_400, 0, base] {
            builder.move(&settled, to: asOf)
            var values: [Float] = []
            builder.append(settled, to: &values)
            #expect(values == (try users.flatMap { try wanted($0, asOf: asOf) }), "\(asOf)")
            let anew = builder.settle(inputs, asOf: asOf).map { builder.prediction($0) }
            #expect(settled.map { builder.prediction($0) } == anew)
            #expect((anew == first) == (asOf == base))
            for part in [ProfilePart.mtl, .mtlPropensity, .mtlChurn] {
                let columns = try #require(
                    model.layout.parts.first { $0.name == part.rawValue })
                seen.insert(Array(values[columns.start..<columns.end]))
            }
        }
        // Three parts at four different times.
        #expect(seen.count == 12)
        var none: [ProfileBuilder.Settled] = []
        builder.move(&none, to: 5)
        #expect(none.isEmpty)
    }

    @Test func `a wider window that holds all rows gives the same profile`() throws {
        var builder = ProfileBuilder(model: model)
        for seed in 0..<12 as Range<UInt64> {
            let wide = user(seed, window: 500)
            let input = ProfileBuilder.Input(state: wide.state, hidden: [], steppedCount: 0)
            let made = builder.profiles([input], asOf: Self.asOf).values
            #expect(made == (try wanted(user(seed))), "seed \(seed)")
        }
    }

    @Test func `the same bytes alone and in any batch`() {
        var builder = ProfileBuilder(model: model)
        let inputs = (0..<17 as Range<UInt64>).map { seed in
            let user = user(seed)
            return input(user, steppedCount: seed % 2 == 0 ? 0 : user.state.rows.totalCount)
        }
        let alone = inputs.map { builder.profiles([$0], asOf: 7).values.map(\.bitPattern) }
        let together = builder.profiles(inputs, asOf: 7).values.map(\.bitPattern)
        #expect(together == alone.flatMap(\.self))
        let reversed = builder.profiles(inputs.reversed(), asOf: 7).values.map(\.bitPattern)
        #expect(reversed == alone.reversed().flatMap(\.self))
        #expect(builder.profiles([], asOf: 7).values.isEmpty)
        // Settled together, read off one by one.
        let settled = builder.settle(inputs, asOf: 7)
        var values: [Float] = []
        for user in settled { builder.append(user, to: &values) }
        #expect(values.map(\.bitPattern) == together)
    }

    @Test func `a prediction is the heads' sigmoid and the scores of the columns`() throws {
        var builder = ProfileBuilder(model: model)
        let users = (0..<8 as Range<UInt64>).map { user($0) }
        let settled = builder.settle(
            users.map { input($0, steppedCount: 0) }, asOf: Self.asOf)
        var scored = 0
        for (user, settled) in zip(users, settled) {
            let prediction = builder.prediction(settled)
            let churn = try multiTask(.mtlChurn, user, Self.asOf).churn[0]
            #expect(abs(try #require(prediction.churn) - sigmoid(churn)) < 1e-12)
            #expect(prediction.items.map(\.id) == TinySpace.targets.items)
            #expect(prediction.categories.map(\.id) == TinySpace.targets.categories)
            let items = try #require(
                model.layout.parts.first { $0.name == ProfilePart.bprItems.rawValue })
            var values: [Float] = []
            builder.append(settled, to: &values)
            for (place, item) in prediction.items.enumerated() {
                #expect(item.probability > 0 && item.probability < 1)
                #expect(item.score ?? 0 == values[items.start + place])
            }
            if prediction.items[0].score != nil { scored += 1 }
        }
        #expect(scored > 3 && scored < 9)
    }

    private func sigmoid(_ x: Float) -> Double { 1 / (1 + Elementary.exp(-Double(x))) }
}
