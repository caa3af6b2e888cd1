import Foundation

/// A `DirectoryWatch` that only sleeps until it is woken; disks in memory wake it at each change.
package final class PollingWatch: DirectoryWatch {
    private let condition = WakeFlag()

    /// None: nobody expects more of it.
    package var failure: String? { nil }

    /// A watch that nothing but `wake` ends early.
    package init() {}

    /// Sleeps, unless or until woken.
    package func wait(milliseconds: Int) {
        condition.wait(milliseconds: milliseconds)
    }

    /// Ends the current or the next `wait`.
    package func wake() {
        condition.raise()
    }
}

// Sendable because `condition` guards `isRaised`.
/// A flag that one thread waits for and any thread raises; waiting lowers it again.
package final class WakeFlag: @unchecked Sendable {
    private let condition = NSCondition()
    private var isRaised = false

    /// A lowered flag.
    package init() {}

    /// Returns when the flag is raised or the time has passed, and lowers the flag.
    package func wait(milliseconds: Int) {
        let end = Date(timeIntervalSinceNow: Double(milliseconds) / 1000)
        condition.lock()
        defer { condition.unlock() }
        while !isRaised {
            if !condition.wait(until: end) { break }
        }
        isRaised = false
    }

    /// Ends the current or the next wait.
    package func raise() {
        condition.lock()
        defer { condition.unlock() }
        isRaised = true
        condition.signal()
    }
}
