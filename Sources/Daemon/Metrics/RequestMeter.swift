import ControlProtocol
import Synchronization

/// Counts requests and how long they took, by method and outcome.
///
/// Bounded by the methods there are: a name that is none counts as `unknown`.
package final class RequestMeter: Sendable {
    /// Upper bounds of the histogram's buckets, seconds, inclusive.
    package static let bounds = [
        0.0001, 0.0002, 0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10,
        60,
    ]

    /// What was seen of one method.
    package struct Tally: Sendable {
        /// `ok` or an error's code, and how often.
        package var outcomes: [String: UInt64] = [:]
        /// One more than `bounds`.
        package var buckets = [UInt64](repeating: 0, count: RequestMeter.bounds.count + 1)
        package var seconds = 0.0
    }

    private let tallies = Mutex<[String: Tally]>([:])

    package init() {}

    /// Notes one answer.
    package func note(_ method: String, _ error: ControlError?, nanoseconds: UInt64) {
        let name = Method(rawValue: method) == nil ? "unknown" : method
        let seconds = Double(nanoseconds) / 1e9
        let bucket = Self.bounds.firstIndex { seconds <= $0 } ?? Self.bounds.count
        tallies.withLock { tallies in
            tallies[name, default: Tally()].outcomes[error?.code.rawValue ?? "ok", default: 0] += 1
            tallies[name, default: Tally()].buckets[bucket] += 1
            tallies[name, default: Tally()].seconds += seconds
        }
    }

    /// All methods seen so far, ascending by name.
    package func all() -> [(method: String, tally: Tally)] {
        tallies.withLock { $0.sorted { $0.key < $1.key }.map { (method: $0.key, tally: $0.value) } }
    }
}
