import Logging
import Synchronization

/// What the control server goes by at the moment; a reload changes it.
package final class LiveSettings: Sendable {
    /// Bounds of the socket, and who may what.
    package struct Values: Sendable, Equatable {
        package var control: Configuration.ControlOptions
        package var policy: AccessPolicy
    }

    private let values: Mutex<Values>
    /// Least important messages that are written.
    package let level: LogLevelSetting

    /// Settings as the daemon starts with them.
    package init(
        control: Configuration.ControlOptions, policy: AccessPolicy,
        level: LogLevelSetting = LogLevelSetting(.info)
    ) {
        values = Mutex(Values(control: control, policy: policy))
        self.level = level
    }

    /// The values now.
    package var current: Values { values.withLock { $0 } }

    func set(_ values: Values) { self.values.withLock { $0 = values } }
}

/// The level that all loggers of the daemon go by; it can be changed while they are in use.
package final class LogLevelSetting: Sendable {
    private let value: Mutex<Logger.Level>

    package init(_ level: Logger.Level) { value = Mutex(level) }

    /// The level now.
    package var current: Logger.Level {
        get { value.withLock { $0 } }
        set { value.withLock { $0 = newValue } }
    }
}

/// Hands on what is logged to another handler, by a level that can be changed from outside.
package struct AdjustableLogHandler: LogHandler {
    private var base: any LogHandler
    private let setting: LogLevelSetting

    /// A handler before `base` that goes by `setting`.
    package init(_ base: any LogHandler, _ setting: LogLevelSetting) {
        self.base = base
        self.setting = setting
    }

    /// The setting's level; setting it changes it for every logger that goes by it.
    package var logLevel: Logger.Level {
        get { setting.current }
        set { setting.current = newValue }
    }

    /// That of the other handler.
    package var metadata: Logger.Metadata {
        get { base.metadata }
        set { base.metadata = newValue }
    }

    /// That of the other handler.
    package var metadataProvider: Logger.MetadataProvider? {
        get { base.metadataProvider }
        set { base.metadataProvider = newValue }
    }

    /// The other handler's metadata.
    package subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { base[metadataKey: key] }
        set { base[metadataKey: key] = newValue }
    }

    /// Hands the event on.
    package func log(event: LogEvent) { base.log(event: event) }
}
