import Evaluation
import Foundation
import Glibc
import Learning
import Storage
import TestSupport
import Testing

/// The challenge's metrics against numpy (Tests/Golden/evaluation_metrics.py), against
/// torchmetrics 1.9.0 with torch 2.15 (Tests/Golden/make_metric_goldens.py), and at their bounds.
@Suite struct TaskMetricsTests {
    /// Logits of users in torchmetrics' batches.
    struct Case: Codable {
        var batches: [[[Float]]]
        var labels: [[Int]]
        var popularity: [Double]?

        var positives: [[Int]] {
            labels[0].indices.map { label in labels.indices.filter { labels[$0][label] == 1 } }
        }

        var figures: TaskMetrics.Figures {
            var metrics = TaskMetrics(userCount: labels.count, popularity: popularity)
            for batch in batches { metrics.add(logits: Array(batch.joined())) }
            return metrics.figures(positives: positives)
        }
    }

    struct Answer: Codable {
        var auroc: Double
        var defined: Double?
        var diversity: Double?
        var novelty: Double?
        var score: Double
    }

    /// Which logits a random case has.
    enum Kind: CaseIterable {
        /// Multiples of 1/64 in ±4, which tie.
        case ordinary
        /// Also 20, 25, 40 and −40, which are the same after the sigmoid or nearly 0.
        case saturated
        /// Every batch but each third one inside of [0, 1], which is left as it is.
        case mixed
        /// Around −6, where novelty is neither 0 nor 1.
        case rare
        case constant
    }

    private static func logit(_ kind: Kind, batch: Int, _ random: inout SeededRandom) -> Float {
        let unit = (random.nextUnit() * 512).rounded(.down) / 512
        switch kind {
        case .ordinary: return Float(8 * unit - 4)
        case .saturated:
            let extremes: [Float] = [20, 25, 40, -40]
            return random.next() % 4 == 0
                ? extremes[Int(random.next() % 4)] : Float(8 * unit - 4)
        case .mixed: return Float(batch % 3 == 0 ? 8 * unit - 4 : unit)
        case .rare: return Float(4 * unit - 8)
        case .constant: return 0.25
        }
    }

    /// Sizes around torchmetrics' batches of 128, one to twelve labels, some without a class.
    private static func cases() -> [Case] {
        var random = SeededRandom(seed: 11, stream: 0)
        var cases: [Case] = []
        for kind in Kind.allCases {
            for (users, count) in [(1, 2), (127, 1), (128, 3), (129, 12), (400, 1), (400, 5)] {
                let batches = stride(from: 0, to: users, by: 128).enumerated().map { batch, start in
                    (start..<min(users, start + 128)).map { _ in
                        (0..<count).map { _ in Self.logit(kind, batch: batch, &random) }
                    }
                }
                // Label 1 is nobody's and label 2 everybody's, where there are such.
                let labels = (0..<users).map { _ in
                    (0..<count).map { label in
                        label == 1 ? 0 : label == 2 || random.next() % 5 == 0 ? 1 : 0
                    }
                }
                let popularity = (0..<count).map { _ in Double(1 + random.next() % 50) }
                cases.append(
                    Case(
                        batches: batches, labels: labels, popularity: count > 1 ? popularity : nil))
            }
        }
        return cases
    }

    @Test func `agrees with numpy to 1e-6 on random and degenerate scores`() async throws {
        let cases = Self.cases()
        let input = String(decoding: try JSONEncoder().encode(cases), as: UTF8.self)
        let child = try await Child.run(
            ["python3", "-B", goldenPath("evaluation_metrics.py"), "metrics"], input: input)
        let answers = try JSONDecoder().decode(
            [Answer].self, from: Data(try child.successful().bytes))
        try #require(answers.count == cases.count)
        for (index, (own, wanted)) in zip(cases.map(\.figures), answers).enumerated() {
            #expect(abs(own.areas.mean - wanted.auroc) <= 1e-6, "case \(index)")
            #expect((own.areas.definedMean == nil) == (wanted.defined == nil), "case \(index)")
            #expect(
                abs((own.areas.definedMean ?? 0) - (wanted.defined ?? 0)) <= 1e-6, "case \(index)")
            #expect((own.diversity == nil) == (wanted.diversity == nil), "case \(index)")
            #expect(
                abs((own.diversity ?? 0) - (wanted.diversity ?? 0)) <= 1e-6, "case \(index)")
            #expect(abs((own.novelty ?? 0) - (wanted.novelty ?? 0)) <= 1e-6, "case \(index)")
            #expect(abs(own.score - wanted.score) <= 1e-6, "case \(index)")
        }
        // The cases cover what they are there for.
        #expect(answers.contains { $0.defined == nil })
        #expect(answers.contains { ($0.novelty ?? 0) > 0.1 && ($0.novelty ?? 1) < 0.9 })
        #expect(answers.contains { ($0.diversity ?? 1) < 0.9 })
    }

    private static func area(_ batches: [[Float]], _ positives: [Int]) -> TaskMetrics.Areas {
        var metrics = TaskMetrics(userCount: batches.joined().count, popularity: nil)
        for batch in batches { metrics.add(logits: batch) }
        return metrics.areas(positives: [positives])
    }

    @Test func `a batch inside of [0, 1] is taken for probabilities, as torchmetrics does`() {
        #expect(Self.area([[-2, -1], [0.1, 0.2]], [2, 3]).mean == 0.25)
        #expect(Self.area([[-2, -1, 0.1, 0.2]], [2, 3]).mean == 1)
    }

    @Test func `a label of one class scores 0 and counts, as torchmetrics has it`() {
        #expect(Self.area([[-2, -1, 0.1]], []).mean == 0)
        #expect(Self.area([[-2, -1, 0.1]], [0, 1, 2]).mean == 0)
        #expect(Self.area([[-2, -1, 0.1]], []).definedMean == nil)
        var metrics = TaskMetrics(userCount: 2, popularity: [1, 1])
        metrics.add(logits: [-3, 2, 4, 1])
        let areas = metrics.areas(positives: [[1], []])
        #expect(areas.mean == 0.5 && areas.definedMean == 1 && areas.positives == 1)
    }

    @Test func `saturated logits tie`() {
        #expect(Self.area([[20, 25, 0, -1]], [1, 2]).mean == 0.625)
    }

    @Test func `agrees with torchmetrics and torch on 300 users of 15 labels`() {
        let (n, m) = (300, 15)
        let logits = (0..<n).map { i in
            (0..<m).map { j in
                let wave = sin(
                    0.37 * Double(i) + 1.7 * Double(j) + 0.003 * Double(i) * Double(j))
                return Float((64 * (3 * wave - 5)).rounded(.toNearestOrEven) / 64)
            }
        }
        let labels = (0..<n).map { i in
            (0..<m).map { j in j == 3 ? 0 : j == 4 || (7 * i + 3 * j) % 11 == 0 ? 1 : 0 }
        }
        let batches = [Array(logits[..<128]), Array(logits[128..<256]), Array(logits[256...])]
        let figures = Case(
            batches: batches, labels: labels, popularity: (0..<m).map { Double(5 * $0 % 13 + 1) }
        ).figures
        #expect(abs(figures.areas.mean - 0.430_846_303_701_400_76) < 1e-6)
        #expect(abs((figures.diversity ?? 0) - 0.702_384_769_916_534_4) < 1e-6)
        // Theirs is summed in Float32, and its power of 100 makes a hundred times more of that.
        #expect(abs((figures.novelty ?? 0) - 0.032_255_206_257_104_874) < 1e-5)
    }

    @Test(arguments: [1, 2, 50, 999])
    func `areas equal those of the rank sum`(positiveCount: Int) throws {
        var random = SeededRandom(seed: UInt64(positiveCount), stream: 0)
        let scores = (0..<1000).map { _ in Float(random.next() % 40) / 40 }
        let positives = (0..<positiveCount).map { (7 * $0) % 1000 }.sorted()
        var labels = [Bool](repeating: false, count: 1000)
        for place in positives { labels[place] = true }
        let wanted = try #require(AUROC.value(scores: scores, labels: labels))
        var metrics = TaskMetrics(userCount: 1000, popularity: nil)
        metrics.add(probabilities: scores)
        #expect(metrics.areas(positives: [positives]).mean == wanted)
    }

    @Test func `of equal probabilities novelty takes the labels that come first`() {
        // Eleven equal ones of 1/2: the first ten, whose popularity is 1 of the ten largest's 10.9.
        var metrics = TaskMetrics(
            userCount: 1, popularity: [Double](repeating: 0.1, count: 10) + [10])
        metrics.add(logits: [Float](repeating: 0, count: 11))
        let share = 1 - 0.5 * 1.0 / 10.9
        let wanted = (0..<100).reduce(1.0) { power, _ in power * share }
        #expect(abs((metrics.novelty ?? 0) - wanted) < 1e-9)
    }

    @Test func `one label has no diversity`() {
        var metrics = TaskMetrics(userCount: 2, popularity: [3])
        metrics.add(logits: [-1, 2])
        #expect(metrics.diversity == 0)
    }

    @Test func `the first of equally good epochs is the best`() {
        #expect(TaskMetrics.bestEpoch([0.5, 0.7, 0.7]) == 1)
        #expect(TaskMetrics.bestEpoch([0.7, 0.7, 0.7]) == 0)
        #expect(TaskMetrics.bestEpoch([0.1, 0.2, 0.3]) == 2)
    }
}

/// What a page draws.
@Suite struct CurveTests {
    private static func metrics(_ probabilities: [Float]) -> TaskMetrics {
        var metrics = TaskMetrics(
            userCount: probabilities.count, popularity: nil, keepsProbabilities: true)
        metrics.add(probabilities: probabilities)
        return metrics
    }

    @Test func `a ROC curve ascends from 0 to 1 in at most 200 points around its area`() throws {
        var random = SeededRandom(seed: 5, stream: 0)
        let probabilities = (0..<5000).map { _ in Float(random.nextUnit()) }
        let positives = probabilities.indices.filter {
            Double(probabilities[$0]) > random.nextUnit()
        }
        let metrics = Self.metrics(probabilities)
        let roc = try #require(metrics.curves(positives: [positives])).roc
        #expect(roc.count <= 200 && roc.count > 150)
        #expect(roc.first == [0, 0] && roc.last == [1, 1])
        var area = 0.0
        for (left, right) in zip(roc, roc.dropFirst()) {
            #expect(left[0] <= right[0] && left[1] <= right[1])
            area += (right[0] - left[0]) * (right[1] + left[1]) / 2
        }
        // A polygon of that many points is close.
        #expect(abs(area - metrics.areas(positives: [positives]).mean) < 1e-3)
    }

    @Test func `calibration says how often what is said happens`() throws {
        let probabilities = (0..<100).map { Float($0) / 100 }
        let positives = (0..<100).filter { $0 % 10 < $0 / 10 }
        let parts = try #require(Self.metrics(probabilities).curves(positives: [positives]))
            .calibration
        #expect(parts.count == 10)
        for (part, values) in parts.enumerated() {
            #expect(abs(values[0] - (Double(part) / 10 + 0.045)) < 1e-6)
            #expect(values[1] == Double(part) / 10 && values[2] == 10)
        }
    }

    @Test func `scores that are all equal give the diagonal`() throws {
        let curves = try #require(
            Self.metrics([Float](repeating: 0.5, count: 40)).curves(positives: [[1, 2, 3]]))
        #expect(curves.roc == [[0, 0], [1, 1]])
    }

    @Test func `there are none of one class, of none kept, and few of few users`() throws {
        #expect(Self.metrics([0.5, 0.6]).curves(positives: [[]]) == nil)
        var metrics = TaskMetrics(userCount: 2, popularity: nil)
        metrics.add(probabilities: [0.1, 0.2])
        #expect(metrics.curves(positives: [[0]]) == nil)
        let few = try #require(Self.metrics([0.1, 0.9]).curves(positives: [[1]]))
        #expect(few.roc == [[0, 0], [0, 1], [1, 1]])
        #expect(few.calibration.count == 2)
    }
}
