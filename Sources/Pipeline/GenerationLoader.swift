import Features
import Kernels
import Snapshots
import Storage

/// Verifies and opens generations on a thread of its own, because both read large files.
actor GenerationLoader {
    private nonisolated let executor = ThreadExecutor(name: "generations")
    private let shared: SharedPipeline
    private let store: GenerationStore

    nonisolated var unownedExecutor: UnownedSerialExecutor { executor.unowned }

    init(_ shared: SharedPipeline) {
        self.shared = shared
        store = GenerationStore(stateDirectory: shared.options.stateDirectory, on: shared.host)
    }

    /// Reads a generation and its space whole and compares them with their manifests.
    func verify(_ id: Int64) -> KnownGeneration {
        KnownGeneration(id, in: store)
    }

    /// A profiler of a verified generation, recovered, that follows the active one.
    func open(_ known: KnownGeneration) throws(PipelineError) -> RunningGeneration {
        let opened = try known.load(shared.options, on: shared.host.disk)
        return RunningGeneration(
            try Profiler(
                shared, generation: opened.generation, isLeading: false,
                degraded: opened.degraded))
    }

    /// Removes generations and spaces that nobody needs; those that were removed.
    func remove(
        generations: [Int64], spaces: [Int64]
    ) throws(PipelineError) {
        do {
            try store.remove(generations: generations, spaces: spaces)
        } catch {
            throw .init(error)
        }
    }
}

/// What is known of a generation on disk.
enum KnownGeneration: Sendable {
    /// Generation 0, which no directory holds but for its state.
    case builtIn
    case good(PublishedGeneration)
    /// It does not verify; why.
    case bad(id: Int64, reason: String)

    /// Verifies one.
    init(_ id: Int64, in store: GenerationStore) {
        if id == 0 {
            self = .builtIn
            return
        }
        do {
            self = .good(try store.verifyGeneration(id))
        } catch {
            self = .bad(id: id, reason: "\(error)")
        }
    }

    var published: PublishedGeneration? {
        if case .good(let published) = self { published } else { nil }
    }

    /// Loads it for folding and reading, with what `status` should say of it.
    func load(
        _ options: PipelineOptions, on disk: any Disk
    ) throws(PipelineError) -> (generation: LiveGeneration, degraded: [String]) {
        switch self {
        case .builtIn:
            return (
                .builtIn(fold: options.fold, stateDirectory: options.stateDirectory),
                [
                    "no generation yet: profiles hold the stats part alone; run `ubpd refresh`, "
                        + "and the daemon takes it over"
                ]
            )
        case .good(let published):
            let generation = try LiveGeneration.load(
                published, hybrid: options.hybrid, level: options.level, on: disk)
            guard generation.reducer.options != options.fold else { return (generation, []) }
            return (
                generation,
                [
                    "generation \(generation.id) was fitted with other session, order or "
                        + "feature bounds than the configuration names; its own hold until "
                        + "the next `ubpd refresh`"
                ]
            )
        case .bad(let id, let reason): throw .state("generation \(id): \(reason)")
        }
    }
}
