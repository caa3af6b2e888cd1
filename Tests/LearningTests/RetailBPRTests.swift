import EventLog
import Events
import Foundation
import Kernels
import Learning
import Storage
import Testing

/// BPR against `implicit` on the same split of real shop data, where that data is at hand.
@Suite struct RetailBPRTests {
    /// What `implicit` 0.7.3 reached on one thread, mean of three seeds, whose spread is 0.002, by
    /// Tests/Golden/bpr_implicit.py: 40 epochs, purchases before the last 28 days, AUC over all
    /// items, and over the 100 most bought ones.
    static let golden: [(options: BPROptions, all: Double, top: Double)] = [
        (options(232, 0.037_373_872, 0.044_218_495), 0.790_43, 0.755_14),
        (options(146, 0.02, 0.0025), 0.794_85, 0.809_24),
    ]

    @Test(.enabled(if: RetailSplit.path != nil), arguments: golden.indices)
    func `ranks real held-out purchases as well as implicit`(index: Int) async throws {
        let split = try #require(try RetailSplit.read())
        #expect(split.interactions.pairs.count == 234_944, "the split is the script's")
        let (options, all, top) = Self.golden[index]
        var state = BPRState(interactions: split.interactions, options: options)
        try await BPRTrainer(interactions: split.interactions, options: options)
            .run(&state, threadCount: 2)
        let factors = BPRFactors(
            ids: split.interactions.popularity.indices.map { Int64($0) }, items: state.items,
            popularity: split.interactions.popularity, options: options, weights: .item)
        let joint = split.auc(items: state.items) { state.users.rows($0..<$0 + 1).values }
        #expect(abs(joint.all - all) < 0.005, "\(joint.all), implicit \(all)")
        #expect(abs(joint.top - top) < 0.005, "\(joint.top), implicit \(top)")
        let folded = split.auc(items: state.items) { user in
            let liked = split.interactions.pairs.items[split.interactions.pairs.range(of: user)]
            return factors.foldIn(liked.map { Int($0) }) ?? []
        }
        // So early in training it is ahead: its users are at their optimum.
        #expect(folded.all > joint.all - 0.01, "\(folded.all), trained \(joint.all)")
        #expect(folded.top > joint.top - 0.01, "\(folded.top), trained \(joint.top)")
    }

    private static func options(_ factors: Int, _ rate: Float, _ penalty: Float) -> BPROptions {
        BPROptions(factorCount: factors, rate: rate, regularization: penalty, epochCount: 40)
    }
}

/// Purchases of the real shop before and after a cut 28 days before the end.
struct RetailSplit {
    let interactions: BPRInteractions
    /// Items each user bought after the cut, `[U]`.
    let later: [Set<Int>]

    /// `online_retail.csv.lz4` in the directory of UBPD_DATA, or beside the package.
    static var path: String? {
        let folder =
            ProcessInfo.processInfo.environment["UBPD_DATA"]
            ?? #filePath.split(separator: "/").dropLast(3).reduce("") { $0 + "/" + $1 }
            + "/../shared/data"
        let path = folder.hasSuffix(".lz4") ? folder : folder + "/online_retail.csv.lz4"
        return FileManager.default.fileExists(atPath: path) ? path : nil
    }

    static func read() throws -> RetailSplit? {
        guard let path else { return nil }
        let reader = try LZ4FileReader(path, on: Host.real.disk)
        var bytes: [UInt8] = []
        while try reader.read(into: &bytes) > 0 {}
        var purchases: [(user: Substring, seconds: Int64, item: Substring)] = []
        for line in String(decoding: bytes, as: UTF8.self).split(separator: "\n").dropFirst() {
            let fields = line.split(separator: ",", maxSplits: 4, omittingEmptySubsequences: false)
            guard fields[2] == "product_buy" else { continue }
            let time = Array(fields[1].utf8)
            let seconds = CalendarTime.seconds(time.span)
            purchases.append(
                (user: fields[0], seconds: try #require(seconds), item: fields[3]))
        }
        return RetailSplit(purchases)
    }

    private init(_ purchases: [(user: Substring, seconds: Int64, item: Substring)]) {
        func numbers(_ names: [Substring]) -> [Substring: Int] {
            let sorted = Set(names).sorted()
            return Dictionary(uniqueKeysWithValues: sorted.enumerated().map { ($1, $0) })
        }
        let users = numbers(purchases.map(\.user))
        let items = numbers(purchases.map(\.item))
        let cut = (purchases.map(\.seconds).max() ?? 0) - 28 * 86_400
        var events: [(user: Int32, item: Int32, weight: Float)] = []
        var pairs: Set<[Int32]> = []
        var later = [Set<Int>](repeating: [], count: users.count)
        for purchase in purchases {
            guard let user = users[purchase.user], let item = items[purchase.item] else { continue }
            if purchase.seconds >= cut {
                later[user].insert(item)
            } else if pairs.insert([Int32(user), Int32(item)]).inserted {
                events.append((user: Int32(user), item: Int32(item), weight: 1))
            }
        }
        interactions = BPRInteractions(
            events: events, userCount: users.count, itemCount: items.count)
        self.later = later
    }

    /// The mean AUC over every second user with purchases on both sides: over all items bought
    /// before the cut, and the 100 most bought ones.
    func auc(items factors: Matrix<Float>, vector: (Int) -> [Float]) -> (all: Double, top: Double) {
        let popularity = interactions.popularity
        let known = popularity.indices.filter { popularity[$0] > 0 }
        let top = known.sorted { (popularity[$1], $0) < (popularity[$0], $1) }.prefix(100)
        let values = factors.values
        var sums = [0.0, 0]
        var counts = [0.0, 0]
        for user in stride(from: 0, to: later.count, by: 2)
        where !interactions.pairs.range(of: user).isEmpty && !later[user].isEmpty {
            let own = vector(user)
            for (place, items) in [known, Array(top)].enumerated() {
                let labels = items.map { later[user].contains($0) }
                let scores = items.map { item in
                    let row = item * own.count
                    var sum: Float = 0
                    for column in own.indices { sum += own[column] * values[row + column] }
                    return sum
                }
                guard let auc = AUROC.value(scores: scores, labels: labels) else { continue }
                sums[place] += auc
                counts[place] += 1
            }
        }
        return (sums[0] / counts[0], sums[1] / counts[1])
    }
}
