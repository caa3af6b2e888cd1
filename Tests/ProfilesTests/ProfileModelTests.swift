import Encoders
import Events
import Features
import Kernels
import Learning
import Profiles
import Storage
import TestSupport
import Testing

/// Which parts a space's profiles have, and what of a generation they are made of.
@Suite struct ProfileModelTests {
    private func model(
        _ space: SpaceFiles = TinySpace.space(),
        _ generation: GenerationFiles = TinySpace.generation(), _ hybrid: Hybrid = .extended
    ) throws(EncoderError) -> ProfileModel {
        try ProfileModel(
            statistics: TinySpace.statistics, fold: FoldOptions(), space: space,
            generation: generation, hybrid: hybrid, level: .best)
    }

    /// A user who has bought some items.
    private func settled(_ model: ProfileModel, buys: [Int64]) -> (ProfileBuilder, [Float]) {
        var state = UserState(firstOffset: 0, options: model.reducer.options)
        var scratch = FoldScratch()
        for (index, item) in buys.enumerated() {
            let event = Event(
                user: UserID(rawValue: 1), seconds: 1_667_952_000 + 60 * Int64(index),
                kind: .productBuy, key: item)
            model.reducer.admit(
                EnrichedEvent(event, CatalogueEntry(category: item % 4)), at: Int64(index),
                into: &state, &scratch)
        }
        var builder = ProfileBuilder(model: model)
        let input = ProfileBuilder.Input(state: state, hidden: [], steppedCount: 0)
        let values = builder.profiles([input], asOf: 1_700_000_000).values
        return (builder, values)
    }

    private func columns(_ values: [Float], _ part: ProfilePart, _ model: ProfileModel) -> [Float] {
        guard let found = model.layout.parts.first(where: { $0.name == part.rawValue }) else {
            return []
        }
        return Array(values[found.start..<found.end])
    }

    @Test func `the parts stand in the published order, then esa and stats`() throws {
        let model = try model()
        #expect(
            model.layout.parts.map(\.name) == [
                "sra", "mtl", "mtl-propensity", "fip", "mtl-churn", "bpr-sku", "bpr-category",
                "esa", "stats",
            ])
        let widths = model.layout.parts.map { $0.end - $0.start }
        #expect(widths == [10, 9, 6, 7, 3, 100, 100, 18, StatsPart.width])
        let published = try self.model(TinySpace.space(), TinySpace.generation(), .published)
        #expect(published.layout.parts == Array(model.layout.parts.prefix(7)))
        let (_, all) = settled(model, buys: [3, 4])
        let (_, some) = settled(published, buys: [3, 4])
        #expect(some == Array(all.prefix(published.layout.width)))
        // The states are those of the space, whatever is served of them.
        #expect(published.bank.stateWidth == model.bank.stateWidth)
    }

    @Test func `a part without its encoder is left out`() throws {
        for name in EncoderName.trained {
            var generation = TinySpace.generation()
            generation.heads[name] = nil
            let rest = try model(
                TinySpace.space(EncoderName.allCases.filter { $0 != name }), generation)
            let names = rest.layout.parts.map(\.name)
            #expect(names == ProfilePart.allCases.map(\.rawValue).filter { $0 != name.rawValue })
            let (_, values) = settled(rest, buys: [1, 2, 3])
            #expect(values.count == rest.layout.width)
        }
        let old = SpaceFiles(
            vocabulary: RowVocabulary(categories: [], items: [], urls: []),
            targets: TargetLists(categories: [], items: []), encoders: TinySpace.encoders([.sra]))
        let none = GenerationFiles(itemFactors: nil, categoryFactors: nil)
        #expect(try model(old, none).layout.parts.map(\.name) == ["sra", "stats"])
        #expect(try model(old, none, .published).layout.parts.map(\.name) == ["sra"])
        let builtIn = ProfileModel.builtIn(fold: FoldOptions())
        #expect(builtIn.layout.parts.map(\.name) == ["stats"])
        #expect(ProfileLayout([]).width == 0)
    }

    @Test func `columns stay when a generation has no factors`() throws {
        let without = try model(
            TinySpace.space(), GenerationFiles(itemFactors: nil, categoryFactors: nil))
        let with = try model()
        #expect(without.layout == with.layout)
        let (_, values) = settled(without, buys: [1, 2])
        #expect(columns(values, .bprItems, without) == Array(repeating: 0, count: 100))
        let (_, scored) = settled(with, buys: [1, 2])
        #expect(Set(columns(scored, .bprItems, with)).count > 20)
        #expect(columns(values, .sra, without) == columns(scored, .sra, with))
    }

    @Test func `a user who likes nothing scores nothing`() throws {
        let model = try model()
        // 27 has no factors, and nobody likes what they only look at.
        let (_, unknown) = settled(model, buys: [27])
        #expect(columns(unknown, .bprItems, model) == Array(repeating: 0, count: 100))
        let (_, known) = settled(model, buys: [4])
        let items = columns(known, .bprItems, model)
        let targets = TinySpace.targets.items
        #expect(targets.count == 29)
        #expect(items[targets.count...].allSatisfy { $0 == 0 })
        #expect(items[..<targets.count].allSatisfy { $0 != 0 })
        // Targets 25…29 have no factors: the mean of the others, and alike.
        let places = targets.indices.filter { targets[$0] >= 25 }
        let mean =
            targets.indices.filter { targets[$0] < 25 }.reduce(0.0) { $0 + Double(items[$1]) }
            / Double(targets.count - places.count)
        #expect(places.count == 5)
        #expect(places.allSatisfy { abs(Double(items[$0]) - mean) < 1e-6 })
    }

    @Test func `a generation's heads take the place of the space's`() throws {
        var generation = TinySpace.generation()
        let with = try model()
        generation.heads = [:]
        let without = try model(TinySpace.space(), generation)
        func prediction(_ model: ProfileModel) -> Prediction {
            var builder = ProfileBuilder(model: model)
            let state = UserState(firstOffset: 0, options: model.reducer.options)
            let settled = builder.settle(
                [.init(state: state, hidden: [], steppedCount: 0)], asOf: 1_700_000_000)
            return builder.prediction(settled[0])
        }
        let (one, other) = (prediction(with), prediction(without))
        // Items and categories were refitted, churn was not.
        #expect(one.churn != nil && one.churn == other.churn)
        #expect(one.items.map(\.probability) != other.items.map(\.probability))
        #expect(one.categories.map(\.probability) != other.categories.map(\.probability))
        #expect(settled(with, buys: [1, 2]).1 == settled(without, buys: [1, 2]).1)
    }

    @Test func `without the previous space SRA and MTL are their own`() throws {
        let first = try model(TinySpace.space(EncoderName.trained))
        let later = try model()
        let (_, own) = settled(first, buys: [1, 2, 3])
        let (_, blended) = settled(later, buys: [1, 2, 3])
        for part in [ProfilePart.sra, .mtl] {
            #expect(columns(own, part, first) != columns(blended, part, later))
        }
        for part in [ProfilePart.fip, .mtlPropensity, .mtlChurn, .esa] {
            #expect(columns(own, part, first) == columns(blended, part, later))
        }
        // The heads read z before the blend.
        let own7 = columns(own, .sra, first).map { $0 * 0.7 }
        let rest = zip(columns(blended, .sra, later), own7).map { $0 - $1 }
        #expect(rest.contains { abs($0) > 1e-3 })
    }

    @Test func `what does not fit the space is refused by its name`() throws {
        var space = TinySpace.space()
        space.targets = TargetLists(categories: Array(0..<80), items: [])
        #expect(throws: EncoderError.self) { try model(space) }
        var generation = TinySpace.generation()
        generation.heads[.mtlChurn] = [NamedTensor(name: "other.weight", shape: [1], values: [0])]
        #expect(throws: EncoderError.unknownTensor(name: "other.weight")) {
            try model(TinySpace.space(), generation)
        }
        space = TinySpace.space()
        space.encoders[.previousSRA] = TinySpace.encoders([.fip])[.fip]
        #expect(throws: EncoderError.self) { try model(space) }
    }
}
