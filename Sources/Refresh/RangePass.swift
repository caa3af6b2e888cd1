import EventLog
import Events
import Features
import Sessions
import Storage
import Synchronization

/// Folds some users of a range: one of the shards of a `RangePass`.
protocol RangeFolder: Sendable {
    associatedtype Record: RangeRecord
    /// Its users, as far as they are in memory.
    var table: RangeTable<Record> { get set }

    /// Takes an event of one of its users that was not seen before.
    mutating func take(_ event: EnrichedEvent, at offset: LogOffset)
    /// Notes that the log clock has reached the cut.
    mutating func reachCut()
    /// Notes that the users behind the end of `range` were given up.
    mutating func didShrink(to range: UserRange)
}

extension RangeFolder {
    mutating func reachCut() {}
    mutating func didShrink(to range: UserRange) {}
}

/// One pass over a log: the users of a range, as many of them as fit into memory.
///
/// The thread that reads the log knows of everybody's event ids and hands a chunk's events to the
/// shards; while these fold it, on all threads, it reads the next one. A user is always of the same
/// shard, which meets the user's events in their order, so neither threads nor shards change what
/// becomes of anybody. Users who do not fit are given up after a chunk, those of the highest ranks;
/// a later pass takes them. What is handed out of a user is only final once the pass is over.
struct RangePass<Folder: RangeFolder> {
    /// What the reader tells a shard.
    fileprivate enum Word {
        case event(EnrichedEvent, LogOffset)
        case cut
    }

    /// Shards a thread, so that none waits long for another.
    private static var shardsPerThread: Int { 2 }

    /// Shrinks when its users do not fit into memory.
    private(set) var users: UserRange
    private let memoryByteCount: Int64
    private let crew: WorkCrew
    private let shards: [Shard<Folder>]
    /// Of the chunk that is being read, by shard.
    private var words: [[Word]]
    /// Everybody's recent event ids.
    private var seen: UnfoldedUsers

    /// - Parameters:
    ///   - users: whom it folds.
    ///   - crew: the threads that fold.
    ///   - memoryByteCount: estimated bytes of records beyond which users are given up.
    ///   - eventIDLimit: ids that are remembered of a user.
    ///   - folder: makes a shard's; it need remember no event ids.
    init(
        users: UserRange, crew: WorkCrew, memoryByteCount: Int64, eventIDLimit: Int,
        folder: () -> Folder
    ) {
        self.users = users
        self.crew = crew
        self.memoryByteCount = memoryByteCount
        let count = crew.threadCount > 1 ? Self.shardsPerThread * crew.threadCount : 1
        shards = (0..<count).map { _ in Shard(folder(), users) }
        words = Array(repeating: [], count: count)
        seen = UnfoldedUsers(eventIDLimit: eventIDLimit)
        // What the pass before has freed lies about in the heaps of several threads.
        CurrentProcess.returnFreedMemory()
    }

    /// Takes an event that the intake lets through.
    ///
    /// Returns what the intake counts: of late and pending events only the shards know.
    mutating func take(_ event: EnrichedEvent, at offset: LogOffset) -> Reducer.Outcome {
        let outcome = seen.pass(event.event)
        if case .duplicate = outcome.admission { return outcome }
        let rank = UserRange.rank(event.event.user)
        if users.contains(rank: rank) {
            words[Int(rank % UInt64(shards.count))].append(.event(event, offset))
        }
        return outcome
    }

    /// Notes that the log clock has reached the cut.
    mutating func reachCut() {
        for shard in words.indices { words[shard].append(.cut) }
    }

    /// Ends a chunk: has it folded while the next one is read.
    mutating func endChunk() {
        settle()
        for (index, shard) in shards.enumerated() { shard.swap(&words[index]) }
        crew.begin(shards.count) { [shards] in shards[$0].fold() }
    }

    /// Ends the pass: the shards have folded everything.
    mutating func end() {
        endChunk()
        settle()
    }

    /// Calls `body` with every shard's folder, on all threads.
    func onEach(_ body: @escaping @Sendable (inout Folder) -> Void) {
        crew.perform(shards.count) { [shards] in shards[$0].with(body) }
    }

    /// The same, and returns at once: `crew.finish` waits for it.
    func beginOnEach(_ body: @escaping @Sendable (inout Folder) -> Void) {
        crew.begin(shards.count) { [shards] in shards[$0].with(body) }
    }

    /// Calls `body` with every shard's folder, one after the other.
    func inTurn(_ body: (inout Folder) -> Void) {
        for shard in shards { shard.with(body) }
    }

    /// Waits for the chunk that is being folded, then gives up who does not fit.
    private mutating func settle() {
        crew.finish()
        while sum(\.table.byteCount) > memoryByteCount {
            var ranks: [UInt64] = []
            inTurn { ranks += $0.table.ranks }
            // A user who alone is over the bound stays.
            guard ranks.count > 1 else { return }
            ranks.sort()
            users.shrink(to: ranks[ranks.count / 2] - 1)
            for shard in shards { shard.shrink(to: users) }
            CurrentProcess.returnFreedMemory()
        }
    }

    private func sum(_ value: (Folder) -> Int64) -> Int64 {
        var sum: Int64 = 0
        inTurn { sum += value($0) }
        return sum
    }
}

/// A folder, and what it has been told; only one thread at a time has it in hand.
private final class Shard<Folder: RangeFolder>: Sendable {
    private struct Content {
        var folder: Folder
        var users: UserRange
        var words: [RangePass<Folder>.Word] = []
    }

    private let content: Mutex<Content>

    init(_ folder: Folder, _ users: UserRange) {
        content = Mutex(Content(folder: folder, users: users))
    }

    /// Takes the next words, and gives back an array to gather further ones in.
    func swap(_ words: inout [RangePass<Folder>.Word]) {
        content.withLock { Swift.swap(&$0.words, &words) }
    }

    /// Folds the words it was given.
    func fold() {
        content.withLock { content in
            for word in content.words {
                switch word {
                case .event(let event, let offset):
                    // It may have been read before its user was given up.
                    if content.users.contains(event.event.user) {
                        content.folder.take(event, at: offset)
                    }
                case .cut: content.folder.reachCut()
                }
            }
            content.words.removeAll(keepingCapacity: true)
        }
    }

    func shrink(to users: UserRange) {
        content.withLock { content in
            content.users = users
            content.folder.table.removeUsers(outside: users)
            content.folder.didShrink(to: users)
        }
    }

    func with(_ body: (inout Folder) -> Void) {
        content.withLock { body(&$0.folder) }
    }
}
