import Kernels
import Storage

/// Groups points of 16 bytes (names and queries) around k centroids, deterministically.
///
/// k-means++ with greedy trials (Arthur and Vassilvitskii 2007) and Lloyd's iterations, as
/// scikit-learn's `KMeans` does by default. Distances at the start and all sums are integers, and
/// equal points are merged and sorted first: the result is a function of the seed and of the
/// multiset of points, not of their order.
///
/// Of more distinct points than `Limits.pointCount` only a sample is clustered (`PointSample`), each
/// with how often it occurred: its share of the space is what centroids are for.
package enum KMeans {
    /// Where Lloyd's iterations stop, and what they are spared.
    package struct Limits: Sendable {
        /// At most so many iterations.
        package var iterationCount = 300
        /// Stop when the centroids' summed squared shift is at most this times the mean variance of
        /// the coordinates (scikit-learn's `tol`).
        package var tolerance = 1e-4
        /// Distinct points that are clustered at most, ≥ 1; a sample of them when there are more.
        package var pointCount = 100_000

        /// scikit-learn's defaults, and our own for the sample.
        package init() {}
    }

    /// Finds at most `k` centroids; fewer when there are fewer distinct points.
    ///
    /// - Parameters:
    ///   - points: `[n, 16]` values 0…255, row-major.
    ///   - k: ≥ 1, the number of centroids wanted.
    ///   - seed: for the start; equal seeds and points give equal bytes.
    ///   - limits: where to stop, and the size of the sample.
    /// - Returns: min(k, distinct points) centroids, in the order in which the start chose them.
    package static func centroids(
        of points: [UInt8], k: Int, seed: UInt64, limits: Limits = Limits()
    ) -> Centroids {
        precondition(points.count % 16 == 0, "KMeans: \(points.count) bytes are no rows of 16")
        precondition(k >= 1, "KMeans: k = \(k)")
        let data = DistinctPoints(points).sampled(limits.pointCount, seed: seed)
        let count = min(k, data.count)
        guard count > 0 else { return Centroids(values: []) }
        var random = SeededRandom(seed: seed, stream: 0)
        var centroids = Centroids(values: data.start(count, &random))
        let tolerance = limits.tolerance * data.meanVariance
        var labels = [Int](repeating: -1, count: data.count)
        for _ in 0..<limits.iterationCount {
            let newLabels = data.labels(centroids)
            let moved = data.means(newLabels, centroids)
            let shift = zip(moved.values, centroids.values).reduce(0.0) { sum, pair in
                let difference = Double(pair.0) - Double(pair.1)
                return sum + difference * difference
            }
            centroids = moved
            if newLabels == labels || shift <= tolerance { break }
            labels = newLabels
        }
        return centroids
    }
}

/// The centres of a clustering of points of 16 bytes.
package struct Centroids: Sendable, Equatable {
    /// `[k, 16]`, row-major, in 0…255.
    package let values: [Float]

    /// Centroids from their coordinates; traps when they are no rows of 16.
    package init(values: [Float]) {
        precondition(values.count % 16 == 0, "Centroids: \(values.count) values")
        self.values = values
    }

    /// k.
    package var count: Int { values.count / 16 }

    /// Index of the nearest centroid, the lowest among equals; `count` must not be 0.
    ///
    /// - Parameter point: `[16]` values 0…255.
    /// - Returns: 0…count − 1.
    package func nearest(to point: Span<UInt8>) -> Int {
        nearestCentroid(of: point, centroids: values.span, count: count)
    }

    /// Sum over points of the squared distance to the nearest centroid.
    ///
    /// - Parameter points: `[n, 16]` values 0…255.
    /// - Returns: ≥ 0; scikit-learn's `inertia_`.
    package func inertia(of points: [UInt8]) -> Double {
        var sum = 0.0
        for start in stride(from: 0, to: points.count, by: 16) {
            let k = nearest(to: points.span.extracting(start..<start + 16))
            for d in 0..<16 {
                let difference = Double(points[start + d]) - Double(values[k * 16 + d])
                sum += difference * difference
            }
        }
        return sum
    }
}
