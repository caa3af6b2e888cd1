import Events

/// Those who wait for a user to change; guarded by the profiler they live in.
///
/// To wait and to be woken costs the same however many users are waited for: at full ingest both
/// happen far more often than changes are looked at.
struct ChangeWatchers: Sendable {
    private struct Watcher {
        let id: UInt64
        /// Nil for whoever waits for everybody.
        let users: Set<UserID>?
        let continuation: CheckedContinuation<Void, Never>
        /// Whether somebody waited for has changed.
        var isReady = false
    }

    private var watchers: [Watcher] = []
    private var hasReady = false
    private var lastID: UInt64 = 0

    /// A number for one who is about to wait.
    mutating func makeID() -> UInt64 {
        lastID += 1
        return lastID
    }

    /// Adds one who waits for one of `users`, or for anybody.
    mutating func add(
        _ id: UInt64, _ users: Set<UserID>?, _ continuation: CheckedContinuation<Void, Never>
    ) {
        watchers.append(Watcher(id: id, users: users, continuation: continuation))
    }

    /// Notes that a user has changed.
    mutating func note(_ user: UserID) {
        for index in watchers.indices where !watchers[index].isReady {
            guard watchers[index].users?.contains(user) ?? true else { continue }
            watchers[index].isReady = true
            hasReady = true
        }
    }

    /// Lets those go on who wait for somebody that has changed since.
    mutating func resumeReady() {
        guard hasReady else { return }
        hasReady = false
        let ready = watchers.filter(\.isReady)
        watchers.removeAll(where: \.isReady)
        for watcher in ready { watcher.continuation.resume() }
    }

    /// Lets all go on.
    mutating func resumeAll() {
        let all = watchers
        watchers = []
        hasReady = false
        for watcher in all { watcher.continuation.resume() }
    }

    /// Lets one go on; nothing when it does not wait.
    mutating func resume(_ id: UInt64) {
        guard let index = watchers.firstIndex(where: { $0.id == id }) else { return }
        watchers.remove(at: index).continuation.resume()
    }
}
