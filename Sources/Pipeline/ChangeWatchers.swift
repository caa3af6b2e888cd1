import Events

/// Those who wait for a user to change; guarded by the profiler they live in.
struct ChangeWatchers: Sendable {
    private struct Watcher {
        /// Nil for whoever waits for everybody.
        var users: [UserID]?
        var continuation: CheckedContinuation<Void, Never>
    }

    private var watchers: [UInt64: Watcher] = [:]
    private var byUser: [UserID: [UInt64]] = [:]
    private var everybody: [UInt64] = []
    /// Those who wait for somebody who has changed.
    private var ready: [UInt64] = []
    private var hasChange = false
    private var lastID: UInt64 = 0

    var isEmpty: Bool { watchers.isEmpty }

    /// A number for one who is about to wait.
    mutating func makeID() -> UInt64 {
        lastID += 1
        return lastID
    }

    /// Adds one who waits for one of `users`, or for anybody.
    mutating func add(
        _ id: UInt64, _ users: [UserID]?, _ continuation: CheckedContinuation<Void, Never>
    ) {
        watchers[id] = Watcher(users: users, continuation: continuation)
        guard let users else {
            everybody.append(id)
            return
        }
        for user in users { byUser[user, default: []].append(id) }
    }

    /// Notes that a user has changed.
    mutating func note(_ user: UserID) {
        if watchers.isEmpty { return }
        hasChange = true
        if !byUser.isEmpty, let ids = byUser[user] { ready += ids }
    }

    /// Lets those go on who wait for somebody that has changed since.
    mutating func resumeReady() {
        guard hasChange else { return }
        hasChange = false
        for id in ready + everybody { resume(id) }
        ready = []
    }

    /// Lets all go on.
    mutating func resumeAll() {
        for id in watchers.keys.sorted() { resume(id) }
        ready = []
        hasChange = false
    }

    /// Lets one go on; nothing when it does not wait.
    mutating func resume(_ id: UInt64) {
        guard let watcher = watchers.removeValue(forKey: id) else { return }
        if let users = watcher.users {
            for user in users {
                byUser[user]?.removeAll { $0 == id }
                if byUser[user]?.isEmpty == true { byUser[user] = nil }
            }
        } else {
            everybody.removeAll { $0 == id }
        }
        watcher.continuation.resume()
    }
}
