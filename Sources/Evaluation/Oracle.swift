import Events
import Kernels
import Storage

/// The best that can be said of a simulated shop's second window by who knows the truth at an
/// earlier midnight: traits, state, tastes and favourites, and the shop's plan of prices.
///
/// Purchases of a label are a thinned part of the buying sessions: `P = 1 − v(x)` with
/// `OracleForecast.quiet` and x the probability that a buying session buys the label:
/// - category c: the affinity a(c), favourites replaced at the drift's rate;
/// - item i of c: a(c) h(P(i | c)), with `OracleChoice` and h = `OracleForecast.any(of:)`;
/// - price bucket b: Σ_c a(c) h(Σ_{i in c, price b} P(i | c)).
///
/// Binary tasks are exact. Of the others this ignores: what lies in the cart, which may be of
/// another category; cheaper choices while cooling; that lapsed users' tastes do not drift; changes
/// of prices around the window's middle day, and of the shop when a shift lies in the window.
package struct Oracle: Sendable {
    /// When the truth was looked at; the raw value names the row of a report.
    package enum Knowledge: String, Sendable, CaseIterable {
        /// At the cutoff, as a profile: the fair bound.
        case cutoff = "oracle"
        /// At the second window's beginning: a looser bound, as no profile at the cutoff can know it.
        case secondWindow = "oracle, two weeks later"
    }

    package let knowledge: Knowledge
    /// Users of whom the truth knew nothing then, who get the mean of all others.
    package let unknownUsers: Int

    let users: OracleUsers
    let shop: OracleShop
    let forecast: OracleForecast

    /// Reads the truth of some users.
    ///
    /// - Parameters:
    ///   - directory: `truth` of a simulated shop.
    ///   - users: whose scores are wanted, in this order; memory is some 400 bytes a user.
    ///   - split: its cutoff, or the second window's beginning, must be one at which the truth is
    ///     told: whole weeks before the simulation's end.
    ///   - knowledge: which of the two.
    ///   - disk: where the truth is.
    /// - Throws: `noSuchCutoff`, `badTruth`, or what the disk throws.
    package init(
        truth directory: String, users: [UserID], split: EvaluationSplit,
        knowledge: Knowledge = .cutoff, on disk: any Disk
    ) throws(OracleError) {
        let files = try OracleFiles(directory: directory, users: users, on: disk)
        let manifest = files.manifest
        let known =
            knowledge == .cutoff ? split.cutoffSeconds : split.validation.lowerBound
        guard let column = manifest.cutoffSeconds.firstIndex(of: known) else {
            throw .noSuchCutoff(path: directory, seconds: known, known: manifest.cutoffSeconds)
        }
        let window =
            manifest.day(
                ofSeconds: split.validation.lowerBound)..<manifest.day(
                ofSeconds: split.validation.upperBound)
        self.knowledge = knowledge
        forecast = OracleForecast(
            manifest, knownDay: manifest.cutoffDays[column], window: window)
        shop = try OracleShop(files, window: window)
        self.users = try OracleUsers(
            files, users: users, shop: shop, forecast: forecast, cutoffColumn: column)
        unknownUsers = self.users.chains.count { $0 == nil }
    }

    /// What is asked: a task, and the labels of its list in order; none for binary tasks.
    package struct Question: Sendable {
        package var task: EvaluationTask
        package var labels: [Int64]

        package init(task: EvaluationTask, labels: [Int64] = []) {
            self.task = task
            self.labels = labels
        }
    }

    /// The probabilities that questions ask for.
    ///
    /// - Parameters:
    ///   - questions: answered in one pass over the users.
    ///   - items: the catalogue by which the targets give purchases a price bucket.
    /// - Returns: of each question `[users, labels]`; for `churn` and `conversion` `[users]`, that of
    ///   *no* purchase. A label that the shop does not have has probability 0.
    /// - Complexity: O(users × labels), and for items O(users × items of the labels' categories), for
    ///   prices O(users × items); one thread.
    package func probabilities(
        _ questions: [Question], items: [ItemID: ShopEvents.Item]
    ) -> [[Float]] {
        let plan = OraclePlan(questions, shop: shop, items: items)
        var answers = questions.map { question in
            [Float](
                repeating: 0,
                count: users.chains.count * (question.task.isBinary ? 1 : question.labels.count))
        }
        var desk = OracleDesk(plan, shop: shop, users: users, forecast: forecast)
        for user in users.chains.indices {
            guard let chain = users.chains[user] else { continue }
            desk.answer(user, chain, into: &answers)
        }
        for index in answers.indices { fillUnknown(&answers[index]) }
        return answers
    }

    /// Gives users without truth the mean of the others.
    private func fillUnknown(_ values: inout [Float]) {
        let known = users.chains.count - unknownUsers
        guard unknownUsers > 0, known > 0 else { return }
        let width = values.count / users.chains.count
        var means = [Double](repeating: 0, count: width)
        for (user, chain) in users.chains.enumerated() where chain != nil {
            for column in 0..<width { means[column] += Double(values[user * width + column]) }
        }
        for (user, chain) in users.chains.enumerated() where chain == nil {
            for column in 0..<width {
                values[user * width + column] = Float(means[column] / Double(known))
            }
        }
    }
}
