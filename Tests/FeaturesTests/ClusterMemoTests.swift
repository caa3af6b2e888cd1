import Events
import Features
import Storage
import Testing

@Suite struct ClusterMemoTests {
    @Test func `gives what would be found, and mostly without looking`() {
        var memo = ClusterMemo()
        var random = SeededRandom(seed: 3, stream: 0)
        var foundCount = 0
        var wrongCount = 0
        // Some 20,000 texts often and a million once; those that differ in one half only as well.
        for index in 0..<1_200_000 {
            let isOften = index % 6 == 0
            let low = random.next() % (isOften ? 100 : 1000)
            let high = random.next() % (isOften ? 200 : 1_000_000)
            let text = TextVector(low: low, high: high)
            let cluster = memo.cluster(of: text) { text in
                foundCount += 1
                return Int64(text.low &* 31 &+ text.high)
            }
            if cluster != Int64(low * 31 + high) { wrongCount += 1 }
        }
        #expect(wrongCount == 0)
        #expect(foundCount < 1_199_000 && foundCount > 1_000_000)
        var onceCount = 0
        for _ in 0..<3 {
            _ = memo.cluster(of: TextVector(low: 5, high: 0)) { _ in
                onceCount += 1
                return 7
            }
        }
        #expect(onceCount == 1)
    }

    @Test func `does not remember that nothing was found`() {
        var memo = ClusterMemo()
        // All zeros, as an empty place has.
        let text = TextVector(low: 0, high: 0)
        #expect(memo.cluster(of: text) { _ in nil } == nil)
        #expect(memo.cluster(of: text) { _ in 0 } == 0)
        #expect(memo.cluster(of: text) { _ in 1 } == 0)
    }
}
