import Profiles

/// Everything an operator can set, with its default; `config/ubpd.yaml` says what each key is for.
///
/// Sections are the file's, and so are names, in camel case; units end the names. Each key's range
/// and meaning stand once, in `ConfigurationKey.all`, and a test holds that the three agree.
package struct Configuration: Sendable, Equatable {
    /// Directory of the log's segments.
    package var logDirectory = "/var/lib/ubpd/log"
    /// Directory of everything the daemon writes.
    package var stateDirectory = "/var/lib/ubpd/state"
    /// Path of the control socket.
    package var socketPath = "/run/ubpd/ubpd.sock"

    package var events = EventBounds()
    package var order = OrderBounds()
    package var clock = ClockBounds()
    package var sessions = SessionBounds()
    package var features = FeatureBounds()
    package var batch = BatchBounds()
    package var commit = CommitBounds()
    package var memory = MemoryBounds()
    package var encoders = EncoderOptions()
    package var profile = ProfileOptions()
    package var snapshot = SnapshotOptions()
    package var refresh = RefreshBounds()
    package var train = TrainOptions()
    package var bpr = FactorOptions()
    package var generations = GenerationOptions()
    package var space = SpaceOptions()
    package var control = ControlOptions()
    package var quarantine = QuarantineBounds()
    package var metrics = MetricsOptions()
    package var log = LogOptions()

    /// Every key at its default.
    package init() {}

    /// What is told to monitoring beside the method `metrics`.
    package struct MetricsOptions: Sendable, Equatable {
        /// Path of the textfile collector's file; empty for none.
        package var textfile = ""
        package var intervalSeconds: Int64 = 15
    }

    /// Event times that a record may have; others are quarantined.
    package struct EventBounds: Sendable, Equatable {
        /// Seconds since 1970 UTC, inclusive.
        package var earliestSeconds: Int64 = 0
        /// Seconds since 1970 UTC, inclusive; 2100-01-01.
        package var latestSeconds: Int64 = 4_102_444_800
    }

    /// How long events wait for earlier ones of the same user.
    package struct OrderBounds: Sendable, Equatable {
        package var latenessSeconds: Int64 = 300
        /// Events a user.
        package var pendingEvents = 256
    }

    /// The log clock and what is done about broken clocks.
    package struct ClockBounds: Sendable, Equatable {
        /// K: users who must have reached a time before the log clock shows it.
        package var users = 3
        package var maxJumpSeconds: Int64 = 604_800
        package var heldEvents = 10_000
    }

    /// What a session is.
    package struct SessionBounds: Sendable, Equatable {
        package var rule = SessionRuleName.inactivity
        package var gapSeconds: Int64 = 2400
        package var maxDurationSeconds: Int64 = 43_200
        package var tailSeconds: Int64 = 300
    }

    /// Bounds of a user's state.
    package struct FeatureBounds: Sendable, Equatable {
        /// Keys of each per-key map of a user.
        package var mapKeys = 256
        /// N: rows kept of a user.
        package var rowWindow = 64
        /// `event_id`s remembered of a user.
        package var eventIDs = 64
    }

    /// Bounds of a micro-batch.
    package struct BatchBounds: Sendable, Equatable {
        package var maxMicroseconds = 500
        package var records = 4096
    }

    /// When states are made durable; whichever comes first.
    package struct CommitBounds: Sendable, Equatable {
        package var intervalMilliseconds = 1000
        /// Decoded log bytes between two commits while catching up.
        package var catchUpBytes: Int64 = 16_777_216
        /// Changed users.
        package var users = 20_000
    }

    /// What stays in memory.
    package struct MemoryBounds: Sendable, Equatable {
        package var residentBytes: Int64 = 2_147_483_648
    }

    /// How the networks run.
    package struct EncoderOptions: Sendable, Equatable {
        package var kernels = KernelChoice.auto
        package var stepping = SteppingChoice.resident
    }

    /// What a profile is made of.
    package struct ProfileOptions: Sendable, Equatable {
        package var hybrid = Hybrid.extended
    }

    /// What is in a snapshot and how many stay.
    package struct SnapshotOptions: Sendable, Equatable {
        package var activeDays = 180
        package var retain = 14
        /// Days of `as_of` whose last snapshot stays.
        package var retainDays = 7
        /// Users written between two micro-batches.
        package var sliceUsers = 256
        /// Users handed over as they were at the cut, at most.
        package var handoverUsers = 100_000
    }

    /// How many generations stay.
    package struct GenerationOptions: Sendable, Equatable {
        /// Beside those that are needed.
        package var retain = 3
    }

    /// How long another space goes on being served.
    package struct SpaceOptions: Sendable, Equatable {
        package var overlapDays = 14
    }

    /// The control socket's bounds and who may use it.
    package struct ControlOptions: Sendable, Equatable {
        /// Permission bits of the socket file.
        package var mode: UInt32 = 0o660
        /// Who may ask.
        package var readers: [Principal] = []
        /// Who may ask and change; root and the daemon's own user always may.
        package var operators: [Principal] = []
        package var requestBytes = 1_048_576
        /// Bytes of an operator's request line, which may list the users of a snapshot.
        package var operatorRequestBytes = 33_554_432
        package var connections = 64
        /// Requests being answered, over all connections.
        package var requestsInFlight = 32
        /// A connection that neither sends nor takes a byte for this long is closed.
        package var idleSeconds: Int64 = 600
        /// Users of one `profile.batch`.
        package var profileBatch = 500
        /// Users in memory whose profile is kept, but for what `as_of` changes, until they change.
        package var profileCache = 1024
        /// `profile.watch`es that wait at a time.
        package var watches = 32
        /// Changes of users that are remembered for `profile.watch`.
        package var watchChanges = 1_048_576
    }

    /// How long and how much of the refused bytes is kept.
    package struct QuarantineBounds: Sendable, Equatable {
        package var days = 30
        package var bytes: Int64 = 1_073_741_824
    }

    /// What the daemon writes to its journal, and how it reads the event log.
    package struct LogOptions: Sendable, Equatable {
        package var level = LogLevelName.info
        package var reader = ReaderBounds()
    }

    /// Bounds of the follower.
    package struct ReaderBounds: Sendable, Equatable {
        /// Decoded bytes handed on at a time.
        package var chunkBytes = 1_048_576
        /// Longest record.
        package var recordBytes = 262_144
        /// How long a half-written tail is waited for once a newer segment exists.
        package var graceSeconds: Int64 = 2
    }

    /// `sessions.rule`.
    package enum SessionRuleName: String, Sendable, CaseIterable {
        /// A gap longer than `gap_seconds` closes.
        case inactivity
        /// At most `gap_seconds` from the start.
        case cap
    }

    /// `encoders.kernels`.
    package enum KernelChoice: String, Sendable, CaseIterable {
        /// The best this machine has.
        case auto
        case portable
        case avx2
        case avx512
    }

    /// `encoders.stepping`.
    package enum SteppingChoice: String, Sendable, CaseIterable {
        /// Hidden states of resident users are stepped as rows commit.
        case resident
        /// Hidden states are derived when they are read or their rows leave the window.
        case lazy
    }

    /// `log.level`, in swift-log's words.
    package enum LogLevelName: String, Sendable, CaseIterable {
        case trace
        case debug
        case info
        case notice
        case warning
        case error
        case critical
    }
}

/// A user or a group of the machine, as `control.readers` and `control.operators` name them.
package enum Principal: Sendable, Hashable, CustomStringConvertible {
    case userName(String)
    case userNumber(UInt32)
    case groupName(String)
    case groupNumber(UInt32)

    /// Reads `user:NAME`, `user:NUMBER`, `group:NAME`, `group:NUMBER`, or a bare uid.
    ///
    /// - Returns: nil when the text is none of these.
    package init?(_ text: String) {
        if let number = UInt32(text) {
            self = .userNumber(number)
            return
        }
        let halves = text.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
        guard halves.count == 2, !halves[1].isEmpty, !halves[1].contains(":") else { return nil }
        let name = String(halves[1])
        switch (halves[0], UInt32(name)) {
        case ("user", .some(let number)): self = .userNumber(number)
        case ("user", .none): self = .userName(name)
        case ("group", .some(let number)): self = .groupNumber(number)
        case ("group", .none): self = .groupName(name)
        default: return nil
        }
    }

    package var description: String {
        switch self {
        case .userName(let name): "user:\(name)"
        case .userNumber(let number): "user:\(number)"
        case .groupName(let name): "group:\(name)"
        case .groupNumber(let number): "group:\(number)"
        }
    }
}
