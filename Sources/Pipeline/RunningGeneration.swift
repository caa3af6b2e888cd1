import Snapshots
import Storage
import Synchronization

/// What all running generations of a pipeline share.
struct SharedPipeline: Sendable {
    let host: Host
    let options: PipelineOptions
    let registry: Registry
    let snapshots: SnapshotService
    let keeper: QuarantineKeeper
    let fence: FoldFence
    let bell: Bell
    /// Says that there may be something to erase.
    var erasureBell = Bell()
}

/// A generation whose users are being kept: its profiler, and how that ended.
final class RunningGeneration: Sendable {
    let profiler: Profiler
    /// Its id, and its space's.
    let id: Int64
    let space: Int64
    private let state = Mutex<(task: Task<Void, Never>?, outcome: Result<Void, PipelineError>?)>(
        (nil, nil))

    init(_ profiler: Profiler) {
        self.profiler = profiler
        id = profiler.generation.id
        space = profiler.generation.space
    }

    /// Runs the profiler in a task of its own; rings when it has ended.
    func start(_ bell: Bell) {
        let task = Task.detached {
            var outcome = Result<Void, PipelineError>.success(())
            do throws(PipelineError) { try await self.profiler.run() } catch {
                outcome = .failure(error)
            }
            let made = outcome
            self.state.withLock { $0.outcome = made }
            bell.ring()
        }
        state.withLock { $0.task = task }
    }

    /// How it ended; nil while it runs.
    var outcome: Result<Void, PipelineError>? { state.withLock { $0.outcome } }

    /// Returns when it has ended; at once when it was never started.
    func ended() async { await state.withLock { $0.task }?.value }
}

/// Why a generation runs.
package enum GenerationRole: String, Sendable, CaseIterable {
    /// It answers whoever names no other.
    case active
    /// It is to become the active one, and is not asked before.
    case catchingUp = "catching-up"
    /// The last one of another space, for consumers whose model was made with it.
    case overlapping
    /// It was told to stop and commits.
    case leaving
}

/// Which generation a request is for.
package enum GenerationSelector: Sendable, Equatable {
    case active
    case generation(Int64)
    case space(Int64)
}

/// Who runs and who answers: a snapshot that any thread reads, and the desk alone changes.
///
/// A request takes one profiler from it and stays with it, so no reply mixes generations.
final class ServedGenerations: Sendable {
    /// A running generation and its part.
    struct Member: Sendable {
        let running: RunningGeneration
        var role: GenerationRole
        /// When an overlap ends, seconds since 1970.
        var until: Int64?
    }

    private struct State {
        var active: RunningGeneration
        var members: [Member]
        var degraded: [String]
        var notices: [String] = []
    }

    private static let noticeLimit = 8
    private let state: Mutex<State>
    /// What was found when the pipeline was opened.
    private let firstDegraded: [String]

    init(_ active: RunningGeneration, degraded: [String]) {
        state = Mutex(
            State(active: active, members: [Member(running: active, role: .active)], degraded: []))
        firstDegraded = degraded
    }

    var active: RunningGeneration { state.withLock { $0.active } }

    /// All that run, the active one first, then by id.
    var members: [Member] {
        state.withLock { $0.members }.sorted {
            ($0.role == .active ? 0 : 1, $0.running.id) < (
                $1.role == .active ? 0 : 1, $1.running.id
            )
        }
    }

    /// The one that answers a request.
    func profiler(for selector: GenerationSelector) throws(PipelineError) -> Profiler {
        let found: (profiler: Profiler?, served: String) = state.withLock { state in
            let serving = state.members.filter { $0.role == .active || $0.role == .overlapping }
            let names = serving.map { "generation \($0.running.id) of space \($0.running.space)" }
            let member = serving.first { member in
                switch selector {
                case .active: member.role == .active
                case .generation(let id): member.running.id == id
                case .space(let id): member.running.space == id
                }
            }
            return (member?.running.profiler, names.joined(separator: " and "))
        }
        if let profiler = found.profiler { return profiler }
        let asked =
            switch selector {
            case .active: "the active generation"
            case .generation(let id): "generation \(id)"
            case .space(let id): "space \(id)"
            }
        throw .notServed(asked: asked, served: found.served)
    }

    /// Adds a generation that begins to run.
    func add(_ member: Member) { state.withLock { $0.members.append(member) } }

    /// Forgets one that has ended.
    func remove(_ running: RunningGeneration) {
        state.withLock { state in state.members.removeAll { $0.running === running } }
    }

    /// Gives a running generation another part.
    func set(_ running: RunningGeneration, _ role: GenerationRole, until: Int64? = nil) {
        state.withLock { state in
            guard let index = state.members.firstIndex(where: { $0.running === running }) else {
                return
            }
            state.members[index].role = role
            state.members[index].until = until
        }
    }

    /// From here on `new` answers, and `old` has another part.
    func swap(to new: RunningGeneration, old role: GenerationRole, until: Int64?) {
        state.withLock { state in
            for index in state.members.indices {
                if state.members[index].running === state.active {
                    state.members[index].role = role
                    state.members[index].until = until
                } else if state.members[index].running === new {
                    state.members[index].role = .active
                    state.members[index].until = nil
                }
            }
            state.active = new
        }
    }

    /// What is amiss with generations now, a line each.
    func setDegraded(_ lines: [String]) { state.withLock { $0.degraded = lines } }

    /// Keeps a line on something that happened; the newest few are shown.
    func note(_ line: String) {
        state.withLock { state in
            state.notices.append(line)
            if state.notices.count > Self.noticeLimit { state.notices.removeFirst() }
        }
    }

    var degraded: [String] { firstDegraded + state.withLock { $0.degraded } }
    var notices: [String] { state.withLock { $0.notices } }
}
