import Evaluation
import Events
import Storage
import Synchronization
import TestSupport
import Testing

/// Whole evaluations of small tables: what is there is found, what is not is not.
@Suite struct ProfileEvaluatorTests {
    private static let shop = PlantedShop(userCount: 1500, seed: 1)

    private func evaluator(
        _ shop: PlantedShop = shop, threads: Int = 2,
        change: (inout ProfileEvaluator.Options) -> Void = { _ in }
    ) -> ProfileEvaluator {
        var options = ProfileEvaluator.Options()
        options.threadCount = threads
        change(&options)
        return ProfileEvaluator(
            host: .simulated(disk: MemoryDisk()), targets: shop.targets, options: options)
    }

    @Test func `finds what was planted`() async throws {
        let table = try Pair.table(of: Self.shop)
        let row = try await evaluator().evaluate(table, name: "planted")
        #expect(row.name == "planted" && row.width == 9)
        #expect(row.tasks.map(\.task) == EvaluationTask.allCases)
        let byTask = Dictionary(uniqueKeysWithValues: row.tasks.map { ($0.task, $0) })
        for task in [EvaluationTask.churn, .conversion, .category, .price] {
            #expect((byTask[task]?.auroc ?? 0) > 0.97, "\(task)")
        }
        // Which of four items of the category is chance.
        #expect((byTask[.item]?.auroc ?? 0) > 0.85)
        let churn = try #require(byTask[.churn])
        #expect(churn.users == Self.shop.targets.activeUserCount && churn.labels == 1)
        #expect(churn.diversity == nil && churn.score == churn.auroc)
        let category = try #require(byTask[.category])
        #expect(category.users == 1500 && category.labels == 5)
        #expect(category.positives == Self.shop.targets[.category].validation.count)
        #expect(category.epochScores.count == 3 && category.epochLosses.count == 3)
        #expect(category.epochLosses[2] < category.epochLosses[0])
        #expect(category.epochScores[category.bestEpoch] == category.score)
        #expect(category.epochScores.max() == category.score && category.curves == nil)
        let (diversity, novelty) = (category.diversity ?? 0, category.novelty ?? 0)
        let score = 0.8 * category.auroc + 0.1 * diversity + 0.1 * novelty
        #expect(abs(category.score - score) < 1e-12)
    }

    @Test func `finds nothing where the second window's labels are drawn at random`() async throws {
        // The first window's are what the embeddings say, so that there is much to learn.
        let shop = PlantedShop(userCount: 1500, seed: 1, lasting: false)
        let row = try await evaluator(shop).evaluate(try Pair.table(of: shop), name: "random")
        #expect(row.tasks.map(\.task) == EvaluationTask.allCases)
        for task in row.tasks {
            // Churn has the largest deviation, some 0.02 of 750 users, and the best of three
            // epochs is taken.
            #expect(abs(task.auroc - 0.5) < 0.06, "\(task.task): \(task.auroc)")
            #expect(task.epochLosses[2] < task.epochLosses[0])
        }
    }

    @Test func `learns users by heart where there is nothing else, as the protocol has it`()
        async throws
    {
        // Who buys lasts, but embeddings are noise: the same users are trained and scored on.
        let table = try Pair.table(of: Self.shop)
        let short = try await evaluator().evaluate(
            table, columns: [6..<9], name: "noise", tasks: [.churn])
        let long = try await evaluator { $0.epochCount = 60 }.evaluate(
            table, columns: [6..<9], name: "noise", tasks: [.churn])
        #expect(abs(short.tasks[0].auroc - 0.5) < 0.1)
        #expect(long.tasks[0].auroc > short.tasks[0].auroc + 0.05)
    }

    @Test func `columns decide: noise alone finds nothing`() async throws {
        let table = try Pair.table(of: Self.shop)
        let row = try await evaluator().evaluate(
            table, columns: [6..<9], name: "noise", tasks: [.category, .conversion])
        #expect(row.width == 3 && row.tasks.map(\.task) == [.category, .conversion])
        #expect(row.tasks.allSatisfy { abs($0.auroc - 0.5) < 0.06 })
        let both = try await evaluator().evaluate(
            table, columns: [6..<9, 5..<6], name: "who buys", tasks: [.conversion])
        #expect(both.width == 4 && both.tasks[0].auroc > 0.97)
    }

    @Test func `gives the same bytes on one thread, on three, and from the file`() async throws {
        let table = try Pair.table(of: Self.shop)
        let one = try await evaluator(threads: 1) { $0.wantsCurves = true }
            .evaluate(table, name: "x")
        let three = try await evaluator(threads: 3) { $0.wantsCurves = true }
            .evaluate(table, name: "x")
        let streamed = try await evaluator {
            $0.wantsCurves = true
            $0.memoryByteLimit = 0
        }.evaluate(table, name: "x")
        #expect(one == three && one == streamed)
    }

    @Test func `the seed and the rows' order change the numbers a little`() async throws {
        let table = try Pair.table(of: Self.shop)
        let reversed = try Pair.table(of: Self.shop, order: Array((0..<1500).reversed()))
        let tasks: [EvaluationTask] = [.category]
        let first = try await evaluator().evaluate(table, name: "x", tasks: tasks)
        let other = try await evaluator { $0.seed = 2 }.evaluate(table, name: "x", tasks: tasks)
        let back = try await evaluator().evaluate(reversed, name: "x", tasks: tasks)
        for changed in [other, back] {
            #expect(changed.tasks[0].epochLosses != first.tasks[0].epochLosses)
            #expect(abs(changed.tasks[0].auroc - first.tasks[0].auroc) < 0.03)
        }
    }

    @Test func `fills curves when asked`() async throws {
        let table = try Pair.table(of: Self.shop)
        let row = try await evaluator { $0.wantsCurves = true }.evaluate(
            table, name: "x", tasks: [.churn, .category])
        for task in row.tasks {
            let curves = try #require(task.curves)
            #expect(curves.roc.count <= 200 && curves.roc.last == [1, 1])
            #expect(curves.calibration.count == 10)
            let counted = curves.calibration.reduce(0) { $0 + $1[2] }
            #expect(Int(counted) == task.users * task.labels)
        }
    }

    @Test func `passes over rows of users that were not asked about`() async throws {
        let shop = Self.shop
        let asked = (0..<1500).filter { $0 % 3 != 0 }
        let events = ShopEvents(
            users: asked.map { shop.targets.users[$0] },
            entries: shop.events.entries.compactMap { entry in
                guard let place = asked.firstIndex(of: Int(entry.user)) else { return nil }
                var own = entry
                own.user = UInt32(place)
                return own
            }, items: shop.events.items)
        let targets = EvaluationTargets(events: events, split: PlantedShop.split)
        let evaluator = ProfileEvaluator(
            host: .simulated(disk: MemoryDisk()), targets: targets)
        let all = try await evaluator.evaluate(
            try Pair.table(of: shop), name: "x", tasks: [.conversion])
        let own = try await evaluator.evaluate(
            try Pair.table(of: shop, order: asked), name: "x", tasks: [.conversion])
        #expect(all.tasks == own.tasks && all.tasks[0].users == asked.count)
    }

    @Test func `a table without a user that is asked about is refused`() async throws {
        let table = try Pair.table(of: Self.shop, order: Array(1..<1500))
        let wanted = EvaluationError.flawedTable(
            path: "/pair/embeddings.npy",
            flaws: [.missing(user: Self.shop.targets.users[0], users: 1)])
        await #expect(throws: wanted) {
            try await evaluator().evaluate(table, name: "x")
        }
    }

    @Test func `says where numbers went out of bounds`() async throws {
        let table = try Pair.table(of: Self.shop)
        let evaluator = evaluator { $0.network.learningRate = 1e30 }
        do {
            _ = try await evaluator.evaluate(table, name: "wild", tasks: [.conversion])
            Issue.record("it converged")
        } catch .diverged(let place) {
            #expect(place.name == "wild" && place.task == .conversion && place.epoch == 0)
            #expect(place.step == 2)
            #expect("\(EvaluationError.diverged(place))".contains("epoch 0, step 2: the loss"))
        } catch {
            throw error
        }
    }

    @Test func `ends when it is cancelled`() async throws {
        let table = try Pair.table(of: Self.shop)
        let evaluator = evaluator { $0.epochCount = 100_000 }
        let started = AsyncStream.makeStream(of: Void.self)
        let task = Task {
            try await evaluator.evaluate(table, name: "long") { _ in started.continuation.yield() }
        }
        for await _ in started.stream { break }
        task.cancel()
        await #expect(throws: EvaluationError.cancelled(name: "long")) { try await task.value }
    }

    @Test func `reports each epoch of each task`() async throws {
        let seen = Mutex<[EvaluationProgress]>([])
        let row = try await evaluator().evaluate(
            try Pair.table(of: Self.shop), name: "x", tasks: [.churn, .price]
        ) { progress in seen.withLock { $0.append(progress) } }
        let ends = seen.withLock { $0 }.filter { $0.done == $0.total && $0.scores.count > $0.epoch }
        #expect(ends.count == 6)
        for result in row.tasks {
            let own = ends.filter { $0.task == result.task }
            #expect(own.map(\.epoch) == [0, 1, 2] && own.allSatisfy { $0.name == "x" })
            #expect(own.last?.scores == result.epochScores)
            #expect(own.allSatisfy { $0.total == result.users && $0.epochCount == 3 })
        }
    }
}

/// Scores that come without an embedding.
@Suite struct TaskScoresTests {
    private static let shop = PlantedShop(userCount: 400, seed: 4)

    /// The truth, blurred where it does not matter.
    private func scores(_ task: EvaluationTask) -> TaskScores {
        let targets = Self.shop.targets[task]
        var probabilities = [Float](repeating: 0.125, count: 400 * targets.labelCount)
        for user in 0..<400 {
            for label in targets.validation.labels(of: user) {
                probabilities[user * targets.labelCount + Int(label)] = 0.875
            }
        }
        return TaskScores(task: task, probabilities: probabilities)
    }

    @Test func `the truth scores 1`() throws {
        let row = try EvaluationReport.Row(
            name: "oracle", scores: EvaluationTask.allCases.map(scores),
            targets: Self.shop.targets, wantsCurves: true)
        #expect(row.name == "oracle" && row.width == 0)
        #expect(row.tasks.count >= 5)
        for task in row.tasks {
            #expect(task.definedAUROC == 1, "\(task.task)")
            #expect(task.bestEpoch == 0 && task.epochScores == [task.score])
            #expect(task.epochLosses == [] && task.curves != nil)
        }
        #expect(row.tasks[0].users == Self.shop.targets.activeUserCount)
        #expect(row.tasks[0].positives < row.tasks[1].positives && row.tasks[1].auroc == 1)
    }

    @Test func `refuses what is no probability, or not of these users`() {
        let good = scores(.conversion)
        for (probabilities, reason) in [
            (Array(good.probabilities.dropLast()), "399 probabilities, 400 wanted"),
            (good.probabilities.dropLast() + [.nan], "nan of user 399, label 0"),
            (good.probabilities.dropLast() + [1.5], "1.5 of user 399, label 0"),
        ] {
            #expect(
                throws: EvaluationError.badScores(
                    name: "oracle", task: .conversion, reason: reason)
            ) {
                try EvaluationReport.Row(
                    name: "oracle",
                    scores: [TaskScores(task: .conversion, probabilities: probabilities)],
                    targets: Self.shop.targets)
            }
        }
    }
}
