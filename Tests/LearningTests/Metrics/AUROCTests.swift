import Learning
import Testing

@Suite struct AUROCTests {
    // scikit-learn 1.9: i = np.arange(1000); k = i * 7919 % 1009 % 37
    // roc_auc_score(i * 31 % 101 + k > 75, k.astype("f4") / np.float32(37)); 426 positives
    @Test func `is scikit-learn's, with many ties`() {
        let k = (0..<1000).map { $0 * 7919 % 1009 % 37 }
        let labels = k.enumerated().map { $0.offset * 31 % 101 + $0.element > 75 }
        #expect(labels.count { $0 } == 426)
        let scores = k.map { Float($0) / 37 }
        #expect(
            AUROC.value(scores: scores, labels: labels).map { abs($0 - 0.633_837_578_315_421_1) }
                ?? 1 < 1e-15)
        #expect(
            AUROC.value(scores: [0.1, 0.4, 0.35, 0.8], labels: [false, false, true, true]) == 0.75)
    }

    @Test func `counts pairs, ties half`() {
        let k = (0..<60).map { $0 * 17 % 23 % 7 }
        let labels = (0..<60).map { $0 * 5 % 11 < 4 }
        var wins = 0.0
        var pairs = 0.0
        for i in k.indices where labels[i] {
            for j in k.indices where !labels[j] {
                wins += k[i] > k[j] ? 1 : k[i] == k[j] ? 0.5 : 0
                pairs += 1
            }
        }
        #expect(AUROC.value(scores: k.map { Float($0) }, labels: labels) == wins / pairs)
    }

    @Test func `is one half when all scores are equal`() {
        #expect(AUROC.value(scores: [3, 3, 3], labels: [true, false, false]) == 0.5)
        #expect(AUROC.value(scores: [0, -0.0], labels: [true, false]) == 0.5)
    }

    @Test func `orders infinities`() {
        #expect(AUROC.value(scores: [.infinity, -.infinity, 0], labels: [true, false, true]) == 1)
        #expect(AUROC.value(scores: [-.infinity, .infinity], labels: [true, false]) == 0)
    }

    @Test func `is nothing without both classes, or with a score that is no number`() {
        #expect(AUROC.value(scores: [], labels: []) == nil)
        #expect(AUROC.value(scores: [1, 2], labels: [true, true]) == nil)
        #expect(AUROC.value(scores: [1, 2], labels: [false, false]) == nil)
        #expect(AUROC.value(scores: [1, .nan], labels: [true, false]) == nil)
    }
}
