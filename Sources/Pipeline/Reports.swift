import EventLog
import Events
import Profiles

/// What the control plane may ask of a running pipeline; `Daemon` translates JSON-RPC to this.
///
/// Every method is answered between two micro-batches, so a reply is a consistent cut.
package protocol ProfileService: SnapshotKeeping, ProfileInquiry {
    /// Where the pipeline stands.
    func status() async throws(PipelineError) -> StatusReport
    /// Profiles of up to `Limits.profileBatch` users, in the order asked; all at one cursor.
    ///
    /// `asOf` is the event time the `as_of` columns speak for; nil means the log clock. The
    /// generation must be one that is served now.
    func profiles(
        of users: [UserID], asOf: Int64?, from selector: GenerationSelector
    ) async throws(PipelineError) -> ProfileReply
    /// What users will do, of up to `Limits.profileBatch` of them, in the order asked; all at one
    /// cursor of the generation that is asked for.
    func predictions(
        of users: [UserID], from selector: GenerationSelector
    ) async throws(PipelineError) -> PredictionReply
    /// Who has changed since a revision; waits for the first change, or until it is cancelled.
    func watch(_ query: WatchQuery) async throws(PipelineError) -> WatchPage
    /// Publishes a snapshot of the cut at the applied cursor and makes it `current` unless held.
    func createSnapshot(_ request: SnapshotRequest) async throws(PipelineError) -> SnapshotReport
    /// All snapshots, ascending by version.
    func snapshots() async throws(PipelineError) -> [SnapshotReport]
    /// Re-reads a snapshot's files and compares every hash with its manifest.
    func verifySnapshot(_ version: Int64) async throws(PipelineError) -> SnapshotReport
    /// Moves `current` to `version` and holds it there; `dryRun` only checks.
    ///
    /// `expecting` is what `current` must be at that moment; nil takes whatever it is.
    func rollback(
        to version: Int64, reason: String, expecting: Int64?, dryRun: Bool
    ) async throws(PipelineError) -> RollbackReport
    /// Ends a hold; `current`, which must be `expecting` if that is given, moves to the newest.
    func release(
        expecting: Int64?, dryRun: Bool
    ) async throws(PipelineError) -> RollbackReport
    /// All generations, ascending by id.
    func generations() async throws(PipelineError) -> [GenerationReport]
    /// Has a generation take over in the background; `force` takes one that its gate refused.
    func activate(
        _ generation: Int64, force: Bool, dryRun: Bool
    ) async throws(PipelineError) -> ActivationReport
    /// All spaces, ascending by id.
    func spaces() async throws(PipelineError) -> [SpaceReport]
    /// How the batch refresh stands; nil when there is none to speak of.
    func refresh() async throws(PipelineError) -> RefreshCondition?
    /// Tells the refresh that is running to stop.
    func cancelRefresh(dryRun: Bool) async throws(PipelineError) -> RefreshCondition
    /// A page of quarantined records, in log order.
    func quarantine(_ query: QuarantineQuery) async throws(PipelineError) -> QuarantinePage
    /// One quarantined record, with its bytes.
    func quarantined(_ place: RecordPlace) async throws(PipelineError) -> QuarantineItem
    /// Gives quarantined records to the fold again; `dryRun` only says what would become of them.
    func replay(
        _ places: [RecordPlace], dryRun: Bool
    ) async throws(PipelineError) -> [ReplayOutcome]
    /// Forgets a user where the fold of the log stands; what is on disk is erased in the background.
    func forget(_ request: ForgetRequest) async throws(PipelineError) -> ForgetReport
    /// Everything that is held about a user, of the active generation.
    func export(_ user: UserID) async throws(PipelineError) -> UserExport
    /// Forgotten users, by input: those behind `after`, at most `limit`.
    func suppressions(
        after: Int64, limit: Int
    ) async throws(PipelineError) -> SuppressionPage
    /// Commits everything applied so far.
    func checkpoint() async throws(PipelineError) -> Cursor
    /// Finishes what is read, commits, and stops the pipeline.
    func drain() async throws(PipelineError)
}

extension ProfileService {
    /// Profiles by the active generation.
    package func profiles(
        of users: [UserID], asOf: Int64?
    ) async throws(PipelineError) -> ProfileReply {
        try await profiles(of: users, asOf: asOf, from: .active)
    }
}

/// Records by what became of them; `read` is the sum of the other eight (DESIGN §1, invariant 7).
///
/// Catalogue updates and blank lines are not in `read`; they are counted beside it.
package struct RecordCounters: Equatable, Sendable, Codable {
    package var read: Int64 = 0
    package var applied: Int64 = 0
    package var late: Int64 = 0
    package var duplicate: Int64 = 0
    package var suppressed: Int64 = 0
    package var quarantined: Int64 = 0
    package var pending: Int64 = 0
    package var held: Int64 = 0
    package var catalogue: Int64 = 0
    package var blank: Int64 = 0
    /// Fields the schema does not know, over all records; they are ignored.
    package var unknownFields: Int64 = 0

    package init() {}

    /// Invariant 7: nothing vanishes.
    package var isBalanced: Bool {
        read == applied + late + duplicate + suppressed + quarantined + pending + held
    }
}

/// Answer to `status`.
package struct StatusReport: Sendable, Codable {
    /// A part of memory or state and its size.
    package struct Part: Sendable, Codable {
        package var name: String
        package var byteCount: Int64
        /// Bytes divided by known users.
        package var bytesPerUser: Double

        package init(name: String, byteCount: Int64, bytesPerUser: Double) {
            self.name = name
            self.byteCount = byteCount
            self.bytesPerUser = bytesPerUser
        }
    }

    /// `recovering`, `catching-up`, `live`, `draining` or `stopped`.
    package var state: String = "recovering"
    package var applied: Cursor = .start
    package var committed: Cursor = .start
    /// Rounds of the pipeline's loop since the process started, also while there is nothing to
    /// read: each one needed an answer of the reader's thread and of the profiler's.
    package var rounds: Int64 = 0
    package var counters = RecordCounters()
    /// Compressed bytes of the log not yet applied.
    package var lagBytes: Int64 = 0
    /// Estimate of the records in those bytes, from the bytes per record read so far.
    package var lagEvents: Int64 = 0
    /// Log clock against the newest event time read; 0 when caught up.
    package var lagSeconds: Int64 = 0
    /// Seconds until caught up at the present rate; nil when unknown or caught up.
    package var etaSeconds: Double?
    /// Records applied a second, over the last seconds.
    package var recordsPerSecond: Double = 0
    /// Event time, seconds since 1970; nil until enough users have been seen.
    package var logClock: Int64?
    package var users: Int64 = 0
    package var residentUsers: Int64 = 0
    package var rows: Int64 = 0
    /// GRU steps taken since the process started.
    package var encoderSteps: Int64 = 0
    package var generation: Int64 = 0
    package var space: Int64 = 0
    /// Whether the encoders' weights were trained; `refresh --untrained` makes some that were not.
    package var trained = false
    /// Version that `snapshots/current` points at.
    package var currentSnapshot: Int64?
    /// Why `current` is held; nil when it is not.
    package var hold: String?
    package var quarantine = QuarantineCondition()
    /// Inputs that were accepted and whose place the fold has not come to yet.
    package var waitingInputs: Int64 = 0
    /// All generations that run, the active one first.
    package var generations: [GenerationStanding] = []
    /// How the batch refresh stands; nil when there is none to speak of.
    package var refresh: RefreshCondition?
    /// What happened to generations since the start, the newest few, oldest first.
    package var notices: [String] = []
    package var parts: [Part] = []
    /// Damaged or missing pieces the daemon runs without, each with what to do.
    package var degraded: [String] = []

    package init() {}
}

/// Answer to `profile.get` and `profile.batch`: one consistent cut.
package struct ProfileReply: Sendable {
    /// One user's profile.
    package struct Row: Sendable {
        package var user: UserID
        /// False for a user no event of whom was applied; its `values` are zeros.
        package var isKnown: Bool
        /// `[D]`, Float32, before the snapshot's rounding to float16.
        package var values: [Float]
        /// Rows folded, those of open sessions included.
        package var rowCount: Int64
        /// Events folded into the profile, pending ones included.
        package var eventCount: Int64
        /// Time of the user's newest event, seconds since 1970; nil when unknown.
        package var newestSeconds: Int64?
        /// Events waiting for their order to be certain; the profile includes them.
        package var pendingCount: Int64

        package init(
            user: UserID, isKnown: Bool, values: [Float], rowCount: Int64, eventCount: Int64,
            newestSeconds: Int64?, pendingCount: Int64
        ) {
            self.user = user
            self.isKnown = isKnown
            self.values = values
            self.rowCount = rowCount
            self.eventCount = eventCount
            self.newestSeconds = newestSeconds
            self.pendingCount = pendingCount
        }
    }

    package var space: Int64
    package var generation: Int64
    package var trained: Bool
    /// Event time the profile speaks for; nil before the log clock exists.
    package var asOf: Int64?
    package var offset: LogOffset
    /// Seconds by which the log clock is ahead of `asOf`; 0 when they are equal.
    package var stalenessSeconds: Int64
    package var parts: [ProfileLayout.Part]
    package var rows: [Row]

    package init(
        space: Int64, generation: Int64, trained: Bool, asOf: Int64?, offset: LogOffset,
        stalenessSeconds: Int64, parts: [ProfileLayout.Part], rows: [Row]
    ) {
        self.space = space
        self.generation = generation
        self.trained = trained
        self.asOf = asOf
        self.offset = offset
        self.stalenessSeconds = stalenessSeconds
        self.parts = parts
        self.rows = rows
    }
}

/// Parameters of `snapshot.create`.
package struct SnapshotRequest: Sendable {
    /// Wait until no more than this many compressed bytes are unread; nil means do not wait.
    package var waitForLagBytes: Int64?
    /// Give up waiting after this many seconds.
    package var timeoutSeconds: Double = 600
    /// Exactly these users, ascending; nil means the active population.
    package var users: [UserID]?
    /// The generation whose profiles are written; it must be served now.
    package var selector = GenerationSelector.active

    package init() {}
}

/// One published snapshot.
package struct SnapshotReport: Sendable, Codable {
    package var version: Int64
    package var path: String
    package var isCurrent: Bool
    package var users: Int64
    package var width: Int
    package var space: Int64
    package var generation: Int64
    package var trained: Bool
    package var asOf: Int64?
    package var offset: LogOffset
    package var byteCount: Int64
    /// Seconds since 1970, wall clock, from the registry.
    package var createdSeconds: Int64
    package var parent: Int64?
    /// SHA-256 of each file, lower-case hexadecimal, by file name.
    package var hashes: [String: String]
    /// Why retention passes it over; nil when it is not pinned.
    package var pin: String?

    package init(
        version: Int64, path: String, isCurrent: Bool, users: Int64, width: Int, space: Int64,
        generation: Int64, trained: Bool, asOf: Int64?, offset: LogOffset, byteCount: Int64,
        createdSeconds: Int64, parent: Int64?, hashes: [String: String]
    ) {
        self.version = version
        self.path = path
        self.isCurrent = isCurrent
        self.users = users
        self.width = width
        self.space = space
        self.generation = generation
        self.trained = trained
        self.asOf = asOf
        self.offset = offset
        self.byteCount = byteCount
        self.createdSeconds = createdSeconds
        self.parent = parent
        self.hashes = hashes
    }
}

/// Answer to `snapshot.rollback` and `snapshot.release`.
package struct RollbackReport: Sendable, Codable {
    package var previous: Int64?
    package var current: Int64?
    /// Why `current` is held from now on; nil after a release.
    package var hold: String?
    /// Time the move itself took, in seconds.
    package var seconds: Double
    package var dryRun: Bool
    /// The generation that takes over in the background; nil when it answers already.
    package var reactivates: Int64?

    package init(
        previous: Int64?, current: Int64?, hold: String?, seconds: Double, dryRun: Bool
    ) {
        self.previous = previous
        self.current = current
        self.hold = hold
        self.seconds = seconds
        self.dryRun = dryRun
    }
}

/// Why the pipeline refused or stopped.
package enum PipelineError: Error, CustomStringConvertible {
    case tooManyUsers(asked: Int, limit: Int)
    case unknownSnapshot(version: Int64)
    case damagedSnapshot(path: String, reason: String)
    /// `current` is not what whoever asked counts on.
    case notExpected(expected: Int64, current: Int64?)
    case held(reason: String)
    case notQuarantined(RecordPlace)
    case tooManyRecords(asked: Int, limit: Int)
    /// The log is folded again and has not come to inputs that were accepted before.
    case inputsWaiting(count: Int)
    case timedOut(what: String, seconds: Double)
    case unknownGeneration(Int64)
    case damagedGeneration(Int64, reason: String)
    case refusedGeneration(Int64, reasons: [String])
    /// Not among those that are kept current now.
    case notServed(asked: String, served: String)
    case noRefresh
    /// Another generation has taken over, or is about to: ask that one.
    case superseded
    case stopping
    /// Stored state is not what was written; the next start sets it aside and folds again.
    case damagedState(path: String, reason: String)
    /// Another process works on the state directory.
    case stateDirectoryInUse(path: String)
    /// The log is not the one that a state was folded from.
    case otherLog(String)
    case storage(String)
    case state(String)

    package var description: String {
        switch self {
        case .tooManyUsers(let asked, let limit):
            "\(asked) users asked for at once, the limit is \(limit); ask in batches"
        case .unknownSnapshot(let version):
            "there is no snapshot \(version); `ubpctl snapshot list` shows those there are"
        case .damagedSnapshot(let path, let reason):
            "\(path) is damaged: \(reason); roll back to another version"
        case .notExpected(let expected, let current):
            "`current` is \(current.map(String.init) ?? "nothing"), not \(expected); look at "
                + "`snapshot.list`, then ask again with what you find"
        case .held(let reason):
            "`current` is held (\(reason)); end that with `ubpctl snapshot release`"
        case .notQuarantined(let place):
            "record \(place) is not in the quarantine; `ubpctl quarantine list` shows what is"
        case .tooManyRecords(let asked, let limit):
            "\(asked) records asked for at once, the limit is \(limit); ask in batches"
        case .inputsWaiting(let count):
            "the log is being folded again and has not come to \(count) inputs accepted before; "
                + "ask again when `ubpctl status` shows that it has caught up"
        case .timedOut(let what, let seconds):
            "\(what) took longer than \(seconds) s; ask `ubpctl status` for lag and ETA"
        case .unknownGeneration(let id):
            "there is no generation \(id); `ubpctl generation list` shows those there are"
        case .damagedGeneration(let id, let reason):
            "generation \(id) is damaged: \(reason.replacing("; ", with: ", ")); activate another"
        case .refusedGeneration(let id, let reasons):
            "generation \(id) was refused by its gate: \(reasons.joined(separator: ", ")); "
                + "activate another, or this one with --force"
        case .notServed(let asked, let served):
            "\(asked) is not served now, \(served) is; `ubpctl space list` shows what is, and "
                + "`ubpctl generation activate` has another take over"
        case .noRefresh:
            "no refresh of this state directory is running; `ubpctl refresh status` shows the last"
        case .superseded: "another generation is taking over; ask again"
        case .stopping: "the daemon is stopping; ask again when it has restarted"
        case .damagedState(let path, let reason):
            "\(path) is damaged: \(reason); the next start sets it aside and folds the log again"
        case .stateDirectoryInUse(let path):
            "\(path): another ubpd holds this state directory; stop it, or set another `state_dir`"
        case .otherLog(let text): text
        case .storage(let text): text
        case .state(let text): text
        }
    }
}
