import Events
import Features
import Profiles
import Sessions
import Storage

/// A user as a read at some time saw it; `ProfileBuilder.move` takes it to another time.
struct SettledUser: Sendable {
    var settled: ProfileBuilder.Settled
    /// Time of the user's newest event, and events that wait, before they were settled.
    var newestSeconds: Int64?
    var pendingCount: Int64
    /// The profile, `[D]`; empty until one was asked for.
    var values: [Float] = []

    init(_ input: ProfileBuilder.Input, _ settled: ProfileBuilder.Settled) {
        self.settled = settled
        newestSeconds = input.state.window.newestSeconds
        pendingCount = Int64(input.state.window.pending.count)
    }
}

/// Users who were read lately, by user and version (DESIGN §8).
///
/// One place for each hash, so it is bounded and forgets by itself; a user who has changed has
/// another version and is not found. What is found is what would be made again, bit for bit.
struct SettledCache {
    private struct Entry {
        var user: UserID
        var version: UInt64
        var settled: SettledUser
    }

    private var entries: [Entry?]

    /// - Parameter count: users at most; 0 keeps none.
    init(count: Int) { entries = Array(repeating: nil, count: count) }

    /// Users in it.
    var count: Int { entries.count { $0 != nil } }

    /// The user as it was settled at this version.
    func settled(_ user: UserID, version: UInt64) -> SettledUser? {
        guard !entries.isEmpty, let entry = entries[place(user)], entry.user == user,
            entry.version == version
        else { return nil }
        return entry.settled
    }

    /// Keeps a user, in place of whoever has the same hash.
    mutating func keep(_ user: UserID, version: UInt64, _ settled: SettledUser) {
        guard !entries.isEmpty else { return }
        entries[place(user)] = Entry(user: user, version: version, settled: settled)
    }

    /// Lets a user go at once.
    mutating func remove(_ user: UserID) {
        guard !entries.isEmpty, entries[place(user)]?.user == user else { return }
        entries[place(user)] = nil
    }

    private func place(_ user: UserID) -> Int {
        Int(SeededRandom.mix(UInt64(bitPattern: user.rawValue)) % UInt64(entries.count))
    }
}
