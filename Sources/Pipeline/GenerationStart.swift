import Snapshots
import Storage

/// Which generation a pipeline starts with.
///
/// The one that was active last; what is newer takes over while it answers. A damaged one gives way
/// to what was active before it, then to what is newest, then to the built-in one.
struct GenerationStart {
    let running: RunningGeneration
    /// What was read on the way to it.
    let known: [Int64: KnownGeneration]
    /// A line for each generation that could not be taken.
    let degraded: [String]

    init(_ shared: SharedPipeline) throws {
        let registry = shared.registry
        let store = GenerationStore(stateDirectory: shared.options.stateDirectory, on: shared.host)
        let activations = try registry.activations()
        var known: [Int64: KnownGeneration] = [0: .builtIn]
        var degraded: [String] = []
        for id in try Self.order(activations, store, shared) {
            let found = KnownGeneration(id, in: store)
            known[id] = found
            let wasActive = activations.contains { $0.generation == id }
            if let published = found.published, !published.manifest.isAccepted, !wasActive {
                continue
            }
            do {
                let loaded = try found.load(shared.options, on: shared.host.disk)
                if let published = found.published {
                    try registry.adopt(
                        published, offset: 0, seconds: shared.host.clock.seconds())
                }
                let profiler = try Profiler(
                    shared, generation: loaded.generation, isLeading: true,
                    degraded: loaded.degraded)
                if activations.last?.generation != id, id != 0 || !activations.isEmpty {
                    try registry.noteActivation(
                        generation: id, offset: profiler.recoveredOffset,
                        seconds: shared.host.clock.seconds())
                }
                running = RunningGeneration(profiler)
                self.known = known
                self.degraded = degraded
                return
            } catch  where id != 0 {
                degraded.append("generation \(id): \(error)")
            }
        }
        preconditionFailure("generation 0 loads or throws")
    }

    /// The generations to try, in order.
    private static func order(
        _ activations: [Activation], _ store: GenerationStore, _ shared: SharedPipeline
    ) throws -> [Int64] {
        var order = activations.reversed().map(\.generation)
        if activations.isEmpty, hasBuiltInUsers(shared) { order.append(0) }
        let isHeld = try shared.registry.hold() != nil
        if !isHeld || activations.isEmpty { order += try store.generationIDs().reversed() }
        order.append(0)
        var seen: Set<Int64> = []
        return order.filter { seen.insert($0).inserted }
    }

    /// Whether generation 0 has folded anything: then it answers until another has caught up.
    private static func hasBuiltInUsers(_ shared: SharedPipeline) -> Bool {
        let generation = LiveGeneration.builtIn(
            fold: shared.options.fold, stateDirectory: shared.options.stateDirectory)
        let path = generation.directory + "/state.sqlite"
        guard let status = try? shared.host.disk.status(path), status.byteCount > 0,
            let store = try? StateStore(path),
            let state = try? RecoveredState(
                store, options: shared.options, generation: generation)
        else { return false }
        return state.userCount > 0
    }
}
