import Encoders
import Events
import Features
import Kernels
import Profiles
import Sessions
import Storage
import TestSupport
import Testing

/// What a prediction owes to a session, against folds that never had it.
@Suite struct ExplanationTests {
    private static let asOf: Int64 = 1_668_200_000

    private static func model(
        window: Int, _ names: [EncoderName] = EncoderName.allCases,
        readers: Set<EncoderName> = Set(EncoderName.multiTask)
    ) throws -> ProfileModel {
        var fold = FoldOptions()
        fold.rowWindow = window
        var space = TinySpace.space(names)
        space.endRowNetworks = readers.intersection(names)
        var generation = TinySpace.generation()
        if !names.contains(.mtlPropensity) { generation.heads = [:] }
        return try ProfileModel(
            statistics: TinySpace.statistics, fold: fold, space: space, generation: generation,
            hybrid: .extended, level: .best)
    }

    /// Events of some sessions, the pause between two of which is above the gap.
    private static func sessions(_ seed: UInt64, count: Int) -> [[EnrichedEvent]] {
        var random = SeededRandom(seed: seed, stream: 9)
        var seconds: Int64 = 1_667_952_000
        return (0..<count).map { _ in
            seconds += Int64.random(in: 2401...20_000, using: &random)
            return (0..<Int.random(in: 1...6, using: &random)).map { _ in
                seconds += Int64.random(in: 0...500, using: &random)
                let event = Event(
                    user: UserID(rawValue: 1), seconds: seconds,
                    kind: EventKind.allCases.randomElement(using: &random) ?? .pageVisit,
                    key: Int64.random(in: 0...40, using: &random))
                return EnrichedEvent(
                    event,
                    CatalogueEntry(
                        category: Int64.random(in: 0...33, using: &random),
                        price: UInt8.random(in: 0...99, using: &random)))
            }
        }
    }

    private static func settled(
        _ events: [EnrichedEvent], _ model: ProfileModel, asOf: Int64 = asOf
    ) -> ProfileBuilder.Settled {
        var state = UserState(firstOffset: 0, options: model.reducer.options)
        var scratch = FoldScratch()
        for (offset, event) in events.enumerated() {
            model.reducer.admit(event, at: Int64(offset), into: &state, &scratch)
        }
        var builder = ProfileBuilder(model: model)
        return builder.settle(
            [
                .init(
                    state: state, hidden: [], steppedCount: 0, departed: scratch.departed)
            ], asOf: asOf)[0]
    }

    @Test(arguments: [Set(EncoderName.multiTask), [.mtlChurn], []])
    func `without the newest session it is what a log predicts that never had it`(
        readers: Set<EncoderName>
    ) throws {
        let model = try Self.model(window: 64, readers: readers)
        let builder = ProfileBuilder(model: model)
        var effects: Set<Double> = []
        for seed in 0..<20 as Range<UInt64> {
            let sessions = Self.sessions(seed, count: 2 + Int(seed % 5))
            let user = Self.settled(sessions.flatMap(\.self), model)
            let explanation = builder.explanation(of: user)
            #expect(explanation.prediction == builder.prediction(user))
            #expect(explanation.sessions.count == sessions.count && explanation.olderRowCount == 0)
            #expect(explanation.windowRowCount == user.state.rows.totalCount)
            let newest = try #require(
                explanation.sessions.max { $0.session.endSeconds < $1.session.endSeconds })
            #expect(newest.session.rows.upperBound == user.state.rows.totalCount)
            let before = builder.prediction(
                Self.settled(sessions.dropLast().flatMap(\.self), model))
            // Not nearly: the same bits.
            #expect(newest.churn == before.churn, "seed \(seed)")
            #expect(newest.categories == before.categories.map(\.probability), "seed \(seed)")
            #expect(newest.items == before.items.map(\.probability), "seed \(seed)")
            effects.insert(try #require(explanation.prediction.churn) - (newest.churn ?? 0))
        }
        #expect(effects.count == 20 && !effects.contains(0))
    }

    @Test func `finds the sessions that there were, with their times and rows`() throws {
        let model = try Self.model(window: 64)
        for seed in 20..<40 as Range<UInt64> {
            let sessions = Self.sessions(seed, count: 1 + Int(seed % 6))
            let explanation = ProfileBuilder(model: model).explanation(
                of: Self.settled(sessions.flatMap(\.self), model))
            let found = explanation.sessions.sorted {
                $0.session.endSeconds < $1.session.endSeconds
            }
            for (one, events) in zip(found, sessions) {
                #expect(one.session.endSeconds == events.last?.event.seconds && one.isWhole)
                // A duration is kept in a float16.
                let began = try #require(events.first?.event.seconds)
                #expect(abs(one.session.beginSeconds - began) <= 2, "seed \(seed)")
                for kind in [EventKind.addToCart, .removeFromCart, .productBuy] {
                    #expect(Int(one.session.count(kind)) == events.count { $0.event.kind == kind })
                }
                let visits = events.contains { $0.event.kind == .pageVisit }
                #expect(one.session.count(.pageVisit) == (visits ? 1 : 0))
            }
            // By what they do to churn.
            let churn = try #require(explanation.prediction.churn)
            let effects = explanation.sessions.map { abs(churn - ($0.churn ?? .nan)) }
            #expect(effects == effects.sorted(by: >))
        }
    }

    @Test func `what lies before the last rows stays, and its session is said to be cut`() throws {
        let model = try Self.model(window: 7)
        let builder = ProfileBuilder(model: model)
        var cutCount = 0
        for seed in 40..<60 as Range<UInt64> {
            let user = Self.settled(Self.sessions(seed, count: 9).flatMap(\.self), model)
            let explanation = builder.explanation(of: user)
            let total = user.state.rows.totalCount
            #expect(explanation.windowRowCount == min(7, total))
            #expect(explanation.olderRowCount == max(0, total - 7))
            #expect(explanation.sessions.reduce(0) { $0 + $1.session.rows.count } == min(7, total))
            #expect(explanation.sessions.count { !$0.isWhole } == (total > 7 ? 1 : 0))
            if total > 7 { cutCount += 1 }
            // A wider window that holds the same rows explains the same.
            let others = explanation.sessions.map(\.churn)
            #expect(Set(others).count == others.count && !others.contains(nil))
        }
        #expect(cutCount > 15)
    }

    @Test func `without a network there are sessions and no effects`() throws {
        let built = ProfileModel.builtIn(fold: FoldOptions())
        let sessions = Self.sessions(3, count: 4)
        let bare = ProfileBuilder(model: built).explanation(
            of: Self.settled(sessions.flatMap(\.self), built))
        #expect(!bare.hasNetworks && bare.sessions.count == 4)
        #expect(bare.sessions.count { $0.churn == nil && $0.items.isEmpty } == 4)
        // Newest first, as nothing else tells them apart.
        let ends = bare.sessions.map(\.session.endSeconds)
        #expect(ends == ends.sorted(by: >))
        let half = try Self.model(window: 64, [.mtlChurn])
        let churn = ProfileBuilder(model: half).explanation(
            of: Self.settled(sessions.flatMap(\.self), half))
        #expect(churn.hasNetworks && churn.sessions.count { $0.churn != nil } == 4)
        #expect(churn.sessions.count { $0.categories.isEmpty } == 4)
    }

    @Test func `many sessions in a long window are the same one by one`() throws {
        // More rows than are read side by side.
        let model = try Self.model(window: 300, [.mtlChurn, .mtlPropensity])
        var builder = ProfileBuilder(model: model)
        let sessions = Self.sessions(7, count: 90)
        let user = Self.settled(sessions.flatMap(\.self), model, asOf: 1_669_500_000)
        let explanation = builder.explanation(of: user)
        #expect(explanation.sessions.count == 90)
        var alone = UserState(firstOffset: 0, options: model.reducer.options)
        var scratch = FoldScratch()
        for (offset, event) in sessions.dropLast().flatMap(\.self).enumerated() {
            model.reducer.admit(event, at: Int64(offset), into: &alone, &scratch)
        }
        let before = builder.settle(
            [.init(state: alone, hidden: [], steppedCount: 0)], asOf: 1_669_500_000)[0]
        let newest = explanation.sessions.max { $0.session.endSeconds < $1.session.endSeconds }
        #expect(newest?.churn == builder.prediction(before).churn)
    }
}
