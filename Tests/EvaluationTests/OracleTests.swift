import Evaluation
import Events
import Foundation
import Simulation
import Storage
import TestSupport
import Testing

/// The judge is `oracle_probabilities.py`: the same equations in numpy, summed in another way, and
/// what came true in the log.
@Suite struct OracleTests {
    /// A simulated shop on disk, and all that is asked about it.
    private final class Shop {
        let folder: TemporaryDirectory
        let split: EvaluationSplit
        let users: [UserID]
        let items: [ItemID: ShopEvents.Item]
        let questions: [Oracle.Question]

        var truth: String { folder.path + "/truth" }

        init(users userCount: Int, shift: Bool, days: Int = 56, seed: UInt64 = 3) throws {
            let folder = try TemporaryDirectory()
            let path = folder.path
            self.folder = folder
            var options = SimulationOptions(userCount: userCount, dayCount: days, seed: seed)
            options.hasShift = shift
            _ = try ShopSimulator(options: options, directory: path, host: .real).run()
            split = EvaluationSplit(
                cutoffSeconds: options.startSeconds + Int64(days - 28) * 86_400)
            func integers(_ name: String) throws -> [Int64] {
                let reader = try NpyReader(path + "/truth/\(name).npy", on: RealDisk())
                return try reader.int64s(rows: 0..<reader.header.shape[0])
            }
            users = try integers("client_ids").sorted().map(UserID.init(rawValue:))
            let catalogue = try integers("items")
            var items: [ItemID: ShopEvents.Item] = [:]
            // The best-selling item of each category.
            var skus: [Int64] = []
            var categories: [Int64] = []
            for start in stride(from: 0, to: catalogue.count, by: 4) {
                // An item whose price nobody knows is no label's.
                let price = start % 28 == 0 ? nil : UInt8(catalogue[start + 3])
                items[ItemID(rawValue: catalogue[start])] = ShopEvents.Item(
                    category: catalogue[start + 1], price: price)
                if categories.last != catalogue[start + 1] {
                    categories.append(catalogue[start + 1])
                    skus.append(catalogue[start])
                }
            }
            self.items = items
            questions = [
                Oracle.Question(task: .churn), Oracle.Question(task: .conversion),
                Oracle.Question(
                    task: .category,
                    labels: categories + [-1]),
                Oracle.Question(task: .item, labels: skus.prefix(100) + [-1]),
                Oracle.Question(task: .newItem, labels: Array(skus.suffix(4))),
                Oracle.Question(task: .price, labels: Array(0..<100)),
            ]
        }

        /// Asks the oracle and hands its answers to the judge.
        func judge(
            _ knowledge: Oracle.Knowledge, _ questions: [Oracle.Question], _ arguments: [String]
        ) async throws -> Verdict {
            let oracle = try Oracle(
                truth: truth, users: users, split: split, knowledge: knowledge, on: RealDisk())
            let answers = Answers(oracle, split, users, items, questions)
            let path = folder.path + "/answers.json"
            let told = oracle.probabilities(questions, items: items)
            for (index, values) in told.enumerated() {
                var bytes: [UInt8] = []
                for value in values {
                    for shift in stride(from: 0, to: 32, by: 8) {
                        bytes.append(UInt8(truncatingIfNeeded: value.bitPattern >> UInt32(shift)))
                    }
                }
                try AtomicFile.write(bytes, to: "\(path).\(index)", on: .real)
            }
            try AtomicFile.write(Array(try JSONEncoder().encode(answers)), to: path, on: .real)
            let child = try await Child.run(
                ["python3", "-B", goldenPath("oracle_probabilities.py"), folder.path, path]
                    + arguments)
            #expect(child.status == 0, "\(child.error)")
            return try JSONDecoder().decode(Verdict.self, from: Data(child.bytes))
        }
    }

    /// What the judge reads; the names are its keys.
    private struct Answers: Encodable {
        struct Question: Encodable {
            let task: String
            let labels: [Int64]
        }

        let knownSeconds: Int64
        let cutoffSeconds: Int64
        let window: [Int64]
        let users: [Int64]
        let prices: [String: UInt8]
        let questions: [Question]

        enum CodingKeys: String, CodingKey {
            case knownSeconds = "known_seconds"
            case cutoffSeconds = "cutoff_seconds"
            case window, users, prices, questions
        }

        init(
            _ oracle: Oracle, _ split: EvaluationSplit, _ users: [UserID],
            _ items: [ItemID: ShopEvents.Item], _ questions: [Oracle.Question]
        ) {
            cutoffSeconds = split.cutoffSeconds
            knownSeconds =
                oracle.knowledge == .cutoff
                ? split.cutoffSeconds : split.validation.lowerBound
            window = [split.validation.lowerBound, split.validation.upperBound]
            self.users = users.map(\.rawValue)
            prices = items.reduce(into: [:]) { $0["\($1.key)"] = $1.value.price }
            self.questions = questions.map {
                Question(task: $0.task.rawValue, labels: $0.labels)
            }
        }
    }

    private struct Verdict: Decodable {
        struct Exact: Decodable {
            let users: Int
            /// Of each question: the greatest difference, absolute and relative.
            let worst: [[Double]]
        }
        struct Outcome: Decodable {
            let task: String
            let users: Int
            let expected: Double
            let observed: Int
            let auroc: Double
            /// Mean probability, share that came true, users, z.
            let groups: [[Double]]?
            let plain: [String: Double]?
            let macro: Double?
            let labels: Int?
        }
        let exact: Exact?
        let world: [Outcome]?
    }

    /// The shift of day 28 lies before the window, so tastes, prices and hazards have moved in it.
    @Test(arguments: Oracle.Knowledge.allCases, [false, true])
    func `its probabilities are those of an independent implementation`(
        knowledge: Oracle.Knowledge, shift: Bool
    ) async throws {
        let shop = try Shop(users: 1200, shift: shift)
        let verdict = try #require(
            await shop.judge(knowledge, shop.questions, ["--exact", "40"]).exact)
        #expect(verdict.users > 12)
        for (question, worst) in zip(shop.questions, verdict.worst) {
            #expect(worst[0] < 1e-6, "\(question.task.rawValue): \(worst[0])")
            // The trapezoidal rule's own bound, where probabilities are small.
            #expect(question.task.isBinary || worst[1] < 2e-5, "\(question.task): \(worst)")
        }
    }

    @Test func `what it says comes true, and no count says it better`() async throws {
        let shop = try Shop(users: 20_000, shift: false, seed: 8)
        let tasks: [Oracle.Knowledge: Set<EvaluationTask>] = [
            .cutoff: [.churn, .conversion, .category, .item, .price],
            .secondWindow: [.churn, .conversion, .category],
        ]
        var scores: [[Double]] = []
        for knowledge in Oracle.Knowledge.allCases {
            let questions = shop.questions.filter { tasks[knowledge]?.contains($0.task) ?? false }
            let world = try #require(await shop.judge(knowledge, questions, ["--world"]).world)
            for outcome in world.prefix(2) {
                #expect(outcome.users > 400)
                // Ten groups by probability, and the whole.
                for group in outcome.groups ?? [] {
                    #expect(abs(group[3]) < 4.5, "\(outcome.task): \(group)")
                }
                for (name, score) in outcome.plain ?? [:] where outcome.task == "churn" {
                    #expect(outcome.auroc > score + 0.02, "\(outcome.task), \(name): \(score)")
                }
            }
            // Approximations: categories follow the focus, items one category's choice.
            for outcome in world[2...] {
                let gap = Double(outcome.observed) - outcome.expected
                #expect(outcome.observed > 5)
                #expect(abs(gap) < 4.5 * outcome.expected.squareRoot(), "\(outcome.task): \(gap)")
                #expect(outcome.auroc > 0.8, "\(outcome.task): \(outcome.auroc)")
            }
            scores.append(world.map(\.auroc))
        }
        // Two weeks later more is known of who still comes.
        #expect(scores[1][0] > scores[0][0], "\(scores)")
    }

    @Test func `two weeks later it agrees with the probability that the truth tells`() throws {
        let shop = try Shop(users: 3000, shift: true)
        let oracle = try Oracle(
            truth: shop.truth, users: shop.users, split: shop.split, knowledge: .secondWindow,
            on: RealDisk())
        let quiet = oracle.probabilities([Oracle.Question(task: .conversion)], items: [:])[0]
        let ids = try NpyReader(shop.truth + "/client_ids.npy", on: RealDisk())
        let rows = try ids.int64s(rows: 0..<3000)
        let told = try NpyReader(shop.truth + "/buy_probability.npy", on: RealDisk())
        let width = told.header.shape[1]
        let halfs = try told.halfs(rows: 0..<3000)
        var compared = 0
        for (row, id) in rows.enumerated() {
            // Cutoffs are days 7, 14, … 56; the second window begins on day 42.
            let value = Float(Float16(bitPattern: halfs[row * width + 5]))
            if value.isNaN { continue }
            let place = try #require(shop.users.firstIndex(of: UserID(rawValue: id)))
            #expect(abs(1 - quiet[place] - value) < 3e-4, "user \(id)")
            compared += 1
        }
        #expect(compared > 1000 && oracle.unknownUsers == 3000 - compared)
    }

    @Test func `users that the truth does not know get the mean of the others`() throws {
        let shop = try Shop(users: 1000, shift: false)
        let stranger = UserID(rawValue: -5)
        let all = [stranger] + shop.users.prefix(200)
        let oracle = try Oracle(
            truth: shop.truth, users: all, split: shop.split, on: RealDisk())
        let questions = [shop.questions[1], shop.questions[2]]
        let answers = oracle.probabilities(questions, items: shop.items)
        let width = shop.questions[2].labels.count
        #expect(answers[0].count == 201 && answers[1].count == 201 * width)
        // A label that is no category of the shop is never bought.
        #expect((0..<201).allSatisfy { answers[1][$0 * width + width - 1] == 0 })
        // Everybody unknown has one value, and it lies between the others'.
        let mean = answers[0][0]
        #expect(answers[0].count { $0 == mean } >= oracle.unknownUsers)
        #expect(answers[0].contains { $0 < mean } && answers[0].contains { $0 > mean })
        let none = try Oracle(
            truth: shop.truth, users: [stranger], split: shop.split, on: RealDisk())
        #expect(none.unknownUsers == 1)
        #expect(none.probabilities([shop.questions[0]], items: [:]) == [[0]])
    }

    @Test func `a cutoff at which nothing is told, and a damaged truth, are refused by name`()
        throws
    {
        let shop = try Shop(users: 300, shift: false, days: 35)
        func oracle(_ split: EvaluationSplit) throws -> Oracle {
            try Oracle(truth: shop.truth, users: shop.users, split: split, on: RealDisk())
        }
        _ = try oracle(shop.split)
        var other = shop.split
        other.cutoffSeconds += 86_400
        let refusal = #expect(throws: OracleError.self) { try oracle(other) }
        #expect("\(try #require(refusal))".contains("one of the cutoffs"))
        let disk = RealDisk()
        try disk.remove(shop.truth + "/taste.npy")
        #expect(
            throws: OracleError.storage(.missing(path: shop.truth + "/taste.npy"))
        ) { try oracle(shop.split) }
        try AtomicFile.write(
            Array(#"{"schema": 1}"#.utf8), to: shop.truth + "/manifest.json", on: .real)
        let old = #expect(throws: OracleError.self) { try oracle(shop.split) }
        #expect("\(try #require(old))".contains("simulate the shop again"))
    }
}
