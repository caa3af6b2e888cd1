import CKernels

/// The centroid nearest to a point of 16 bytes: squared Euclidean distance in Float, one order of
/// addition on every machine, the lowest index among equals.
///
/// - Parameters:
///   - point: `[16]` values 0…255.
///   - centroids: `[count, 16]`, row-major.
///   - count: k ≥ 1.
/// - Returns: an index below `count`.
/// - Complexity: O(k), no allocation.
package func nearestCentroid(of point: Span<UInt8>, centroids: Span<Float>, count: Int) -> Int {
    precondition(point.count == 16, "nearestCentroid: point is [\(point.count)], want [16]")
    precondition(count > 0, "nearestCentroid: no centroids")
    precondition(centroids.count == count * 16, "nearestCentroid: \(centroids.count) values")
    // SAFETY: the kernel reads 16 bytes and [count, 16] floats, as checked above.
    return unsafe point.withUnsafeBufferPointer { bytes in
        unsafe centroids.withUnsafeBufferPointer { values in
            guard let bytes = bytes.baseAddress, let values = values.baseAddress else { return 0 }
            return unsafe kernels_nearest_centroid(bytes, values, count)
        }
    }
}
