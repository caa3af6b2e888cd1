import Learning
import Storage
import TestSupport
import Testing

@Suite struct KMeansTests {
    // Tests/Golden/sra_kmeans.py (scikit-learn 1.9): best and median of 20 seeds
    static let golden: [(k: Int, best: Double, median: Double)] = [
        (1, 36_070_805.965, 36_070_805.965), (5, 19_881_192.804, 20_305_124.545),
        (20, 3_029_390.165, 3_626_010.745), (40, 2_592_185.624, 2_624_041.959),
    ]

    @Test(arguments: golden.indices)
    func `is as good as scikit-learn`(index: Int) throws {
        let points = try goldenPoints()
        let (k, best, median) = Self.golden[index]
        let inertias = (0..<20).map { seed in
            KMeans.centroids(of: points, k: k, seed: UInt64(seed)).inertia(of: points)
        }.sorted()
        #expect(inertias[0] <= best * 1.01)
        // With 20 clusters a single run often merges two; its median scatters by several percent.
        #expect(inertias[10] <= median * (k == 20 ? 1.1 : 1.01))
        #expect(inertias[0] >= best * 0.98)
    }

    @Test func `does not depend on the order of the points`() throws {
        let points = try goldenPoints()
        let rows = stride(from: 0, to: points.count, by: 16).map { Array(points[$0..<$0 + 16]) }
        let shuffled = rows.indices.flatMap { rows[($0 * 171 + 5) % rows.count] }
        #expect(shuffled != points)
        let centroids = KMeans.centroids(of: points, k: 20, seed: 3)
        #expect(KMeans.centroids(of: shuffled, k: 20, seed: 3) == centroids)
        #expect(KMeans.centroids(of: points, k: 20, seed: 4) != centroids)
    }

    @Test func `makes no more clusters than there are distinct points`() {
        let points = [UInt8](repeating: 9, count: 160) + [UInt8](repeating: 1, count: 16)
        let centroids = KMeans.centroids(of: points, k: 100, seed: 1)
        #expect(centroids.count == 2)
        #expect(Set(centroids.values) == [1, 9])
        #expect(centroids.inertia(of: points) == 0)
        #expect(KMeans.centroids(of: [], k: 5, seed: 1).count == 0)
        let one = KMeans.centroids(of: points, k: 1, seed: 1)
        #expect(one.values == [Float](repeating: Float(91.0 / 11), count: 16))
    }

    @Test func `clusters a sample of many points, and all of few`() throws {
        let points = try goldenPoints()
        let whole = KMeans.centroids(of: points, k: 20, seed: 3)
        var limits = KMeans.Limits()
        #expect(limits.pointCount == 100_000)
        limits.pointCount = points.count / 16
        #expect(KMeans.centroids(of: points, k: 20, seed: 3, limits: limits) == whole)
        limits.pointCount = 150
        let sampled = KMeans.centroids(of: points, k: 20, seed: 3, limits: limits)
        #expect(sampled != whole && sampled.count == 20)
        #expect(sampled.inertia(of: points) < 1.3 * Self.golden[2].median)
        // The sample is the same however it is made, and a sample's sample is itself.
        var sample = PointSample(limit: 150, seed: 3)
        for row in words(points).reversed() { sample.insert(high: row.high, low: row.low) }
        #expect(sample.points.count == 150 * 16)
        #expect(KMeans.centroids(of: sample.points, k: 20, seed: 3, limits: limits) == sampled)
    }

    @Test func `a sample depends on seed and set, not on order or repetition`() {
        var random = SeededRandom(seed: 8, stream: 0)
        let points = (0..<20_000).map { _ in (high: random.next(), low: random.next()) }
        func sample(_ points: [(high: UInt64, low: UInt64)], seed: UInt64) -> [UInt8] {
            var sample = PointSample(limit: 500, seed: seed)
            for point in points { sample.insert(high: point.high, low: point.low) }
            return sample.points
        }
        let once = sample(points, seed: 1)
        #expect(once.count == 500 * 16)
        #expect(sample(points.reversed() + points.prefix(700), seed: 1) == once)
        #expect(sample(words(once), seed: 1) == once)
        #expect(sample(points, seed: 2) != once)
        // Fewer than the limit are all there, ascending.
        let few = sample(Array(points.prefix(40)), seed: 1)
        let sorted = points.prefix(40).sorted { ($0.high, $0.low) < ($1.high, $1.low) }
        #expect(words(few).map(\.high) == sorted.map(\.high))
        #expect(words(few).map(\.low) == sorted.map(\.low))
        // Chosen evenly: about half of them begin with a bit that is not set.
        let low = stride(from: 0, to: once.count, by: 16).count { once[$0] < 128 }
        #expect((200...300).contains(low))
    }

    @Test func `leaves no cluster empty`() throws {
        let points = try goldenPoints()
        for seed in 0..<10 {
            let centroids = KMeans.centroids(of: points, k: 250, seed: UInt64(seed))
            let used = Set(
                stride(from: 0, to: points.count, by: 16).map { start in
                    centroids.nearest(to: points.span.extracting(start..<start + 16))
                })
            #expect(centroids.count == 250)
            #expect(used.count == 250)
        }
    }
}

private func goldenPoints() throws -> [UInt8] {
    try RealDisk().text(of: goldenPath("sra_points.txt"), limit: 1 << 20)
        .split { $0 == " " || $0 == "\n" }.compactMap { UInt8($0) }
}

/// Points as pairs of big-endian words.
private func words(_ points: [UInt8]) -> [(high: UInt64, low: UInt64)] {
    func word(_ start: Int) -> UInt64 {
        points[start..<start + 8].reduce(0) { $0 << 8 | UInt64($1) }
    }
    return stride(from: 0, to: points.count, by: 16).map {
        (high: word($0), low: word($0 + 8))
    }
}
