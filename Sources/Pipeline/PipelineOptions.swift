import EventLog
import Events
import Features
import Kernels
import Profiles
import Sessions

/// Everything a pipeline is told from outside; `Daemon` makes it from the configuration.
package struct PipelineOptions: Sendable {
    /// When hidden states of users whose rows all fit the window are kept.
    package enum Stepping: String, Sendable, CaseIterable {
        /// From the first row on while the user is resident.
        case resident
        /// Only from the first read on, or when rows begin to leave the window.
        case lazy
    }

    package var logDirectory: String
    package var stateDirectory: String
    package var reader = LogReaderOptions()
    /// The first record that is not read: a re-fold ends there; nil follows the log.
    package var end: RecordPlace?
    /// Accepted event times, seconds since 1970, both inclusive.
    package var earliestSeconds: Int64 = 0
    package var latestSeconds: Int64 = 4_102_444_799
    package var clock = ClockOptions()
    /// Used by generation 0; another generation brings the fold it was fitted with.
    package var fold = FoldOptions()
    package var level = InstructionLevel.best
    /// Which parts of a profile are served.
    package var hybrid = Hybrid.extended
    package var stepping = Stepping.resident
    /// Longest micro-batch, microseconds.
    package var batchMicroseconds: UInt64 = 500
    /// Rows whose GRU steps are taken together: enough for the kernels' full rate, and few enough
    /// that a reader, who waits for one encoder's at most, need not wait long (some 0.1 ms).
    package var stepRowCount = 16
    /// Longest time between two commits while the log is caught up, milliseconds.
    package var commitMilliseconds: UInt64 = 1000
    /// Decoded log bytes between two commits while catching up.
    package var commitByteCount: Int64 = 16 << 20
    /// Changed users that make a commit due.
    package var commitUserCount = 20_000
    /// Estimated bytes of resident users beyond which clean ones are evicted.
    package var residentByteCount: Int64 = 2 << 30
    package var snapshotActiveDays: Int64 = 180
    package var snapshotRetainCount = 14
    /// Days of `as_of` whose last snapshot stays; 0: none.
    package var snapshotRetainDays = 0
    /// Users a snapshot takes between two micro-batches at most.
    package var snapshotSliceUserCount = 256
    /// Users that may wait, as they were, for a snapshot; beyond it the ingest waits.
    package var snapshotHandoverCount = 100_000
    package var profileBatchCount = 500
    /// Users whose settled state and profile are remembered after a read; 0 remembers none.
    package var profileCacheCount = 1024
    /// Changes of users that are remembered for watches; 0 remembers none.
    package var watchChangeCount = 0
    package var quarantineByteCount: Int64 = 64 << 20
    package var quarantineCount = 100_000
    package var quarantineDays: Int64 = 30
    /// Seconds between two looks for quarantine entries that are too old.
    package var quarantineExpirySeconds: UInt64 = 3600
    /// Longest wait for the log to change before timers are looked at, milliseconds.
    package var idleMilliseconds = 250

    /// Milliseconds between two looks for new generations and for those whose time is over, at
    /// least; 0 looks after each chunk of the log.
    package var generationLookMilliseconds: UInt64 = 2000
    /// Whether the newest accepted generation is activated without being asked for.
    package var activatesByItself = true
    /// Longest that the active generation stands still for another to take over, milliseconds.
    package var swapMilliseconds: UInt64 = 2000
    /// Generations kept beside the active one and those that are needed; older ones leave.
    package var generationRetainCount = 3
    /// Days that another space's last generation goes on being served; 0 ends it at once.
    package var spaceOverlapDays: Int64 = 14

    package init(logDirectory: String, stateDirectory: String) {
        self.logDirectory = logDirectory
        self.stateDirectory = stateDirectory
    }
}

extension FoldOptions {
    /// The options as numbers, to be frozen in a generation's manifest.
    package var numbers: [String: Double] {
        [
            "fold.lateness_seconds": Double(order.latenessSeconds),
            "fold.pending_events": Double(order.pendingLimit),
            "fold.event_ids": Double(order.eventIDLimit),
            "fold.session_rule": sessions.rule == .cap ? 1 : 0,
            "fold.session_gap_seconds": Double(sessions.gapSeconds),
            "fold.session_max_duration_seconds": Double(sessions.maximumDurationSeconds),
            "fold.session_tail_seconds": Double(sessions.tailSeconds),
            "fold.map_keys": Double(mapKeyLimit),
            "fold.row_window": Double(rowWindow),
        ]
    }

    /// The options a generation was made with; nil when its manifest lacks one.
    package init?(numbers: [String: Double]) {
        func integer(_ name: String) -> Int64? {
            numbers["fold.\(name)"].flatMap(Int64.init(exactly:))
        }
        guard let lateness = integer("lateness_seconds"), let pending = integer("pending_events"),
            let ids = integer("event_ids"), let rule = integer("session_rule"),
            let gap = integer("session_gap_seconds"),
            let duration = integer("session_max_duration_seconds"),
            let tail = integer("session_tail_seconds"), let keys = integer("map_keys"),
            let window = integer("row_window"), keys > 0, window > 0, pending > 0, gap > 0
        else { return nil }
        self.init()
        order.latenessSeconds = lateness
        order.pendingLimit = Int(pending)
        order.eventIDLimit = Int(ids)
        sessions.rule = rule == 1 ? .cap : .inactivity
        sessions.gapSeconds = gap
        sessions.maximumDurationSeconds = duration
        sessions.tailSeconds = tail
        mapKeyLimit = Int(keys)
        rowWindow = Int(window)
    }
}
