import Events
import Storage

/// Clusters of texts that were met lately, each in the one place its bytes lead to.
///
/// A text takes the place of another that is led there too. So it never grows, and costs no pause
/// in which everything is moved, as a dictionary of a million texts does.
package struct ClusterMemo: Sendable {
    private static let placeCount = 1 << 16

    package init() {}

    private struct Place {
        var text: TextVector
        /// nil before any text.
        var cluster: Int64?
    }

    /// Empty before the first text, then `placeCount` of 32 bytes.
    private var places: [Place] = []

    /// The cluster of `text`, from `find` unless it is remembered; nil is not remembered.
    package mutating func cluster(of text: TextVector, find: (TextVector) -> Int64?) -> Int64? {
        if places.isEmpty {
            let none = Place(text: TextVector(low: 0, high: 0), cluster: nil)
            places = [Place](repeating: none, count: Self.placeCount)
        }
        let hash = SeededRandom.mix(text.low ^ SeededRandom.mix(text.high))
        let place = Int(hash & UInt64(Self.placeCount - 1))
        if let known = places[place].cluster, places[place].text == text { return known }
        guard let cluster = find(text) else { return nil }
        places[place] = Place(text: text, cluster: cluster)
        return cluster
    }
}
