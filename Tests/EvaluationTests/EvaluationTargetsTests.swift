import Evaluation
import Events
import Foundation
import Storage
import TestSupport
import Testing

/// Lists and labels against an independent computation (Tests/Golden/evaluation_metrics.py).
@Suite struct EvaluationTargetsTests {
    private struct Shop: Codable {
        var users: Int
        var cutoff: Int64
        var days: Int64
        var limit: Int
        var buys: [[Int64]]
        var items: [String: [Int64?]]
    }

    private struct Answer: Codable {
        struct Task: Codable {
            var ids: [Int64]
            var popularity: [Double]
            /// By window, then user.
            var labels: [[[UInt16]]]
        }
        var active: [Int]
        var counts: [[Int]]
        var tasks: [String: Task]
    }

    /// Purchases around the windows' borders, items that the catalogue half knows, ties.
    private static func shop(seed: UInt64) -> (Shop, ShopEvents, EvaluationSplit) {
        var random = SeededRandom(seed: seed, stream: 0)
        let (users, items) = (40, Int(20 + random.next() % 40))
        let split = EvaluationSplit(cutoffSeconds: 5_000_000, targetDays: 3)
        let borders: [Int64] = [
            split.training.lowerBound, split.training.upperBound, split.validation.upperBound,
        ]
        var shop = Shop(
            users: users, cutoff: split.cutoffSeconds, days: 3, limit: 12, buys: [], items: [:])
        var entries: [ShopEvents.Entry] = []
        var catalogue: [ItemID: ShopEvents.Item] = [:]
        for item in 0..<items where random.next() % 8 > 0 {
            let category = random.next() % 6 > 0 ? Int64(random.next() % 15) * 3 : nil
            let price = random.next() % 6 > 0 ? UInt8(random.next() % 20) : nil
            catalogue[ItemID(rawValue: Int64(item))] = ShopEvents.Item(
                category: category, price: price)
            shop.items["\(item)"] = [category, price.map(Int64.init)]
        }
        for _ in 0..<500 {
            let border = borders[Int(random.next() % 3)]
            let seconds =
                random.next() % 4 == 0
                ? border + Int64(random.next() % 3) - 1
                : split.cutoffSeconds + Int64(random.next() % 1_000_000) - 200_000
            // Squared, so that counts differ and some tie.
            let item = Int64(random.nextUnit() * random.nextUnit() * Double(items))
            let user = UInt32(random.next() % UInt64(users))
            let kind: EventKind = random.next() % 4 == 0 ? .addToCart : .productBuy
            entries.append(
                ShopEvents.Entry(user: user, kind: kind, seconds: seconds, key: item))
            if kind == .productBuy { shop.buys.append([Int64(user), seconds, item]) }
        }
        let events = ShopEvents(
            users: (0..<Int64(users)).map { UserID(rawValue: 3 * $0 - 20) }, entries: entries,
            items: catalogue)
        return (shop, events, split)
    }

    @Test(arguments: [1, 2, 3])
    func `agree with an independent computation`(seed: UInt64) async throws {
        let (shop, events, split) = Self.shop(seed: seed)
        let input = String(decoding: try JSONEncoder().encode(shop), as: UTF8.self)
        let child = try await Child.run(
            ["python3", "-B", goldenPath("evaluation_metrics.py"), "targets"], input: input)
        let answer = try JSONDecoder().decode(
            Answer.self, from: Data(try child.successful().bytes))
        let targets = EvaluationTargets(events: events, split: split, labelLimit: 12)
        #expect(targets.users.indices.filter { targets.isActive[$0] } == answer.active)
        #expect(targets.activeUserCount == answer.active.count && !answer.active.isEmpty)
        for (own, wanted) in zip([targets.training, targets.validation], answer.counts) {
            #expect(
                [own.purchases, own.buyers, own.withoutCategory, own.withoutPrice] == wanted)
            #expect(own.withoutCategory > 0 && own.withoutPrice > 0)
        }
        for task in EvaluationTask.allCases {
            let wanted = try #require(answer.tasks[task.rawValue])
            let own = targets[task]
            #expect(own.task == task && own.ids == wanted.ids)
            #expect(own.popularity == wanted.popularity)
            #expect(own.labelCount == (task.isBinary ? 1 : wanted.ids.count))
            for (labels, byUser) in zip([own.training, own.validation], wanted.labels) {
                #expect(events.users.indices.map { Array(labels.labels(of: $0)) } == byUser)
                #expect(labels.count == byUser.joined().count)
            }
        }
        #expect(targets[.item].ids.count == 12 && !targets[.newItem].ids.isEmpty)
    }

    @Test func `a shop without purchases has empty lists, and everybody stays away`() {
        let events = ShopEvents(
            users: [UserID(rawValue: 1), UserID(rawValue: 2)],
            entries: [ShopEvents.Entry(user: 1, kind: .pageVisit, seconds: 9, key: 4)], items: [:])
        let targets = EvaluationTargets(
            events: events, split: EvaluationSplit(cutoffSeconds: 10, targetDays: 1))
        #expect(targets.activeUserCount == 0)
        #expect(targets[.conversion].validation.count == 2)
        #expect(targets[.category].labelCount == 0 && targets[.price].labelCount == 0)
        #expect(!targets.isScorable(.category) && !targets.isScorable(.churn))
        #expect(targets.isScorable(.conversion))
    }

    @Test func `activity is decided before the cutoff alone`() {
        let entries = [(0, 9), (1, 10), (2, 86_409)].map {
            ShopEvents.Entry(user: $0.0, kind: .productBuy, seconds: $0.1, key: 1)
        }
        let events = ShopEvents(
            users: (0..<3).map { UserID(rawValue: $0) }, entries: entries, items: [:])
        let targets = EvaluationTargets(
            events: events, split: EvaluationSplit(cutoffSeconds: 10, targetDays: 1))
        #expect(targets.isActive == [true, false, false])
        #expect(targets.training.purchases == 2 && targets.validation.purchases == 0)
        // Item 1 is not new: it was bought in second 9.
        #expect(targets[.newItem].ids == [] && targets[.item].ids == [1])
        #expect(targets.training.withoutPrice == 2)
    }
}
