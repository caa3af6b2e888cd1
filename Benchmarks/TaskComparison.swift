import Learning

/// Areas under the ROC curves of networks' logits, and of predictors that know row counts alone.
struct TaskComparison {
    struct Network {
        var name: String
        /// λ of churn, categories, items: a task of weight 0 was not learned.
        var weights: [Double]
        var scores: TaskScores
    }

    /// One figure; nil when all labels agree.
    struct Line {
        var name: String
        var area: Double?
        /// The predictor's to compare with.
        var base: Double?
    }

    private let truth: TaskTruth
    private let networks: [Network]
    private let shop: ShopExamples
    private let categoryPopularity: [Float]
    private let itemPopularity: [Float]
    /// P(churn) by counts, and rows, of each user.
    private let churn: [Float]
    /// The same with the time since the last event.
    private let recentChurn: [Float]
    private let rows: [Float]
    private let users: [Int]
    /// Users who had bought before the cut, and who bought after it.
    let pastBuyers: [Int]
    let buyers: [Int]

    /// - Parameters:
    ///   - known: of the training users, which the simple predictors are fitted to.
    ///   - truth: of the users that `networks` scored.
    ///   - networks: with their scores.
    ///   - shop: whose target lists the labels are of.
    init(known: TaskTruth, truth: TaskTruth, networks: [Network], shop: ShopExamples) {
        self.truth = truth
        self.networks = networks
        self.shop = shop
        churn = CountBaseline(known, seesRecency: false).probabilities(truth)
        recentChurn = CountBaseline(known, seesRecency: true).probabilities(truth)
        rows = truth.counts.map { Float($0.reduce(0, +)) }
        users = Array(truth.churned.indices)
        pastBuyers = users.filter { truth.hasBought[$0] }
        buyers = users.filter { !truth.churned[$0] }
        categoryPopularity = TaskTruth.popularity(known.categories, width: shop.categoryCount)
        itemPopularity = TaskTruth.popularity(known.items, width: shop.itemCount)
    }

    /// All figures, each predictor below the networks that are compared with it.
    var lines: [Line] {
        var lines = churnLines("all users", users) + churnLines("past buyers", pastBuyers)
        for (whose, some) in [("all users", users), ("buyers", buyers)] {
            lines += listLines(
                "categories, \(whose)", truth.categories, categoryPopularity, some,
                \.categories)
            lines += listLines("items, \(whose)", truth.items, itemPopularity, some, \.items)
        }
        return lines
    }

    private func churnLines(_ whose: String, _ users: [Int]) -> [Line] {
        let labels = users.map { truth.churned[$0] }
        func area(_ score: (Int) -> Float) -> Double? {
            AUROC.value(scores: users.map(score), labels: labels)
        }
        let base = area { churn[$0] }
        let learned = networks.filter { $0.weights[0] > 0 }.map { network in
            Line(
                name: "churn, \(whose): \(network.name), over counts by type",
                area: area { network.scores.churn[$0] }, base: base)
        }
        return learned + [
            Line(name: "  logistic regression on log(1 + rows) by type", area: base),
            Line(name: "  number of rows", area: area { -rows[$0] }),
            Line(
                name: "  logistic regression, the time since the last event added",
                area: area { recentChurn[$0] }),
            Line(
                name: "  the simulation's own probability", area: area { -truth.buyChance[$0] }),
        ]
    }

    /// Micro-averaged over users and entries of a list.
    private func listLines(
        _ name: String, _ bought: [Bool], _ popularity: [Float], _ users: [Int],
        _ scores: KeyPath<TaskScores, [Float]>
    ) -> [Line] {
        let width = popularity.count
        let labels = TaskTruth.rows(bought, width: width, of: users)
        func area(_ scores: [Float]) -> Double? { AUROC.value(scores: scores, labels: labels) }
        func area(times weight: (Int) -> Float) -> Double? {
            area(users.flatMap { user in popularity.map { $0 * weight(user) } })
        }
        let base = area(times: { 1 - churn[$0] })
        let learned = networks.filter { $0.weights[1] > 0 }.map { network in
            Line(
                name: "\(name): \(network.name), over popularity times counts by type",
                area: area(
                    TaskTruth.rows(network.scores[keyPath: scores], width: width, of: users)),
                base: base)
        }
        return learned + [
            Line(name: "  popularity times P(purchase) by counts", area: base),
            Line(name: "  popularity times number of rows", area: area(times: { rows[$0] })),
        ]
    }
}
