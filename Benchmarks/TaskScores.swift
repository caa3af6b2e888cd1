import Features
import Kernels
import Learning

/// The multi-task networks' logits of held-out users, and what became true.
struct TaskScores {
    /// Users a pass, which bounds memory.
    private static let passCount = 512

    private(set) var churn: [Float] = []
    /// `[users, C]` and `[users, I]`.
    private(set) var categories: [Float] = []
    private(set) var items: [Float] = []

    /// Scores examples, in the order given.
    init(
        _ network: MTLNetwork<Float>, _ weights: Matrix<Float>, _ file: ExampleFile,
        _ places: [Int]
    ) throws {
        let workspace = Workspace<Float>()
        let widths = [1, network.configuration.categoryCount, network.configuration.itemCount]
        for start in stride(from: 0, to: places.count, by: Self.passCount) {
            let some = Array(places[start..<min(start + Self.passCount, places.count)])
            let shard = network.shard(try file.examples(some).map(ShopExamples.latest))
            let logits = network.forward(
                shard.input,
                NetworkPass(layout: network.layout, weights: weights, workspace: workspace)
            ).logits.map(\.values)
            var placeOf = [Int](repeating: 0, count: some.count)
            for (place, user) in shard.input.order.enumerated() { placeOf[user] = place }
            for place in placeOf {
                churn.append(logits[0][place])
                categories += logits[1][place * widths[1]..<(place + 1) * widths[1]]
                items += logits[2][place * widths[2]..<(place + 1) * widths[2]]
            }
        }
    }
}

/// What users did after a cut, beside what is known of them before it.
struct TaskTruth {
    var churned: [Bool] = []
    /// Whether the user had bought before the cut.
    var hasBought: [Bool] = []
    /// Rows by type.
    var counts: [[Int]] = []
    /// LogBuckets of the time from the user's newest event to the cut.
    var endBuckets: [UInt8] = []
    /// `[users, C]` and `[users, I]`.
    var categories: [Bool] = []
    var items: [Bool] = []
    /// The truth's P(a purchase).
    var buyChance: [Float] = []

    init(_ file: ExampleFile, _ places: [Int], _ shop: ShopExamples) throws {
        let widths = (shop.categoryCount, shop.itemCount)
        for start in stride(from: 0, to: places.count, by: 1024) {
            let some = Array(places[start..<min(start + 1024, places.count)])
            for (place, example) in zip(some, try file.examples(some)) {
                let count = CountBaseline.counts(example)
                counts.append(count)
                endBuckets.append(example.endBucket)
                hasBought.append(count[0] > 0)
                churned.append(example.labels?.churned ?? true)
                var row = [Bool](repeating: false, count: widths.0)
                for index in example.labels?.categories ?? [] { row[Int(index)] = true }
                categories += row
                row = [Bool](repeating: false, count: widths.1)
                for index in example.labels?.items ?? [] { row[Int(index)] = true }
                items += row
                buyChance.append(shop.buyChance[file.user(place)] ?? 0)
            }
        }
    }

    /// Share of users that bought each entry of a list, for popularity.
    static func popularity(_ labels: [Bool], width: Int) -> [Float] {
        var counts = [Float](repeating: 0, count: width)
        for (index, label) in labels.enumerated() where label { counts[index % width] += 1 }
        return counts.map { $0 / Float(max(1, labels.count / max(1, width))) }
    }

    /// A list's labels or scores of some users alone.
    static func rows<Value>(_ values: [Value], width: Int, of users: [Int]) -> [Value] {
        users.flatMap { values[$0 * width..<($0 + 1) * width] }
    }
}
