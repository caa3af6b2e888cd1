import Learning
import Storage
import Testing

@Suite struct LinearProbeTests {
    @Test(arguments: [("strong", 100.0), ("weak", 1.0)])
    func `is scikit-learn's logistic regression`(name: String, penalty: Double) throws {
        let goldens = try ProbeGoldens()
        let table = UserColumns(goldens.values("x"), width: 12)
        let probe = try #require(
            LinearProbe(
                table, labels: goldens.flags("y"), penalty: penalty, tolerance: 1e-9))
        // The fifth column is the same for everybody.
        #expect(probe.keptColumns == [0, 1, 2, 3, 5, 6, 7, 8, 9, 10, 11])
        let coefficients = goldens.values("\(name).coefficients")
        #expect(largestDifference(probe.coefficients, coefficients) < 2e-5)
        #expect(largestDifference([probe.intercept], goldens.values("\(name).intercept")) < 2e-5)
        #expect(largestDifference(probe.scores(table), goldens.values("\(name).scores")) < 2e-4)
        let usual = try #require(
            LinearProbe(table, labels: goldens.flags("y"), penalty: penalty))
        #expect(largestDifference(usual.coefficients, coefficients) < 2e-3)
        #expect(usual.stepCount < probe.stepCount && probe.stepCount < 100)
    }

    @Test func `reads the columns and rows it is given, wherever they stand`() throws {
        let goldens = try ProbeGoldens()
        let x = goldens.values("x")
        let labels = goldens.flags("y")
        // Columns 3…7 of the golden between others, rows backwards.
        var (wide, narrow): ([Float], [Float]) = ([], [])
        for row in 0..<403 {
            let own = x[row * 12 + 3..<row * 12 + 8]
            wide.append(contentsOf: [Float(row), .nan])
            wide.append(contentsOf: own)
            wide.append(.infinity)
            narrow.append(contentsOf: own)
        }
        let inside = UserColumns(wide, width: 8, columns: 2..<7)
        let alone = UserColumns(narrow, width: 5)
        let first = try #require(LinearProbe(inside, labels: labels, penalty: 1))
        let second = try #require(LinearProbe(alone, labels: labels, penalty: 1))
        #expect(first.coefficients == second.coefficients)
        #expect(first.scores(inside) == second.scores(alone))
        let order = Array((0..<403).reversed())
        #expect(first.scores(inside.rows(order)) == first.scores(inside).reversed())
        #expect(inside.firstNotFinite == nil)
        let all = UserColumns(wide, width: 8).firstNotFinite
        #expect(all?.row == 0 && all?.column == 1)
    }

    @Test func `is nothing where there is nothing to find`() throws {
        let goldens = try ProbeGoldens()
        let table = UserColumns(goldens.values("x"), width: 12)
        #expect(
            LinearProbe(table, labels: [Bool](repeating: true, count: 403), penalty: 1) == nil)
        let constant = UserColumns(goldens.values("x"), width: 12, columns: 4..<5)
        #expect(LinearProbe(constant, labels: goldens.flags("y"), penalty: 1) == nil)
        #expect(LinearProbe.best(constant, labels: goldens.flags("y")) == nil)
    }

    @Test func `separable labels have an end`() throws {
        let values = (0..<100).map { Float($0) }
        let probe = try #require(
            LinearProbe(
                UserColumns(values, width: 1), labels: values.map { $0 > 50 }, penalty: 1e-3))
        let scores = probe.scores(UserColumns(values, width: 1))
        #expect(zip(scores, scores.dropFirst()).allSatisfy { $0 < $1 })
        #expect(probe.coefficients[0].isFinite && probe.coefficients[0] > 1)
    }

    @Test func `chooses a penalty that tells of other users`() throws {
        // 200 columns of chance beside the one that tells, for 300 users.
        var random = SeededRandom(seed: 8, stream: 0)
        let rows = (0..<2300).map { _ in (0..<201).map { _ in Float(random.nextUnit()) } }
        let labels = rows.map { Double($0[0]) + 0.5 * random.nextUnit() > 0.75 }
        let table = UserColumns(rows.flatMap { $0 }, width: 201)
        let fitting = table.rows(Array(0..<300))
        let other = table.rows(Array(300..<2300))
        func area(_ probe: LinearProbe?) -> Double {
            probe.flatMap {
                AUROC.value(scores: $0.scores(other), labels: Array(labels[300...]))
            } ?? 0
        }
        let own = Array(labels[..<300])
        let best = try #require(LinearProbe.best(fitting, labels: own))
        #expect(best.penalty > 1)
        #expect(area(best) > area(LinearProbe(fitting, labels: own, penalty: 1)) + 0.01)
    }
}
