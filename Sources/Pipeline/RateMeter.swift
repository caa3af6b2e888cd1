/// Records a second over the last few seconds, and what remains at that rate.
package struct RateMeter: Sendable {
    private static let spanNanoseconds: UInt64 = 5_000_000_000
    private var marks: [(nanoseconds: UInt64, count: Int64)] = []
    private let start: UInt64

    /// - Parameter nanoseconds: now, on the monotonic clock.
    package init(nanoseconds: UInt64) { start = nanoseconds }

    /// Notes that `count` records have been applied in all.
    package mutating func note(_ count: Int64, nanoseconds: UInt64) {
        if let last = marks.last, nanoseconds - last.nanoseconds < 100_000_000 { return }
        marks.append((nanoseconds, count))
        while marks.count > 2, nanoseconds - marks[1].nanoseconds > Self.spanNanoseconds {
            marks.removeFirst()
        }
    }

    /// Records a second; 0 while nothing is known.
    package var perSecond: Double {
        guard let first = marks.first, let last = marks.last, last.nanoseconds > first.nanoseconds
        else { return 0 }
        let seconds = Double(last.nanoseconds - first.nanoseconds) / 1e9
        return Double(last.count - first.count) / seconds
    }
}
