import Encoders
import EventLog
import Events
import Features
import Profiles
import Storage

/// Reads users who are not in memory from the store, ahead of the fold, on a thread of its own.
///
/// After a restart nearly every user of a chunk is one of them. Together they cost a fraction of
/// what they would one by one, and while they are read the chunk before theirs is folded.
actor UserLoader {
    private nonisolated let executor = ThreadExecutor(name: "loader")
    private let store: StateStore
    private let generation: LiveGeneration

    nonisolated var unownedExecutor: UnownedSerialExecutor { executor.unowned }

    init(store: StateStore, generation: LiveGeneration) {
        self.store = store
        self.generation = generation
    }

    /// Users read at once: the profiler's own questions to the store wait that long at most.
    private static let sliceUserCount = 128

    /// What the store has of the users; nil for those it does not know.
    func load(_ users: [UserID]) throws(PipelineError) -> [UserID: ResidentUser?] {
        var loaded: [UserID: ResidentUser?] = [:]
        loaded.reserveCapacity(users.count)
        for start in stride(from: 0, to: users.count, by: Self.sliceUserCount) {
            let slice = users[start..<min(start + Self.sliceUserCount, users.count)]
            let stored = try store.loadUsers(slice)
            for user in slice {
                let resident = try stored[user].map { (stored) throws(PipelineError) in
                    try stored.resident(user, of: generation, from: store)
                }
                loaded.updateValue(resident, forKey: user)
            }
        }
        return loaded
    }
}

/// Users that were read ahead for a chunk, as of when they were asked for.
///
/// A user who was not resident then and has not become so since is in the store as it was: only
/// residents are committed. So this holds until a user leaves memory, who may be one of these that
/// came in by another way, changed, and was committed.
struct WarmUsers: Sendable {
    /// How often users had left memory when these were asked for.
    var evictionCount = 0
    /// nil for those whom the store does not know.
    var users: [UserID: ResidentUser?] = [:]
}

extension LogBatch {
    /// The distinct users of its events, ascending.
    var distinctUsers: [UserID] {
        var users: [UserID] = []
        users.reserveCapacity(parsed.entries.count)
        for case .record(.event(let event)) in parsed.entries where event.user != users.last {
            users.append(event.user)
        }
        users.sort()
        var distinct: [UserID] = []
        distinct.reserveCapacity(users.count)
        for user in users where user != distinct.last { distinct.append(user) }
        return distinct
    }
}

extension StoredUser {
    /// A resident user made of its stored record.
    func resident(
        _ user: UserID, of generation: LiveGeneration, from store: StateStore
    ) throws(PipelineError) -> ResidentUser {
        let fold = generation.reducer.options
        do {
            let state = try StateCodec.decode(hot, options: fold) {
                total throws(ByteReader.Failure) in
                try RowChunk.decode(chunks, limit: fold.rowWindow, totalCount: total)
            }
            var resident = ResidentUser(user: user, state: state)
            if let hidden {
                var input = ByteReader(hidden)
                resident.hidden = try input.floats(generation.model.bank.stateWidth)
                guard input.isAtEnd else {
                    throw ByteReader.Failure.malformed(
                        at: input.index, what: "a hidden state of other encoders")
                }
                resident.steppedCount = state.rows.totalCount
            }
            resident.storedRowCount = state.rows.totalCount
            resident.isStored = true
            return resident
        } catch {
            throw .damagedState(path: store.path, reason: "user \(user): \(error)")
        }
    }
}
