import Encoders
import Events
import Features
import Foundation
import Kernels
import Learning
import Profiles
import Refresh
import Sessions
import Storage
import TestSupport
import Testing

/// From a log and models to a verdict.
@Suite(.serialized) struct GateTests {
    private static func metric(_ name: String, _ report: GateReport) throws -> GateReport.Metric {
        try #require(report.metrics.first { $0.name == name })
    }

    @Test func `a good candidate is accepted in a first space, and against its like`() async throws
    {
        let shop = try await GateShop.shared.value
        let good = try shop.model(shop.good)
        let first = try shop.judge(good, against: .builtIn(fold: shop.options.fold))
        #expect(first.passed, "\(first.refusals)")
        #expect(first.userCount > 2800 && first.fitUserCount > 2800)
        let churn = try Self.metric("churn", first)
        #expect(churn.candidateSource == .head && churn.liveSource == .probe)
        // 85 % and 15 % of two groups: their AUROC is 0.84 at best.
        #expect((churn.candidate ?? 0) > 0.8 && (churn.live ?? 0) > 0.8)
        for name in ["category", "sku"] {
            let list = try Self.metric(name, first)
            #expect(list.liveSource == .popularity && (list.lower ?? 0) > 0, "\(list)")
        }
        #expect(first.metrics.map(\.name).contains("probe mtl-churn"))
        #expect(try Self.metric("probe sra", first).liveSource == .chance)
        #expect(try Self.metric("probe stats", first).liveSource == .probe)
        let health = Dictionary(uniqueKeysWithValues: first.parts.map { ($0.name, $0.health) })
        // Nobody has factors, so that nobody has scores.
        #expect(
            health == [
                "sra": "healthy", "mtl-propensity": "healthy", "mtl-churn": "healthy",
                "bpr-sku": "empty", "bpr-category": "empty", "stats": "healthy",
            ])
        let second = try shop.judge(good, against: good)
        #expect(second.passed)
        #expect(second.metrics.filter { $0.notJudged == nil }.count == 10)
        #expect(second.metrics.allSatisfy { $0.lower == 0 && $0.upper == 0 })
    }

    @Test func `a candidate trained on shuffled labels is refused`() async throws {
        let shop = try await GateShop.shared.value
        let shuffled = try shop.model(shop.shuffled)
        let lives = [ProfileModel.builtIn(fold: shop.options.fold), try shop.model(shop.good)]
        for live in lives {
            let report = try shop.judge(shuffled, against: live)
            #expect(!report.passed)
            let churn = try Self.metric("churn", report)
            #expect((churn.upper ?? 0) < -0.1, "\(churn)")
            let line = try #require(report.refusals.first { $0.hasPrefix("churn: AUROC 0.") })
            #expect(line.contains("live 0.8") && line.contains("change −0."), "\(line)")
        }
        // And the good one is welcome after it.
        let report = try shop.judge(shop.model(shop.good), against: shuffled)
        #expect(report.passed, "\(report.refusals)")
        #expect(try Self.metric("churn", report).lower ?? 0 > 0.1)
    }

    @Test func `a candidate with a collapsed part is refused`() async throws {
        let shop = try await GateShop.shared.value
        let live = ProfileModel.builtIn(fold: shop.options.fold)
        let zeroed = shop.good.changing(.sra, "latent.weight") { $0.map { _ in 0 } }
        let copied = shop.good.changing(.sra, "latent.weight") { weights in
            weights.indices.map { weights[$0 % 16] }
        }
        for (space, spreadCount) in [(zeroed, 0), (copied, 8)] {
            let report = try shop.judge(shop.model(space), against: live)
            #expect(report.refusals.count == 1, "\(report.refusals)")
            #expect(report.refusals.first?.hasPrefix("part sra: collapsed") == true)
            let part = try #require(report.parts.first { $0.name == "sra" })
            #expect(part.health == "collapsed" && part.spreadCount == spreadCount)
        }
        // A collapsed latent says nothing either.
        let blind = shop.good.changing(.mtlChurn, "latent.weight") { $0.map { _ in 0 } }
        let report = try shop.judge(shop.model(blind), against: live)
        #expect(report.refusals.contains { $0.hasPrefix("part mtl-churn: collapsed") })
        #expect(report.refusals.contains { $0.hasPrefix("churn: AUROC 0.5000") })
    }

    @Test func `scores of few targets are no collapse, scores that are all zero are`() async throws
    {
        let shop = try await GateShop.shared.value
        let live = ProfileModel.builtIn(fold: shop.options.fold)
        let some = shop.factors { Float($0.nextUnit() - 0.5) }
        let report = try shop.judge(shop.model(shop.good, itemFactors: some), against: live)
        #expect(report.passed, "\(report.refusals)")
        let part = try #require(report.parts.first { $0.name == "bpr-sku" })
        #expect(part.health == "healthy" && part.spreadCount == 8 && part.columnCount == 100)
        #expect((report.parts.first { $0.name == "bpr-category" })?.health == "empty")
        let none = shop.factors { _ in 0 }
        let zero = try shop.judge(shop.model(shop.good, itemFactors: none), against: live)
        #expect(zero.refusals.count == 1, "\(zero.refusals)")
        #expect(zero.refusals.first?.hasPrefix("part bpr-sku: collapsed") == true)
    }

    @Test func `a candidate that overflows is refused by user and column`() async throws {
        let shop = try await GateShop.shared.value
        let broken = shop.good.changing(.sra, "latent.weight") { weights in
            weights.indices.map { $0 / 16 == 5 ? 3e38 : weights[$0] }
        }
        let report = try shop.judge(
            shop.model(broken), against: .builtIn(fold: shop.options.fold))
        #expect(report.refusals.count == 1, "\(report.refusals)")
        #expect(report.refusals.first?.hasPrefix("part sra: column 5 of user ") == true)
        #expect(try Self.metric("probe sra", report).notJudged != nil)
        #expect(try Self.metric("churn", report).notJudged == nil)
    }

    @Test func `heads are read on the users and labels of the examples`() async throws {
        let shop = try await GateShop.shared.value
        let report = try shop.judge(
            shop.model(shop.good), against: .builtIn(fold: shop.options.fold))
        let held = (0..<shop.examples.count).filter {
            GateShop.holdOut.part(of: shop.examples.user($0)) == .gate
        }
        #expect(report.userCount == held.count)
        let examples = try shop.examples.examples(held)
        let targets = TargetLists(shop.statistics)
        let network = GateShop.networks(targets)[1].1
        let weights = try network.layout.weights(try #require(shop.good.encoders[.mtlChurn]))
        let shard = network.shard(
            examples.map { example in
                var read = example
                read.rows = example.latestRows(64, readsEndRow: true) ?? []
                return read
            })
        let logits = network.forward(
            shard.input,
            NetworkPass(layout: network.layout, weights: weights, workspace: Workspace())
        ).logits[0]
        let order = shard.input.order
        let area = try #require(
            AUROC.value(
                scores: order.indices.map { logits[$0] },
                labels: order.map { examples[$0].labels?.churned ?? false }))
        let churn = try Self.metric("churn", report)
        #expect(abs(area - (churn.candidate ?? 0)) < 1e-4, "\(area), \(churn)")
        #expect(churn.positiveUserCount == examples.count { $0.labels?.churned == true })
        let item = try Self.metric("sku", report)
        #expect(item.positiveUserCount == examples.count { $0.labels?.items.isEmpty == false })
    }

    @Test func `targets are compared by id, whatever their order`() async throws {
        let shop = try await GateShop.shared.value
        let count = shop.good.targets.items.count
        func reversed(_ values: [Float]) -> [Float] {
            let width = values.count / count
            return (0..<count).reversed().flatMap { values[$0 * width..<($0 + 1) * width] }
        }
        var space = shop.good.changing(.mtlPropensity, "item.6.weight", reversed)
            .changing(.mtlPropensity, "item.6.bias", reversed)
        space.targets = TargetLists(
            categories: shop.good.targets.categories,
            items: shop.good.targets.items.reversed())
        let report = try shop.judge(shop.model(space), against: shop.model(shop.good))
        let items = try Self.metric("sku", report)
        #expect(count == 8 && items.candidate ?? 0 > 0.6)
        #expect(items.lower == 0 && items.upper == 0)
        // One that only the candidate knows is not compared.
        space.targets = TargetLists(
            categories: space.targets.categories, items: [99] + space.targets.items.dropFirst())
        let fewer = try shop.judge(shop.model(space), against: shop.model(shop.good))
        let rest = try Self.metric("sku", fewer)
        #expect(rest.lower == 0 && rest.upper == 0 && rest.positiveUserCount > 50)
        #expect(rest.positiveUserCount < items.positiveUserCount)
    }

    @Test func `few users, or few of a kind, are no reason to refuse`() async throws {
        let shop = try await GateShop.shared.value
        let shuffled = try shop.model(shop.shuffled)
        let good = try shop.model(shop.good)
        let report = try shop.judge(shuffled, against: good) { $0.userCount = 60 }
        #expect(report.userCount == 60 && report.fitUserCount == 60)
        #expect(report.passed && report.metrics.allSatisfy { $0.notJudged != nil })
        #expect(report.metrics.allSatisfy { $0.candidate == nil && $0.upper == nil })
        let bounded = try shop.judge(shuffled, against: good) { $0.memoryByteCount = 3_000_000 }
        #expect((20..<2000).contains(bounded.userCount), "\(bounded.userCount)")
    }

    @Test func `the report is the same bytes again, and reads back`() async throws {
        let shop = try await GateShop.shared.value
        let reports = try (0..<2).map { _ in
            try shop.judge(
                shop.model(shop.shuffled), against: .builtIn(fold: shop.options.fold))
        }
        let bytes = try reports[0].encoded()
        #expect(bytes == (try reports[1].encoded()))
        let decoder = JSONDecoder()
        decoder.keyDecodingStrategy = .convertFromSnakeCase
        let read = try decoder.decode(GateReport.self, from: Data(bytes))
        #expect(read == reports[0] && !read.passed)
        let text = String(decoding: bytes, as: UTF8.self)
        #expect(text.contains("\"passed\" : false") && text.contains("\"cut_seconds\" : "))
    }

    @Test func `users of any length are read as they are live`() throws {
        // Users with some 1,500 rows: most leave a short window long before the cut.
        let host = Host.simulated(disk: MemoryDisk())
        let cut = GateShop.cut
        let log = TestRecords(host: host, directory: "/log")
        var random = SeededRandom(seed: 9, stream: 0)
        for step in 0..<150_000 {
            let user = Int64(random.nextUnit() * 100)
            log.event(
                user, cut - 200_000 + Int64(step), .addToCart,
                Int64(random.nextUnit() * 30))
        }
        for user in 0..<50 as Range<Int64> { log.event(user, cut + user, .productBuy, 1) }
        try log.close()
        var options = RefreshOptions(logDirectory: "/log", stateDirectory: "/state", seed: 1)
        options.clock.heldLimit = 1000
        let statistics = ExampleFoldTests.statistics
        let space = SpaceFiles(
            vocabulary: RowVocabulary(statistics), targets: TargetLists(statistics),
            encoders: [
                .sra: SRAEncoder.seededTensors(
                    seed: 4, inputWidth: RowLayout.width, hiddenWidth: 16, latentWidth: 8)
            ])
        var reports: [GateReport] = []
        for rowWindow in [1, 64, 4000] {
            options.fold.rowWindow = rowWindow
            let model = try ProfileModel(
                statistics: statistics, fold: options.fold, space: space,
                generation: GenerationFiles(itemFactors: nil, categoryFactors: nil),
                hybrid: .extended, level: .best)
            var gateOptions = GateOptions()
            gateOptions.holdOut = HoldOut(share: 1)
            gateOptions.leastUserCount = 5
            reports.append(
                try Gate(
                    host: host, options: options, window: GateShop.window,
                    gateOptions: gateOptions
                ).run(candidate: model, live: .builtIn(fold: options.fold)))
        }
        #expect(reports[0] == reports[1] && reports[1] == reports[2])
        #expect(reports[0].userCount + reports[0].fitUserCount == 100)
        #expect(try Self.metric("probe sra", reports[0]).notJudged == nil)
    }

    @Test func `a log that ends before the cut is an error`() throws {
        let host = Host.simulated(disk: MemoryDisk())
        let log = TestRecords(host: host, directory: "/log")
        for user in 1...5 as ClosedRange<Int64> {
            log.event(user, GateShop.cut - 100, .addToCart, 3)
        }
        try log.close()
        let options = RefreshOptions(logDirectory: "/log", stateDirectory: "/state", seed: 1)
        let error = #expect(throws: RefreshError.self) {
            try Gate(host: host, options: options, window: GateShop.window).run(
                candidate: .builtIn(fold: options.fold), live: .builtIn(fold: options.fold))
        }
        guard case .noFuture = error else {
            Issue.record("\(String(describing: error))")
            return
        }
    }
}
