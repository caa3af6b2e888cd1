import EventLog
import Events
import Snapshots
import Storage
import Synchronization

/// Finishes what an input that forgets a user began: what is on disk beside the live states.
///
/// The registry keeps which erasures are not done; each step is harmless when it is repeated, so a
/// kill anywhere is followed by the same work at the next start (docs/forgetting.md).
actor ErasureDesk {
    private nonisolated let executor = ThreadExecutor(name: "erasures")
    private let shared: SharedPipeline
    private nonisolated let bell: Bell
    private let generations: GenerationDesk
    private nonisolated let stopping = Atomic<Bool>(false)
    /// Why the last attempt did not finish; nil when it did.
    private(set) var problem: String?

    nonisolated var unownedExecutor: UnownedSerialExecutor { executor.unowned }

    init(_ shared: SharedPipeline, _ generations: GenerationDesk) {
        self.shared = shared
        bell = shared.erasureBell
        self.generations = generations
    }

    /// Works until it is stopped, whenever it is rung for; begins with what was left undone.
    func run() async {
        bell.ring()
        for await _ in bell.rings {
            if stopping.load(ordering: .relaxed) { return }
            do throws(PipelineError) {
                try await work()
                problem = nil
            } catch {
                if stopping.load(ordering: .relaxed) { return }
                // The desk of generations rings now and then.
                problem = "an erasure is not finished, and is tried again: \(error)"
            }
        }
    }

    /// Says that there is something to erase.
    nonisolated func ring() { bell.ring() }

    /// Ends `run`, maybe with work left for the next start.
    nonisolated func stop() {
        stopping.store(true, ordering: .relaxed)
        bell.ring()
    }

    private func work() async throws(PipelineError) {
        let pending: [Suppression]
        do { pending = try shared.registry.pendingErasures() } catch { throw .init(error) }
        guard let last = pending.last?.input else { return }
        try await generations.erase(upTo: last)
        // After every fold has written down what it refused before it knew.
        try await eraseRecords(pending)
        try await shared.snapshots.erase(pending) { self.stopping.load(ordering: .relaxed) }
        do {
            try shared.registry.checkpoint()
            try shared.registry.endErasures(
                pending.map(\.input), seconds: shared.host.clock.seconds())
        } catch {
            throw .init(error)
        }
    }

    /// Quarantined records, and those that were replayed.
    private func eraseRecords(_ pending: [Suppression]) async throws(PipelineError) {
        let users = Set(pending.map(\.user))
        let found = try await shared.keeper.forget(users)
        do {
            for suppression in pending {
                var counts = ErasureCounts()
                counts.quarantined = found.removed[suppression.user] ?? 0
                counts.unreadable = found.unreadable
                try shared.registry.noteErasure(suppression.input, counts)
            }
            _ = try shared.registry.mendReplays { bytes in
                ReplayPayload(encoded: bytes)?.forgetting(users)?.encoded
            }
        } catch {
            throw .init(error)
        }
    }
}

extension ReplayPayload {
    /// The same record without what the user did, if it is of one of `users` and not so already.
    func forgetting(_ users: Set<UserID>) -> ReplayPayload? {
        guard let parsed = try? parse(), case .event(let event) = parsed.record,
            users.contains(event.user)
        else { return nil }
        // Fields that nobody knows are counted, so as many are left.
        let fillers = (0..<parsed.unknownFieldCount).map { ",\"_\($0)\":0" }.joined()
        let bare =
            "{\"event_type\":\"page_visit\",\"client_id\":\(event.user),"
            + "\"timestamp\":\(event.seconds),\"url\":0\(fillers)}"
        guard bytes != Array(bare.utf8) else { return nil }
        return ReplayPayload(
            earliestSeconds: earliestSeconds, latestSeconds: latestSeconds,
            bytes: Array(bare.utf8))
    }
}

extension QuarantineKeeper {
    /// Removes the records that name one of the users; how many of each, and how many name nobody.
    func forget(
        _ users: Set<UserID>
    ) throws(PipelineError) -> (removed: [UserID: Int64], unreadable: Int64) {
        var removed: [UserID: Int64] = [:]
        var unreadable: Int64 = 0
        do {
            try store.remove { entry in
                let named = Set(NamedUsers(in: entry.bytes))
                if named.isEmpty, !entry.bytes.isEmpty { unreadable += 1 }
                let found = named.intersection(users)
                for user in found { removed[user, default: 0] += 1 }
                return !found.isEmpty
            }
        } catch {
            throw .storage("\(error)")
        }
        return (removed, unreadable)
    }
}

extension SnapshotService {
    /// Takes users out of every snapshot that holds them, and notes it.
    func erase(
        _ suppressions: [Suppression], isStopping: @Sendable () -> Bool
    ) async throws(PipelineError) {
        await takeTurn()
        defer { endTurn() }
        let records: [SnapshotRecord]
        do { records = try store.registry.snapshots() } catch { throw .init(error) }
        for record in records {
            if isStopping() { throw .stopping }
            do throws(SnapshotError) {
                for suppression in suppressions {
                    do throws(SnapshotError) {
                        guard try store.erase(suppression, from: record.version) else { continue }
                    } catch .unknownVersion {
                        // Retention was quicker.
                        continue
                    }
                    var counts = ErasureCounts()
                    counts.snapshots = 1
                    try store.registry.noteErasure(suppression.input, counts)
                }
            } catch {
                throw .init(error)
            }
        }
    }
}

extension GenerationDesk {
    /// Makes durable in every generation's state, running or not, that users were forgotten.
    func erase(upTo input: Int64) async throws(PipelineError) {
        for member in served.members {
            guard try await member.running.profiler.eraseDurably(input) else {
                throw .state("generation \(member.running.id) has not heard of it yet")
            }
        }
        let idle = try idleGenerations()
        for id in idle {
            // Opened for this alone, unless it has begun to run meanwhile.
            guard !isEnding else { throw .stopping }
            guard opening == nil else { throw .state("generation \(opening ?? 0) is being opened") }
            guard !served.members.contains(where: { $0.running.id == id }) else {
                throw .state("generation \(id) has begun to run")
            }
            guard let found = known[id] else {
                throw .state("generation \(id) is still being verified")
            }
            if case .bad = found {
                try removeState(of: id)
                continue
            }
            opening = id
            defer {
                opening = nil
                shared.bell.ring()
            }
            let running = try await loader.open(found)
            _ = try await running.profiler.eraseDurably(input)
        }
    }

    /// Removes the state of a damaged generation, which nobody can open to take a user out of it.
    private func removeState(of id: Int64) throws(PipelineError) {
        let path = "\(shared.options.stateDirectory)/generations/\(id)/state.sqlite"
        do {
            for suffix in ["-wal", "-shm", ""] { try shared.host.disk.remove(path + suffix) }
        } catch {
            throw .storage("\(error)")
        }
    }

    /// Generations that nobody runs and whose state is on disk, ascending.
    private func idleGenerations() throws(PipelineError) -> [Int64] {
        let running = Set(served.members.map(\.running.id))
        do {
            return try ([0] + store.generationIDs()).filter { id in
                guard !running.contains(id) else { return false }
                let path = "\(shared.options.stateDirectory)/generations/\(id)/state.sqlite"
                return try shared.host.disk.status(path) != nil
            }
        } catch {
            throw .storage("\(error)")
        }
    }
}
