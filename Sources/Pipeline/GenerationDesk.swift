import EventLog
import Snapshots
import Storage

/// Decides which generations run and which one answers (docs/generations.md).
///
/// `run` looks whenever the bell rings, and does one thing after the other: a swap never meets
/// another. What takes long, reading and opening files, goes on beside it.
actor GenerationDesk {
    /// What an operator asked to be activated.
    struct Wanted {
        let id: Int64
        /// The newest generation there was then: up to it none is activated by itself.
        let passedOver: Int64
    }

    /// A generation on its way to become the active one.
    struct Target {
        let id: Int64
        /// Nil when it was not asked for by hand.
        var passedOver: Int64?
    }

    private nonisolated let executor = ThreadExecutor(name: "generation-desk")
    let shared: SharedPipeline
    let served: ServedGenerations
    let store: GenerationStore
    let loader: GenerationLoader

    /// What is known of each generation on disk.
    var known: [Int64: KnownGeneration]
    /// Ids in the directory when it was last looked at.
    var listing: [Int64] = []
    var lastLookNanoseconds: UInt64?
    /// The one that is being read now, for `known`.
    var verifying: Int64?
    /// The one that is being opened now.
    var opening: Int64?
    var isRemoving = false

    var wanted: Wanted?
    var target: Target?
    /// Why a generation is not tried again before the next start, or an operator's word.
    var failed: [Int64: String] = [:]
    /// Generations whose state was damaged once, and is made anew.
    var mended: Set<Int64> = []

    private var isDraining = false
    private var isOver = false
    private var outcome = Result<Void, PipelineError>.success(())
    private var endWaiters = Waiters()
    private var knownWaiters = Waiters()

    nonisolated var unownedExecutor: UnownedSerialExecutor { executor.unowned }

    init(
        _ shared: SharedPipeline, served: ServedGenerations, known: [Int64: KnownGeneration]
    ) {
        self.shared = shared
        self.served = served
        self.known = known
        store = GenerationStore(stateDirectory: shared.options.stateDirectory, on: shared.host)
        loader = GenerationLoader(shared)
    }

    /// Works until the active generation has stopped, drained or by an error.
    func run() async throws(PipelineError) {
        served.active.start(shared.bell)
        shared.bell.ring()
        for await _ in shared.bell.rings {
            await look()
            if isOver { break }
        }
        for member in served.members { await member.running.profiler.retire() }
        for member in served.members { await member.running.ended() }
        endWaiters.resumeAll()
        try outcome.get()
    }

    /// Whether no swap will come any more.
    var isEnding: Bool { isDraining || isOver }

    /// Finishes what is read, commits, and ends `run`; returns when that is done.
    func drain() async throws(PipelineError) {
        if isOver { return }
        isDraining = true
        shared.bell.ring()
        while !isOver { await withCheckedContinuation { endWaiters.add($0) } }
        try outcome.get()
    }

    private func look() async {
        if isDraining {
            do throws(PipelineError) { try await served.active.profiler.drain() } catch {
                // How it ended is found below.
            }
            await served.active.ended()
        }
        reap()
        if isOver { return }
        let hasLooked = lookAtDisk()
        await chooseTarget()
        await swapIfLevel()
        if hasLooked {
            await attendOverlaps()
            removeOld()
            // What could not be erased is tried again.
            shared.erasureBell.ring()
        }
        served.setDegraded(problems())
    }

    /// Forgets generations that have stopped, and says why those did that should not have.
    private func reap() {
        for member in served.members {
            guard let ended = member.running.outcome else { continue }
            if member.role == .active {
                (isOver, outcome) = (true, ended)
                continue
            }
            served.remove(member.running)
            guard case .failure(let error) = ended else { continue }
            noteFailure(of: member.running.id, error)
        }
    }

    /// A damaged state is made anew once; any other failure, or the second, is the last.
    func noteFailure(of id: Int64, _ error: PipelineError) {
        if case .damagedState = error, mended.insert(id).inserted {
            served.note("generation \(id): \(error); it is folded again")
            return
        }
        failed[id] = "\(error)"
        if target?.id == id { target = nil }
        if wanted?.id == id { wanted = nil }
    }

    /// Notices generations that came or went; each is read once, beside everything else.
    ///
    /// Returns whether it was time to look.
    private func lookAtDisk() -> Bool {
        let now = shared.host.clock.monotonicNanoseconds()
        let pause = shared.options.generationLookMilliseconds * 1_000_000
        if let last = lastLookNanoseconds, now - last < pause { return false }
        lastLookNanoseconds = now
        guard let found = try? store.generationIDs() else { return true }
        if found != listing {
            listing = found
            for id in known.keys where id != 0 && !found.contains(id) { known[id] = nil }
        }
        verifyNext()
        return true
    }

    /// Reads the newest generation that was not read yet.
    private func verifyNext() {
        guard verifying == nil, let id = listing.last(where: { known[$0] == nil }) else { return }
        verifying = id
        Task { [loader, weak self] in
            let found = await loader.verify(id)
            await self?.noteVerified(id, found)
        }
    }

    private func noteVerified(_ id: Int64, _ found: KnownGeneration) {
        verifying = nil
        if listing.contains(id) { known[id] = found }
        knownWaiters.resumeAll()
        verifyNext()
        shared.bell.ring()
    }

    /// What is known of a generation, read now if it was not yet; nil when there is none.
    func knowledge(of id: Int64) async throws(PipelineError) -> KnownGeneration? {
        if let found = known[id] { return found }
        do { listing = try store.generationIDs() } catch { throw .init(error) }
        while known[id] == nil, listing.contains(id), !isOver {
            verifyNext()
            await withCheckedContinuation { knownWaiters.add($0) }
        }
        return known[id]
    }

    /// Lines of `degraded` that come from generations which are not served.
    private func problems() -> [String] {
        var lines: [String] = []
        for id in known.keys.sorted() {
            if case .bad(_, let reason) = known[id] { lines.append("generation \(id): \(reason)") }
        }
        for id in failed.keys.sorted() {
            lines.append(
                "generation \(id) could not be taken over: \(failed[id] ?? ""); generation "
                    + "\(served.active.id) goes on; try again with `ubpctl generation activate \(id)`"
            )
        }
        if let line = heldProblem() { lines.append(line) }
        return lines
    }
}
