import Kernels
import Storage
import Testing

@Suite struct NearestCentroidTests {
    @Test func `finds what an exact search finds`() {
        var random = SeededRandom(seed: 1, stream: 0)
        for count in [1, 2, 7, 100] {
            // Whole numbers up to 255 make every distance exact in Float.
            let centroids = (0..<count * 16).map { _ in Float(random.next() >> 56) }
            for _ in 0..<200 {
                let point = (0..<16).map { _ in UInt8(truncatingIfNeeded: random.next() >> 56) }
                let distances = (0..<count).map { k in
                    (0..<16).reduce(0) { sum, d in
                        let difference = Int(point[d]) - Int(centroids[k * 16 + d])
                        return sum + difference * difference
                    }
                }
                let nearest = nearestCentroid(
                    of: point.span, centroids: centroids.span, count: count)
                #expect(distances.firstIndex(of: distances.min() ?? -1) == nearest)
            }
        }
    }

    @Test func `takes the lowest index among equals`() {
        let point = [UInt8](repeating: 10, count: 16)
        let centroids: [Float] =
            Array(repeating: 30, count: 16) + Array(repeating: 9, count: 16)
            + Array(repeating: 11, count: 16) + Array(repeating: 9, count: 16)
        #expect(nearestCentroid(of: point.span, centroids: centroids.span, count: 4) == 1)
    }
}
