import Kernels
import Storage

/// Points of 16 bytes, each once, ascending, with how often it occurred.
struct DistinctPoints {
    /// `[count, 16]`.
    let bytes: [UInt8]
    /// Occurrences of each point.
    let weights: [Int]

    var count: Int { weights.count }

    init(_ points: [UInt8]) {
        // A row as two big-endian words: comparing them compares the bytes.
        var rows = stride(from: 0, to: points.count, by: 16).map { start in
            Row(high: Self.word(points, start), low: Self.word(points, start + 8))
        }
        rows.sort()
        var bytes: [UInt8] = []
        var weights: [Int] = []
        var last: Row?
        for row in rows {
            if row == last {
                weights[weights.count - 1] += 1
            } else {
                weights.append(1)
                for shift in stride(from: 56, through: 0, by: -8) {
                    bytes.append(UInt8(truncatingIfNeeded: row.high >> UInt64(shift)))
                }
                for shift in stride(from: 56, through: 0, by: -8) {
                    bytes.append(UInt8(truncatingIfNeeded: row.low >> UInt64(shift)))
                }
                last = row
            }
        }
        self.bytes = bytes
        self.weights = weights
    }

    private init(bytes: [UInt8], weights: [Int]) {
        self.bytes = bytes
        self.weights = weights
    }

    /// At most `limit` of the points, those of the smallest `PointSample.rank`; all when so few.
    func sampled(_ limit: Int, seed: UInt64) -> DistinctPoints {
        precondition(limit >= 1, "DistinctPoints: a sample of \(limit)")
        guard count > limit else { return self }
        let ranks = (0..<count).map { index in
            PointSample.rank(
                Self.word(bytes, 16 * index), Self.word(bytes, 16 * index + 8), seed)
        }
        // Points ascend, so that their places decide between equal ranks.
        let chosen = ranks.indices.sorted { (ranks[$0], $0) < (ranks[$1], $1) }
            .prefix(limit).sorted()
        var kept: [UInt8] = []
        kept.reserveCapacity(16 * limit)
        for index in chosen { kept += bytes[16 * index..<16 * index + 16] }
        return DistinctPoints(bytes: kept, weights: chosen.map { weights[$0] })
    }

    /// Mean over the 16 coordinates of the population variance; exact sums, one division each.
    var meanVariance: Double {
        let total = Double(weights.reduce(0, +))
        var sum = 0.0
        for d in 0..<16 {
            var first = 0
            var second = 0
            for i in 0..<count {
                let value = Int(bytes[i * 16 + d])
                first += weights[i] * value
                second += weights[i] * value * value
            }
            let mean = Double(first) / total
            sum += Double(second) / total - mean * mean
        }
        return max(0, sum / 16)
    }

    /// k-means++ with 2 + ln k trials a centroid, the best of which is kept, as in scikit-learn.
    ///
    /// - Parameters:
    ///   - k: 1…count.
    ///   - random: draws are taken from it in a fixed order.
    /// - Returns: `[k, 16]` distinct points.
    func start(_ k: Int, _ random: inout SeededRandom) -> [Float] {
        let trialCount = 2 + Int(Elementary.ln(Double(k)))
        var chosen = [pick(weights, &random)]
        var nearest = distances(to: chosen[0])
        while chosen.count < k {
            var best: (potential: Int, point: Int, distances: [Int])?
            let chances = zip(nearest, weights).map { $0 * $1 }
            for _ in 0..<trialCount {
                let point = pick(chances, &random)
                let distances = zip(nearest, distances(to: point)).map { min($0, $1) }
                let potential = zip(distances, weights).reduce(0) { $0 + $1.0 * $1.1 }
                if best.map({ potential < $0.potential }) ?? true {
                    best = (potential, point, distances)
                }
            }
            guard let best else { break }
            chosen.append(best.point)
            nearest = best.distances
        }
        return chosen.flatMap { point in bytes[point * 16..<point * 16 + 16].map { Float($0) } }
    }

    /// The nearest centroid of each point.
    func labels(_ centroids: Centroids) -> [Int] {
        (0..<count).map { i in
            centroids.nearest(to: bytes.span.extracting(i * 16..<i * 16 + 16))
        }
    }

    /// The mean of each cluster.
    ///
    /// An empty cluster moves to the point that lies farthest from its
    /// centroid (the lowest index among equals), one point for each, as in scikit-learn.
    func means(_ labels: [Int], _ centroids: Centroids) -> Centroids {
        let k = centroids.count
        var sums = [Int](repeating: 0, count: k * 16)
        var sizes = [Int](repeating: 0, count: k)
        func move(_ i: Int, to cluster: Int, _ sign: Int) {
            sizes[cluster] += sign * weights[i]
            for d in 0..<16 {
                sums[cluster * 16 + d] += sign * weights[i] * Int(bytes[i * 16 + d])
            }
        }
        for i in 0..<count { move(i, to: labels[i], 1) }
        let empty = sizes.indices.filter { sizes[$0] == 0 }
        if !empty.isEmpty {
            let squares = labels.indices.map { squaredDistance(of: $0, to: labels[$0], centroids) }
            let far = squares.indices.sorted { (-squares[$0], $0) < (-squares[$1], $1) }
            var candidates = far.makeIterator()
            for cluster in empty {
                // A cluster is never emptied to fill another.
                while let i = candidates.next() {
                    guard sizes[labels[i]] > weights[i] else { continue }
                    move(i, to: labels[i], -1)
                    move(i, to: cluster, 1)
                    break
                }
            }
        }
        var values = centroids.values
        for cluster in 0..<k where sizes[cluster] > 0 {
            for d in 0..<16 {
                let mean = Double(sums[cluster * 16 + d]) / Double(sizes[cluster])
                values[cluster * 16 + d] = Float(mean)
            }
        }
        return Centroids(values: values)
    }

    private func squaredDistance(of i: Int, to cluster: Int, _ centroids: Centroids) -> Double {
        (0..<16).reduce(0.0) { sum, d in
            let difference = Double(bytes[i * 16 + d]) - Double(centroids.values[cluster * 16 + d])
            return sum + difference * difference
        }
    }

    /// Squared distances of all points to one of them.
    private func distances(to point: Int) -> [Int] {
        (0..<count).map { i in
            var sum = 0
            for d in 0..<16 {
                let difference = Int(bytes[i * 16 + d]) - Int(bytes[point * 16 + d])
                sum += difference * difference
            }
            return sum
        }
    }

    /// An index with probability proportional to its chance; one of them is positive.
    private func pick(_ chances: [Int], _ random: inout SeededRandom) -> Int {
        // The high word of draw × total: uniform to within total / 2^64.
        let total = UInt64(chances.reduce(0, +))
        var rest = Int(random.next().multipliedFullWidth(by: total).high)
        for (index, chance) in chances.enumerated() {
            if rest < chance { return index }
            rest -= chance
        }
        return chances.count - 1
    }

    private static func word(_ bytes: [UInt8], _ start: Int) -> UInt64 {
        (0..<8).reduce(0) { $0 << 8 | UInt64(bytes[start + $1]) }
    }
}

private struct Row: Comparable {
    let high: UInt64
    let low: UInt64

    static func < (left: Row, right: Row) -> Bool {
        (left.high, left.low) < (right.high, right.low)
    }
}
