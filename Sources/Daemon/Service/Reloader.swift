import ControlProtocol
import Logging
import Pipeline
import Snapshots
import Storage
import Synchronization

/// Reads the configuration again and applies what can be applied to a running daemon.
///
/// A bad one changes nothing and is named under `degraded` until a good one was read. It works on a
/// thread of its own: files are read, and names looked up.
package actor Reloader {
    /// When a change of a key takes effect.
    package enum Effect: String, Sendable {
        /// At once.
        case live
        /// In the next `ubpd refresh`, which reads the file itself.
        case refresh
        /// When the daemon is restarted.
        case restart
    }

    /// One key that stands otherwise in the file than in the running daemon.
    package struct Change: Sendable, Equatable {
        package var key: String
        /// As they would stand in the file.
        package var from: String
        package var to: String
        package var effect: Effect
    }

    private struct Condition {
        var problem: String?
        var isReady = false
    }

    /// Where the configuration comes from: the file, and the flags over it.
    package typealias Source = @Sendable () throws(DaemonError) -> Configuration

    private nonisolated let executor = ThreadExecutor(name: "reload")
    private let source: Source
    private var running: Configuration
    private let settings: LiveSettings
    private let snapshots: any SnapshotKeeping
    private let serviceManager: ServiceManager
    private let clock: any Storage.Clock
    private let logger: Logger
    private nonisolated let condition = Mutex(Condition())

    package nonisolated var unownedExecutor: UnownedSerialExecutor { executor.unowned }

    /// `running` is what the daemon started with.
    package init(
        source: @escaping Source, running: Configuration, settings: LiveSettings,
        snapshots: any SnapshotKeeping, serviceManager: ServiceManager, clock: any Storage.Clock,
        logger: Logger
    ) {
        self.source = source
        self.running = running
        self.settings = settings
        self.snapshots = snapshots
        self.serviceManager = serviceManager
        self.clock = clock
        self.logger = logger
    }

    /// Why the last reload was refused, for `degraded`; nil when it was not.
    package nonisolated var problem: String? { condition.withLock { $0.problem } }

    /// From now on systemd is told when a reload begins and ends; before, READY would say too much.
    nonisolated func noteReady() { condition.withLock { $0.isReady = true } }

    /// Reads, checks and applies; what differs from the running configuration, by key.
    ///
    /// - Throws: `bad_configuration`, which names line and key; nothing was changed.
    package func reload(dryRun: Bool) async throws(ControlError) -> [Change] {
        let announces = !dryRun && condition.withLock { $0.isReady }
        if announces {
            let now = clock.monotonicNanoseconds() / 1000
            serviceManager.send(.reloading(monotonicMicroseconds: now))
        }
        defer { if announces { serviceManager.send(.ready) } }
        let found: Configuration
        let policy: AccessPolicy
        do throws(DaemonError) {
            found = try source()
            policy = try AccessPolicy(found.control)
        } catch {
            if !dryRun {
                let text = "\(error)".split(separator: "\n").joined(separator: "; ")
                condition.withLock {
                    $0.problem = "configuration: not reloaded, the one before stays: \(text)"
                }
                logger.error("configuration not reloaded", metadata: ["error": "\(text)"])
            }
            throw ControlError(
                .badConfiguration, "\(error)",
                hint: "the configuration stays as it was; `ubpd check-config` checks the file")
        }
        let changes = Self.changes(from: running, to: found)
        guard !dryRun else { return changes }
        await apply(found, policy)
        condition.withLock { $0.problem = nil }
        for change in changes {
            logger.notice(
                "configuration reloaded",
                metadata: [
                    "key": "\(change.key)", "to": "\(change.to)",
                    "effect": "\(change.effect.rawValue)",
                ])
        }
        return changes
    }

    /// The level that is in force, and the one that the configuration says.
    func logLevel() -> (current: Logger.Level, configured: Logger.Level) {
        (settings.level.current, Self.level(running))
    }

    /// Changes the level until the next start, or until a reload brings another one.
    func setLogLevel(_ level: Logger.Level) { settings.level.current = level }

    /// Every key whose change takes effect at once.
    package static let liveKeys: Set<String> = [
        "control.readers", "control.operators", "control.request_bytes",
        "control.operator_request_bytes", "control.connections", "control.requests_in_flight",
        "control.idle_seconds", "control.watches", "snapshot.retain", "snapshot.retain_days",
        "log.level",
    ]

    /// When a change of a key takes effect.
    package static func effect(of key: String) -> Effect {
        if liveKeys.contains(key) { return .live }
        let isRefresh = ["refresh.", "train.", "bpr."].contains(where: key.hasPrefix)
        return isRefresh ? .refresh : .restart
    }

    /// Keys by which two configurations differ, in the order of the file.
    static func changes(from old: Configuration, to new: Configuration) -> [Change] {
        ConfigurationKey.all.compactMap { key in
            let (from, to) = (key.text(old), key.text(new))
            guard from != to else { return nil }
            return Change(key: key.path, from: from, to: to, effect: effect(of: key.path))
        }
    }

    /// Takes the live keys over; the others stay what the daemon started with.
    private func apply(_ found: Configuration, _ policy: AccessPolicy) async {
        var control = running.control
        control.readers = found.control.readers
        control.operators = found.control.operators
        control.requestBytes = found.control.requestBytes
        control.operatorRequestBytes = found.control.operatorRequestBytes
        control.connections = found.control.connections
        control.requestsInFlight = found.control.requestsInFlight
        control.idleSeconds = found.control.idleSeconds
        control.watches = found.control.watches
        settings.set(.init(control: control, policy: policy))
        if found.log.level != running.log.level { settings.level.current = Self.level(found) }
        running.control = control
        running.log.level = found.log.level
        running.snapshot.retain = found.snapshot.retain
        running.snapshot.retainDays = found.snapshot.retainDays
        running.refresh = found.refresh
        running.train = found.train
        running.bpr = found.bpr
        await snapshots.setRetention(
            RetentionPolicy(newest: found.snapshot.retain, days: found.snapshot.retainDays))
    }

    private static func level(_ configuration: Configuration) -> Logger.Level {
        Logger.Level(rawValue: configuration.log.level.rawValue) ?? .info
    }
}
