import Encoders
import EventLog
import Events
import Features
import Kernels
import Pipeline
import Profiles
import Sessions
import Snapshots
import Storage

/// The data path taken apart: the pipeline's own stages on one thread, a stopwatch on each.
///
/// Chunks, step batches and commits are bounded as the pipeline bounds them, so the work is the
/// same, without its threads and its waiting.
final class StagedFold {
    /// Seconds by stage, and what was done.
    struct Times {
        var lz4 = 0.0
        var parse = 0.0
        var fold = 0.0
        var gru = 0.0
        var encode = 0.0
        var commit = 0.0
        var records: Int64 = 0
        var rows: Int64 = 0
        var steps: Int64 = 0
        var commits = 0
        var decodedBytes: Int64 = 0

        var total: Double { lz4 + parse + fold + gru + encode + commit }
    }

    private struct User {
        var id: UserID
        var state: UserState
        var hidden: [Float] = []
        var steppedCount: Int64 = 0
        var departed = DepartedRows()
        var storedRowCount: Int64 = 0
        var isDirty = false
        var isQueued = false
    }

    private let host: Host
    private let options: PipelineOptions
    private let reducer: Reducer
    private let store: StateStore
    private var replay: RaggedReplay
    private var intake: Intake
    private var scratch = FoldScratch()
    private var users: [User] = []
    private var slots: [UserID: Int] = [:]
    private var dirty: [Int] = []
    private var queued: [Int] = []
    private var queuedRowCount = 0
    private(set) var times = Times()

    init(host: Host, options: PipelineOptions) throws {
        let published = try GenerationStore(stateDirectory: options.stateDirectory, on: host)
            .newestGood()
        guard let published else { throw BenchError.wrong(["no generation was fitted"]) }
        let generation = try LiveGeneration.load(published, level: options.level, on: host.disk)
        guard !generation.model.bank.isEmpty else {
            throw BenchError.wrong(["the generation has no encoder"])
        }
        self.host = host
        self.options = options
        reducer = generation.reducer
        store = try StateStore("\(generation.directory)/state.sqlite")
        replay = RaggedReplay(generation.model.bank)
        intake = Intake(options: options.clock)
    }

    /// Reads the whole log and returns what each stage took.
    func run() throws -> Times {
        let reader = try LogReader(
            host: host, directory: options.logDirectory, options: options.reader)
        let parser = RecordParser(earliest: options.earliestSeconds, latest: options.latestSeconds)
        var bytes: Int64 = 0
        while true {
            var mark = host.clock.monotonicNanoseconds()
            guard let chunk = try reader.next() else { break }
            times.lz4 += lap(&mark)
            // A chunk of its own each time, as the follower hands them to another thread.
            let parsed = parser.parse(chunk)
            times.parse += lap(&mark)
            try fold(chunk, parsed)
            bytes += Int64(chunk.bytes.count)
            times.records += Int64(chunk.entries.count)
            times.decodedBytes += Int64(chunk.bytes.count)
            if bytes >= options.commitByteCount || dirty.count >= options.commitUserCount {
                try commit()
                bytes = 0
            }
        }
        try commit()
        return times
    }

    private func fold(_ chunk: LogChunk, _ parsed: ParsedChunk) throws {
        var mark = host.clock.monotonicNanoseconds()
        for (index, entry) in parsed.entries.enumerated() {
            let offset = chunk.firstOffset + LogOffset(index)
            _ = intake.take(entry, at: offset) { event, place in admit(event, at: place) }
            if queuedRowCount >= options.stepRowCount {
                times.fold += lap(&mark)
                step()
                times.gru += lap(&mark)
            }
        }
        times.fold += lap(&mark)
        step()
        times.gru += lap(&mark)
    }

    private func admit(
        _ event: EnrichedEvent, at offset: LogOffset
    ) -> Reducer.Outcome {
        let slot = slot(of: event.event.user, firstOffset: offset)
        scratch.removeRows()
        let outcome = reducer.admit(event, at: offset, into: &users[slot].state, &scratch)
        if !users[slot].isDirty {
            users[slot].isDirty = true
            dirty.append(slot)
        }
        if !scratch.keys.isEmpty { noteRows(slot) }
        return outcome
    }

    /// Queues the rows of an admission, and those that it pushed out of the window.
    private func noteRows(_ slot: Int) {
        times.rows += Int64(scratch.keys.count)
        users[slot].departed.append(scratch.departed)
        queuedRowCount += scratch.keys.count
        if !users[slot].isQueued {
            users[slot].isQueued = true
            queued.append(slot)
        }
    }

    /// Takes the time of GRU steps out of the fold that they interrupt.
    private func countAsGRU(_ body: () -> Void) {
        var mark = host.clock.monotonicNanoseconds()
        body()
        let seconds = lap(&mark)
        times.gru += seconds
        times.fold -= seconds
    }

    private func slot(of user: UserID, firstOffset: LogOffset) -> Int {
        if let slot = slots[user] { return slot }
        slots[user] = users.count
        users.append(
            User(id: user, state: UserState(firstOffset: firstOffset, options: reducer.options)))
        return users.count - 1
    }

    private func step() {
        guard !queued.isEmpty else { return }
        replay.removeAll()
        for slot in queued {
            replay.addUser(
                users[slot].hidden, steppedCount: users[slot].steppedCount,
                departed: users[slot].departed, users[slot].state.rows)
        }
        times.steps += Int64(replay.run())
        for (index, slot) in queued.enumerated() {
            users[slot].hidden = replay.state(index)
            users[slot].steppedCount = users[slot].state.rows.totalCount
            users[slot].departed.removeAll()
            users[slot].isQueued = false
        }
        queued.removeAll(keepingCapacity: true)
        queuedRowCount = 0
    }

    private func commit() throws {
        var mark = host.clock.monotonicNanoseconds()
        var commit = StateCommit()
        for slot in dirty {
            commit.users.append(
                StateCommit.User(
                    user: users[slot].id, state: users[slot].state,
                    hidden: users[slot].state.rows.holdsAll ? nil : users[slot].hidden,
                    storedRowCount: users[slot].storedRowCount))
            users[slot].storedRowCount = users[slot].state.rows.totalCount
            users[slot].isDirty = false
        }
        commit.catalogue = intake.takeChanges()
        dirty.removeAll(keepingCapacity: true)
        times.encode += lap(&mark)
        try store.commit(commit)
        times.commit += lap(&mark)
        times.commits += 1
    }

    /// Seconds since `mark`, which moves to now.
    private func lap(_ mark: inout UInt64) -> Double {
        let now = host.clock.monotonicNanoseconds()
        defer { mark = now }
        return Double(now - mark) / 1e9
    }
}
